"""A naive exchange for one symbol: it remembers its book after each event."""

from __future__ import annotations

import random

from depthactors.binance import Diff, Snapshot
from depthactors.book import OrderBook
from depthactors.markets import Sequencing
from tests.support import flat

DEPTH = 3
LIMIT = 8
PRICES = range(1, 41)


class NaiveExchange:
    """Truth by brute force: plain dicts, copied at each event."""

    def __init__(self, sequencing: Sequencing, seed: int, *, thin: bool = False) -> None:
        """Begin with all levels that there can be, or `thin`, with hardly any, then and later."""
        self.thin = thin
        self.random = random.Random(seed)
        self.sequencing = sequencing
        self.mid = 20
        self.bids = {price: 1 for price in PRICES if price < self.mid - 16 * thin}
        self.asks = {price: 1 for price in PRICES if price > self.mid + 16 * thin}
        self.id = 100_000_000
        self.now = 1_000
        self.ids = [self.id]
        self.history = {self.id: (dict(self.bids), dict(self.asks))}

    def event(self) -> Diff:
        """Change some levels, never crossing, and return the diff."""
        self.mid = min(max(self.mid + self.random.choice((-1, 0, 0, 1)), 8), 33)
        changes = {"bids": {}, "asks": {}}
        for name, side, wrong in (
            ("bids", self.bids, lambda price: price >= self.mid),
            ("asks", self.asks, lambda price: price <= self.mid),
        ):
            for price in [price for price in side if wrong(price)]:
                del side[price]
                changes[name][price] = 0
            for price in self.random.sample(PRICES, 3):
                if not wrong(price) and price != self.mid:
                    quantity = self.random.choice((0, 0, 0, 0, 0, 1) if self.thin else (0, 1, 2, 3))
                    changes[name][price] = quantity
                    if quantity:
                        side[price] = quantity
                    else:
                        side.pop(price, None)
        previous = self.id
        if self.sequencing is Sequencing.CONTIGUOUS:
            first = previous + 1
            last = first + self.random.randrange(3)
        else:
            first = previous + self.random.randrange(1, 5)
            last = first + self.random.randrange(5)
        self.id = last
        self.now += 10
        self.ids.append(last)
        self.history[last] = (dict(self.bids), dict(self.asks))
        return Diff(
            first,
            last,
            previous,
            self.now,
            flat(changes["bids"].items()),
            flat(changes["asks"].items()),
        )

    def begin_anew(self) -> None:
        """Number the updates from far below, as an engine does that was started again; the book stays."""
        self.id = (min(self.history) - 1) // 2
        self.ids = [self.id]
        self.history[self.id] = (dict(self.bids), dict(self.asks))

    def snapshot(self, lag: int = 0, caps: tuple[int, int] = (LIMIT, LIMIT)) -> Snapshot:
        """Cut the book as it was `lag` events ago; `caps` are the most bids and asks that are granted."""
        ids = self.ids
        place = max(0, len(ids) - 1 - lag)
        bids, asks = self.history[ids[place]]
        shown = ids[place]
        best_bids = sorted(bids, reverse=True)[: min(LIMIT, caps[0])]
        best_asks = sorted(asks)[: min(LIMIT, caps[1])]
        return Snapshot(
            shown,
            0,
            LIMIT,
            (0, 0),
            flat((price, bids[price]) for price in best_bids),
            flat((price, asks[price]) for price in best_asks),
        )

    def place_of(self, update_id: int) -> int:
        """Count the events before that of the id, or of the last one below it."""
        return list(self.history).index(max(known for known in self.history if known <= update_id))

    def top(self, update_id: int, depth: int = DEPTH):
        """Return the best levels after the last event up to `update_id`."""
        bids, asks = self.history[max(known for known in self.history if known <= update_id)]
        return (
            [(float(price), float(bids[price])) for price in sorted(bids, reverse=True)[:depth]],
            [(float(price), float(asks[price])) for price in sorted(asks)[:depth]],
        )


def new_book(snapshot: Snapshot, now: float, depth: int = DEPTH) -> OrderBook:
    return OrderBook("TEST", snapshot, depth=depth, max_levels=3 * LIMIT, recv_time=now)


def top_of(book: OrderBook, depth: int = DEPTH):
    return tuple(
        [(abs(key), float(side.quantities[key])) for key in side.best_keys(depth)] for side in (book.bids, book.asks)
    )
