"""The socket actor: it subscribes to streams on one connection, reconnects, and replaces the connection in time.

A connection is rotated (`actors.rotation`) before the exchange ends it for its age, each socket of an engine at a
different time, and at once when the exchange announces a shutdown. Each book then goes on with the successor
(`sync.machine`).
"""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.actors.base import EngineActor
from depthactors.actors.book_messages import StreamDown
from depthactors.actors.connection import SocketContext
from depthactors.actors.connections import Connections
from depthactors.actors.questions import Status
from depthactors.actors.receivers import Receivers
from depthactors.actors.refusals import Refusals
from depthactors.actors.refused_streams import RefusedStreams
from depthactors.actors.rotation import Rotation
from depthactors.actors.socket_messages import (
    Acknowledged,
    AnswerOverdue,
    AskAgain,
    CheckReaders,
    Connect,
    ConnectionEnded,
    FrameRejected,
    LeavingOverdue,
    Opened,
    OpeningOverdue,
    OverlapOver,
    RequestRefused,
    Resubscribe,
    Rotate,
    SendRequests,
    ShutdownAnnounced,
    Subscribe,
    Unsubscribe,
)
from depthactors.actors.supervisor_messages import ReconnectExhausted
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.errors import HandshakeRefusedError, StreamError, UsageError
from depthactors.pacing import Reconnects
from depthactors.reporting import about
from depthactors.status import SocketStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pykka

    from depthactors.actors.connection import Connection
    from depthactors.markets import Market
    from depthactors.net.allowance import Allowing
    from depthactors.net.network import Network
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)

_BANNED: Final = 418
_NAMED: Final = 3
"""Books that a notice names."""


def start_socket(
    name: str,
    market: Market,
    settings: NetworkSettings,
    supervisor: pykka.ActorRef[Any],
    *,
    network: Network,
    epochs: Iterator[int],
    place: int,
    restarts: int = 0,
) -> pykka.ActorRef[Any]:
    """Start a socket actor with the allowance of its market; arguments as for `SocketActor`."""
    return SocketActor.start(
        name,
        market,
        supervisor,
        epochs=epochs,
        network=network,
        settings=settings,
        allowance=network.allowance(market),
        place=place,
        restarts=restarts,
    )


class SocketActor(EngineActor):
    """Carries up to `market.max_streams` streams.

    Each connection has a reader thread (`net.stream`), which hands frames to the books through a `Router`. There is one
    connection, during a rotation also its successor, and for moments connections that are ending (`Connections`).

    Thread: all methods but `__init__` run in the actor's.
    """

    def __init__(
        self,
        name: str,
        market: Market,
        supervisor: pykka.ActorRef[Any] | None,
        *,
        epochs: Iterator[int],
        network: Network,
        settings: NetworkSettings,
        allowance: Allowing,
        place: int = 0,
        restarts: int = 0,
    ) -> None:
        """Wait for the first stream; no connection is made before.

        Args:
            name: a name unique among the sockets.
            market: the market of the streams.
            supervisor: the actor that is notified of exhausted reconnects and of this actor's death.
            epochs: the numbers for the connections of the engine.
            network: the way to the exchange.
            settings: the settings of the network.
            allowance: the limits of the exchange, which all sockets share.
            place: number among the sockets of the engine; no two rotate at the same time.
            restarts: number of times that the actor was replaced.
        """
        super().__init__(name, supervisor)
        self._market = market
        self._timing = settings.timing
        self._allowance = allowance
        self._restarts = restarts
        self._receivers = Receivers()
        self._refusals = Refusals(self._timing.refusal_backoff)
        context = SocketContext(
            name=name,
            owner=self.actor_ref,
            mailbox=self.mailbox,
            market=market,
            network=network,
            settings=settings,
            epochs=epochs,
            request_ids=count(1),
            receivers=self._receivers,
            refusals=self._refusals,
        )
        self._connections = Connections(context)
        self._rotation = Rotation(context, self._connections, allowance, place)
        self._refused_streams = RefusedStreams(context, supervisor)
        self._trouble = reporting.Trouble(logger, "stream", market.stream_url)
        self._reconnects = Reconnects(settings.backoff)
        self._outage: StreamError | None = None
        self._connect_is_due = False
        self._connect_at = 0.0
        self._connect_serial = 0
        self._unread: set[int] = set()

    def begin(self) -> None:
        """Set the timer for the checks of the reader threads."""
        self.mailbox.after(self._timing.reader_look, CheckReaders())

    def handle(self, message: Any) -> Any:  # noqa: C901, PLR0912 - the list of messages, a line each
        """Handle what comes from the supervisor, the reader threads and timers."""
        match message:
            case Subscribe(stream, ref):
                self._subscribe(stream.encode(), ref)
            case Unsubscribe(stream, error):
                self._unsubscribe(stream.encode(), error)
            case Resubscribe(stream):
                self._resubscribe(stream.encode())
            case Connect(serial):
                self._connect_due(serial)
            case ConnectionEnded(epoch, error):
                self._closed(epoch, error)
            case Rotate(epoch):
                self._rotation.rotate(epoch)
            case OverlapOver(epoch):
                self._rotation.hand_over(epoch)
            case LeavingOverdue(epoch):
                self._connections.check_leaving(epoch)
            case AnswerOverdue(request_id):
                for connection in self._connections:
                    connection.check_answer(request_id)
            case AskAgain():
                self._ask_again()
            case CheckReaders():
                self._check_readers()
            case FrameRejected(_, error):
                logger.warning("! %s", about(self.name, error))
                if self.parent is not None:
                    tell(self.parent, message)
            case Status():
                return self._status()
            case Opened() | Acknowledged() | RequestRefused() | ShutdownAnnounced() | SendRequests() | OpeningOverdue():
                found = self._connections.find(message.epoch)
                if found is not None:
                    self._handle_for(found, message)
            case _:
                msg = f"{self.name}: expected a message for a socket, was {type(message).__name__}"
                raise UsageError(msg)
        return None

    def release(self, error: BaseException | None) -> None:
        """Abort the connections; their reader threads end by themselves and notify the books."""
        del error
        for connection in self._connections:
            connection.abort()

    # Streams.

    def _subscribe(self, stream: bytes, ref: pykka.ActorRef[Any]) -> None:
        self._receivers.put(stream, ref)
        for connection in self._connections.serving:
            connection.subscribe(stream)
        error = self._outage or self._refusals.error(stream)
        if error is not None:
            mailbox_of(ref).put_ordered(StreamDown(self._connections.last_epoch, error))
        self._connect()

    def _unsubscribe(self, stream: bytes, error: StreamError | None) -> None:
        ref = self._receivers.pop(stream)
        if ref is None:
            return
        self._refusals.accept((stream,))
        # The successor first: otherwise the book would go on with it when the other connection ends.
        for connection in reversed(self._connections.serving):
            if connection.unsubscribe(stream) and error is not None:
                mailbox_of(ref).put_ordered(StreamDown(connection.epoch, error))
        if not self._receivers.now:
            self._retire()
        else:
            self._rotation.consider_overlap()

    def _resubscribe(self, stream: bytes) -> None:
        present = self._connections.present
        if stream in self._receivers.now and present is not None:
            present.resubscribe(stream)

    def _retire(self) -> None:
        """End the connections when no stream is left; the next stream opens a connection at once."""
        self._reconnects.served()
        self._outage = None
        # A wait that the exchange has imposed is the allowance's, which no connection gets round.
        self._connect_is_due = False
        for connection in self._connections.serving:
            connection.detach()
            self._connections.leave(connection, StreamError(f"{self.name}: closed, no stream was left on it"))
        self._connections.present = self._connections.successor = None

    def _ask_again(self) -> None:
        """Subscribe again to refused streams whose wait is over. Without a connection, the next one does it."""
        present = self._connections.present
        if present is not None and present.is_open:
            present.subscribe_apart(self._refusals.take_due(self.mailbox.now()))

    @property
    def _books(self) -> str:
        """The names of the books concerned, for notices."""
        streams = self._receivers.now
        named = [stream.decode("utf-8", "replace").partition("@")[0].upper() for stream in islice(streams, _NAMED)]
        more = f" and {len(streams) - _NAMED} more" if len(streams) > _NAMED else ""
        return f"{', '.join(named)}{more} ({self._market.name})"

    # The connection.

    def _connect(self) -> None:
        if self._connections.present is not None or self._connect_is_due or not self._receivers.now:
            return
        wait = self._allowance.take_connection()
        if wait:
            words = "%s: no connection, so no data, for %.1f s: until then no attempt to connect is allowed"
            self._trouble.came("attempts", words, self._books, wait)
            self._connect_in(wait)
            return
        self._connections.open(notify_failure=self._outage is None)

    def _connect_in(self, seconds: float) -> None:
        self._connect_is_due = True
        self._connect_at = self.mailbox.now() + seconds
        self._connect_serial += 1
        self.mailbox.after(seconds, Connect(self._connect_serial))

    def _connect_due(self, serial: int) -> None:
        if self._connect_is_due and serial == self._connect_serial:
            self._connect_is_due = False
            self._connect()

    def _handle_for(self, connection: Connection, message: Any) -> None:
        """Handle a message about one of the connections, other than its end."""
        match message:
            case Opened():
                connection.opened()
                if connection is self._connections.present:
                    self._rotation.set_timer(connection)
            case Acknowledged(_, streams):
                self._acknowledged(connection, streams)
            case RequestRefused(_, streams, error, code):
                self._refused_streams.refused(connection, streams, error, code)
                self._rotation.consider_overlap()
            case ShutdownAnnounced():
                self._rotation.shutdown_announced(connection)
            case SendRequests():
                connection.send_requests()
            case OpeningOverdue():
                connection.check_opening()

    def _acknowledged(self, connection: Connection, streams: tuple[bytes, ...]) -> None:
        self._refusals.accept(streams)
        connection.has_served = True
        if connection is self._connections.present:
            self._reconnects.served()
            self._outage = None
            self._trouble.over("%s: connected to the stream", self._books)
            self._take_along(streams)
        else:
            self._rotation.consider_overlap()

    def _take_along(self, streams: tuple[bytes, ...]) -> None:
        """Have a successor carry what came up on the present connection.

        It asked at its opening for all streams but those that were refused until then, and takes over with all of them.
        """
        successor = self._connections.successor
        if successor is not None:
            successor.ask_for(stream for stream in streams if stream in self._receivers.now)

    def _closed(self, epoch: int, error: StreamError) -> None:
        if self._connections.has_left(epoch):
            self._refusals.resume(self.mailbox.now())
        elif (connection := self._connections.find(epoch)) is not None:
            self._lost(connection, error)
        # Refused streams whose answer does not come any more.
        self._ask_again()

    def _lost(self, connection: Connection, error: StreamError) -> None:
        """Go on without the present connection or its successor."""
        connection.is_open = False
        if isinstance(error, HandshakeRefusedError):
            self._allowance.block_connections(error.retry_after, error.longest)
            if error.status == _BANNED:
                # The whole address is banned, so REST requests have to wait, too.
                self._allowance.block_requests(error.retry_after, error.longest)
        self._refused_streams.ended(connection, error)
        successor = self._connections.successor
        if connection is successor:
            self._rotation.successor_ended(error)
            return
        self._connections.present = None
        if successor is not None:
            self._promote(successor, error)
        else:
            self._reconnect(connection, error)

    def _promote(self, successor: Connection, error: StreamError) -> None:
        """Go on with a successor whose predecessor ended before its time."""
        logger.warning("- %s; its successor takes over", about(self.name, error))
        self._connections.promote(successor)
        successor.take_over()
        if not successor.serves_all:
            self._outage = error
        if successor.is_open:
            self._rotation.set_timer(successor)

    def _reconnect(self, connection: Connection, error: StreamError) -> None:
        self._outage = error
        lasted = self.mailbox.now() - connection.opened_at if connection.has_served else None
        wait = self._reconnects.wait(lasted, self.mailbox.random())
        if wait is None:
            logger.error("! %s gave up after %d tries: %s", self.name, self._reconnects.failures, error)
            if self.parent is not None:
                tell(self.parent, ReconnectExhausted(self.name, error))
            return
        if connection.has_served:
            logger.warning("- %s; next try in %.1f s", about(self.name, error), wait)
        else:
            # This connection never served, so the failure may last; after one that served, the next try often succeeds.
            refused = error.retry_after if isinstance(error, HandshakeRefusedError) else 0.0
            words = "%s: no connection, so no data: %s; next try in %.1f s"
            self._trouble.came("connection", words, self._books, error, max(wait, refused))
        self._connect_in(wait)

    # Checks.

    def _check_readers(self) -> None:
        """Notice a reader thread that a bug or lack of memory ended before it could report its end."""
        self.mailbox.after(self._timing.reader_look, CheckReaders())
        unread = {connection.epoch: connection for connection in self._connections if not connection.is_read}
        for epoch in self._unread & unread.keys():
            # Seen in two checks: its last message cannot still be on the way.
            logger.error("! %s the reader of connection %d is gone", self.name, epoch)
            unread[epoch].reader_died(StreamError(f"{self.name}: the reader of connection {epoch} died"))
        self._unread = set(unread)

    def _status(self) -> SocketStatus:
        connections, present = self._connections, self._connections.present
        is_open = present is not None and present.is_open
        return SocketStatus(
            name=self.name,
            market=self._market.name,
            connected=is_open,
            streams=len(self._receivers.now),
            epoch=connections.last_epoch if present is None else present.epoch,
            age=self.mailbox.now() - present.opened_at if present is not None and is_open else 0.0,
            connections=connections.opened,
            rotations=self._rotation.count,
            failures=self._reconnects.failures,
            rejected_frames=0 if present is None else present.rejected_frames,
            unrouted_frames=0 if present is None else present.unrouted_frames,
            restarts=self._restarts,
            error=None if self._outage is None else str(self._outage),
            retry_in=max(0.0, self._connect_at - self.mailbox.now()) if self._connect_is_due else 0.0,
        )
