"""`BinanceSocketManager`: one set of connections for several managers."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from depthactors import reporting
from depthactors.binance.client import settings_of
from depthactors.binance.missing import missing_in_socket_manager
from depthactors.engine import DepthEngine
from depthactors.errors import LifecycleError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

logger = reporting.logger(__name__)


class BinanceSocketManager:
    """Connections to hand to managers as `bm=`, which then share them.

    They are made when the first manager needs them, and end with the last one's stream. Any thread.
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
            client: whose proxy and time-out are used.
            user_timeout: of user streams, which are not served here.
            max_queue_size: accepted; a slow callback is spared updates instead of losing the stream.
            verbose: log at DEBUG level.
            max_reconnects: tries before a stream is given up; `None` for never.
        """
        del user_timeout, max_queue_size
        self._settings = settings_of(client)
        self._max_reconnects = max_reconnects
        # A signal handler may come between: it runs in the same thread.
        self._lock = threading.RLock()
        self._engine: DepthEngine | None = None
        self._leases = 0
        self._closed = False
        if verbose:
            logging.getLogger("depthactors").setLevel(logging.DEBUG)

    def lease(self) -> DepthEngine:
        """Return the running engine for one more stream; for managers, which give it back by `give_back`.

        Raises:
            LifecycleError: it was closed.
        """
        with self._lock:
            if self._closed:
                msg = "expected a socket manager that was not closed yet"
                raise LifecycleError(msg)
            if self._engine is None or not self._engine.running:
                self._engine = DepthEngine(max_reconnects=self._max_reconnects, **self._settings).start()
                self._leases = 0
            self._leases += 1
            return self._engine

    def give_back(self, engine: DepthEngine, timeout: float = 10.0) -> None:
        """Take a lease back; the last one ends the connections within `timeout` seconds."""
        with self._lock:
            if engine is not self._engine:
                return
            self._leases -= 1
            if self._leases > 0:
                return
            self._engine = None
        engine.stop(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """End every connection within `timeout` seconds, and with them the streams that use them; idempotent."""
        with self._lock:
            engine, self._engine, self._closed = self._engine, None, True
        if engine is not None:
            engine.stop(timeout)

    def __getattr__(self, name: str) -> NoReturn:
        """Say of streams that only python-binance's has where they are."""
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
    """Return what a manager was given as `bm` if it is of this library; another one is left, with a warning."""
    if bm is None or isinstance(bm, BinanceSocketManager):
        return bm
    logger.warning("~ bm=%r is no BinanceSocketManager of depthactors: it is not used", bm)
    return None
