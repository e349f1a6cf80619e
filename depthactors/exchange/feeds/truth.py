"""The exchange's own book: two plain dicts.

The library's book is checked against this one, so it shares no code with it; it is plain instead of fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from depthactors.exchange.shapes.depth import LevelText


@dataclass(frozen=True, slots=True)
class BookTruth:
    """The whole book as it is right after one event.

    Attributes:
        symbol: the symbol, upper case.
        last_update_id: `u` of that event, or `lastUpdateId` of the snapshot that the book began with.
        bids: `(price, quantity)`, best first, every level that the exchange knows, or as many as were asked for.
        asks: the same for asks.
    """

    symbol: str
    last_update_id: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


class PlainBook:
    """Levels of both sides by price; prices and quantities keep their texts. Not thread-safe.

    The keys are floats: exact up to 15 significant digits, and the same for all texts of one price.
    """

    def __init__(self, bids: Iterable[Sequence[str]] = (), asks: Iterable[Sequence[str]] = ()) -> None:
        self._bids: dict[float, LevelText] = {}
        self._asks: dict[float, LevelText] = {}
        _set_levels(self._bids, bids)
        _set_levels(self._asks, asks)

    def apply(self, event: dict[str, Any]) -> None:
        """Set the levels of one depth event; quantity zero removes the level, known or not.

        Raises:
            LookupError, TypeError, ValueError: not a depth event; a part of it may have been applied.
        """
        _set_levels(self._bids, event["b"])
        _set_levels(self._asks, event["a"])

    def copy(self) -> PlainBook:
        """Return an independent book with the same levels; O(levels)."""
        twin = PlainBook()
        twin._bids, twin._asks = self._bids.copy(), self._asks.copy()
        return twin

    def cut(self, limit: int | None = None) -> tuple[list[LevelText], list[LevelText]]:
        """Return the best `limit` levels (all for `None`) of bids and asks, best first; O(n log n)."""
        bids = [self._bids[price] for price in sorted(self._bids, reverse=True)[:limit]]
        asks = [self._asks[price] for price in sorted(self._asks)[:limit]]
        return bids, asks

    def changes_to(self, other: PlainBook) -> tuple[list[LevelText], list[LevelText]]:
        """Return the levels to set, bids and asks, that turn this book into the other; best first."""
        bids = _changes(self._bids, other._bids)
        asks = _changes(self._asks, other._asks)
        return [bids[price] for price in sorted(bids, reverse=True)], [asks[price] for price in sorted(asks)]

    def truth(self, symbol: str, last_update_id: int, levels: int | None = None) -> BookTruth:
        """Return the book, or its best `levels` a side, as an immutable value."""
        bids, asks = self.cut(levels)
        return BookTruth(symbol, last_update_id, _decimals(bids), _decimals(asks))


def _set_levels(side: dict[float, LevelText], levels: Iterable[Sequence[str]]) -> None:
    for level in levels:
        # Captures of 2017 have a third, empty element.
        price_text, quantity_text = level[0], level[1]
        price = float(price_text)
        if float(quantity_text):
            side[price] = (price_text, quantity_text)
        else:
            side.pop(price, None)


def _changes(now: dict[float, LevelText], then: dict[float, LevelText]) -> dict[float, LevelText]:
    changes = {price: level for price, level in then.items() if now.get(price) != level}
    for price, (price_text, quantity_text) in now.items():
        if price not in then:
            # Zero with as many decimals as the quantity had.
            changes[price] = (price_text, "".join(mark if mark == "." else "0" for mark in quantity_text))
    return changes


def _decimals(levels: list[LevelText]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in levels)
