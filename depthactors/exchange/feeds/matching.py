"""A limit order book of single orders, matched by price, then by time. Pure.

Levels are sorted by *key*: the price in ticks, negated on the bid side, so that ascending is best
first on both sides and one code serves both. With that, a bid and an ask would trade exactly when
their keys sum up to zero or less.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from sortedcontainers import SortedDict

NO_KEY: Final = 1 << 60
"""The best key of an empty side: worse than any other key, and it trades with none."""


class Order:
    """The place of a resting order; its level knows how much of it is left.

    Code that must know more of an order subclasses it.

    Attributes:
        side: the side it rests on.
        key: price in ticks, negated for a bid.
    """

    __slots__ = ("key", "side")

    def __init__(self, side: Side, key: int) -> None:
        self.side = side
        self.key = key


OrderT = TypeVar("OrderT", bound=Order)


class Level(dict[OrderT, int]):
    """The remaining lots of each order at one price, oldest order first.

    Attributes:
        total: the sum of them: the quantity that clients see.
    """

    __slots__ = ("total",)

    def __init__(self, order: OrderT, lots: int) -> None:
        self[order] = self.total = lots


class Side:
    """One side of the book. Only `MatchingBook` changes it; other code may read it.

    Attributes:
        levels: `Level` by key, ascending, so best first.
        best: the first of these keys, or `NO_KEY`.
        changes: the new total of each level that changed, by key, 0 for a level that is gone. Its
            reader clears it.
        opposite: the side with which this one trades.
    """

    __slots__ = ("best", "changes", "levels", "opposite")

    opposite: Side

    def __init__(self) -> None:
        # `sortedcontainers` has no types; the keys are `int`, the values `Level`.
        self.levels: Any = SortedDict()
        self.best = NO_KEY
        self.changes: dict[int, int] = {}


class MatchingBook(Generic[OrderT]):
    """Bids and asks; never crossed. Not thread-safe.

    Each operation records the levels that it changed in `Side.changes`.
    """

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        """Begin empty."""
        self.bids = Side()
        self.asks = Side()
        self.bids.opposite = self.asks
        self.asks.opposite = self.bids

    def limit(self, order: OrderT, lots: int) -> None:
        """Let an order of `lots` > 0 rest, last in its level's queue; O(1), O(log n) for a new level.

        Only an order that adds to the book is accepted ("post only"); `market` is the way to trade.

        Raises:
            ValueError: the order would trade at once.
        """
        side, key = order.side, order.key
        if key + side.opposite.best <= 0:
            msg = f"expected an order that does not trade at once: {key=} against {side.opposite.best}"
            raise ValueError(msg)
        level = side.levels.get(key)
        if level is None:
            side.levels[key] = Level(order, lots)
            side.changes[key] = lots
            side.best = min(side.best, key)
        else:
            level[order] = lots
            level.total += lots
            side.changes[key] = level.total

    def lay_out(self, side: Side, levels: dict[int, Level[OrderT]]) -> None:
        """Give a side all its levels at once, in place of what it has; no change of it remains in `Side.changes`.

        O(n log n), and quicker than `limit` for each order.

        Raises:
            ValueError: an order would trade at once.
        """
        best = min(levels, default=NO_KEY)
        if best + side.opposite.best <= 0:
            msg = f"expected levels that do not trade at once: key={best} against {side.opposite.best}"
            raise ValueError(msg)
        side.levels = SortedDict(levels)
        side.best = best
        side.changes.clear()

    def cancel(self, order: OrderT) -> None:
        """Remove a resting order; O(1), O(log n) with the last order of a level.

        Raises:
            KeyError: the order does not rest: it was filled or cancelled before.
        """
        side, key = order.side, order.key
        level = side.levels[key]
        lots = level.pop(order)
        if level:
            level.total -= lots
            side.changes[key] = level.total
        else:
            self._remove(side, key)

    def market(self, side: Side, lots: int, keep: int = 0) -> tuple[list[OrderT], int]:
        """Trade up to `lots` with the orders that rest on `side`, best price first, then oldest order first.

        Args:
            side: the side that is traded with: `asks` to buy.
            lots: the most to trade; what finds no order is cancelled.
            keep: the number of levels at which trading stops.

        Returns:
            The orders that are gone because they were filled, and how many levels changed. O(1) an
            order and O(log n) a level that is gone.
        """
        filled: list[OrderT] = []
        changed = 0
        while lots and len(side.levels) > keep:
            changed += 1
            level = side.levels[side.best]
            if lots >= level.total:
                lots -= level.total
                filled += level
                self._remove(side, side.best)
            else:
                self._fill_part(side, level, lots, filled)
                break
        return filled, changed

    def _fill_part(self, side: Side, level: Level[OrderT], lots: int, filled: list[OrderT]) -> None:
        """Trade `lots`, fewer than there are, with the best level."""
        level.total -= lots
        side.changes[side.best] = level.total
        while lots:
            order = next(iter(level))
            left = level[order]
            if left > lots:
                level[order] = left - lots
                return
            del level[order]
            filled.append(order)
            lots -= left

    def _remove(self, side: Side, key: int) -> None:
        levels = side.levels
        del levels[key]
        side.changes[key] = 0
        if key == side.best:
            side.best = next(iter(levels), NO_KEY)
