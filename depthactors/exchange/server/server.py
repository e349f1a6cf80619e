"""The port: accepts TCP connections and serves each in threads of its own, until the exchange stops."""

from __future__ import annotations

import selectors
import socket
from math import ceil
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

from depthactors import reporting
from depthactors.exchange.fault import Place
from depthactors.exchange.limits import Limits
from depthactors.exchange.server import http
from depthactors.exchange.server.client import Client
from depthactors.exchange.server.connection import Connection, Opening
from depthactors.exchange.server.session import CLOSING_PATIENCE
from depthactors.pacing import RateWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from depthactors.dispatcher import Clock
    from depthactors.exchange.catalogue import Catalogue
    from depthactors.exchange.fault import Fault
    from depthactors.exchange.fault_plan import FaultPlan
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.rest.api import RestApi
    from depthactors.exchange.server.session import Session
    from depthactors.exchange.streams.broadcaster import Broadcaster
    from depthactors.exchange.streams.path import StreamPath

logger = reporting.logger(__name__)
HOST: Final = "127.0.0.1"
BACKLOG: Final = 1024
CONNECTION_WINDOW: Final = 300.0
"""Seconds in which new websockets are counted."""


class ExchangeServer:
    """Listens on the loopback interface.

    Thread: `depthactors-exchange-accept`; for each connection `depthactors-exchange-<number>`, which reads and replies
    to REST requests; and for each websocket `depthactors-exchange-<number>-send`.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        rest: RestApi,
        broadcaster: Broadcaster,
        faults: FaultPlan,
        *,
        play: Callable[[Iterable[Feed]], None],
        limits: Mapping[str, float] | None,
        port: int,
        clock: Clock,
    ) -> None:
        """Bind the port; connections are accepted from `start` on.

        Args:
            catalogue: the feeds.
            rest: replies to plain HTTP requests.
            broadcaster: the owner of all subscriptions.
            faults: the faults of connections.
            play: starts feeds at their first subscription.
            limits: changes of the markets' own limits.
            port: 0 for any free one.
            clock: the time of connections and of replies.

        Raises:
            OSError: the port is taken.
        """
        self._catalogue = catalogue
        self._rest = rest
        self._broadcaster = broadcaster
        self._faults = faults
        self._play = play
        self._limits = limits
        self._clock = clock
        self._openings = RateWindow(Limits.of(catalogue.market_of(""), limits).connections, CONNECTION_WINDOW)
        self._changed = Condition()
        self._connections: dict[Connection, Thread] = {}
        self._accepted = 0
        self._stopping = False
        self._listener = socket.create_server((HOST, port), backlog=BACKLOG)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self.port: int = self._listener.getsockname()[1]
        self._accept_thread = Thread(target=self._accept, name="depthactors-exchange-accept", daemon=True)

    def start(self) -> None:
        """Accept connections."""
        self._accept_thread.start()

    def clients(self) -> list[Client]:
        """Return the present websocket clients."""
        with self._changed:
            return [each.client for each in self._connections if each.client is not None]

    def stop(self, deadline: float) -> list[str]:
        """Close every connection and the port, and wait for the threads.

        Clients get close code 1001; those that do not reply are disconnected.

        Args:
            deadline: the time, monotonic.

        Returns:
            Names of threads that were still alive at the deadline.
        """
        with self._changed:
            self._stopping = True
        self._wake_writer.close()
        self._accept_thread.join(self._left(deadline))
        with self._changed:
            connections = dict(self._connections)
        for connection in connections:
            connection.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._connections, min(CLOSING_PATIENCE, self._left(deadline)))
        for connection in connections:
            connection.give_up()
        threads = [self._accept_thread, *connections.values()]
        for thread in threads:
            thread.join(self._left(deadline))
        return [thread.name for thread in threads if thread.is_alive()]

    def _accept(self) -> None:
        """Accept connections until `stop` closes the other end of the socket pair."""
        with self._listener, self._wake_reader, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_reader, selectors.EVENT_READ)
            while not self._stopping:
                selector.select()
                if self._stopping:
                    return
                try:
                    sock, _ = self._listener.accept()
                except OSError as error:
                    logger.warning("a connection could not be accepted: %s", error)
                    continue
                self._begin(sock)

    def _begin(self, sock: socket.socket) -> None:
        self._accepted += 1
        name = f"depthactors-exchange-{self._accepted}"
        connection = Connection(sock, name, self._rest, self._welcome, self._clock)
        faults = self._faults.strike(Place.CONNECT)
        thread = Thread(target=self._serve, args=(connection, faults), name=name, daemon=True)
        with self._changed:
            self._connections[connection] = thread
        thread.start()

    def _serve(self, connection: Connection, faults: Sequence[Fault]) -> None:
        pause = sum(fault.seconds for fault in faults if fault.kind == "slow-accept")
        try:
            connection.run(pause, refuse=any(fault.kind == "refuse" for fault in faults))
        finally:
            with self._changed:
                del self._connections[connection]
                self._changed.notify_all()

    def _welcome(self, path: StreamPath) -> Opening | bytes:
        """Decide about a websocket; returns the HTTP reply if it is refused."""
        for fault in self._faults.strike(Place.HANDSHAKE):
            return http.no_websocket(
                self._clock.time(), int(fault.kind.removeprefix("handshake-")), ceil(fault.seconds)
            )
        with self._changed:
            if self._stopping or self._openings.take(self._clock.monotonic()):
                return http.no_websocket(self._clock.time())
        limits = Limits.of(self._catalogue.market_of(path.prefix), self._limits)

        def client(session: Session) -> Client:
            return Client(
                session,
                session.outbox,
                path,
                broadcaster=self._broadcaster,
                find=lambda name: self._catalogue.stream(name, path.prefix),
                play=self._play,
                limits=limits,
                faults=self._faults,
                clock=self._clock,
            )

        return Opening(limits, client)

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - self._clock.monotonic())
