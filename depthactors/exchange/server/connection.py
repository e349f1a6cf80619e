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

    from depthactors.exchange.limits import Limits
    from depthactors.exchange.rest.answers import RestApi
    from depthactors.exchange.routes import StreamRoute
    from depthactors.exchange.server.client import Client

logger = reporting.logger(__name__)
IDLE: Final = 60.0
"""Seconds that a connection may be without a request."""
LARGEST_MESSAGE: Final = 1_048_576
"""Bytes of a client's message."""


class Opening(NamedTuple):
    """A websocket that the exchange is willing to serve."""

    limits: Limits
    client: Callable[[Session], Client]


class Connection:
    """One TCP connection; its thread is the caller of `run`, named `name`, and a websocket's writer is `name-send`."""

    def __init__(
        self, sock: socket.socket, name: str, rest: RestApi, welcome: Callable[[StreamRoute], Opening | bytes]
    ) -> None:
        """Take over the socket.

        Args:
            sock: accepted.
            name: of the reader's thread.
            rest: answers plain HTTP.
            welcome: decides about a websocket; returns the answer to send instead of opening it, if need be.
        """
        self._sock = sock
        self._name = name
        self._rest = rest
        self._welcome = welcome
        self._over = Event()
        self._session: Session | None = None
        self.client: Client | None = None
        """Who is served, once a websocket is open."""

    def run(self, pause: float = 0.0, *, refuse: bool = False) -> None:
        """Serve the connection to its end, in the calling thread.

        Args:
            pause: seconds before anything is read.
            refuse: reset it instead.
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
        """End the connection in good order; does not wait. Any thread."""
        if self._session is None:
            self.give_up()
        else:
            self._session.close()

    def give_up(self) -> None:
        """End the TCP connection at once; does not wait. Any thread."""
        self._over.set()
        try:
            # Unlike closing, this also wakes the threads that wait on the socket.
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            logger.debug("%s: over already: %s", self._name, error)

    def _converse(self) -> None:
        """Answer requests, until one opens a websocket or was the last."""
        while True:
            protocol = ServerProtocol(max_size=LARGEST_MESSAGE)
            request = self._next_request(protocol)
            if request is None:
                return
            route = http.stream_route(request)
            if route is not None:
                self._open(protocol, request, route)
                return
            if not self._answer(request):
                return

    def _next_request(self, protocol: ServerProtocol) -> Request | None:
        """Read one request; `None` at the connection's end or for what is none."""
        while data := self._sock.recv(LARGEST_READ):
            protocol.receive_data(data)
            request = next((event for event in protocol.events_received() if isinstance(event, Request)), None)
            # Older versions of the package refuse other methods themselves, and have no such attribute.
            if request is not None and getattr(request, "method", "GET") == "GET":
                return request
            if request is not None or protocol.handshake_exc is not None:
                self._sock.sendall(http.bad_request())
                return None
        return None

    def _answer(self, request: Request) -> bool:
        """Answer a plain request; `False` when it was the connection's last."""
        answer = self._rest.answer(request.path, request.headers)
        if answer.pause and self._over.wait(answer.pause):
            return False
        wire = http.response(request, answer)
        if answer.cut is not None:
            self._sock.sendall(wire[: len(wire) - len(answer.body) + answer.cut] if answer.cut else b"")
            return False
        self._sock.sendall(wire)
        return http.keeps_alive(request)

    def _open(self, protocol: ServerProtocol, request: Request, route: StreamRoute) -> None:
        opening = self._welcome(route)
        if isinstance(opening, bytes):
            self._sock.sendall(opening)
            return
        protocol.send_response(protocol.accept(request))
        self._sock.sendall(b"".join(protocol.data_to_send()))
        if protocol.state is not OPEN:
            return
        self._sock.settimeout(None)
        self._session = Session(self._sock, protocol, opening.limits, route.unit)
        self.client = opening.client(self._session)
        self._session.run(self.client, f"{self._name}-send")
