"""An adapter for requests whose connections another thread can end, however long their answers take."""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


class AbortableAdapter(HTTPAdapter):
    """Remembers its connections' sockets. requests has no way to interrupt a thread that waits for an answer."""

    def __init__(self) -> None:
        """Begin without a connection."""
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._aborted = False
        super().__init__()

    def abort(self) -> None:
        """End every connection; whoever waits on one, or opens one from now on, gets a connection error. Any thread."""
        with self._lock:
            self._aborted = True
        self.cut()

    def cut(self) -> None:
        """End every connection there is; whoever waits on one gets a connection error. Any thread."""
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            _shut_down(each)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have the pools make connections that tell of their sockets."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._remember)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Do the same behind a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _pool_classes(self._remember)
        return manager

    def _remember(self, sock: socket.socket) -> None:
        with self._lock:
            # One connection is kept for reuse; older ones have been closed.
            self._sockets = [each for each in self._sockets if each.fileno() >= 0] + [sock]
            aborted = self._aborted
        if aborted:
            _shut_down(sock)


def _pool_classes(remember: Callable[[socket.socket], None]) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            remember(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            remember(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _shut_down(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        logger.debug("over already: %s", error)
