"""`ThreadedDepthCacheManager`: the class that python-binance programs use, with one import changed."""

from __future__ import annotations

import threading
import time
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthactors import reporting
from depthactors.binance.client import Client
from depthactors.binance.client_market import market_of
from depthactors.binance.client_settings import settings_of
from depthactors.binance.follow import DEFAULT_REFRESH, follow
from depthactors.binance.messages import error_messages
from depthactors.binance.missing import IN_COROUTINE, IN_MANAGER, Missing
from depthactors.binance.socket_manager import BinanceSocketManager, shared
from depthactors.book import BookState
from depthactors.callbacks import check_callback
from depthactors.engine import DepthEngine
from depthactors.errors import CallbackError, LifecycleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from depthactors.actors.messages import BookEvent
    from depthactors.handle import BookHandle
    from depthactors.status import EngineStatus

logger = reporting.logger(__name__)

_END_TIMEOUT: Final = 5.0
"""Seconds for one stream to end when nobody says otherwise."""

_serials = count(1)

_IN_COROUTINE: Final = (
    f"; in a coroutine, receive them by `with DepthCacheManager(client, symbol) as dcm:` and `{IN_COROUTINE}`"
)


class ThreadedDepthCacheManager:
    """Keeps depth caches in threads and calls back with them.

    Has the calls of python-binance's class of the same name; it is no `Thread` itself, but starts,
    joins and tells whether it is alive like one. Any thread may call any method.

    Attributes:
        daemon: its threads are daemons, whatever is set here.
        name: for the program's own use.
    """

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
    ) -> None:
        """Keep the settings; nothing is started.

        Args:
            api_key: not needed for market data, and not kept.
            api_secret: not needed either.
            requests_params: its `timeout`, a number or `(connect, read)`, and its `proxies` hold, as requests has them.
            tld: `com`, `us`, or another top-level domain of the exchange.
            testnet: use the test networks.
            session_params: its `proxy` holds.
            https_proxy: `http://host:port` for REST and websockets.
            verbose: log at DEBUG level.
            max_reconnects: tries before a stream is given up; `None` for never.
            processes: so many worker processes keep the books; callbacks are called here all the same.
            shared_as: the name by which `DepthReader` finds the books in any process of this machine.

        Raises:
            UsageError: an argument that cannot be right, or cannot be honoured.
        """
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
        self._engine = DepthEngine(
            max_reconnects=max_reconnects, processes=processes, name=shared_as, **settings_of(client)
        )
        self._streams: dict[str, _Stream] = {}
        self._started = False
        self._was_stopped = False
        self.daemon = True
        self.name = f"{type(self).__name__}-{next(_serials)}"
        self._naming = threading.RLock()

    def start(self) -> None:
        """Start; returns when streams can be started.

        Raises:
            RuntimeError: it was started before, as `Thread.start` does.
        """
        if self._started:
            msg = "expected a manager that was not started yet: it can be started only once"
            raise LifecycleError(msg)
        self._engine.start()
        self._started = True

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
            callback: called in the book's own thread with a `DepthCache` after each update while the
                book is right, with a dict `{"e": "error", "type": ..., "m": ...}` for an error, and last
                with `None` when the stream was given up: in another thread if the book's keeps dying.
            symbol: in any case.
            refresh_interval: seconds between fresh snapshots; `0` or `None` for none.
            bm: a `BinanceSocketManager` whose connections to use; by default all streams share the manager's own.
            limit: how many of the best levels a side are always right; `None` for 100.
            conv_type: type of prices and quantities: `float`, `Decimal`, `str`, any callable of a text.
            ws_interval: `0` or `None` for updates each second, `100` for each 100 ms.

        Raises:
            LifecycleError: before `start`, or after `stop`.
            UsageError: an argument that cannot be right.
            TypeError: a coroutine function as callback.
        """
        return self._start("spot", callback, symbol, bm, refresh_interval, limit, conv_type, ws_interval)

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
        return self._start("usdm", callback, symbol, bm, refresh_interval, limit, conv_type, ws_interval)

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
        return self._start("coinm", callback, symbol, bm, refresh_interval, limit, conv_type, ws_interval)

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
        return self._start("options", callback, symbol, bm, refresh_interval, limit, conv_type, ws_interval)

    def stop_socket(self, socket_name: str) -> None:
        """End one stream; its callback is not called any more on return. An unknown name is ignored."""
        with self._naming:
            stream = self._streams.pop(socket_name, None)
        if stream is not None:
            stream.end()

    def stop(self, timeout: float = 10.0) -> None:
        """End everything within `timeout` seconds; twice, from a callback and from a signal handler is fine."""
        self._was_stopped = True
        deadline = time.monotonic() + timeout
        # In a fork there is nothing to end: it is all the parent's.
        for name in list(self._streams):
            stream = self._streams.pop(name, None)
            if stream is not None and stream.bm is not None and stream.engine.running:
                stream.end(deadline)
        self._engine.stop(max(0.0, deadline - time.monotonic()))

    def join(self, timeout: float | None = None) -> None:
        """Wait until it was stopped, or for `timeout` seconds; Ctrl-C interrupts at once.

        Raises:
            RuntimeError: it was not started, as `Thread.join` does.
        """
        if not self._started:
            msg = "expected a started manager to join, was one that was not started yet"
            raise LifecycleError(msg)
        self._engine.wait_stopped(timeout)

    def is_alive(self) -> bool:
        """Tell whether it was started and not stopped."""
        return self._engine.running

    def status(self) -> EngineStatus:
        """Tell how everything does, a row a book, a connection and a weight pool."""
        return self._engine.status()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _start(
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
        self._engine.check_process()
        if not self._engine.running:
            when = "after stop" if self._started else "before start()"
            msg = f"attempting to start a stream {when} will not work"
            raise LifecycleError(msg)
        if callback is None:
            msg = "expected a callable as callback, was None"
            raise CallbackError(msg)
        check_callback("callback", callback, instead=_IN_COROUTINE)
        connections = shared(bm)
        if connections is not None:
            connections.check(self._client, market)
        engine = self._engine if connections is None else connections.lease()
        try:
            with self._naming:
                handle = follow(
                    engine,
                    market_of(self._client, market),
                    symbol,
                    update=callback,
                    event=partial(_notify, callback, self),
                    refresh_interval=refresh_interval,
                    limit=limit,
                    conv_type=conv_type,
                    ws_interval=ws_interval,
                )
                return self._named(f"{handle.symbol.lower()}@depth{limit}", _Stream(handle, engine, connections))
        except BaseException:
            if connections is not None:
                connections.give_back(engine)
            raise

    def _named(self, base: str, stream: _Stream) -> str:
        """Keep a stream under its name, which `#2` is put behind where it is taken; the lock is held."""
        for over in [name for name, each in self._streams.items() if each.handle.state is BookState.FAILED]:
            # Given up: its name is free again.
            self._streams.pop(over).end()
        name = base
        serial = 1
        while name in self._streams:
            serial += 1
            name = f"{base}#{serial}"
        self._streams[name] = stream
        return name


class _Stream(NamedTuple):
    """One stream, and where its connections come from if not from the manager itself."""

    handle: BookHandle
    engine: DepthEngine
    bm: BinanceSocketManager | None

    def end(self, deadline: float | None = None) -> None:
        """Follow the book no more; its callback is not called again, unless it is stuck at the monotonic deadline."""
        given = time.monotonic() + _END_TIMEOUT if deadline is None else deadline
        try:
            self.engine.unsubscribe(self.handle, max(0.0, given - time.monotonic()))
        finally:
            if self.bm is not None:
                self.bm.give_back(self.engine, max(0.0, given - time.monotonic()))


def _notify(callback: Callable[[Any], None], manager: ThreadedDepthCacheManager, event: BookEvent) -> None:
    """Turn what happened to a book into what the guide's callbacks expect; in the thread that calls `on_event`."""
    for message in error_messages(event):
        # Who stopped at the error, or before it, wants to hear no more.
        if not manager._was_stopped:  # noqa: SLF001 - a friend
            callback(message)
