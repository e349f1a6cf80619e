"""`ThreadedDepthCacheManager`: the class that python-binance programs use, with one import changed."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from depthactors import reporting
from depthactors.dispatcher.gate import Gate
from depthactors.dispatcher.threads import is_engine_thread
from depthactors.engine import inside
from depthactors.engine.callbacks import check_callback
from depthactors.engine.depth_engine import DepthEngine
from depthactors.engine.lifecycle import PATIENCE
from depthactors.engine.pickling import refuse_pickle
from depthactors.errors import CallbackError, LifecycleError
from depthactors.pacing.seconds import checked_timeout
from depthactors.python_binance import program_end, socket_manager
from depthactors.python_binance.callback_stream import END_TIMEOUT, CallbackStream
from depthactors.python_binance.callback_threads import CallbackThreads, Threads
from depthactors.python_binance.client import Client
from depthactors.python_binance.client_market import market_of
from depthactors.python_binance.client_settings import settings_of
from depthactors.python_binance.missing import IN_COROUTINE, IN_MANAGER, Missing
from depthactors.python_binance.socket_manager import shared
from depthactors.python_binance.subscription import DEFAULT_REFRESH, capture_for, follow

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from depthactors.status import EngineStatus

logger = reporting.logger(__name__)

_LAST_CALL: Final = 2.0
"""Seconds that a callback under way may still take; then the program ends without it."""
_LOOK: Final = 0.05
"""Seconds between two checks of whether the callbacks have been called with the end."""
_LONG: Final = 3600.0
"""Seconds: no system can wait without limit in one call."""

_NOT_RUNNING: Final = "attempting to start a stream {when} will not work"

_serials = count(1)

_IN_COROUTINE: Final = (
    f"; in a coroutine, receive them by `with DepthCacheManager(client, symbol) as dcm:` and `{IN_COROUTINE}`"
)


class ThreadedDepthCacheManager(threading.Thread):
    """Keeps depth caches in threads and calls back with them.

    Has the calls of python-binance's class of the same name. Like that one it is a `Thread` which lives from `start`
    to `stop`, and keeps the program alive meanwhile: the end of the main thread, by `sys.exit()` too, does not end the
    program, Ctrl-C does. Set `daemon = True` before `start` for a program that ends without waiting for it.

    All callbacks of a manager are called from one thread, one at a time, in the order in which the updates came over
    all its books: each update while they keep up, the latest of each stream alone once they are late. The books and
    their readers never wait for a callback. With `threads="book"` each book has such a thread of its own.

    Thread: any may call any method.

    Attributes:
        interrupted: whether Ctrl-C ended the last `join`.
    """

    _new_engine: ClassVar[type[DepthEngine[Any]]] = DepthEngine
    _start_depth_cache = Missing(IN_MANAGER["_start_depth_cache"])

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        requests_params: dict[str, Any] | None = None,
        tld: str = "com",
        testnet: bool = False,
        *,
        session_params: dict[str, Any] | None = None,
        https_proxy: str | None = None,
        verbose: bool = False,
        max_reconnects: int | None = 5,
        processes: int | None = None,
        shared_as: str | None = None,
        threads: Threads = "manager",
    ) -> None:
        """Keep the settings; nothing is started.

        Args:
            api_key: ignored; market data needs no key.
            api_secret: ignored.
            requests_params: a `timeout`, a number or `(connect, read)`, and `proxies`, both as requests takes them.
            tld: `com`, `us`, or another top-level domain of the exchange.
            testnet: use the test networks.
            session_params: a `proxy`.
            https_proxy: `http://host:port` for REST and websockets.
            verbose: log at DEBUG level.
            max_reconnects: tries before a stream is given up; `None` for never.
            processes: number of worker processes that keep the books; callbacks are called here all the same.
            shared_as: the name by which `DepthReader` finds the books in any process of this machine.
            threads: `manager` for one thread that calls all callbacks, `book` for a thread for each book.

        Raises:
            UsageError: an argument is wrong, or cannot be honoured.
        """
        super().__init__(name=f"{type(self).__name__}-{next(_serials)}")
        client = Client(
            api_key,
            api_secret,
            requests_params,
            tld,
            testnet=testnet,
            session_params=session_params,
            https_proxy=https_proxy,
            verbose=verbose,
        )
        self._client = client
        self._engine = self._new_engine(
            max_reconnects=max_reconnects, processes=processes, name=shared_as, **settings_of(client)
        )
        self._streams: dict[str, CallbackStream] = {}
        self._callbacks = CallbackThreads(threads, self._engine)
        self.interrupted = False
        self._was_started = self._was_stopped = False
        self._stopping_callback: threading.Thread | None = None
        self._ended, self._gone = Gate(), Gate()
        # Held only while the names change; reentrant, since a signal handler may run in between.
        self._naming = threading.RLock()

    def start(self) -> None:
        """Start; returns when streams can be started.

        Raises:
            RuntimeError: it was started before (as `Thread.start` does), or the system has no thread to give.
        """
        if self._was_started:
            msg = "the manager was started before: it can be started only once"
            raise LifecycleError(msg)
        self._engine.start()
        try:
            self._callbacks.start()
            super().start()
        except BaseException:
            self._callbacks.close()
            self._engine.stop()
            raise
        self._was_started = True
        program_end.add(self)

    def run(self) -> None:
        """Live until `stop` has done its work and the last callback has returned; `start` calls this."""
        self._engine.wait_stopped()
        if not (self._was_stopped or any(stream.bm is not None for stream in tuple(self._streams.values()))):
            self._end_without_engine()
        self._ended.wait(None)
        # A callback that stops the manager may have something to finish, such as a file to save.
        if self._stopping_callback is not None:
            self._stopping_callback.join()
        self._callbacks.join(_LAST_CALL)
        self._gone.set()

    def _end_without_engine(self) -> None:
        """Stop after the death of the engine, once the callbacks have been called with the end."""
        now = inside.dispatcher_of(self._engine).monotonic
        deadline = now() + END_TIMEOUT
        while now() < deadline and not all(stream.is_over for stream in tuple(self._streams.values())):
            self._ended.wait(_LOOK)
        self.stop()

    def start_depth_cache(
        self,
        callback: Callable[[Any], None],
        symbol: str,
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: Any = None,
        limit: int | str | None = 10,
        conv_type: Callable[[str], Any] = float,
        ws_interval: int | None = 0,
    ) -> str:
        """Follow a spot book; returns its name at once, for `stop_socket`.

        The name is `symbol.lower() + "@depth" + str(limit)`; a second stream that would have it has `#2` behind it.

        Args:
            callback: called in the manager's thread for callbacks with a `DepthCache` after each update while
                the book is right, with a dict `{"e": "error", "type": ..., "m": ...}` for an error, and last
                with `None` when the stream was given up.
            symbol: the symbol, in upper or lower case.
            refresh_interval: seconds between fresh snapshots; `0` or `None` for none.
            bm: a `BinanceSocketManager` whose connections to use; by default all streams share the manager's own.
            limit: how many of the best levels a side are always right; `None` for 100.
            conv_type: type of prices and quantities: `float`, `Decimal`, `str`, any callable of a text.
            ws_interval: `0` or `None` for updates each second, `100` for each 100 ms.

        Raises:
            LifecycleError: before `start`, or after `stop`.
            UsageError: an argument is wrong.
            TypeError: a coroutine function as callback.
        """
        return self._begin("spot", callback, symbol, bm, refresh_interval, limit, conv_type, ws_interval)

    def start_futures_depth_socket(
        self,
        callback: Callable[[Any], None],
        symbol: str,
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: Any = None,
        limit: int | str | None = 10,
        conv_type: Callable[[str], Any] = float,
        ws_interval: int | None = 0,
    ) -> str:
        """Follow a USD-M futures book; arguments and errors as for `start_depth_cache`."""
        return self._begin("usdm", callback, symbol, bm, refresh_interval, limit, conv_type, ws_interval)

    def start_coin_futures_depth_socket(
        self,
        callback: Callable[[Any], None],
        symbol: str,
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: Any = None,
        limit: int | str | None = 10,
        conv_type: Callable[[str], Any] = float,
        ws_interval: int | None = 0,
    ) -> str:
        """Follow a COIN-M futures book; arguments and errors as for `start_depth_cache`."""
        return self._begin("coinm", callback, symbol, bm, refresh_interval, limit, conv_type, ws_interval)

    def start_options_depth_socket(
        self,
        callback: Callable[[Any], None],
        symbol: str,
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: Any = None,
        limit: int | str | None = 10,
        conv_type: Callable[[str], Any] = float,
        ws_interval: int | None = 0,
    ) -> str:
        """Follow an options book; arguments and errors as for `start_depth_cache`."""
        return self._begin("options", callback, symbol, bm, refresh_interval, limit, conv_type, ws_interval)

    def stop_socket(self, socket_name: str) -> None:
        """End one stream: once this returns no further call of its callback begins.

        A call that is under way is not waited for. An unknown name is ignored.
        """
        stream = self._streams.get(socket_name)
        if stream is not None:
            stream.stop()
            self._forget(socket_name, stream)

    def stop(self, timeout: float = 10.0) -> None:
        """End everything within `timeout` seconds: once this returns no further call of a callback begins.

        It may be called twice, from a callback and from a signal handler. A callback under way has half a second to
        return: it may be waiting for the caller of `stop`.

        Raises:
            UsageError: a timeout that is no number of seconds.
        """
        now = inside.dispatcher_of(self._engine).monotonic
        deadline = now() + checked_timeout(timeout)
        self._was_stopped = True
        in_callback = self._callbacks.is_current
        if in_callback:
            self._stopping_callback = threading.current_thread()
        streams = list(self._streams.items())
        for _, stream in streams:
            stream.close()
        self._callbacks.close()
        for name, stream in streams:
            if stream.bm is not None:
                # In a fork there is nothing to end: everything belongs to the parent.
                with suppress(LifecycleError):
                    inside.check_process(stream.engine)
                    stream.stop(deadline)
            self._forget(name, stream)
        self._engine.stop(max(0.0, deadline - now()))
        at_rest = not in_callback and self._callbacks.join(min(PATIENCE, max(0.0, deadline - now())))
        program_end.discard(self)
        self._ended.set()
        if at_rest and self._was_started and threading.current_thread() is not self:
            self._wait(deadline)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it was stopped, or for `timeout` seconds; Ctrl-C interrupts at once.

        Raises:
            RuntimeError: it was not started, or the caller is a callback (as `Thread.join` does).
            UsageError: a timeout that is no number of seconds.
        """
        if not self._was_started:
            msg = "the manager is not started, so it cannot be joined"
            raise LifecycleError(msg)
        if is_engine_thread(threading.current_thread()):
            msg = "expected join outside the manager's callbacks, which it waits for: call stop() there, and return"
            raise LifecycleError(msg)
        self.interrupted = False
        try:
            self._wait(
                inf if timeout is None else inside.dispatcher_of(self._engine).monotonic() + checked_timeout(timeout)
            )
        except KeyboardInterrupt:
            self.interrupted = True
            raise

    def _wait(self, deadline: float) -> None:
        """Wait until the thread has ended, or for the monotonic deadline."""
        # Not `Thread.join` alone: in Python 3.11 the thread counts as ended after a `join` that was interrupted.
        now = inside.dispatcher_of(self._engine).monotonic
        while self.is_alive() and (left := deadline - now()) > 0:
            # In slices, so that Ctrl-C is noticed on every system.
            if self._gone.wait(min(left, 1.0)):
                super().join(min(left, _LONG))

    def status(self) -> EngineStatus:
        """Return the status: a row for each book, connection and weight pool."""
        return self._engine.status()

    def __reduce__(self) -> NoReturn:
        """Raise an error that says what another process can have."""
        refuse_pickle(type(self).__name__, "send a depth cache, or use shared_as=name, and DepthReader(name) elsewhere")

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _begin(
        self,
        market: str,
        callback: Callable[[Any], None],
        symbol: str,
        bm: Any,
        refresh_interval: float | None,
        limit: int | str | None,
        conv_type: Callable[[str], Any],
        ws_interval: int | None,
    ) -> str:
        """Follow a book, and have the callback called with it; returns the stream's name."""
        self._check_running()
        if callback is None:
            msg = "expected a callable as callback, was None"
            raise CallbackError(msg)
        check_callback("callback", callback, instead=_IN_COROUTINE)
        connections = shared(bm)
        if connections is not None:
            socket_manager.check(connections, self._client, market)
        stream = CallbackStream(self._engine, connections, self._callbacks)
        try:
            row = market_of(self._client, market)
            if connections is not None:
                stream.engine = socket_manager.lease(connections, stream)
            stream.handle = follow(
                stream.engine,
                row,
                symbol,
                refresh_interval=refresh_interval,
                limit=limit,
                conv_type=conv_type,
                ws_interval=ws_interval,
            )
            stream.listen(
                callback, capture_for(row, stream.handle.depth, conv_type, inside.dispatcher_of(stream.engine))
            )
            name = self._named(f"{stream.symbol.lower()}@depth{limit}", stream)
        except BaseException:
            # Ctrl-C, for example, which may come anywhere.
            self._withdraw(stream)
            raise
        if self._was_stopped:
            # Another thread has called `stop`, which may not have seen this stream.
            self._withdraw(stream)
            raise LifecycleError(_NOT_RUNNING.format(when="after stop"))
        return name

    def _withdraw(self, stream: CallbackStream) -> None:
        """End a stream whose name the program does not get."""
        for name, other in list(self._streams.items()):
            if other is stream:
                self._forget(name, stream)
        stream.stop()

    def _check_running(self) -> None:
        inside.check_process(self._engine)
        if not self._engine.running:
            when = "after stop" if self._was_started else "before start()"
            raise LifecycleError(_NOT_RUNNING.format(when=when))

    def _named(self, base: str, stream: CallbackStream) -> str:
        """Keep a stream under its name, with `#2` behind it if the name is taken."""
        name, serial = base, 1
        with self._naming:
            # Streams that were given up: their names are free again.
            over = [(each, other) for each, other in self._streams.items() if other.is_over]
            for each, other in over:
                self._forget(each, other)
            while name in self._streams:
                serial += 1
                name = f"{base}#{serial}"
            self._streams[name] = stream
        for _, other in over:
            other.stop()
        return name

    def _forget(self, name: str, stream: CallbackStream) -> None:
        with self._naming:
            if self._streams.get(name) is stream:
                del self._streams[name]
