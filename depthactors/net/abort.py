"""An adapter for requests whose connections another thread can end, made or still being made."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from depthactors.net.certificates import trusting_context
from depthactors.net.dial import Deadline, shut_down
from depthactors.net.tunnel import open_way

if TYPE_CHECKING:
    import socket

    from depthactors.net.proxy import Proxy

_NO_TIMEOUT: Final = 3600.0
"""Seconds for connecting where the request says none."""


class AbortableAdapter(HTTPAdapter):
    """Remembers its connections' sockets. requests has no way to interrupt a thread that waits for an answer.

    A request's `timeout` for connecting is for the name, every address, a proxy's answer and TLS together.

    Attributes:
        proxy: the proxy of new connections, `None` for none: requests' and the environment's are not asked.
    """

    def __init__(self) -> None:
        """Begin without a connection, and without a proxy."""
        self.proxy: Proxy | None = None
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._request = 0
        self._cut_request: int | None = None
        self._aborted = False
        super().__init__()

    def abort(self) -> None:
        """End every connection; whoever waits on one, or opens one from now on, gets a connection error. Any thread."""
        with self._lock:
            self._aborted = True
            self._shut_down()

    def begin(self, request: int) -> None:
        """Count what is sent and opened from now on as the request of this number.

        Raises:
            ConnectionAbortedError: it was cut already.
        """
        with self._lock:
            self._request = request
            self._check()

    def cut(self, request: int) -> None:
        """Have the request of that number get a connection error, at once or when it begins; no other one. Any thread.

        The next one may have begun by the time that somebody has decided to cut its predecessor.
        """
        with self._lock:
            self._cut_request = request
            if request == self._request:
                self._shut_down()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have the pools make connections that pass their sockets to `remember`."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self)

    def cert_verify(self, conn: Any, *_: Any) -> None:
        """Have certificates verified; which authorities are trusted is in the connection's own context."""
        conn.cert_reqs = "CERT_REQUIRED"

    def remember(self, sock: socket.socket) -> None:
        """Have `cut` reach a socket.

        Raises:
            ConnectionAbortedError: it did already.
        """
        with self._lock:
            # One connection is kept for reuse; older ones have been closed.
            self._sockets = [each for each in self._sockets if each.fileno() >= 0] + [sock]
            self._check()

    def forget(self, sock: socket.socket) -> None:
        """Close a socket, out of the reach of `cut`."""
        with self._lock:
            self._sockets = [each for each in self._sockets if each is not sock]
            sock.close()

    def _check(self) -> None:
        if self._aborted or self._request == self._cut_request:
            msg = "the request was cut"
            raise ConnectionAbortedError(msg)

    def _shut_down(self) -> None:
        for each in self._sockets:
            shut_down(each)


class _Reachable(HTTPConnection):
    """A connection that is made by one deadline, and within the adapter's reach from the first."""

    adapter: AbortableAdapter
    _handle: socket.socket | None = None

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            self._release()
        self.sock.settimeout(self.timeout)
        self.adapter.remember(self.sock)

    def _new_conn(self) -> socket.socket:
        deadline = Deadline(self.timeout or _NO_TIMEOUT)
        try:
            sock = open_way(self._dns_host.strip("[]"), self.port, self.adapter.proxy, deadline, self._hold)
            # TLS, which is next, takes this for its handshake as a whole.
            sock.settimeout(deadline.left())
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        return sock

    def _hold(self, sock: socket.socket) -> None:
        # A second handle on the connection: urllib3 wraps the first in TLS, and tells of that only when it is done.
        self._release()
        self._handle = sock.dup()
        self.adapter.remember(self._handle)

    def _release(self) -> None:
        if self._handle is not None:
            self.adapter.forget(self._handle)
            self._handle = None


def _pool_classes(owner: AbortableAdapter) -> dict[str, Any]:
    class Plain(_Reachable):
        adapter = owner

    class Secure(_Reachable, HTTPSConnection):
        adapter = owner

        def connect(self) -> None:
            self.ssl_context = trusting_context()
            super().connect()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
