"""A simple order flow: a book whose price drifts, as a pure sequence of depth events.

Nothing here knows a clock or a thread: the same seed and the same number of steps give the same
events and the same book, always.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

from sortedcontainers import SortedDict

from depthactors.markets import Sequencing

if TYPE_CHECKING:
    from depthactors.exchange.truth import LevelText
    from depthactors.markets import Market

LEVELS_LOW: Final = 250
LEVELS_HIGH: Final = 350
"""A side is filled up far from the touch below the one, and trimmed there above the other."""

LOWEST_TOUCH: Final = 2_000
"""Ticks; below this the price only rises."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a market writes its numbers.

    Attributes:
        price_decimals: digits behind the point of a price.
        price_step: one tick, in units of the last of these digits.
        quantity_decimals: digits behind the point of a quantity.
        quantity_step: one lot, in units of the last of these digits.
    """

    price_decimals: int
    price_step: int
    quantity_decimals: int
    quantity_step: int

    def price(self, ticks: int) -> str:
        """Spell a price of so many ticks."""
        return _spell(ticks * self.price_step, self.price_decimals)

    def quantity(self, lots: int) -> str:
        """Spell a quantity of so many lots."""
        return _spell(lots * self.quantity_step, self.quantity_decimals)


SPELLINGS: Final = {
    "/api/v3/depth": Spelling(8, 1_000_000, 8, 10_000),
    "/fapi/v1/depth": Spelling(2, 10, 3, 1),
    "/dapi/v1/depth": Spelling(1, 1, 0, 1),
    "/eapi/v1/depth": Spelling(3, 5_000, 2, 1),
}
"""By the market's depth path, as captured."""


class OrderFlow:
    """The book of one made-up symbol, and the events that change it. Not thread-safe.

    After each step the best bid is below the best ask by one or two ticks.
    """

    def __init__(self, symbol: str, market: Market, seed: int = 0) -> None:
        """Lay out the first book.

        Args:
            symbol: upper case; symbols of one seed differ in price and path.
            market: decides the spelling and how ids run.
            seed: of everything random.
        """
        self._random = Random(f"{seed}/{market.name}/{symbol}")  # noqa: S311 - a game, not a secret
        self._symbol = symbol
        self._spelling = SPELLINGS[market.depth_path]
        self._chained = market.sequencing is Sequencing.CHAINED
        self.last_id = self._random.randrange(10**9, 10**10)
        self._best_bid = self._random.randrange(20_000, 80_000)
        self._best_ask = self._best_bid + 1
        self._bids: SortedDict = SortedDict()
        self._asks: SortedDict = SortedDict()
        for distance in range((LEVELS_LOW + LEVELS_HIGH) // 2):
            self._bids[self._best_bid - distance] = self._lots(distance)
            self._asks[self._best_ask + distance] = self._lots(distance)

    def levels(self) -> tuple[list[LevelText], list[LevelText]]:
        """Return bids and asks of the present book, best first."""
        bids = [self._spelt(tick, lots) for tick, lots in reversed(self._bids.items())]
        return bids, [self._spelt(tick, lots) for tick, lots in self._asks.items()]

    def step(self) -> dict[str, Any]:
        """Change the book and return the depth event that says so, without `E` and `T`."""
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        if self._random.random() < 0.2:
            self._move(bids, asks)
        for _ in range(self._random.randint(1, 6)):
            self._change_near_touch(bids, asks)
        if not bids and not asks:
            # Only levels that were not there were taken away; an exchange sends no empty event.
            self._set(self._bids, bids, self._best_bid, self._lots(0))
        self._keep_deep(self._bids, bids, -1)
        self._keep_deep(self._asks, asks, 1)
        event = {"e": "depthUpdate", "s": self._symbol, **self._next_ids(len(bids) + len(asks))}
        event["b"] = [self._spelt(tick, bids[tick]) for tick in sorted(bids, reverse=True)]
        event["a"] = [self._spelt(tick, asks[tick]) for tick in sorted(asks)]
        return event

    def _move(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Shift the touch by a tick or several: what it passes over is traded away."""
        jump = self._random.choice((1, 1, 1, 2, 2, 3, 8))
        rises = self._best_bid < LOWEST_TOUCH or self._random.random() < 0.5
        self._best_bid += jump if rises else -jump
        self._best_ask = self._best_bid + self._random.choice((1, 1, 2))
        for tick in list(self._bids.irange(minimum=self._best_bid, inclusive=(False, True))):
            self._set(self._bids, bids, tick, 0)
        for tick in list(self._asks.irange(maximum=self._best_ask, inclusive=(True, False))):
            self._set(self._asks, asks, tick, 0)
        if self._best_bid not in self._bids:
            self._set(self._bids, bids, self._best_bid, self._lots(0))
        if self._best_ask not in self._asks:
            self._set(self._asks, asks, self._best_ask, self._lots(0))

    def _change_near_touch(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        distance = int(self._random.expovariate(0.12))
        # The touch itself only changes its quantity: the spread stays as `_move` left it.
        lots = 0 if distance and self._random.random() < 0.3 else self._lots(distance)
        if self._random.random() < 0.5:
            self._set(self._bids, bids, self._best_bid - distance, lots)
        else:
            self._set(self._asks, asks, self._best_ask + distance, lots)

    def _keep_deep(self, side: SortedDict, changes: dict[int, int], outward: int) -> None:
        """Add levels beyond the worst, or take the worst away, until the side is as deep as it should be."""
        worst = -1 if outward > 0 else 0
        while len(side) < LEVELS_LOW:
            tick = side.peekitem(worst)[0] + outward * self._random.randint(1, 3)
            self._set(side, changes, tick, self._lots(LEVELS_LOW))
        while len(side) > LEVELS_HIGH:
            self._set(side, changes, side.peekitem(worst)[0], 0)

    def _set(self, side: SortedDict, changes: dict[int, int], tick: int, lots: int) -> None:
        if lots:
            side[tick] = changes[tick] = lots
        elif side.pop(tick, 0):
            changes[tick] = 0

    def _next_ids(self, changes: int) -> dict[str, int]:
        previous = self.last_id
        if not self._chained:
            self.last_id = previous + changes
            return {"U": previous + 1, "u": self.last_id}
        first = previous + self._random.randint(1, 300)
        self.last_id = first + changes + self._random.randint(0, 2_000)
        return {"U": first, "u": self.last_id, "pu": previous}

    def _lots(self, distance: int) -> int:
        """Draw a quantity: larger away from the touch, as in real books."""
        return 1 + int(self._random.expovariate(1.0) * (200 + 40 * distance))

    def _spelt(self, tick: int, lots: int) -> LevelText:
        return self._spelling.price(tick), self._spelling.quantity(lots)


def _spell(units: int, decimals: int) -> str:
    if not decimals:
        return str(units)
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"
