"""A transport adapter for requests, whose connections another thread can end at any moment."""

from __future__ import annotations

import selectors
import threading
from http.client import HTTPConnection, IncompleteRead
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from requests import Response
from requests.adapters import BaseAdapter

from depthactors.net.deadline import Deadline
from depthactors.net.dial import shut_down
from depthactors.net.handshake import open_socket
from depthactors.net.proxy import proxy_for

if TYPE_CHECKING:
    import socket
    from http.client import HTTPResponse

    from requests import PreparedRequest

    from depthactors.net.proxy import Proxy

_MOST_KEPT: Final = 4
"""Connections that are kept open: the markets of one weight pool have two hosts."""


class CuttableAdapter(BaseAdapter):
    """Sends requests, one at a time, on connections that are kept open. requests itself cannot be interrupted.

    TLS certificates and host names are verified, and there is no way to turn that off.

    Thread: one sends, reads the response and closes; any thread may `cut` and `abort`.
    """

    def __init__(self, proxy: Proxy | None, connect_timeout: float, read_timeout: float) -> None:
        """Open no connection yet.

        Args:
            proxy: proxy for all requests; `None` for the environment's.
            connect_timeout: seconds for all of connecting together: the name, every address of it, a proxy, TLS.
            read_timeout: seconds between two bytes of the answer. To bound the whole answer, call `cut`.
        """
        super().__init__()
        self._proxy = proxy
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._kept: dict[tuple[str, str, Proxy | None], HTTPConnection] = {}
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._request_id = 0
        self._cut_request_id: int | None = None
        self._is_aborted = False

    def begin(self, request_id: int) -> None:
        """Give the next request the id by which `cut` ends it.

        Raises:
            ConnectionAbortedError: the request was cut already.
        """
        with self._lock:
            self._request_id, self._socket = request_id, None
            self._check()

    def send(
        self,
        request: PreparedRequest,
        stream: bool = True,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Send a request and wait for the head of its answer, whatever its status; close the response after reading.

        The other arguments are there for requests, and have no effect: the adapter has its own settings.

        Raises:
            OSError: no connection, no answer in time, or the request was cut; also raised by reads of the response.
            HTTPException: an answer that is not HTTP; also raised by reads of a response that ends too early.
            ValueError: not an address of an HTTP server.
        """
        del stream, timeout, verify, cert, proxies
        url = request.url or ""
        parts = urlsplit(url)
        way = (parts.scheme, parts.netloc, proxy_for(url, self._proxy))
        connection = self._connection(url, way)
        try:
            # The type of a body differs between releases of requests.
            body: Any = request.body
            connection.request(request.method or "GET", request.path_url, body, dict(request.headers))
            answer = connection.getresponse()
        except BaseException:
            connection.close()
            self.check()
            raise
        response = Response()
        response.status_code = answer.status
        response.url, response.request = url, request
        # The first of each name.
        response.headers.update(reversed(answer.headers.items()))
        response.raw = _Body(self, answer, connection, way)
        return response

    def cut(self, request_id: int = 0) -> None:
        """End the request of that id, at once or when it begins, and no other one. Thread: any.

        The next request may have begun by the time that another thread has decided to cut its predecessor. While a name
        is looked up, the request ends after that.
        """
        with self._lock:
            self._cut_request_id = request_id
            if request_id == self._request_id:
                self._shut()

    def abort(self) -> None:
        """End the running request, and any further one. Thread: any."""
        with self._lock:
            self._is_aborted = True
            self._shut()

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._kept:
            self._kept.popitem()[1].close()

    def check(self) -> None:
        """Raise an error if the request was cut, which may look like another failure.

        Raises:
            ConnectionAbortedError: the request was cut.
        """
        with self._lock:
            self._check()

    def keep(self, way: tuple[str, str, Proxy | None], connection: HTTPConnection) -> None:
        """Keep an idle connection for the next request, or close it."""
        if connection.sock is not None and len(self._kept) < _MOST_KEPT:
            self._kept[way] = connection
        else:
            connection.close()

    def _connection(self, url: str, way: tuple[str, str, Proxy | None]) -> HTTPConnection:
        """Return an idle connection: a kept one, or a new one."""
        kept = self._kept.pop(way, None)
        if kept is not None:
            if _is_silent(kept.sock):
                try:
                    self._hold(kept.sock)
                except OSError:
                    kept.close()
                    raise
                return kept
            # The server has closed it meanwhile.
            kept.close()
        # It takes all before the port for the name of the host; user and password are in a header already.
        connection = HTTPConnection(way[1].rpartition("@")[2])
        connection.sock = open_socket(url, way[2], Deadline(self._connect_timeout), self._hold)
        connection.sock.settimeout(self._read_timeout)
        return connection

    def _hold(self, sock: socket.socket) -> None:
        """Have `cut` and `abort` reach a socket.

        Raises:
            ConnectionAbortedError: one of them was called just before.
        """
        with self._lock:
            self._socket = sock
            self._check()

    def _check(self) -> None:
        if self._is_aborted or self._request_id == self._cut_request_id:
            msg = "the request was cut"
            raise ConnectionAbortedError(msg)

    def _shut(self) -> None:
        if self._socket is not None:
            shut_down(self._socket)


class _Body:
    """The body of a response, as requests reads it."""

    def __init__(
        self,
        adapter: CuttableAdapter,
        answer: HTTPResponse,
        connection: HTTPConnection,
        way: tuple[str, str, Proxy | None],
    ) -> None:
        self._adapter = adapter
        self._answer = answer
        self._connection = connection
        self._way = way

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes; none at the end of the body."""
        try:
            piece = self._answer.read(size)
        except BaseException:
            self._adapter.check()
            raise
        if not piece and self._answer.length:
            raise IncompleteRead(piece, self._answer.length)
        return piece

    def close(self) -> None:
        """Keep the connection if the whole body was read, else close it."""
        is_over = self._answer.isclosed()
        self._answer.close()
        if is_over:
            self._adapter.keep(self._way, self._connection)
        else:
            self._connection.close()


def _is_silent(sock: socket.socket) -> bool:
    """Return whether an idle connection has nothing to read, not even its end."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return not selector.select(0)
