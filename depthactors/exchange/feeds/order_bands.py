"""The resting orders of the order flow, in bands of distance from the best price. Pure.

`order_flow` names the model and its sources.
"""

from __future__ import annotations

from math import ceil, exp, log, sqrt
from typing import TYPE_CHECKING, Final

from depthactors.exchange.feeds.matching import Level, MatchingBook, Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.exchange.feeds.matching import Side

# Found by experiment: `tests/exchange/hour_of_trading.py` shows what they make.
USUAL_LEVELS: Final = 20.0
_TAIL: Final = 0.6  # the share of orders placed farther than x falls with this power of x
_CROWD: Final = 2.0  # ticks next to the best price where the law is flat
DENSITY: Final = 1.25  # orders a tick
_EXTRA: Final = 2.0  # orders beyond that in each octave, so that the nearest ticks have the most
_LOTS: Final = 200.0  # mean size of an order at the best price
_LOTS_GROWTH: Final = 0.35  # it grows with this power of the distance
_LIMIT_SHARE: Final = 0.85  # of the level changes; trades and trends make the others
KEPT_LEVELS: Final = 5  # trades and cancellations stop when a side has no more than these
_RENEWAL: Final = 0.03  # of the level changes renew a side evenly: the law alone would leave it as it was


class Quote(Order):
    """A limit order that knows its band and its position there, so that it can leave the band in O(1)."""

    __slots__ = ("band", "position")

    def __init__(self, band: OrderBand, key: int, position: int) -> None:
        self.side = band.side
        self.key = key
        self.band = band
        self.position = position


class OrderBand:
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
        """Place a limit order at a key (see `matching`)."""
        quote = Quote(self, key, len(self.quotes))
        self.quotes.append(quote)
        self._book.limit(quote, 1 - int(log(1.0 - self._random()) * self.lots))

    def arrive(self) -> int:
        """Place a limit order at random in the band; return how many levels it changed."""
        self.place(self.near + int(self._random() * self.width) - self.side.opposite.best)
        return 1

    def fill(self, levels: dict[int, Level[Quote]]) -> None:
        """Add orders to the levels of a first book, until the band has its target; the draws are those of `arrive`."""
        # No call for each order, as a first book has thousands of them.
        random, quotes, width, lots = self._random, self.quotes, self.width, self.lots
        nearest = self.near - self.side.opposite.best
        for position in range(len(quotes), ceil(self.target)):
            key = nearest + int(random() * width)
            quote = Quote(self, key, position)
            quotes.append(quote)
            size = 1 - int(log(1.0 - random()) * lots)
            if (level := levels.get(key)) is None:
                levels[key] = Level(quote, size)
            else:
                level[quote] = size
                level.total += size

    def leave(self) -> int:
        """Cancel a random order; return how many levels that changed."""
        quotes = self.quotes
        if not quotes or len(self.side.levels) <= KEPT_LEVELS:
            return 0
        quote = quotes[int(self._random() * len(quotes))]
        self.forget(quote)
        self._book.cancel(quote)
        return 1

    def forget(self, quote: Quote) -> None:
        """Remove an order that does not rest any more."""
        last = self.quotes.pop()
        if last is not quote:
            self.quotes[quote.position] = last
            last.position = quote.position


def octaves(farthest: int) -> list[tuple[int, int]]:
    """Cut the distances from 1 to `farthest` into octaves; return the nearest distance and the width of each."""
    nears = [1 << octave for octave in range(farthest.bit_length())]
    return [(near, min(near, farthest + 1 - near)) for near in nears]


def set_rates(bands: list[OrderBand], levels: float) -> float:
    """Set the rates of a side's bands for `levels` level changes a step on both sides; return the sum of births."""
    crowd = _CROWD * sqrt(levels / USUAL_LEVELS)
    shares = [(crowd + band.near - 1) ** -_TAIL - (crowd + band.near + band.width - 1) ** -_TAIL for band in bands]
    renewal = _RENEWAL * levels / sum(band.target for band in bands)
    wanted = _LIMIT_SHARE * levels / 2

    def births(scale: float) -> list[float]:
        return [max(scale * share, renewal * band.target) for share, band in zip(shares, bands, strict=True)]

    def changes(scale: float) -> float:
        # As many orders leave as come; those of one step that share a price make one change.
        rates = zip(births(scale), bands, strict=True)
        return sum(band.width * (1.0 - exp(-2.0 * rate / band.width)) for rate, band in rates)

    low, high = 0.0, 1.0
    while changes(high) < wanted:
        low, high = high, 2.0 * high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if changes(middle) < wanted else (low, middle)
    for rate, band in zip(births(high), bands, strict=True):
        band.births = rate
        # So that the band stays at its target while as many leave as come.
        band.deaths = rate / band.target
    return sum(births(high))
