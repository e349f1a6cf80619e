"""The seeded order flow: a market of traders without intelligence, whose book looks like a real one.

The model is that of Smith, Farmer, Gillemot & Krishnamurthy (2003, "Statistical theory of the
continuous double auction") and Cont, Stoikov & Talreja (2010, "A stochastic model for order book
dynamics"): limit orders, cancellations and market orders come at random, each at a rate of its own.
How far from the opposite best price limit orders are placed follows the power law of Bouchaud,
Mézard & Potters (2002, "Statistical properties of stock order books"), drawn by octave. Two things
are added: trends, so that the price follows the course of its asset, and traders who keep up the far book, so
that it goes along.

Nothing here knows a clock or a thread: the same seed and the same number of steps give the same
changes and the same book, always.
"""

from __future__ import annotations

from bisect import bisect
from functools import partial
from itertools import accumulate
from math import exp, inf, log
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from depthactors.errors import UsageError
from depthactors.exchange.catalogue import UNKNOWN_PRICE, terms_of
from depthactors.exchange.feeds.course import Course
from depthactors.exchange.feeds.matching import MatchingBook
from depthactors.exchange.feeds.pools import DENSITY, KEPT_LEVELS, USUAL_LEVELS, Pool, Quote, octaves, set_rates
from depthactors.markets import SPOT, Sequencing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depthactors.exchange.feeds.matching import Side
    from depthactors.exchange.feeds.truth import LevelText
    from depthactors.markets import Market

LEAST_DEPTH: Final = 10

# The model's figures, found by experiment: `tests/exchange/hour_of_trading.py` shows what they make.
# Rates are those of a step with the usual number of level changes; busier markets do all of it faster.
_MARKET_SHARE: Final = 0.22  # market orders for each limit order
_SWEEP_CHANCE: Final = 0.02  # a market order wants what the best level has, on average; few want
_SWEEP_FACTOR: Final = 6.0  # so many times as much
_STRONGEST_TREND: Final = 0.9  # buys less sells, as a part of all market orders
_GAP: Final = 40.0  # ticks from the course at which a trend would be that strong and a tenth
_GAP_PART: Final = 0.004  # of the price, where that is less
_USUAL_TICKS: Final = 800_000  # a price of so many lets an order flow that keeps to the usual course go all out
_BASIS: Final = 0.0005  # of the price, by which a market's may differ from spot's
_LEAN: Final = 0.3  # of a trend's strength is in the limit orders too
_REPLACED: Final = 0.5  # so many orders would come for each level change wanted, were all of them missing
_REACH: Final = 1.25  # of the farthest placement; orders that the price has left farther behind are withdrawn
_MARGIN: Final = 4  # placements must stay far above price zero; the price rises below so many times the farthest
_ROOM: Final = 2  # the price begins at so many times that at least: else the book has fewer levels
_HOLE: Final = 100  # in a chained market an order's first id is up to so many above the last one


def check_figures(levels: float, depth: int) -> None:
    """Refuse figures that no book can have.

    Args:
        levels: level changes in a step, on average.
        depth: levels a side, about.

    Raises:
        UsageError: a depth below 10, or more level changes than the book has levels.
    """
    if depth < LEAST_DEPTH:
        msg = f"expected a depth of at least {LEAST_DEPTH} levels, was {depth!r}"
        raise UsageError(msg)
    if not 0 < levels <= 2 * depth:
        msg = f"expected above 0 and at most {2 * depth} level changes a step (the whole book), was {levels!r}"
        raise UsageError(msg)


class Touch(NamedTuple):
    """The best prices right after one book update.

    Attributes:
        update_id: of that update.
        bid: price and quantity of the best bid, as spelt.
        ask: the same for the best ask.
    """

    update_id: int
    bid: LevelText
    ask: LevelText


class Change(NamedTuple):
    """Everything that one step changed, merged: one entry a price, with its last quantity.

    Attributes:
        first_id: the id of the step's first update.
        last_id: of its last, so of the book after it.
        bids: best first; quantity zero for a level that vanished, even one that came within the step.
        asks: the same for the ask side.
        touches: each change of a best price or its quantity, in order; empty unless asked for. A market
            order that takes several levels is seen once, when it is done.
    """

    first_id: int
    last_id: int
    bids: list[LevelText]
    asks: list[LevelText]
    touches: list[Touch]


class OrderFlow:
    """The book of one made-up symbol, and the orders that change it. Not thread-safe.

    Neither side is ever empty, and the best bid is below the best ask. A symbol takes some 1.3 MB at
    a depth of 1,000, in proportion.

    Attributes:
        last_id: the update id of the present book. Each level change has one; where the market
            chains its diffs, ids have holes.
    """

    def __init__(self, symbol: str, market: Market, seed: int = 0, *, levels: float = 20.0, depth: int = 2_000) -> None:
        """Lay out the first book; some 4 microseconds a level.

        Args:
            symbol: upper case; symbols of one seed differ in price and path.
            market: decides the spelling and how ids run.
            seed: of everything random.
            levels: level changes in a step, on average.
            depth: levels a side, about; fewer where the price is too few ticks for them.

        Raises:
            UsageError: a depth below 10, or more level changes than the book has levels.
        """
        check_figures(levels, depth)
        self._random = Random(f"{seed}/{market.name}/{symbol}")  # noqa: S311 - a game, not a secret
        self._spelling, price, moved_by = terms_of(market, symbol)
        pace = levels / USUAL_LEVELS
        if price is None:
            price = Random(f"{seed}/{symbol}/price").uniform(*UNKNOWN_PRICE)  # noqa: S311 - as above
            pace *= _USUAL_TICKS * self._spelling.tick / price
        self._courses = [(Course(seed, asset, pace), direction) for asset, direction in moved_by]
        self._step = 0
        basis = 0.0 if market.name == SPOT.name else self._random.uniform(-_BASIS, _BASIS)
        self._price = price / self._spelling.tick * (1.0 + basis)
        self._gap = min(_GAP, _GAP_PART * self._price)
        first = round(self._aim())
        depth = max(LEAST_DEPTH, min(depth, int(first * (1.0 - exp(-DENSITY)) / (_ROOM * _MARGIN))))
        levels = min(levels, depth)
        self._hole = _HOLE if market.sequencing is Sequencing.CHAINED else 1
        self.last_id = self._random.randrange(10**9, 10**10)
        self._replaced = _REPLACED * levels / depth
        self._depth = depth
        # Orders are Poisson distributed over the ticks, so that some ticks have none.
        self._farthest = round(depth / (1.0 - exp(-DENSITY)))
        self._floor = _MARGIN * self._farthest
        self._book: MatchingBook[Quote] = MatchingBook()
        book = self._book
        self._sides = (book.bids, book.asks)
        self._pools = tuple(
            [Pool(book, side, self._random.random, *octave) for octave in octaves(self._farthest)]
            for side in self._sides
        )
        self._trades = _MARKET_SHARE * sum(set_rates(pools, levels) for pools in self._pools)
        every = [pool for pools in self._pools for pool in pools]
        # In the order of `_rates`.
        self._actions: list[Callable[[], int]] = [pool.arrive for pool in every]
        self._actions += [pool.leave for pool in every]
        self._actions += [partial(self._trade, book.asks), partial(self._trade, book.bids)]
        self._lay_out(first)

    @property
    def best_bid(self) -> int:
        """The highest bid, in ticks."""
        return -self._book.bids.best

    @property
    def best_ask(self) -> int:
        """The lowest ask, in ticks."""
        return self._book.asks.best

    def book(self) -> tuple[list[LevelText], list[LevelText]]:
        """Return bids and asks of the whole present book, best first; O(levels)."""
        bids, asks = self._sides
        return (
            [self._spelt(-key, level.total) for key, level in bids.levels.items()],
            [self._spelt(key, level.total) for key, level in asks.levels.items()],
        )

    def step(self, *, touches: bool = False) -> Change | None:
        """Let the market trade for one interval, 100 ms of its time; some 4 microseconds an order.

        Args:
            touches: report each change of the touch as well; the market does not notice.

        Returns:
            What changed; `None` if nothing did.
        """
        random, hole = self._random.random, self._hole
        first, last = 0, self.last_id
        seen = [(last, self._touch())]
        for changed in self._orders():
            if changed:
                last += 1 + int(random() * hole)
                first = first or last
                last += changed - 1
                if touches and (touch := self._touch()) != seen[-1][1]:
                    seen.append((last, touch))
        if not first:
            return None
        self.last_id = last
        price, quantity = self._spelling.price, self._spelling.quantity
        bid_changes, ask_changes = (sorted(side.changes.items()) for side in self._sides)
        for side in self._sides:
            side.changes.clear()
        return Change(
            first,
            last,
            [(price(-key), quantity(lots)) for key, lots in bid_changes],
            [(price(key), quantity(lots)) for key, lots in ask_changes],
            [self._spelt_touch(*moment) for moment in seen[1:]],
        )

    def _orders(self) -> Iterator[int]:
        """Run the step's orders; yield how many levels each has changed."""
        for side in self._sides:
            yield self._withdraw_far(side)
        random, actions = self._random.random, self._actions
        # Rates are those at the step's start; between two orders is an exponentially distributed time.
        rates = list(accumulate(self._rates()))
        total, end = rates[-1], len(rates) - 1
        time = -log(1.0 - random())
        while time < total:
            yield actions[bisect(rates, random() * total, 0, end)]()
            time -= log(1.0 - random())

    def _rates(self) -> list[float]:
        """Return how many of each of the actions to expect in a step."""
        trend = self._trend()
        replaced = self._replaced
        rates: list[float] = []
        for pools, eager in zip(self._pools, (1.0 + _LEAN * trend, 1.0 - _LEAN * trend), strict=True):
            missing = [pool.target - len(pool.quotes) for pool in pools]
            # The farthest octave makes up for missing levels, wherever they are: a price on its way
            # crowds the same orders into fewer levels.
            missing[-1] = self._depth - len(pools[-1].side.levels)
            rates += [max(0.0, pool.births * eager + replaced * n) for pool, n in zip(pools, missing, strict=True)]
        rates += [pool.deaths * len(pool.quotes) for pools in self._pools for pool in pools]
        buys = self._trades * (1.0 + trend) / 2
        return [*rates, buys, self._trades - buys]

    def _aim(self) -> float:
        """Return where the price is to be at this step, in ticks."""
        way = sum(direction * course.at(self._step) for course, direction in self._courses)
        return self._price * exp(way)

    def _trend(self) -> float:
        """Return the trend's strength in this step, negative while the price is above its course."""
        self._step += 1
        short = inf if self.best_bid < self._floor else self._aim() - self.best_bid
        return max(-_STRONGEST_TREND, min(_STRONGEST_TREND, short / self._gap))

    def _trade(self, side: Side) -> int:
        """Send a market order to `side`; return how many levels it changed."""
        mean = side.levels[side.best].total
        if self._random.random() < _SWEEP_CHANCE:
            mean *= _SWEEP_FACTOR
        filled, changed = self._book.market(side, 1 + int(self._random.expovariate(1.0 / mean)), KEPT_LEVELS)
        for quote in filled:
            quote.pool.forget(quote)
        return changed

    def _withdraw_far(self, side: Side) -> int:
        """Cancel all orders too far from the opposite best; return how many levels are gone."""
        last = self._farthest * _REACH - side.opposite.best
        levels = side.levels
        gone = 0
        while levels.keys()[-1] > last and len(levels) > KEPT_LEVELS:
            for quote in [*levels[levels.keys()[-1]]]:
                quote.pool.forget(quote)
                self._book.cancel(quote)
            gone += 1
        return gone

    def _lay_out(self, best_bid: int) -> None:
        """Fill the pools as they are on average, around a spread of one tick."""
        for pools, key in zip(self._pools, (-best_bid, best_bid + 1), strict=True):
            pools[0].place(key)
        for pools in self._pools:
            for pool in pools:
                while len(pool.quotes) < pool.target:
                    pool.arrive()
        for side in self._sides:
            side.changes.clear()

    def _touch(self) -> tuple[int, int, int, int]:
        """Return key and quantity of the best bid and of the best ask."""
        bids, asks = self._sides
        return bids.best, bids.levels[bids.best].total, asks.best, asks.levels[asks.best].total

    def _spelt_touch(self, update_id: int, touch: tuple[int, int, int, int]) -> Touch:
        bid, bid_lots, ask, ask_lots = touch
        return Touch(update_id, self._spelt(-bid, bid_lots), self._spelt(ask, ask_lots))

    def _spelt(self, tick: int, lots: int) -> LevelText:
        return self._spelling.price(tick), self._spelling.quantity(lots)
