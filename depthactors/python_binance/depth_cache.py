"""`DepthCache`: the object that a depth-cache callback gets."""

from __future__ import annotations

import pickle
import time
from decimal import Decimal
from numbers import Integral
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from depthactors import binance
from depthactors.book import BookState, BookView, OrderBook
from depthactors.book.copied import BookCopy, copy_book
from depthactors.errors import UsageError
from depthactors.python_binance.missing import IN_CACHE, IN_COROUTINE, Missing

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from depthactors.book import Side
    from depthactors.python_binance.newest import Newest


CacheT = TypeVar("CacheT", bound="DepthCache")


class Followed(Protocol):
    """The book that a cache follows: read at each call."""

    @property
    def copy(self) -> BookCopy | None:
        """The latest update, `None` before the first."""

    @property
    def state(self) -> BookState:
        """The state of the book at this moment."""


class DepthCache:
    """A symbol's levels as lists of `[price, quantity]`, best first, in the type asked for.

    It is a value. What a callback or `recv` gets shows both sides of one update, for as long as it is kept, in any
    thread or process; the next update comes as another object. `copy`, `pickle` and a
    `multiprocessing.Queue` take it. Only a cache of `get_depth_cache` shows the book as it is when it is read.

    The levels are those that a snapshot for the stream's own `limit` vouches for (at most 100 a side for the usual 10
    on spot): at least `limit` where the market has them, and not more where another stream follows the book deeper.
    With worker processes they are the best `limit`.

    Attributes:
        symbol: the symbol, upper case.
        conv_type: called with the exchange's text of each price and quantity that is read.
    """

    __slots__ = ("__weakref__", "_copy", "_followed", "_newest", "_own", "_update_time", "conv_type", "symbol")

    _bids = Missing(IN_CACHE["_bids"])
    _asks = Missing(IN_CACHE["_asks"])

    def __init__(self, symbol: str, conv_type: Callable[[str], Any] = float) -> None:
        """Begin empty, to be filled by `add_bid` and `add_ask`."""
        self.symbol = symbol
        self.conv_type = conv_type
        self._update_time: int | None = None
        self._followed: Followed | None = None
        self._newest: Newest | None = None
        # One update, or, once a level was added, the levels of the caller.
        self._copy: BookCopy | None = None
        self._own: OrderBook | None = None

    @classmethod
    def following(cls, symbol: str, followed: Followed, conv_type: Callable[[str], Any]) -> Self:
        """Show a book as it is at each call."""
        cache = cls(symbol, conv_type)
        cache._followed = followed
        return cache

    @classmethod
    def of(cls, copy: BookCopy, conv_type: Callable[[str], Any], newest: Newest | None = None) -> Self:
        """Show one update for ever; `newest` warns a program that reads an old one of its stream."""
        cache = cls(copy.symbol, conv_type)
        cache._copy = copy
        cache._newest = newest
        cache._update_time = copy.time_ms
        return cache

    @property
    def update_time(self) -> int | None:
        """The time of the shown levels, in milliseconds: the last event's, or the arrival of the snapshot before it.

        `None` for a cache filled by hand until it is set.
        """
        if self._followed is None:
            return self._update_time
        copy = self._followed.copy
        return None if copy is None else copy.time_ms

    @update_time.setter
    def update_time(self, milliseconds: int | None) -> None:
        self._check_own()
        self._update_time = milliseconds

    @property
    def state(self) -> BookState:
        """The state of the book; `LIVE` for one update, and for a cache filled by hand."""
        return BookState.LIVE if self._followed is None else self._followed.state

    @property
    def age(self) -> float:
        """Seconds since the last change arrived; 0 for a cache filled by hand."""
        recv_time = self._shown().recv_time
        return max(0.0, time.time() - recv_time) if recv_time else 0.0

    def get_bids(self, limit: int | None = None) -> list[list[Any]]:
        """Return the best `limit` bids, or every vouched-for one, highest price first, as new lists."""
        return self._levels(limit, "bid")

    def get_asks(self, limit: int | None = None) -> list[list[Any]]:
        """Return the best `limit` asks, or every vouched-for one, lowest price first, as new lists."""
        return self._levels(limit, "ask")

    def view(self, limit: int | None = None) -> BookView[Any]:
        """Return both sides of one update as a `BookView`; of `Decimal` if that is `conv_type`, else `float`."""
        _check_limit(limit)
        copy = self._shown()
        number: type[Any] = Decimal if self.conv_type is Decimal else float
        return BookView(
            self.symbol,
            self.state,
            last_update_id=copy.last_update_id,
            event_time=copy.event_time,
            recv_time=copy.recv_time,
            age=self.age,
            bids=copy.bids.levels(limit),
            asks=copy.asks.levels(limit),
            number=number,
            decimals=copy.decimals,
        )

    def add_bid(self, bid: list[Any] | tuple[Any, ...]) -> None:
        """Set a bid level `[price, quantity]`, texts or numbers; quantity zero removes it. Changes this cache alone.

        Raises:
            UsageError: the cache follows a book, which only the exchange changes.
            MalformedFrameError: not a price and a quantity.
        """
        self._change(bid, "bid")

    def add_ask(self, ask: list[Any] | tuple[Any, ...]) -> None:
        """Set an ask level, as `add_bid` does."""
        self._change(ask, "ask")

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

    def __repr__(self) -> str:
        """Show the touch as the exchange writes it, the update id and the number of levels."""
        copy = self._shown()
        sides = (copy.bids, copy.asks)
        bid, ask = (" x ".join(next(iter(side.texts(1, copy.decimals)), ("-", "-"))) for side in sides)
        bids, asks = (len(side.levels(None)) for side in sides)
        return f"<{type(self).__name__} {self.symbol} u={copy.last_update_id} {bid} / {ask}, {bids}/{asks} levels>"

    def __copy__(self) -> Self:
        """Return a cache with the same levels, which the caller may change."""
        return _own_cache(type(self), self.conv_type, self._shown(), self.update_time)

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        """Return a cache with the same levels, which the caller may change."""
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle one update.

        Raises:
            pickle.PicklingError: the conv_type cannot be found by its name, as a lambda cannot.
        """
        if self.conv_type not in (float, str, Decimal):
            try:
                pickle.dumps(self.conv_type)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                msg = f"expected a conv_type that another process can import, was {self.conv_type!r}"
                raise pickle.PicklingError(msg) from error
        return _own_cache, (type(self), self.conv_type, self._shown(), self.update_time)

    def __await__(self) -> NoReturn:
        """Raise an error that shows a coroutine how to receive: `await dcm.recv()` has blocked its event loop."""
        msg = f"a DepthCache is no awaitable: depthactors works in threads; use `{IN_COROUTINE}`"
        raise TypeError(msg)

    def _levels(self, limit: int | None, side: Side) -> list[list[Any]]:
        _check_limit(limit)
        copy, convert, newest = self._shown(), self.conv_type, self._newest
        if newest is not None and newest.update_id != copy.last_update_id:
            newest.look(copy)
        kept = copy.bids if side == "bid" else copy.asks
        if convert is float:
            return kept.floats(limit)
        return [[convert(price), convert(quantity)] for price, quantity in kept.texts(limit, copy.decimals)]

    def _shown(self) -> BookCopy:
        copy = self._copy
        if copy is not None:
            return copy
        if self._followed is not None:
            copy = self._followed.copy
            return copy_book(_empty(self.symbol)) if copy is None else copy
        # Kept until the next change: a reader of one side after the other copies once.
        copy = self._copy = copy_book(_empty(self.symbol) if self._own is None else self._own)
        return copy

    def _check_own(self) -> None:
        if self._followed is not None:
            msg = f"{self.symbol}: expected a cache that may be changed, was a cache that follows the exchange"
            raise UsageError(msg)

    def _change(self, level: list[Any] | tuple[Any, ...], side: Side) -> None:
        self._check_own()
        if self._own is None:
            self._own = _book_of(self._shown())
        book = self._own
        # A float may have more digits than the exchange ever sends, such as those of 0.1 + 0.2.
        texts = [f"{each:.15g}" if isinstance(each, float) else str(each) for each in level[:2]]
        (book.bids if side == "bid" else book.asks).apply(binance.parse_levels([texts]))
        # Levels are read with as many digits as were ever written.
        price, quantity = map(max, book.decimals, map(binance.decimals_of, texts))
        book.decimals = price, quantity
        self._copy = None


def _check_limit(limit: int | None) -> None:
    if limit is None or (type(limit) is int and limit >= 0):
        return
    # A whole number of another library, as numpy's.
    if not isinstance(limit, Integral) or limit < 0:
        msg = f"expected a number of levels of at least 0, was {limit!r}"
        raise UsageError(msg)


def _own_cache(kind: type[CacheT], conv_type: Callable[[str], Any], copy: BookCopy, update_time: int | None) -> CacheT:
    cache = kind.of(copy, conv_type)
    cache.update_time = update_time
    return cache


def _empty(symbol: str) -> OrderBook:
    return OrderBook(symbol, binance.Snapshot(0, 0, 1, (0, 0), [], []), whole=True)


def _book_of(copy: BookCopy) -> OrderBook:
    """Make a book that can be changed; each side is whole, so that no level is beyond an edge."""
    bids, asks = ([number for level in side.levels(None) for number in level] for side in (copy.bids, copy.asks))
    most = 1 + max(len(bids), len(asks))
    snapshot = binance.Snapshot(copy.last_update_id, copy.event_time, most, copy.decimals, bids, asks)
    return OrderBook(copy.symbol, snapshot, recv_time=copy.recv_time, whole=True)
