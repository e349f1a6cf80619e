"""HTTP GET, one at a time, on connections that are kept open. Another thread can end a request at any moment."""

from __future__ import annotations

import selectors
import threading
import zlib
from http.client import HTTPConnection, HTTPException, IncompleteRead
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from depthactors.binance.http_answer import HttpAnswer
from depthactors.net.deadline import Deadline
from depthactors.net.dial import shut_down
from depthactors.net.handshake import open_socket
from depthactors.version import VERSION

if TYPE_CHECKING:
    import socket
    from http.client import HTTPResponse

    from depthactors.net.proxy import Proxy

_PIECE: Final = 64 * 1024
_MOST_KEPT: Final = 4
"""Connections that are kept open: the markets of one weight pool have two hosts."""


class Getter:
    """Sends requests. Thread: one calls `get` and `close`; any thread may `cut` and `abort`.

    No redirect is followed, no cookie kept, no `.netrc` read. TLS certificates and host names are verified, and there
    is no way to turn that off.
    """

    def __init__(self, longest: int, connect_timeout: float, read_timeout: float) -> None:
        """Open no connection yet.

        Args:
            longest: bytes of an unpacked body that may be read.
            connect_timeout: seconds for all of connecting together: the name, every address of it, a proxy, TLS.
            read_timeout: seconds between two bytes of the answer. To bound the whole answer, call `cut`.
        """
        self._longest = longest
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._kept: dict[tuple[str, str, Proxy | None], HTTPConnection] = {}
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._request = 0
        self._cut_request: int | None = None
        self._is_aborted = False

    def get(self, url: str, proxy: Proxy | None, request: int = 0) -> HttpAnswer:
        """Send a request and wait for its answer, whatever its status.

        Args:
            url: `http://` or `https://`, with its query.
            proxy: the proxy to go through, `None` for none.
            request: the number by which another thread may `cut` this request.

        Raises:
            OSError: no connection, no answer in time, or the request was cut.
            HTTPException: an answer that is not HTTP, that ends too early, or that is packed in an unknown way.
            ValueError: not such an address.
        """
        with self._lock:
            self._request, self._socket = request, None
            self._check()
        parts = urlsplit(url)
        way = (parts.scheme, parts.netloc, proxy)
        connection = self._connection(url, way)
        target = parts._replace(scheme="", netloc="").geturl() or "/"
        headers = {"Host": parts.netloc, "Accept-Encoding": "gzip", "User-Agent": f"depthactors/{VERSION}"}
        try:
            connection.request("GET", target, headers=headers)
            with connection.getresponse() as response:
                body = _body_of(response, self._longest)
                answer = HttpAnswer(response.status, _headers_of(response), body)
                is_over = response.isclosed()
        except BaseException:
            connection.close()
            with self._lock:
                # The cut is the cause, whatever it looked like to this thread.
                self._check()
            raise
        if is_over and connection.sock is not None and len(self._kept) < _MOST_KEPT:
            self._kept[way] = connection
        else:
            connection.close()
        return answer

    def cut(self, request: int = 0) -> None:
        """End the request of that number, at once, or when it begins; no other one. Any thread.

        The next request may have begun by the time that another thread has decided to cut its predecessor. While a name
        is looked up, the request ends after that.
        """
        with self._lock:
            self._cut_request = request
            if request == self._request:
                self._shut()

    def abort(self) -> None:
        """End the request under way, and any further one. Any thread."""
        with self._lock:
            self._is_aborted = True
            self._shut()

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._kept:
            self._kept.popitem()[1].close()

    def _connection(self, url: str, way: tuple[str, str, Proxy | None]) -> HTTPConnection:
        """Return a connection on which nothing is under way: one that is kept, or a new one."""
        kept = self._kept.pop(way, None)
        if kept is not None:
            if _is_silent(kept.sock):
                self._hold(kept.sock)
                return kept
            # The server has closed it meanwhile.
            kept.close()
        sock = open_socket(url, way[2], Deadline(self._connect_timeout), self._hold)
        sock.settimeout(self._read_timeout)
        connection = HTTPConnection(way[1])
        connection.sock = sock
        return connection

    def _hold(self, sock: socket.socket) -> None:
        """Have `cut` and `abort` reach a socket.

        Raises:
            ConnectionAbortedError: they were called before.
        """
        with self._lock:
            self._socket = sock
            self._check()

    def _check(self) -> None:
        if self._is_aborted or self._request == self._cut_request:
            msg = "the request was cut"
            raise ConnectionAbortedError(msg)

    def _shut(self) -> None:
        if self._socket is not None:
            shut_down(self._socket)


def _is_silent(sock: socket.socket) -> bool:
    """Return whether a connection without a request brings nothing, so not its end either."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return not selector.select(0)


def _headers_of(response: HTTPResponse) -> dict[str, str]:
    """Return the headers by their names in lower case, the first of each name."""
    return {name.lower(): value for name, value in reversed(response.headers.items())}


def _body_of(response: HTTPResponse, longest: int) -> bytes | None:
    """Read the whole body and unpack it; `None` if it is larger than `longest`, or packed and cut off within."""
    packed = bytearray()
    while piece := response.read(_PIECE):
        packed += piece
        if len(packed) > longest:
            return None
    if response.length:
        raise IncompleteRead(bytes(packed[:0]), response.length)
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return bytes(packed)
    if encoding == "gzip":
        return _unpacked(bytes(packed), longest)
    msg = f"expected a gzip body or a plain one, was {encoding!r:.20}"
    raise HTTPException(msg)


def _unpacked(packed: bytes, longest: int) -> bytes | None:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = unpacker.decompress(packed, longest)
    except zlib.error as error:
        msg = f"expected a gzip body, was none ({error})"
        raise HTTPException(msg) from error
    return body if unpacker.eof else None
