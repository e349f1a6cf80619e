"""The resting orders of the order flow, pooled by how far from the touch they were placed. Pure.

`flow` names the model and its sources.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import TYPE_CHECKING, Final

from depthactors.exchange.feeds.matching import MatchingBook, Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.exchange.feeds.matching import Side

# Found by experiment: `tests/exchange/hour_of_trading.py` shows what they make.
USUAL_LEVELS: Final = 20.0
_TAIL: Final = 0.6  # the share of orders placed farther than x falls with this power of x
_CROWD: Final = 2.0  # ticks at the touch where the law is flat
DENSITY: Final = 1.25  # orders a tick
_EXTRA: Final = 2.0  # orders beyond that in each octave, so that the nearest ticks have the most
_LOTS: Final = 200.0  # mean size of an order at the touch
_LOTS_GROWTH: Final = 0.35  # it grows with this power of the distance
_LIMIT_SHARE: Final = 0.85  # of the level changes; trades and what trends bring about make the others
KEPT_LEVELS: Final = 5  # trades and cancellations stop where a side has no more
_RENEWAL: Final = 0.03  # of the level changes renew a side evenly: the law alone would leave it as it was


class Quote(Order):
    """A limit order that knows its pool and its place there, so that it can leave it in O(1)."""

    __slots__ = ("pool", "position")

    def __init__(self, pool: Pool, key: int, position: int) -> None:
        self.side = pool.side
        self.key = key
        self.pool = pool
        self.position = position


class Pool:
    """The orders of one side that were placed in one octave: `near` to `near + width` ticks from the opposite best."""

    __slots__ = ("_book", "_random", "births", "deaths", "lots", "near", "quotes", "side", "target", "width")

    def __init__(
        self, book: MatchingBook[Quote], side: Side, random: Callable[[], float], near: int, width: int
    ) -> None:
        self._book = book
        self._random = random
        self.side = side
        self.near = near
        self.width = width
        self.target = DENSITY * width + _EXTRA
        self.lots = _LOTS * near**_LOTS_GROWTH
        self.quotes: list[Quote] = []
        self.births = self.deaths = 0.0

    def place(self, key: int) -> None:
        """Place a limit order there."""
        quote = Quote(self, key, len(self.quotes))
        self.quotes.append(quote)
        self._book.limit(quote, 1 - int(log(1.0 - self._random()) * self.lots))

    def arrive(self) -> int:
        """Place a limit order somewhere in the octave; return how many levels it changed."""
        self.place(self.near + int(self._random() * self.width) - self.side.opposite.best)
        return 1

    def leave(self) -> int:
        """Cancel any one of the orders; return how many levels it changed."""
        quotes = self.quotes
        if not quotes or len(self.side.levels) <= KEPT_LEVELS:
            return 0
        quote = quotes[int(self._random() * len(quotes))]
        self.forget(quote)
        self._book.cancel(quote)
        return 1

    def forget(self, quote: Quote) -> None:
        """Let go of an order that rests no more."""
        last = self.quotes.pop()
        if last is not quote:
            self.quotes[quote.position] = last
            last.position = quote.position


def octaves(farthest: int) -> list[tuple[int, int]]:
    """Cut the distances from 1 to `farthest` into octaves: how near each begins, how wide it is."""
    nears = [1 << octave for octave in range(farthest.bit_length())]
    return [(near, min(near, farthest + 1 - near)) for near in nears]


def set_rates(pools: list[Pool], levels: float) -> float:
    """Set the rates of a side's pools so that steps have `levels` level changes, both sides; return all births."""
    crowd = _CROWD * sqrt(levels / USUAL_LEVELS)
    shares = [(crowd + pool.near - 1) ** -_TAIL - (crowd + pool.near + pool.width - 1) ** -_TAIL for pool in pools]
    renewal = _RENEWAL * levels / sum(pool.target for pool in pools)
    wanted = _LIMIT_SHARE * levels / 2

    def births(scale: float) -> list[float]:
        return [max(scale * share, renewal * pool.target) for share, pool in zip(shares, pools, strict=True)]

    def changes(scale: float) -> float:
        # As many orders leave as come; those of one step that share a price make one change.
        rates = zip(births(scale), pools, strict=True)
        return sum(pool.width * (1.0 - exp(-2.0 * rate / pool.width)) for rate, pool in rates)

    low, high = 0.0, 1.0
    while changes(high) < wanted:
        low, high = high, 2.0 * high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if changes(middle) < wanted else (low, middle)
    for rate, pool in zip(births(high), pools, strict=True):
        pool.births = rate
        # So that the pool holds its target when as many leave as come.
        pool.deaths = rate / pool.target
    return sum(births(high))
