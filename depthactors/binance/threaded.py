"""`ThreadedDepthCacheManager`: the class that python-binance programs use, with one import changed."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from depthactors import markets
from depthactors.actors.messages import Listener
from depthactors.binance.depth_cache import DepthCache
from depthactors.book import BookState
from depthactors.callbacks import check_callback
from depthactors.engine import DepthEngine
from depthactors.environment import resolve
from depthactors.errors import (
    CallbackError,
    EscalatedError,
    LifecycleError,
    MalformedFrameError,
    SnapshotError,
    StreamError,
    UnknownSymbolError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from depthactors.actors.messages import BookEvent
    from depthactors.book import OrderBook
    from depthactors.engine import EngineStatus
    from depthactors.errors import DepthActorsError
    from depthactors.handle import BookHandle
    from depthactors.markets import Market

logger = logging.getLogger(__name__)

DEFAULT_REFRESH: Final = 1800
"""Seconds between refreshes when the caller does not say: the half hour of the guide."""


_serials = count(1)


class ThreadedDepthCacheManager:
    """Keeps depth caches in threads and calls back with them.

    Has the calls of python-binance's class of the same name; it is no `Thread` itself, but starts,
    joins and tells whether it is alive like one. Any thread may call any method.

    Attributes:
        daemon: its threads are daemons, whatever is set here.
        name: for the program's own use.
    """

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
    ) -> None:
        """Keep the settings; nothing is started.

        Args:
            api_key: not needed for market data, and not kept.
            api_secret: not needed either.
            requests_params: its `timeout` holds, a number or `(connect, read)`, as requests has it.
            tld: `com`, `us`, or another top-level domain of the exchange.
            testnet: use the test networks.
            session_params: accepted for compatibility.
            https_proxy: `http://host:port` for REST and websockets.
            verbose: log at DEBUG level.
            max_reconnects: tries before a stream is given up; `None` for never.
        """
        del api_key, api_secret, session_params
        self._engine = DepthEngine(
            proxy=https_proxy, max_reconnects=max_reconnects, **_timeouts((requests_params or {}).get("timeout"))
        )
        self._tld = tld
        self._testnet = testnet
        self._handles: dict[str, BookHandle] = {}
        self._started = False
        self.daemon = True
        self.name = f"{type(self).__name__}-{next(_serials)}"
        self._naming = threading.RLock()
        if verbose:
            logging.getLogger("depthactors").setLevel(logging.DEBUG)

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
        limit: int = 10,
        conv_type: Callable[[str], Any] = float,
        ws_interval: int | None = 0,
    ) -> str:
        """Follow a spot book; returns its name at once, for `stop_socket`.

        Args:
            callback: called in the book's own thread with a `DepthCache` after each update while the
                book is right, with a dict `{"e": "error", "type": ..., "m": ...}` for an error, and last
                with `None` when the stream was given up.
            symbol: in any case.
            refresh_interval: seconds between fresh snapshots; `0` or `None` for none.
            bm: accepted; one manager's streams share connections anyway.
            limit: how many of the best levels a side are always right.
            conv_type: type of prices and quantities: `float`, `Decimal`, `str`, any callable of a text.
            ws_interval: `0` or `None` for updates each second, `100` for each 100 ms.

        Raises:
            LifecycleError: before `start`, or after `stop`.
            UsageError: an argument that cannot be right.
            TypeError: a coroutine function as callback.
        """
        del bm
        return self._start(callback, symbol, self._spot(), refresh_interval, limit, conv_type, ws_interval)

    def start_futures_depth_socket(
        self,
        callback: Callable[[Any], None],
        symbol: str,
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: Any = None,
        limit: int = 10,
        conv_type: Callable[[str], Any] = float,
        ws_interval: int | None = 0,
    ) -> str:
        """Follow a USD-M futures book; arguments and errors as for `start_depth_cache`."""
        del bm
        return self._start(callback, symbol, self._row("usdm"), refresh_interval, limit, conv_type, ws_interval)

    def start_coin_futures_depth_socket(
        self,
        callback: Callable[[Any], None],
        symbol: str,
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: Any = None,
        limit: int = 10,
        conv_type: Callable[[str], Any] = float,
        ws_interval: int | None = 0,
    ) -> str:
        """Follow a COIN-M futures book; arguments and errors as for `start_depth_cache`."""
        del bm
        return self._start(callback, symbol, self._row("coinm"), refresh_interval, limit, conv_type, ws_interval)

    def start_options_depth_socket(
        self,
        callback: Callable[[Any], None],
        symbol: str,
        refresh_interval: float | None = DEFAULT_REFRESH,
        bm: Any = None,
        limit: int = 10,
        conv_type: Callable[[str], Any] = float,
        ws_interval: int | None = 0,
    ) -> str:
        """Follow an options book; arguments and errors as for `start_depth_cache`."""
        del bm
        return self._start(callback, symbol, self._row("options"), refresh_interval, limit, conv_type, ws_interval)

    def stop_socket(self, socket_name: str) -> None:
        """End one stream; its callback is not called any more on return. An unknown name is ignored."""
        with self._naming:
            handle = self._handles.pop(socket_name, None)
        if handle is not None:
            handle.close()

    def stop(self, timeout: float = 10.0) -> None:
        """End everything within `timeout` seconds; twice, from a callback and from a signal handler is fine."""
        self._engine.stop(timeout)
        self._handles.clear()

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
        callback: Callable[[Any], None],
        symbol: str,
        market: Market,
        refresh_interval: float | None,
        limit: int,
        conv_type: Callable[[str], Any],
        ws_interval: int | None,
    ) -> str:
        if not self._engine.running:
            when = "after stop" if self._started else "before start()"
            msg = f"attempting to start a stream {when} will not work"
            raise LifecycleError(msg)
        if callback is None:
            msg = "expected a callable as callback, was None"
            raise CallbackError(msg)
        check_callback("callback", callback)
        check_callback("conv_type", conv_type)
        if type(limit) is int and limit > market.max_depth:
            logger.warning(
                "! %s: limit %d is more than %s can vouch for, %d it is", symbol, limit, market.name, market.max_depth
            )
            limit = market.max_depth

        def new_listener(handle: BookHandle) -> Listener:
            caller = _Caller(callback, DepthCache.following(handle, conv_type))
            return Listener(caller.update, caller.event, limit)

        with self._naming:
            handle = self._engine.follow(
                symbol,
                depth=limit,
                new_listener=new_listener,
                market=market,
                speed_ms=_speed(market, ws_interval),
                refresh_interval=refresh_interval or None,
            )
            name = f"{handle.symbol.lower()}@depth{limit}"
            serial = 1
            while name in self._handles:
                serial += 1
                name = f"{handle.symbol.lower()}@depth{limit}#{serial}"
            self._handles[name] = handle
        return name

    def _spot(self) -> Market:
        if self._tld == "us":
            return resolve("us")
        row = self._row("spot")
        if self._tld != "com" and not self._testnet and row == markets.SPOT:
            name, domain = f"spot-{self._tld}", f"binance.{self._tld}"
            return replace(
                row,
                name=name,
                weight_pool=name,
                rest_url=f"https://api.{domain}",
                stream_url=f"wss://stream.{domain}:9443",
            )
        return row

    def _row(self, name: str) -> Market:
        return resolve(f"{name}-testnet" if self._testnet else name)


class _Caller:
    """Turns what happens to a book into what the guide's callbacks expect; in the book's own thread."""

    def __init__(self, callback: Callable[[Any], None], cache: DepthCache) -> None:
        self._callback = callback
        self._cache = cache

    def update(self, _book: OrderBook) -> None:
        self._callback(self._cache)

    def event(self, event: BookEvent) -> None:
        kind = _error_type(event.error)
        if kind is not None:
            self._callback({"e": "error", "type": kind, "m": str(event.error)})
        if event.state is BookState.FAILED:
            self._callback(None)


def _error_type(error: DepthActorsError | None) -> str | None:
    """Name an error as the guide does; `None` for what the library mends without a word (a gap)."""
    match error:
        case StreamError():
            return "BinanceWebsocketClosed"
        case EscalatedError():
            return "BinanceWebsocketUnableToConnect"
        case SnapshotError() | MalformedFrameError() | UnknownSymbolError():
            return type(error).__name__
    return None


def _timeouts(timeout: Any) -> dict[str, Any]:
    """Translate what requests takes as a time-out; `None` leaves the engine's own."""
    if timeout is None:
        return {}
    if isinstance(timeout, tuple) and len(timeout) == 2:
        names = ("connect_timeout", "read_timeout")
        return {name: seconds for name, seconds in zip(names, timeout, strict=True) if seconds is not None}
    return {"read_timeout": timeout}


def _speed(market: Market, ws_interval: int | None) -> int:
    """Choose the stream: each 100 ms, or the market's slowest usual one."""
    if ws_interval not in {None, 0, 100}:
        msg = f"expected a ws_interval of 0, None or 100, was {ws_interval!r}"
        raise UsageError(msg)
    if ws_interval == 100:
        return 100
    bare = [speed for speed, suffix in market.speeds if suffix == "@depth"]
    return bare[0] if bare else market.speeds[-1][0]
