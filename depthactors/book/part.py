"""The part of a shared book that one subscription would have if it were alone.

A book is as deep as its deepest subscription wants. A snapshot for a shallower one would vouch for less: the levels
down to an edge of its own, until so few of them are left that another snapshot would be needed. The deeper book is
right about all of these levels, so the edge is drawn in it, where such a snapshot would end now.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from typing import TYPE_CHECKING, Any, Final

from depthactors.book.copied import copy_book, copy_view
from depthactors.book.view import BookView

if TYPE_CHECKING:
    from depthactors.book.copied import BookCopy
    from depthactors.book.order_book import OrderBook
    from depthactors.book.side import BookSide, Key

_MOST: Final = 3
"""The most levels of a book that is alone, in sizes of its snapshot: beyond them it keeps three quarters."""


class OwnPart:
    """Copies one subscription's part of a book.

    Thread: the book's.
    """

    def __init__(self, depth: int, limit: int, deepest: int) -> None:
        """Draw no edge yet.

        Args:
            depth: the number of levels a side that are promised.
            limit: the number of levels a side of a snapshot for that depth.
            deepest: the deepest promise that has snapshots of that size: a book of no more has the levels that it would
                have for this subscription alone.
        """
        self._depth = depth
        self._limit = limit
        self._deepest = deepest
        # Alone, half of the spare levels of a fresh snapshot may go before the next one is requested.
        self._least = depth + (limit - depth) / 2
        self._book: OrderBook | None = None
        self._edges = inf, inf

    def copy(self, book: OrderBook | BookView[Any]) -> BookCopy:
        """Copy the levels that this subscription would have alone, at most those of a snapshot; O(levels copied).

        A book keeps up to three times as many. They are left out, since programs convert all to read the best five.

        Of a view, which has the promised levels and no others, these are the best `depth`.
        """
        if isinstance(book, BookView):
            return copy_view(book, self._depth)
        book.bids.widen(self._limit)
        book.asks.widen(self._limit)
        if book.depth <= self._deepest:
            self._book = None
            return copy_book(book, most=self._limit)
        bids, asks = self._edges
        if book is not self._book or self._is_short(book.bids, bids) or self._is_short(book.asks, asks):
            self._book = book
            bids, asks = self._drawn(book.bids, self._limit), self._drawn(book.asks, self._limit)
        else:
            bids, asks = self._shortened(book.bids, bids), self._shortened(book.asks, asks)
        self._edges = bids, asks
        return copy_book(book, bids, asks, self._limit)

    def _is_short(self, side: BookSide, edge: Key) -> bool:
        return edge <= side.window_edge and edge != inf and bisect_right(side.window, edge) < self._least

    def _shortened(self, side: BookSide, edge: Key) -> Key:
        long = edge <= side.window_edge and bisect_right(side.window, edge) > _MOST * self._limit
        return self._drawn(side, _MOST * self._limit * 3 // 4) if long else edge

    @staticmethod
    def _drawn(side: BookSide, levels: int) -> Key:
        keys = side.best_keys(levels)
        # A snapshot of fewer levels than were requested shows all that there are.
        return keys[-1] if len(keys) == levels else side.edge
