"""One update of a book as a value: copied in microseconds, sorted and converted when it is read.

The book's actor takes a copy at each update, for readers in other threads, which mostly read the best few levels or
nothing at all. So a copy has the window as it is and the quantities as one dict, which CPython copies at once, and no
level: a hundred levels cost a fifth of a microsecond, where levels made at once would cost twenty.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from typing import TYPE_CHECKING, Any, Final

from depthactors.book.numerals import spelt
from depthactors.book.side import ASK, BID

if TYPE_CHECKING:
    from depthactors.book.numerals import Level, Number
    from depthactors.book.order_book import OrderBook
    from depthactors.book.side import BookSide, Key
    from depthactors.book.view import BookView

_SPARSE: Final = 4
"""Known levels for each wanted one, from which on the wanted ones are looked up instead of copying all."""


class CopiedSide:
    """One side's levels at one update. Immutable.

    Thread: any.
    """

    __slots__ = ("_keys", "_quantities", "_sign", "_whole")

    def __init__(self, sign: float, keys: list[Key], quantities: dict[Key, Number], *, whole: bool) -> None:
        """Take over a list of keys and a dict that has them.

        Args:
            sign: `BID` or `ASK`.
            keys: the best keys, ascending.
            quantities: each level's quantity, by key.
            whole: whether the list has all keys to show; otherwise the dict has.
        """
        self._sign = sign
        self._keys = keys
        self._quantities = quantities
        self._whole = whole

    def __reduce__(self) -> tuple[Any, ...]:
        keys = self._best(None)
        quantities = {key: self._quantities[key] for key in keys}
        return _restored_side, (self._sign, keys, quantities)

    def floats(self, limit: int | None) -> list[list[float]]:
        """Return the best `limit` levels, or all, as new lists `[price, quantity]`; O(levels), and O(n log n) once."""
        quantities: dict[Key, Any] = self._quantities
        keys = self._best(limit)
        try:
            # It costs half as much as a loop over pairs, and programs call it at each update.
            if self._sign == BID:
                return [[-key, quantities[key] * 1.0] for key in keys]
            return [[key, quantities[key] * 1.0] for key in keys]
        except TypeError:
            # A `Decimal`, where a float would lose digits, cannot be multiplied by one.
            return [[key * self._sign, float(quantities[key])] for key in keys]

    def texts(self, limit: int | None, decimals: tuple[int, int]) -> list[tuple[str, str]]:
        """Return the best `limit` levels, or all, as the exchange spelt them."""
        for_price, for_quantity = decimals
        return [(spelt(price, for_price), spelt(quantity, for_quantity)) for price, quantity in self.levels(limit)]

    def levels(self, limit: int | None) -> tuple[Level[Number], ...]:
        """Return the best `limit` levels `(price, quantity)`, or all, as the book keeps them."""
        sign, quantities = self._sign, self._quantities
        return tuple([(key * sign, quantities[key]) for key in self._best(limit)])

    def _best(self, limit: int | None) -> list[Key]:
        if not self._whole and (limit is None or limit > len(self._keys)):
            # Two threads may do it at once, with the same result.
            self._keys = sorted(self._quantities)
            self._whole = True
        return self._keys if limit is None else self._keys[:limit]


def _restored_side(sign: float, keys: list[Key], quantities: dict[Key, Number]) -> CopiedSide:
    return CopiedSide(sign, keys, quantities, whole=True)


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


def copy_book(book: OrderBook, bid_edge: Key = inf, ask_edge: Key = inf) -> BookCopy:
    """Copy the levels of each side up to an edge; O(levels), some 3 us a thousand, and O(log n) more with edges.

    Thread: the book's.
    """
    return BookCopy(
        book.symbol,
        book.last_update_id,
        book.event_time,
        book.recv_time,
        book.decimals,
        _copy_side(book.bids, bid_edge),
        _copy_side(book.asks, ask_edge),
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


def _copy_side(side: BookSide, edge: Key) -> CopiedSide:
    window, quantities = side.window, side.quantities
    if edge == inf or edge >= side.edge:
        return CopiedSide(side.sign, window[:], quantities.copy(), whole=side.window_edge == inf)
    if edge > side.window_edge:
        near = {key: quantity for key, quantity in quantities.items() if key <= edge}
        return CopiedSide(side.sign, window[:], near, whole=False)
    keys = window[: bisect_right(window, edge)]
    few = len(keys) * _SPARSE < len(quantities)
    copied = {key: quantities[key] for key in keys} if few else quantities.copy()
    return CopiedSide(side.sign, keys, copied, whole=True)


def _side_of(sign: float, levels: tuple[Level[Any], ...]) -> CopiedSide:
    keys = [price * sign for price, _ in levels]
    return CopiedSide(sign, keys, dict(zip(keys, (quantity for _, quantity in levels), strict=True)), whole=True)
