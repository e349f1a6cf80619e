"""The seeded order flow: a market of traders without intelligence, whose book looks like a real one.

The model is that of Smith, Farmer, Gillemot & Krishnamurthy (2003, "Statistical theory of the
continuous double auction") and Cont, Stoikov & Talreja (2010, "A stochastic model for order book
dynamics"): limit orders, cancellations and market orders come at random, each at a rate of its own.
How far from the opposite best price limit orders are placed follows the power law of Bouchaud,
Mézard & Potters (2002, "Statistical properties of stock order books"), drawn by octave. Two things
are added: trends, so that the price follows the price path of its asset, and orders that fill up the far book, so
that it follows the price.

There is no clock and no thread here: the same seed and the same number of steps always give the same
changes and the same book.
"""

from __future__ import annotations

from bisect import bisect
from functools import partial
from itertools import accumulate
from math import exp, log
from random import Random
from typing import TYPE_CHECKING, Final

from depthactors.errors import UsageError
from depthactors.exchange.feeds.changes import BestPrices, Change
from depthactors.exchange.feeds.matching import MatchingBook
from depthactors.exchange.feeds.order_bands import (
    DENSITY,
    KEPT_LEVELS,
    USUAL_LEVELS,
    OrderBand,
    Quote,
    octaves,
    set_rates,
)
from depthactors.exchange.feeds.trend import Trend
from depthactors.exchange.shapes.table import shape_of
from depthactors.markets import Sequencing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depthactors.exchange.feeds.matching import Side
    from depthactors.exchange.shapes.depth import LevelText
    from depthactors.markets import Market

LEAST_DEPTH: Final = 10

# The model's figures, found by experiment: `tests/exchange/hour_of_trading.py` shows what they make.
# Rates are those of a step with the usual number of level changes; busier markets do all of it faster.
_MARKET_SHARE: Final = 0.22  # market orders for each limit order
_SWEEP_CHANCE: Final = 0.02  # a market order is as large as the best level, on average; with this chance
_SWEEP_FACTOR: Final = 6.0  # it is larger by this factor
_LEAN: Final = 0.3  # the part of a trend's strength that limit orders follow too
_REPLACED: Final = 0.5  # orders that come for each level change wanted, if all levels were missing
_REACH: Final = 1.25  # times the farthest placement: orders beyond are withdrawn
_MARGIN: Final = 4  # times the farthest placement: below it the price rises, so that no order is near zero
_ROOM: Final = 2  # times that: the price begins above it, or the book has fewer levels
_HOLE: Final = 100  # largest step between two update ids in a chained market


def check_figures(levels: float, depth: int) -> None:
    """Check figures of an order flow.

    Args:
        levels: number of level changes in a step, on average.
        depth: number of levels a side, about.

    Raises:
        UsageError: a depth below 10, or more level changes than the book has levels.
    """
    if depth < LEAST_DEPTH:
        msg = f"expected a depth of at least {LEAST_DEPTH} levels, was {depth!r}"
        raise UsageError(msg)
    if not 0 < levels <= 2 * depth:
        msg = f"expected above 0 and at most {2 * depth} level changes a step (the whole book), was {levels!r}"
        raise UsageError(msg)


class OrderFlow:
    """The book of one symbol, and the random orders that change it. Not thread-safe.

    Neither side is ever empty, and the best bid is below the best ask. A symbol needs some 1.3 MB of
    memory at a depth of 1,000, and in proportion at other depths.

    Attributes:
        last_id: the update id of the present book. Each level change has one; where the market
            chains its diffs, ids have holes.
    """

    def __init__(self, symbol: str, market: Market, seed: int = 0, *, levels: float = 20.0, depth: int = 2_000) -> None:
        """Make the first book. Cost: some 2 microseconds a level.

        Args:
            symbol: the symbol, upper case; symbols of one seed differ in price and path.
            market: the market, which decides the number format and the update ids.
            seed: the seed of all random numbers.
            levels: number of level changes in a step, on average.
            depth: number of levels a side, about; fewer where the price is too few ticks for them.

        Raises:
            UsageError: a depth below 10, or more level changes than the book has levels.
        """
        check_figures(levels, depth)
        self._random = Random(f"{seed}/{market.name}/{symbol}")  # noqa: S311 - a game, not a secret
        terms = shape_of(market).symbols.terms(symbol)
        self._number_format = terms.number_format
        pace = levels / USUAL_LEVELS
        self._trend = Trend(terms, symbol, market, seed=seed, pace=pace, random=self._random)
        first = round(self._trend.aim())
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
        self._bands = tuple(
            [OrderBand(book, side, self._random.random, *octave) for octave in octaves(self._farthest)]
            for side in self._sides
        )
        self._trades = _MARKET_SHARE * sum(set_rates(bands, levels) for bands in self._bands)
        every = [band for bands in self._bands for band in bands]
        # In the order of `_rates`.
        self._actions: list[Callable[[], int]] = [band.arrive for band in every]
        self._actions += [band.leave for band in every]
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
        """Return bids and asks of the whole present book, best first. O(levels)."""
        bids, asks = self._sides
        return (
            [self._written(-key, level.total) for key, level in bids.levels.items()],
            [self._written(key, level.total) for key, level in asks.levels.items()],
        )

    def step(self, *, best_prices: bool = False) -> Change | None:
        """Trade for one interval. Cost: some 4 microseconds an order.

        Args:
            best_prices: report each change of a best price as well; trading is the same with and without.

        Returns:
            What changed; `None` if nothing did.
        """
        random, hole = self._random.random, self._hole
        first, last = 0, self.last_id
        seen = [(last, self._best())]
        for changed in self._orders():
            if changed:
                last += 1 + int(random() * hole)
                first = first or last
                last += changed - 1
                if best_prices and (best := self._best()) != seen[-1][1]:
                    seen.append((last, best))
        if not first:
            return None
        self.last_id = last
        price, quantity = self._number_format.price, self._number_format.quantity
        bid_changes, ask_changes = (sorted(side.changes.items()) for side in self._sides)
        for side in self._sides:
            side.changes.clear()
        return Change(
            first,
            last,
            [(price(-key), quantity(lots)) for key, lots in bid_changes],
            [(price(key), quantity(lots)) for key, lots in ask_changes],
            [self._written_best(*moment) for moment in seen[1:]],
        )

    def _orders(self) -> Iterator[int]:
        """Run the step's orders; yield how many levels each changed."""
        for side in self._sides:
            yield self._withdraw_far(side)
        random, actions = self._random.random, self._actions
        # The rates are those at the step's start; the time between two orders is exponentially distributed.
        rates = list(accumulate(self._rates()))
        total, end = rates[-1], len(rates) - 1
        time = -log(1.0 - random())
        while time < total:
            yield actions[bisect(rates, random() * total, 0, end)]()
            time -= log(1.0 - random())

    def _rates(self) -> list[float]:
        """Return how many of each action to expect in a step."""
        trend = self._trend.next_strength(self.best_bid, self._floor)
        replaced = self._replaced
        rates: list[float] = []
        for bands, eager in zip(self._bands, (1.0 + _LEAN * trend, 1.0 - _LEAN * trend), strict=True):
            missing = [band.target - len(band.quotes) for band in bands]
            # The farthest band replaces missing levels, wherever they are: while the price moves,
            # the same orders are on fewer levels.
            missing[-1] = self._depth - len(bands[-1].side.levels)
            rates += [max(0.0, band.births * eager + replaced * n) for band, n in zip(bands, missing, strict=True)]
        rates += [band.deaths * len(band.quotes) for bands in self._bands for band in bands]
        buys = self._trades * (1.0 + trend) / 2
        return [*rates, buys, self._trades - buys]

    def _trade(self, side: Side) -> int:
        """Send a market order to `side`; return how many levels it changed."""
        mean = side.levels[side.best].total
        if self._random.random() < _SWEEP_CHANCE:
            mean *= _SWEEP_FACTOR
        filled, changed = self._book.market(side, 1 + int(self._random.expovariate(1.0 / mean)), KEPT_LEVELS)
        for quote in filled:
            quote.band.forget(quote)
        return changed

    def _withdraw_far(self, side: Side) -> int:
        """Cancel the orders too far from the opposite best; return how many levels are gone."""
        last = self._farthest * _REACH - side.opposite.best
        levels = side.levels
        gone = 0
        while levels.keys()[-1] > last and len(levels) > KEPT_LEVELS:
            for quote in [*levels[levels.keys()[-1]]]:
                quote.band.forget(quote)
                self._book.cancel(quote)
            gone += 1
        return gone

    def _lay_out(self, best_bid: int) -> None:
        """Fill the bands to their average, around a spread of one tick."""
        for bands, key in zip(self._bands, (-best_bid, best_bid + 1), strict=True):
            bands[0].place(key)
        for side, bands in zip(self._sides, self._bands, strict=True):
            levels = dict(side.levels)
            for band in bands:
                band.fill(levels)
            self._book.lay_out(side, levels)

    def _best(self) -> tuple[int, int, int, int]:
        """Return key and quantity of the best bid, then of the best ask."""
        bids, asks = self._sides
        return bids.best, bids.levels[bids.best].total, asks.best, asks.levels[asks.best].total

    def _written_best(self, update_id: int, best: tuple[int, int, int, int]) -> BestPrices:
        bid, bid_lots, ask, ask_lots = best
        return BestPrices(update_id, self._written(-bid, bid_lots), self._written(ask, ask_lots))

    def _written(self, tick: int, lots: int) -> LevelText:
        return self._number_format.price(tick), self._number_format.quantity(lots)
