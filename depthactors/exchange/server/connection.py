"""One accepted TCP connection: HTTP requests, and the websocket that one of them may open."""

from __future__ import annotations

import socket
import struct
from threading import Event
from typing import TYPE_CHECKING, Final, NamedTuple

from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from depthactors import reporting
from depthactors.exchange.server import http
from depthactors.exchange.server.session import LARGEST_READ, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.dispatcher import Clock
    from depthactors.exchange.limits import Limits
    from depthactors.exchange.rest.api import RestApi
    from depthactors.exchange.server.client import Client
    from depthactors.exchange.streams.path import StreamPath

logger = reporting.logger(__name__)
IDLE: Final = 60.0
"""Seconds that a connection may be without a request."""
LARGEST_MESSAGE: Final = 1_048_576
"""Bytes of a client's message."""


class Opening(NamedTuple):
    """A websocket that the exchange accepts.

    Attributes:
        limits: the limits of the connection.
        client: makes the client of an open session.
    """

    limits: Limits
    client: Callable[[Session], Client]


class Connection:
    """One TCP connection.

    Thread: the caller of `run`, named `name`; the writer of a websocket is a thread of its own, `name-send`.
    """

    def __init__(
        self,
        sock: socket.socket,
        name: str,
        rest: RestApi,
        welcome: Callable[[StreamPath], Opening | bytes],
        clock: Clock,
    ) -> None:
        """Take over the socket.

        Args:
            sock: the accepted socket.
            name: the name of the reader's thread.
            rest: replies to plain HTTP requests.
            welcome: decides about a websocket; returns the HTTP reply if it is refused.
            clock: the time of the replies, and of the websocket's pings.
        """
        self._sock = sock
        self._name = name
        self._rest = rest
        self._welcome = welcome
        self._clock = clock
        self._over = Event()
        self._session: Session | None = None
        self.client: Client | None = None
        """The client, from when a websocket is open."""

    def run(self, pause: float = 0.0, *, refuse: bool = False) -> None:
        """Serve the connection to its end, in the calling thread.

        Args:
            pause: seconds before anything is read.
            refuse: whether to reset the connection instead.
        """
        reset = refuse
        try:
            if refuse or self._over.wait(pause):
                return
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sock.settimeout(IDLE)
            self._converse()
            reset = self._session is not None and self._session.reset
        except OSError as error:
            logger.debug("%s: connection over: %s", self._name, error)
        finally:
            if reset:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.close()

    def stop(self) -> None:
        """End the connection, a websocket with a close frame. Does not wait. Thread: any."""
        if self._session is None:
            self.give_up()
        else:
            self._session.close()

    def give_up(self) -> None:
        """End the TCP connection at once. Does not wait. Thread: any."""
        self._over.set()
        try:
            # Unlike `close`, this also wakes the threads that wait for the socket.
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            logger.debug("%s: over already: %s", self._name, error)

    def _converse(self) -> None:
        """Reply to requests, until one opens a websocket or was the last."""
        while True:
            protocol = ServerProtocol(max_size=LARGEST_MESSAGE)
            request = self._next_request(protocol)
            if request is None:
                return
            path = http.stream_path_of(request)
            if path is not None:
                self._open(protocol, request, path)
                return
            if not self._reply(request):
                return

    def _next_request(self, protocol: ServerProtocol) -> Request | None:
        """Read one request; `None` at the connection's end, or for something else than a GET request."""
        while data := self._sock.recv(LARGEST_READ):
            protocol.receive_data(data)
            request = next((event for event in protocol.events_received() if isinstance(event, Request)), None)
            # Older versions of `websockets` refuse other methods themselves, and have no such attribute.
            if request is not None and getattr(request, "method", "GET") == "GET":
                return request
            if request is not None or protocol.handshake_exc is not None:
                self._sock.sendall(http.bad_request(self._clock.time()))
                return None
        return None

    def _reply(self, request: Request) -> bool:
        """Reply to a plain request; `False` if it was the connection's last."""
        reply = self._rest.reply(request.path, request.headers)
        if reply.pause and self._over.wait(reply.pause):
            return False
        wire = http.encoded(request, reply, self._clock.time())
        if reply.cut is not None:
            self._sock.sendall(wire[: len(wire) - len(reply.body) + reply.cut] if reply.cut else b"")
            return False
        self._sock.sendall(wire)
        return http.keeps_alive(request)

    def _open(self, protocol: ServerProtocol, request: Request, path: StreamPath) -> None:
        opening = self._welcome(path)
        if isinstance(opening, bytes):
            self._sock.sendall(opening)
            return
        protocol.send_response(protocol.accept(request))
        self._sock.sendall(b"".join(protocol.data_to_send()))
        if protocol.state is not OPEN:
            return
        self._sock.settimeout(None)
        self._session = Session(self._sock, protocol, opening.limits, path.unit, self._clock)
        self.client = opening.client(self._session)
        self._session.run(self.client, f"{self._name}-send")
