"""`DepthCacheManager` and its siblings for futures and options: one book, received when the program asks."""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from depthactors.actors.cell import Listener
from depthactors.dispatcher.gate import Gate
from depthactors.engine import inside
from depthactors.engine.pickling import refuse_pickle
from depthactors.engine.uninitialised import absent
from depthactors.errors import LifecycleError, NotLiveError, UsageError
from depthactors.exceptions.own import ReadLoopClosed, read_loop_closed
from depthactors.pacing.seconds import checked_timeout
from depthactors.python_binance import socket_manager
from depthactors.python_binance.client_market import market_of
from depthactors.python_binance.depth_cache import DepthCache
from depthactors.python_binance.error_dicts import error_messages
from depthactors.python_binance.missing import HOOKS, IN_COROUTINE
from depthactors.python_binance.socket_manager import BinanceSocketManager, shared
from depthactors.python_binance.subscription import DEFAULT_REFRESH, follow, own_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from depthactors.actors.book_event import BookEvent
    from depthactors.book import BookState, BookView, OrderBook
    from depthactors.book.copied import BookCopy
    from depthactors.book.part import OwnPart
    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.engine.handle import BookHandle


class DepthCacheManager:
    """Follows one spot book from the beginning of `with` to its end; `recv` waits for its next change and returns it.

    Between two calls of `recv` updates are merged: the latest book is returned, not each one.

    Thread: any may call any method.
    """

    _market: ClassVar[str] = "spot"

    def __init__(
        self,
        client: Any = None,
        symbol: str = "",
        loop: Any = None,
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: Any = None,
        limit: int | str | None = 500,
        conv_type: Callable[[str], Any] = float,
        ws_interval: int | None = None,
        *,
        callback: Any = None,
    ) -> None:
        """Keep the settings; nothing is started.

        Args:
            client: a `Client` of this package or of python-binance; `None` for that of `bm`, or the usual exchange.
            symbol: the symbol, in upper or lower case.
            loop: accepted and ignored with a warning: there is no event loop here.
            refresh_interval: seconds between fresh snapshots; `0` or `None` for none.
            bm: a `BinanceSocketManager` whose connections to share; one of its own by default.
            limit: how many of the best levels a side are always right; `None` for 100.
            conv_type: type of prices and quantities: `float`, `Decimal`, `str`, any callable of a text.
            ws_interval: `0` or `None` for updates each second, `100` for each 100 ms.
            callback: refused, here and in the place of `loop`, where python-binance before 1.0 had it.

        Raises:
            UsageError: a callback, a `bm` of another library or of another place, or a client without
                `tld` and `testnet`, or a setting that cannot be honoured.
        """
        if callback is not None or callable(loop):
            raise UsageError(_BEFORE_V1.format(kind=type(self).__name__))
        if loop is not None:
            warnings.warn("loop is ignored: depthactors works in threads", UserWarning, stacklevel=2)
        connections = shared(bm)
        if connections is not None:
            socket_manager.check(connections, client, self._market)
            client = connections.client if client is None else client
        self._row = market_of(client, self._market)
        self._symbol = symbol
        self._options: dict[str, Any] = {
            "refresh_interval": refresh_interval,
            "limit": limit,
            "conv_type": conv_type,
            "ws_interval": ws_interval,
        }
        self._conv_type = conv_type
        self._bm = connections or BinanceSocketManager(client)
        # Held only while the following attributes change; reentrant, since a signal handler may run in between.
        self._lifecycle = threading.RLock()
        self._stay: object | None = None
        self._engine: DepthEngine | None = None
        self._handle: BookHandle | None = None
        self._shown: _Shown | None = None
        # Held only while the following attributes change, and by no wait: a signal handler may raise anywhere.
        self._changing = threading.RLock()
        # Open while there may be something for `recv`.
        self._news = Gate()
        self._messages: deque[dict[str, Any] | None] = deque(maxlen=100)
        self._changed = False
        self._latest = 0
        self._over = True

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse a subclass that replaces a private method of python-binance's manager, which is never called here.

        Raises:
            UsageError: it has one of these private methods.
        """
        super().__init_subclass__(**options)
        if replaced := [name for name in HOOKS if name in vars(cls)]:
            msg = (
                f"expected a subclass without what is private to python-binance's managers, was {cls.__name__} with "
                f"{', '.join(replaced)}, which nothing calls here: leave it out and give `limit`; books are whole, so "
                "deep and deeper, on spot, futures and options alike"
            )
            raise UsageError(msg)

    def __enter__(self) -> Self:
        """Start to follow the book; returns at once.

        Raises:
            LifecycleError: it follows one already, or `bm` was closed.
            UsageError: an argument that cannot be right.
        """
        stay = object()
        with self._lifecycle:
            if self._stay is not None:
                msg = "expected a manager that was not entered yet, or closed since"
                raise LifecycleError(msg)
            self._stay = stay
            with self._changing:
                self._messages.clear()
                self._changed = self._over = False
                self._latest = 0
        engine = handle = None
        try:
            engine = socket_manager.lease(self._bm, stay)
            handle = follow(engine, self._row, self._symbol, **self._options)
            inside.listen(handle, self._listener(handle))
            with self._lifecycle:
                if self._stay is not stay:
                    msg = "expected a manager that is not closed while it is entered"
                    raise LifecycleError(msg)  # noqa: TRY301 - it ends as any other failure does
                self._engine, self._handle = engine, handle
        except BaseException:
            with self._lifecycle:
                if self._stay is stay:
                    self._stay = self._engine = None
            self._end(stay, engine, handle)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def __iter__(self) -> Iterator[DepthCache | dict[str, Any]]:
        """Yield what `recv` returns, up to the end of the stream or `close`."""
        while True:
            try:
                message = self.recv()
            except ReadLoopClosed:
                return
            if message is None:
                return
            yield message

    def recv(self, timeout: float | None = None) -> DepthCache | dict[str, Any] | None:
        """Wait for the book to change and return it.

        Ctrl-C interrupts the wait.

        Args:
            timeout: seconds to wait; `None` for as long as it takes.

        Returns:
            The book as a `DepthCache` that does not change any more; an error dict; or `None`, once,
            when the stream was given up.

        Raises:
            NotLiveError: nothing came in `timeout` seconds; it is a `TimeoutError`.
            ReadLoopClosed: it was closed or given up, or not entered yet.
            UsageError: a timeout that is no number of seconds.
        """
        deadline = None if timeout is None else time.monotonic() + checked_timeout(timeout)
        while True:
            message = self._next(deadline)
            if not isinstance(message, _Changed):
                return message
            copy = None if self._shown is None else self._shown.copy
            # What was returned may have been newer than the update that it was returned for.
            if copy is not None and copy.last_update_id != self._latest:
                self._latest = copy.last_update_id
                return DepthCache.of(copy, self._conv_type)

    def get_depth_cache(self) -> DepthCache:
        """Return the cache that follows the book.

        Raises:
            ReadLoopClosed: not entered.
        """
        handle, shown = self._handle, self._shown
        if handle is None or shown is None:
            raise read_loop_closed(_CLOSED)
        return DepthCache.following(handle.symbol, shown, self._conv_type)

    def get_symbol(self) -> str:
        """Return the symbol as it was given."""
        return self._symbol

    def close(self) -> None:
        """End the stream, and its connections unless they are shared. The manager can be entered again."""
        with self._lifecycle:
            stay, engine, handle = self._stay, self._engine, self._handle
            if engine is None:
                # It may be being entered at this moment: that fails then, and gives back what it got.
                self._stay = None
            with self._changing:
                self._over = True
                self._news.set()
        if engine is not None:
            self._end(stay, engine, handle)
            # Not sooner: after a Ctrl-C before this line, `close` may be called again.
            with self._lifecycle:
                if self._stay is stay:
                    self._stay = self._engine = None

    def _end(self, stay: object, engine: DepthEngine | None, handle: BookHandle | None) -> None:
        try:
            # An engine that has died is given back, too.
            if handle is not None and engine is not None and engine.running:
                handle.close()
        finally:
            socket_manager.give_back(self._bm, stay)

    if not TYPE_CHECKING:
        # Out of sight of type checkers, which find a missing name by themselves.

        def __getattr__(self, name: str) -> NoReturn:
            """Raise an error that says what a subclass has forgotten."""
            raise absent(self, name, ("_lifecycle", "_engine", "_handle", "_symbol"))

    def __reduce__(self) -> NoReturn:
        """Raise an error that says what another process can have."""
        refuse_pickle(type(self).__name__, "send the depth caches that recv() returns")

    def __aenter__(self) -> NoReturn:
        """Raise an error that shows a program written for asyncio what to do here."""
        form = f"`with {type(self).__name__}(...) as dcm:` and `dcm.recv()`, in a coroutine `{IN_COROUTINE}`"
        msg = f"use {form}: depthactors works in threads, not asyncio"
        raise TypeError(msg)

    def __aexit__(self, *_: object) -> NoReturn:
        """Never called: `async with` needs it before it calls `__aenter__`."""
        self.__aenter__()

    def _next(self, deadline: float | None) -> dict[str, Any] | _Changed | None:
        """Wait for a message or a change, whichever comes first."""
        if self._engine is not None:
            inside.check_process(self._engine)
        while True:
            with self._changing:
                if self._messages:
                    return self._messages.popleft()
                if self._over:
                    raise read_loop_closed(_CLOSED)
                if self._changed:
                    self._changed = False
                    return _Changed()
                self._news.clear()
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                msg = f"{self._symbol}: expected an update in time, was none"
                raise NotLiveError(msg)
            self._news.wait(left)

    def _listener(self, handle: BookHandle) -> Listener:
        shown = self._shown = _Shown(handle, own_part(self._row, handle.depth))

        def on_update(book: OrderBook | BookView[Any]) -> None:
            shown.take(book)
            with self._changing:
                self._changed = True
                self._news.set()

        # Called in the book's turn: neither function waits.
        return Listener(on_update, self._on_event, handle.depth)

    def _on_event(self, event: BookEvent) -> None:
        with self._changing:
            if self._over:
                # Closed, or given up: nothing is returned after that.
                return
            self._messages += error_messages(event)
            self._over = event.state.over
            self._news.set()


class FuturesDepthCacheManager(DepthCacheManager):
    """Follows one USD-M futures book, as `DepthCacheManager` does a spot one."""

    _market = "usdm"


class OptionsDepthCacheManager(DepthCacheManager):
    """Follows one options book, as `DepthCacheManager` does a spot one."""

    _market = "options"


class _Changed:
    """A sign that the book has changed; the book itself is read when the program asks."""


class _Shown:
    """A book as its stream last showed it.

    Attributes:
        copy: the latest update, `None` before the first.
    """

    __slots__ = ("_handle", "_part", "copy")

    def __init__(self, handle: BookHandle, part: OwnPart) -> None:
        self.copy: BookCopy | None = None
        self._handle = handle
        self._part = part

    @property
    def state(self) -> BookState:
        """What may be believed of the book at this moment."""
        return self._handle.state

    def take(self, book: OrderBook | BookView[Any]) -> None:
        """Show another update. Thread: the book's."""
        self.copy = self._part.copy(book)


_BEFORE_V1 = (
    "{kind}(client, symbol, callback) is the form of python-binance before 1.0; use "
    "`with {kind}(client, symbol) as dcm:` and `dcm.recv()`, or "
    "`ThreadedDepthCacheManager().start_depth_cache(callback, symbol)`"
)
_CLOSED = "the manager is not open: it was closed, given up, or not entered"
