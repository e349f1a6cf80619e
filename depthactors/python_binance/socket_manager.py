"""`BinanceSocketManager`: one set of connections for several managers."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn

from depthactors import reporting
from depthactors.engine.depth_engine import DepthEngine
from depthactors.errors import LifecycleError, UsageError
from depthactors.python_binance.client_market import market_of
from depthactors.python_binance.client_settings import settings_of
from depthactors.python_binance.missing import missing_in_socket_manager

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

logger = reporting.logger(__name__)

_ADDRESSES: Final = ("STREAM_URL", "FSTREAM_URL", "DSTREAM_URL")


class BinanceSocketManager:
    """Connections to hand to managers as `bm=`, which then share them.

    The first stream that uses them opens them, the last one closes them.

    Thread: any may call any method.

    Attributes:
        client: the client as it was given.
    """

    def __init__(
        self,
        client: Any = None,
        user_timeout: float = 300,
        max_queue_size: int = 100,
        verbose: bool = False,
        *,
        max_reconnects: int | None = 5,
    ) -> None:
        """Keep the settings; nothing is started.

        Args:
            client: the client whose proxy and time-outs are used; a manager with another exchange or proxy is refused.
            user_timeout: ignored; there are no user streams here.
            max_queue_size: ignored; a slow callback gets fewer updates, and the stream goes on.
            verbose: log at DEBUG level.
            max_reconnects: tries before a stream is given up; `None` for never.

        Raises:
            UsageError: the client has a setting that cannot be honoured.
        """
        del user_timeout, max_queue_size
        self.client = client
        self._settings = settings_of(client)
        self._max_reconnects = max_reconnects
        # A signal handler may come between: it runs in the same thread.
        self._lock = threading.RLock()
        self._engine: DepthEngine | None = None
        self._holders: set[object] = set()
        # Engines that are not stopped yet: a stop that Ctrl-C interrupts is repeated by the next.
        self._ending: set[DepthEngine] = set()
        self._closed = False
        if verbose or getattr(client, "verbose", False) is True:
            logging.getLogger("depthactors").setLevel(logging.DEBUG)

    def _check(self, client: Any, market: str) -> None:
        for name in _ADDRESSES:
            # The class has none, unless a program has given it one.
            if (address := getattr(self, name, None)) is not None:
                msg = f"expected a Client to say where the exchange is, by tld, testnet or demo, was {name}={address!r}"
                raise UsageError(msg)
        if client is None:
            return
        row, own = market_of(client, market), market_of(self.client, market)
        if self.client is not None and own != row:
            msg = f"expected a bm of the client's {row.name} ({row.rest_url}), was one of {own.name} ({own.rest_url})"
            raise UsageError(msg)
        given = {name: value for name, value in settings_of(client).items() if value is not None}
        # The names alone: the address of a proxy may hold a password.
        if others := ", ".join(name for name, value in given.items() if self._settings.get(name) != value):
            msg = f"expected a bm with the client's {others}, as BinanceSocketManager(client) has, was one without"
            raise UsageError(msg)

    def _lease(self, holder: object) -> DepthEngine:
        with self._lock:
            if self._closed:
                msg = "expected a socket manager that was not closed yet"
                raise LifecycleError(msg)
            if self._engine is None or not self._engine.running:
                self._engine = DepthEngine(max_reconnects=self._max_reconnects, **self._settings).start()
                self._holders.clear()
            self._holders.add(holder)
            return self._engine

    def _give_back(self, holder: object, timeout: float) -> None:
        with self._lock:
            self._holders.discard(holder)
            if self._holders:
                return
            self._let_go()
        self._stop_ending(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """End every connection within `timeout` seconds, and with them the streams that use them; idempotent."""
        with self._lock:
            self._closed = True
            self._let_go()
        self._stop_ending(timeout)

    def _let_go(self) -> None:
        """Mark the engine as ending; the next lease makes another. The lock is held."""
        if self._engine is not None:
            self._ending.add(self._engine)
            self._engine = None

    def _stop_ending(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        for engine in tuple(self._ending):
            engine.stop(max(0.0, deadline - time.monotonic()))
            self._ending.discard(engine)

    if not TYPE_CHECKING:
        # Out of sight of type checkers, which find these names missing by themselves.

        def __getattr__(self, name: str) -> NoReturn:
            """Raise an error that says where to find the streams that only python-binance has."""
            raise missing_in_socket_manager(type(self).__name__, name)

    def __enter__(self) -> Self:
        """Return the socket manager itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def shared(bm: Any) -> BinanceSocketManager | None:
    """Return what a manager was given as `bm`.

    Raises:
        UsageError: it is not a socket manager of this package.
    """
    if bm is None or isinstance(bm, BinanceSocketManager):
        return bm
    msg = f"expected bm as `from depthactors import BinanceSocketManager` has it, was {bm!r}"
    raise UsageError(msg)


# What managers need, and a program does not: `help()` of a socket manager has none of it.


def check(bm: BinanceSocketManager, client: Any, market: str) -> None:
    """Refuse a manager whose client has another exchange, proxy or time-out than the socket manager's.

    Args:
        bm: the socket manager.
        client: the manager's client; `None` agrees with any.
        market: `spot`, `usdm`, `coinm` or `options`.

    Raises:
        UsageError: the two differ, or an address was set, as programs do with python-binance's.
    """
    bm._check(client, market)


def lease(bm: BinanceSocketManager, holder: object) -> DepthEngine:
    """Return the running engine for one more stream, which is given back by `give_back`.

    Raises:
        LifecycleError: the socket manager is closed.
    """
    return bm._lease(holder)


def give_back(bm: BinanceSocketManager, holder: object, timeout: float = 10.0) -> None:
    """Take a lease back; the last one ends the connections within `timeout` seconds. Twice is harmless."""
    bm._give_back(holder, timeout)
