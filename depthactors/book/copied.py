"""One update of a book as a value: copied in microseconds, sorted and converted when it is read.

The book's actor takes a copy at each update, for readers in other threads, which mostly read the best few levels or
nothing at all. So a copy has keys, and quantities of which no level is made yet: those of the wanted keys, looked up in
one call, or the book's dict as it is where most of it is wanted.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from depthactors.book.numerals import spelt
from depthactors.book.side import ASK, BID

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from depthactors.book.numerals import Level, Number
    from depthactors.book.order_book import OrderBook
    from depthactors.book.side import BookSide, Key
    from depthactors.book.view import BookView

_SPARSE: Final = 2
"""Known levels for each wanted one, from which on the wanted ones are looked up instead of copying all.

A lookup costs 20 ns; a level of a copied dict 2 ns, but 18 ns once many levels were removed from it.
"""


class CopiedSide:
    """One side's levels at one update. Immutable.

    Thread: any.
    """

    __slots__ = ("_keys", "_most", "_quantities", "_sign", "_whole")

    def __init__(
        self,
        sign: float,
        keys: list[Key],
        quantities: Sequence[Number] | dict[Key, Number],
        *,
        whole: bool = True,
        most: int | None = None,
    ) -> None:
        """Take over keys and quantities.

        Args:
            sign: `BID` or `ASK`.
            keys: the best keys, ascending.
            quantities: the quantity of each of `keys`, in their order, or a dict that has them.
            whole: whether the list has all keys to show; otherwise the dict has.
            most: the number of best levels to show of a dict, `None` for all.
        """
        self._sign = sign
        self._keys = keys
        self._quantities = quantities
        self._whole = whole
        self._most = most

    def __reduce__(self) -> tuple[Any, ...]:
        keys, quantities = self._best(None)
        return CopiedSide, (self._sign, keys, list(quantities))

    def floats(self, limit: int | None) -> list[list[float]]:
        """Return the best `limit` levels, or all, as new lists `[price, quantity]`; O(levels), and O(n log n) once."""
        keys, quantities = self._best(limit)
        try:
            # It costs half as much as a call of `float` a level, and programs call it at each update.
            if self._sign == BID:
                return [[-key, quantity * 1.0] for key, quantity in zip(keys, quantities, strict=False)]
            return [[key, quantity * 1.0] for key, quantity in zip(keys, quantities, strict=False)]
        except TypeError:
            # A `Decimal`, where a float would lose digits, cannot be multiplied by one.
            return [[float(price), float(quantity)] for price, quantity in self.levels(limit)]

    def texts(self, limit: int | None, decimals: tuple[int, int]) -> list[tuple[str, str]]:
        """Return the best `limit` levels, or all, as the exchange spelt them."""
        for_price, for_quantity = decimals
        return [(spelt(price, for_price), spelt(quantity, for_quantity)) for price, quantity in self.levels(limit)]

    def levels(self, limit: int | None) -> tuple[Level[Number], ...]:
        """Return the best `limit` levels `(price, quantity)`, or all, as the book keeps them."""
        sign = self._sign
        return tuple([(key * sign, quantity) for key, quantity in zip(*self._best(limit), strict=False)])

    def _best(self, limit: int | None) -> tuple[list[Key], Iterable[Any]]:
        """Return the best keys, and the quantity of each; more quantities may follow."""
        quantities = self._quantities
        if not isinstance(quantities, dict):
            return self._keys[:limit], quantities
        if not self._whole and (limit is None or limit > len(self._keys)):
            # Two threads may do it at once, with the same result.
            self._keys = sorted(quantities)[: self._most]
            self._whole = True
        keys = self._keys[:limit]
        return keys, map(quantities.__getitem__, keys)


class BookCopy:
    """Both sides of one update. Immutable, and can be pickled.

    Thread: any.

    Attributes:
        symbol: the book's symbol, upper case.
        last_update_id: the exchange's id of this state.
        event_time: the exchange's clock at the last event, milliseconds since the epoch; 0 if unknown.
        recv_time: this machine's clock when the last change arrived, seconds since the epoch.
        decimals: the digits behind the point in the exchange's spelling of prices and of quantities.
        bids: the bid side.
        asks: the ask side.
    """

    __slots__ = ("asks", "bids", "decimals", "event_time", "last_update_id", "recv_time", "symbol")

    def __init__(
        self,
        symbol: str,
        last_update_id: int,
        event_time: int,
        recv_time: float,
        decimals: tuple[int, int],
        bids: CopiedSide,
        asks: CopiedSide,
    ) -> None:
        """Keep what is given."""
        self.symbol = symbol
        self.last_update_id = last_update_id
        self.event_time = event_time
        self.recv_time = recv_time
        self.decimals = decimals
        self.bids = bids
        self.asks = asks

    def __reduce__(self) -> tuple[Any, ...]:
        return BookCopy, tuple(getattr(self, name) for name in _FIELDS)

    @property
    def time_ms(self) -> int:
        """Milliseconds since the epoch: `event_time`, or `recv_time` where that is unknown."""
        return self.event_time or int(self.recv_time * 1000)


_FIELDS: Final = ("symbol", "last_update_id", "event_time", "recv_time", "decimals", "bids", "asks")


def copy_book(book: OrderBook, bid_edge: Key = inf, ask_edge: Key = inf, most: int | None = None) -> BookCopy:
    """Copy the best `most` levels of each side up to an edge, or all up to it.

    O(most) where they are in the window of the side, some 4 us a hundred; else O(levels).

    Thread: the book's.
    """
    return BookCopy(
        book.symbol,
        book.last_update_id,
        book.event_time,
        book.recv_time,
        book.decimals,
        _copy_side(book.bids, bid_edge, most),
        _copy_side(book.asks, ask_edge, most),
    )


def copy_view(view: BookView[Any], levels: int) -> BookCopy:
    """Copy the best `levels` of a view from another process; O(levels)."""
    bids, asks = view.exact("bid")[:levels], view.exact("ask")[:levels]
    return BookCopy(
        view.symbol,
        view.last_update_id,
        view.event_time,
        view.recv_time,
        view.decimals,
        _side_of(BID, bids),
        _side_of(ASK, asks),
    )


def _copy_side(side: BookSide, edge: Key, most: int | None) -> CopiedSide:
    window, quantities = side.window, side.quantities
    if edge <= side.window_edge or (most is not None and most <= len(window)):
        keys = window[:most]
        if keys and keys[-1] > edge:
            del keys[bisect_right(keys, edge) :]
        # With fewer than two keys the getter would not return a tuple.
        few = len(keys) > 1 and len(keys) * _SPARSE < len(quantities)
        return CopiedSide(side.sign, keys, itemgetter(*keys)(quantities) if few else quantities.copy())
    if edge >= side.edge:
        near = quantities.copy()
    else:
        near = {key: quantity for key, quantity in quantities.items() if key <= edge}
    return CopiedSide(side.sign, window[:], near, whole=False, most=most)


def _side_of(sign: float, levels: tuple[Level[Any], ...]) -> CopiedSide:
    keys = [price * sign for price, _ in levels]
    return CopiedSide(sign, keys, [quantity for _, quantity in levels])
