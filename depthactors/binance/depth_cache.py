"""`DepthCache`: the object that a depth-cache callback gets."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from depthactors import wire
from depthactors.actors.messages import Full, Top
from depthactors.book import BookState, BookView, OrderBook
from depthactors.book.view import capture, capture_side
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.book import BookSide, Side
    from depthactors.book.numerals import Level, Number
    from depthactors.handle import BookHandle


class DepthCache:
    """A symbol's levels as lists of `[price, quantity]`, best first, in the type asked for.

    In a callback it shows the book as of the update that the callback is for, and so it does for ever; so does what
    `recv` returns. One of `get_depth_cache` shows the book as it is when it is read; each call is of one update.

    Attributes:
        symbol: upper case.
        conv_type: called with the exchange's text of each price and quantity that is read.
    """

    def __init__(self, symbol: str, conv_type: Callable[[str], Any] = float) -> None:
        """Begin empty, to be filled by `add_bid` and `add_ask`; the manager makes those that follow a book."""
        self.symbol = symbol
        self.conv_type = conv_type
        self._handle: BookHandle[Any] | None = None
        self._frozen: BookView[Any] | None = None
        self._own = OrderBook(symbol, wire.Snapshot(0, 0, 1, (0, 0), [], []))

    @classmethod
    def following(cls, handle: BookHandle[Any], conv_type: Callable[[str], Any]) -> DepthCache:
        """Show the book of a subscription."""
        cache = cls(handle.symbol, conv_type)
        cache._handle = handle
        return cache

    @classmethod
    def captured(cls, book: OrderBook | BookView, *, conv_type: Callable[[str], Any], levels: int) -> DepthCache:
        """Keep the best `levels` of a live book as they are now; in the turn of whoever keeps it. O(levels)."""
        cache = cls(book.symbol, conv_type)
        number: type[Any] = cache._number
        view: BookView | None
        if isinstance(book, BookView):
            view = book.best(levels, number)
        else:
            view = capture(book, levels, BookState.LIVE, number, time.time())
        assert view is not None, "nobody else writes the book in its own turn"
        cache._frozen = view
        return cache

    def frozen(self) -> DepthCache | None:
        """Return the book as it is now, which nothing changes any more; `None` unless it is live. O(levels)."""
        view = self._capture(None, self._number)
        if view.state is not BookState.LIVE:
            return None
        twin = DepthCache(self.symbol, self.conv_type)
        twin._frozen = view
        return twin

    @property
    def update_time(self) -> int:
        """The last event's time in milliseconds, or the snapshot's id before the first event; `-1` for neither."""
        shown = self._capture(1)
        return shown.event_time or shown.last_update_id or -1

    @property
    def state(self) -> BookState:
        """What may be believed of the book; `LIVE` for one that was filled by hand."""
        return BookState.LIVE if self._handle is None else self._handle.state

    @property
    def age(self) -> float:
        """Seconds since the last change."""
        return self._capture(1).age

    def get_bids(self, limit: int | None = None) -> list[list[Any]]:
        """Return the best `limit` bids, or every vouched-for one, highest price first."""
        return self._levels(limit, "bid")

    def get_asks(self, limit: int | None = None) -> list[list[Any]]:
        """Return the best `limit` asks, or every vouched-for one, lowest price first."""
        return self._levels(limit, "ask")

    def view(self, limit: int | None = None) -> BookView[Any]:
        """Return both sides of one update as a `BookView`; of `Decimal` if that is `conv_type`, else `float`."""
        return self._capture(limit, self._number)

    def add_bid(self, bid: list[Any] | tuple[Any, ...]) -> None:
        """Set a bid level `[price, quantity]`, texts or numbers; quantity zero removes it.

        Raises:
            UsageError: the cache follows a book, which the exchange alone changes.
            MalformedFrameError: no sound level.
        """
        self._change(bid, self._own.bids)

    def add_ask(self, ask: list[Any] | tuple[Any, ...]) -> None:
        """Set an ask level, as `add_bid` does."""
        self._change(ask, self._own.asks)

    @staticmethod
    def sort_depth(
        vals: dict[Any, Any] | list[Any], reverse: bool = False, conv_type: Callable[[Any], Any] = float
    ) -> list[list[Any]]:
        """Return levels of a dict or a list as `[price, quantity]` lists, in the order of their price as a number."""
        if isinstance(vals, dict):
            pairs = list(vals.items())
        elif isinstance(vals, list):
            pairs = vals
        else:
            msg = f"expected a dict or a list of levels, was {vals!r}"
            raise UsageError(msg)
        ordered = sorted(pairs, key=lambda level: float(level[0]), reverse=reverse)
        return [[conv_type(price), conv_type(quantity)] for price, quantity, *_ in ordered]

    def _levels(self, limit: int | None, side: Side) -> list[list[Any]]:
        convert = self.conv_type
        if convert is float:
            return list(map(list, self._floats(limit, side)))
        return [[convert(price), convert(quantity)] for price, quantity in self._capture(limit).texts(side)[:limit]]

    def _floats(self, limit: int | None, side: Side) -> tuple[Level[float], ...]:
        """Copy one side only: programs read one after the other, and all levels of each."""
        if self._frozen is None:
            levels = (
                capture_side(self._own, side, limit) if self._handle is None else self._handle.cell.levels(side, limit)
            )
            if levels is not None:
                return levels
        view = self._capture(limit)
        return (view.bids if side == "bid" else view.asks)[:limit]

    def _capture(self, count: int | None, number: type[Number] = float) -> BookView[Any]:
        if self._frozen is not None:
            return self._frozen
        if self._handle is None:
            view: BookView[Any] | None = capture(self._own, count, BookState.LIVE, number, self._own.recv_time)
            assert view is not None, "a book of one's own is not changed by other threads"
            return view
        view = self._handle.cell.view(count, number)
        if view is None:
            view = self._handle.ask(Full() if count is None else Top(count))
        return view

    @property
    def _number(self) -> type[Number]:
        return Decimal if self.conv_type is Decimal else float

    def _change(self, level: list[Any] | tuple[Any, ...], side: BookSide) -> None:
        if self._handle is not None or self._frozen is not None:
            msg = f"{self.symbol}: expected a cache of one's own to change, was one that follows the exchange"
            raise UsageError(msg)
        # A float may have more digits than the exchange ever sends, such as those of 0.1 + 0.2.
        texts = [f"{each:.15g}" if isinstance(each, float) else str(each) for each in level[:2]]
        side.apply(wire.parse_levels([texts]))
        # As many digits are read as were ever written.
        price, quantity = map(max, self._own.decimals, map(wire.decimals_of, texts))
        self._own.decimals = price, quantity
