"""Sockets: HTTP and websockets on one port, by the threading server of `websockets`."""

from __future__ import annotations

import logging
import socket
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from threading import Condition, Thread, current_thread
from typing import TYPE_CHECKING, Any, Final, cast

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from depthactors.exchange import routes
from depthactors.exchange.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.exchange.feed import Feed
    from depthactors.exchange.hub import Hub
    from depthactors.exchange.rest import RestApi
    from depthactors.exchange.routes import Catalogue

logger = logging.getLogger(__name__)
HOST: Final = "127.0.0.1"
OPENING_PATIENCE: Final = 5.0
"""Seconds within which a new connection must have sent its request."""
CLOSING_PATIENCE: Final = 0.5
"""Seconds within which a client must answer a close frame; after that TCP just ends."""
GOING_AWAY: Final = 1001


@dataclass(slots=True)
class _Visit:
    """One accepted TCP connection and the threads that attend to it."""

    sock: socket.socket
    receiver: Thread | None = None


class _Wire:
    """What a client's writer sees of its connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def send(self, frame: bytes) -> bool:
        try:
            self._connection.send(frame, text=True)
        except ConnectionClosed as error:
            logger.debug("connection over: %s", error)
            return False
        return True

    def close(self, code: int, reason: str) -> None:
        self._connection.close(code, reason)

    def cut(self) -> None:
        _cut(self._connection.socket)


class ExchangeServer:
    """Listens on the loopback interface and attends to each connection in threads of its own.

    Threads: `depthactors-exchange-accept`, and for each connection `-<number>` (reads, answers REST),
    `-<number>-receive` and, for a websocket, `-<number>-send`.
    """

    def __init__(
        self, catalogue: Catalogue, rest: RestApi, hub: Hub, play: Callable[[Iterable[Feed]], None], port: int
    ) -> None:
        """Bind the port; connections are accepted from `start` on.

        Args:
            catalogue: the feeds.
            rest: answers plain HTTP.
            hub: where websocket clients subscribe.
            play: starts feeds at their first subscription.
            port: 0 for any free one.

        Raises:
            OSError: the port is taken.
        """
        self._catalogue = catalogue
        self._rest = rest
        self._hub = hub
        self._play = play
        self._changed = Condition()
        self._visits: dict[Thread, _Visit] = {}
        self._clients: set[Client] = set()
        self._visitors = 0
        self._stopping = False
        self._server: Server = serve(
            self._attend,
            HOST,
            port,
            backlog=1024,
            process_request=self._process_request,
            # A wrapper is documented as welcome; only the annotation wants a class.
            create_connection=cast("type[ServerConnection]", self._create_connection),
            compression=None,
            open_timeout=OPENING_PATIENCE,
            close_timeout=CLOSING_PATIENCE,
            ping_interval=None,
        )
        self._handle_socket = self._server.handler
        self._server.handler = self._visit
        self.port: int = self._server.socket.getsockname()[1]
        self._accept_thread = Thread(target=self._server.serve_forever, name="depthactors-exchange-accept", daemon=True)

    def start(self) -> None:
        """Accept connections."""
        self._accept_thread.start()

    def clients(self) -> list[Client]:
        """Return the websocket clients of this moment."""
        with self._changed:
            return list(self._clients)

    def stop(self, deadline: float) -> list[str]:
        """Close every connection and the port, and wait for the threads.

        Clients get close code 1001; those that do not answer are cut off.

        Args:
            deadline: on `time.monotonic`'s clock.

        Returns:
            Names of threads that were still alive at the deadline.
        """
        with self._changed:
            self._stopping = True
            clients = list(self._clients)
            threads = [self._accept_thread, *self._visits]
        for client in clients:
            client.close(GOING_AWAY, "")
        with self._changed:
            self._changed.wait_for(lambda: not self._visits, min(CLOSING_PATIENCE, _left(deadline)))
            threads.extend(thread for thread in self._visits if thread not in threads)
            for visit in self._visits.values():
                _cut(visit.sock)
        # In a thread, since it waits for every connection's end without a deadline.
        closer = Thread(target=self._server.shutdown, name="depthactors-exchange-close", daemon=True)
        closer.start()
        for thread in (closer, *threads):
            thread.join(_left(deadline))
        return [thread.name for thread in (closer, *threads) if thread.is_alive()]

    def _visit(self, sock: socket.socket, address: Any) -> None:
        """Attend to one TCP connection from its accept to its end, in its own thread."""
        thread = current_thread()
        with self._changed:
            self._visitors += 1
            thread.name = f"depthactors-exchange-{self._visitors}"
            visit = self._visits[thread] = _Visit(sock)
        try:
            self._handle_socket(sock, address)
        finally:
            if visit.receiver is not None:
                visit.receiver.join(CLOSING_PATIENCE)
            with self._changed:
                del self._visits[thread]
                self._changed.notify_all()

    def _create_connection(self, *args: Any, **kwargs: Any) -> ServerConnection:
        connection = ServerConnection(*args, **kwargs)
        receiver = connection.recv_events_thread
        receiver.name = f"{current_thread().name}-receive"
        self._visits[current_thread()].receiver = receiver
        return connection

    def _process_request(self, _connection: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP; `None` lets a websocket's opening handshake go on."""
        if self._stopping:
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, b"{}")
        answer = self._rest.answer(request.path)
        if answer is not None:
            return _response(HTTPStatus(answer.status), answer.body, answer.headers)
        if routes.stream_route(request.path) is None:
            return _response(HTTPStatus.NOT_FOUND, b"{}")
        return None

    def _attend(self, connection: ServerConnection) -> None:
        """Read one websocket client's control messages until the connection ends."""
        route = None if connection.request is None else routes.stream_route(connection.request.path)
        if route is None:
            return
        routed = route.routed
        client = Client(
            _Wire(connection),
            self._hub,
            find=lambda name: self._catalogue.stream(name, routed=routed),
            play=self._play,
            combined=route.combined,
            name=f"{current_thread().name}-send",
        )
        with self._changed:
            welcome = not self._stopping
            if welcome:
                self._clients.add(client)
        if not welcome:
            connection.close(GOING_AWAY)
            return
        client.start(route.streams)
        try:
            for message in connection:
                client.handle(message)
        except ConnectionClosed as error:
            logger.debug("connection over: %s", error)
        finally:
            if not client.leave(CLOSING_PATIENCE):
                logger.error("%s-send: still alive after its connection's end", current_thread().name)
            with self._changed:
                self._clients.discard(client)


def _response(status: HTTPStatus, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> Response:
    return Response(
        status.value,
        status.phrase,
        Headers(
            [
                ("Date", formatdate(usegmt=True)),
                ("Connection", "close"),
                ("Content-Length", str(len(body))),
                ("Content-Type", "application/json;charset=UTF-8"),
                *headers,
            ]
        ),
        body,
    )


def _cut(sock: socket.socket) -> None:
    """End a connection at once; unlike closing, this also wakes the threads that wait on the socket."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        logger.debug("socket over already: %s", error)


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
