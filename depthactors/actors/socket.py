"""The socket actor: the streams of one connection, the way back when it is lost, and its successor in time.

A connection is rotated without loss: the successor is opened and subscribed first, both bring every
update for a while, then the old one is ended in good order, and each book goes on with the other
(`sync.machine`). That is done before the exchange ends the connection for its age, each socket of an
engine at a time of its own, and at once when the exchange announces a shutdown.
"""

from __future__ import annotations

import random
import time
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Final

from depthactors import binance, reporting
from depthactors.actors.base import EngineActor
from depthactors.actors.book_messages import StreamDown, StreamUp
from depthactors.actors.connection import Link
from depthactors.actors.mailbox import Tick, mailbox_of, tell
from depthactors.actors.questions import Status
from depthactors.actors.refusals import Refusals
from depthactors.actors.socket_messages import (
    Acknowledged,
    Closed,
    FrameRejected,
    Opened,
    Refused,
    Resubscribe,
    ShutdownAnnounced,
    Subscribe,
    Unsubscribe,
)
from depthactors.actors.supervisor_messages import ReconnectExhausted, StreamsRefused
from depthactors.errors import HandshakeRefusedError, StreamError, SubscriptionError, UsageError
from depthactors.pacing import Reconnects, stagger
from depthactors.reporting import about, printable
from depthactors.status import SocketStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pykka

    from depthactors.markets import Market
    from depthactors.net.allowance import Allowing
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)

_ROTATION_SPREAD: Final = 0.1
"""Share of a connection's life over which the sockets of an engine spread their rotations."""
_BANNED: Final = 418
_POLICY: Final = 1008
"""Close code of a connection whose client broke a rule: what it asked for last may be that."""
_MOST_REFUSED: Final = 20
"""Requests refused on a connection that has none accepted, after which it is not the streams that are to blame."""
_NAMED: Final = 3
"""Books that a notice names."""


class SocketActor(EngineActor):
    """Carries up to `market.max_streams` streams. Everything here runs in its thread, `__init__` aside.

    It owns a reader thread a connection (`net.stream`), which hands frames to the books through a
    `Router`. There is one connection, for the time of a rotation a successor, and for moments those
    that are on their way out.
    """

    def __init__(
        self,
        name: str,
        market: Market,
        supervisor: pykka.ActorRef[Any],
        *,
        epochs: Iterator[int],
        settings: NetworkSettings,
        allowance: Allowing,
        place: int = 0,
        restarts: int = 0,
    ) -> None:
        """Wait for the first stream; no connection is made before.

        Args:
            name: unique among the sockets.
            market: whose streams.
            supervisor: told of exhausted reconnects and of death.
            epochs: gives each connection of the engine its number.
            settings: how the exchange is reached.
            allowance: attempts to connect.
            place: among the sockets of the engine; no two rotate at the same time.
            restarts: how often the actor was replaced.
        """
        super().__init__(name, supervisor)
        self._market = market
        self._epochs = epochs
        self._settings = settings
        self._allowance = allowance
        longest = settings.rotate_after
        self._rotate_after = None if longest is None else longest * (1 - _ROTATION_SPREAD * stagger(place))
        self._overlap = max(speed for speed, _ in market.speeds) / 1_000 + settings.timing.overlap
        self._restarts = restarts
        self._routes: dict[bytes, pykka.ActorRef[Any]] = {}
        self._link: Link | None = None
        self._successor: Link | None = None
        self._leaving: dict[int, Link] = {}
        self._refusals = Refusals(settings.timing.refusal_backoff)
        self._trouble = reporting.Trouble(logger, "stream", market.stream_url)
        self._request_ids = count(1)
        self._epoch = 0
        self._connections = 0
        self._rotations = 0
        self._reconnects = Reconnects(settings.backoff)
        self._failed_rotations = 0
        self._outage: StreamError | None = None
        self._connect_due = False
        self._connect_at = 0.0
        self._unread: set[int] = set()

    def begin(self) -> None:
        """Set the timer for looks at the reader threads."""
        self.mailbox.after(self._settings.timing.reader_look, Tick("watch"))

    def handle(self, message: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - the list of messages, a line each
        """Handle what comes from the supervisor, the reader threads and timers."""
        match message:
            case Subscribe(stream, ref):
                return self._subscribe(stream.encode(), ref)
            case Unsubscribe(stream, error):
                return self._unsubscribe(stream.encode(), error)
            case Resubscribe(stream):
                return self._resubscribe(stream.encode())
            case Opened(epoch):
                return self._opened(self._find(epoch))
            case Acknowledged(epoch, streams):
                return self._acknowledged(self._find(epoch), streams)
            case Refused(epoch, streams, error, code):
                return self._refused(self._find(epoch), streams, error, code)
            case Closed(epoch, error):
                return self._closed(epoch, error)
            case ShutdownAnnounced(epoch):
                return self._shutdown_announced(self._find(epoch))
            case FrameRejected(_, error):
                logger.warning("! %s", about(self.name, error))
                return self.parent is not None and tell(self.parent, message)
            case Tick("flush", epoch):
                return link.flush() if (link := self._find(epoch)) else None
            case Tick("opening", epoch):
                return link.check_opening() if (link := self._find(epoch)) else None
            case Tick("answer", request_id):
                for link in self._links():
                    link.check_answer(request_id)
                return None
            case Tick("connect"):
                self._connect_due = False
                return self._connect()
            case Tick("rotate", epoch):
                return self._rotate(epoch)
            case Tick("overlap", epoch):
                return self._hand_over(epoch)
            case Tick("leave", epoch):
                return link.drop() if (link := self._leaving.get(epoch)) else None
            case Tick("refused"):
                return self._ask_again()
            case Tick("watch"):
                return self._watch()
            case Status():
                return self._status()
        msg = f"{self.name}: expected a message for a socket, was {type(message).__name__}"
        raise UsageError(msg)

    def release(self, error: BaseException | None) -> None:
        """Close the connections; their reader threads end by themselves and tell the books."""
        del error
        for link in self._links():
            link.drop()

    # Streams.

    def _subscribe(self, stream: bytes, ref: pykka.ActorRef[Any]) -> None:
        self._routes[stream] = ref
        for link in (self._link, self._successor):
            if link is None:
                continue
            if link.is_up(stream):
                # A replaced actor: what its predecessor was told long ago is news to it.
                mailbox_of(ref).put_ordered(StreamUp(link.epoch, link.router.beside))
            elif stream not in self._refusals:
                link.subscribe(stream)
        error = self._outage or self._refusals.error(stream)
        if error is not None:
            mailbox_of(ref).put_ordered(StreamDown(self._epoch, error))
        self._connect()

    def _unsubscribe(self, stream: bytes, error: StreamError | None) -> None:
        ref = self._routes.pop(stream, None)
        if ref is None:
            return
        self._refusals.accept((stream,))
        for link in (self._link, self._successor):
            if link is not None:
                link.unsubscribe(stream)
        if error is not None:
            for link in (self._successor, self._link):
                if link is not None:
                    mailbox_of(ref).put_ordered(StreamDown(link.epoch, error))
        if not self._routes:
            self._retire()
        else:
            self._consider_handover()

    def _resubscribe(self, stream: bytes) -> None:
        if stream in self._routes and self._link is not None:
            self._link.resubscribe(stream)

    def _retire(self) -> None:
        """Let the connections go with their last stream; the next one brings one back, and owes these nothing."""
        self._reconnects.served()
        self._outage = None
        for link in (self._link, self._successor):
            if link is not None:
                link.fall_silent()
                self._leave(link, StreamError(f"{self.name}: closed, no stream was left on it"))
        self._link = self._successor = None

    @property
    def _books(self) -> str:
        """Which books are concerned, for notices."""
        named = [stream.decode("utf-8", "replace").partition("@")[0].upper() for stream in islice(self._routes, _NAMED)]
        more = f" and {len(self._routes) - _NAMED} more" if len(self._routes) > _NAMED else ""
        return f"{', '.join(named)}{more} ({self._market.name})"

    # The connection.

    def _links(self) -> list[Link]:
        return [each for each in (self._link, self._successor, *self._leaving.values()) if each is not None]

    def _find(self, epoch: int) -> Link | None:
        """Return the connection of that number, `None` if it is over or on its way out."""
        return next((link for link in (self._link, self._successor) if link is not None and link.epoch == epoch), None)

    def _new_link(self, *, tell_failure: bool, beside: int | None = None) -> Link:
        self._epoch = next(self._epochs)
        self._connections += 1
        return Link(
            self.name,
            self._market,
            self._epoch,
            self._routes,
            owner=self.actor_ref,
            mailbox=self.mailbox,
            request_ids=self._request_ids,
            settings=self._settings,
            tell_failure=tell_failure,
            refusals=self._refusals,
            beside=beside,
        )

    def _connect(self) -> None:
        if self._link is not None or self._connect_due or not self._routes:
            return
        wait = self._allowance.take_connection()
        if wait:
            words = "%s: no connection, so no data, for %.1f s: until then no attempt to connect is allowed"
            self._trouble.came("attempts", words, self._books, wait)
            self._connect_in(wait)
            return
        self._link = self._new_link(tell_failure=self._outage is None)

    def _connect_in(self, seconds: float) -> None:
        self._connect_due = True
        self._connect_at = time.monotonic() + seconds
        self.mailbox.after(seconds, Tick("connect"))

    def _opened(self, link: Link | None) -> None:
        if link is None:
            return
        link.opened()
        if link is self._link:
            self._set_rotation_timer(link)

    def _acknowledged(self, link: Link | None, streams: tuple[bytes, ...]) -> None:
        if link is None:
            return
        self._refusals.accept(streams)
        link.router.forget_unfollowed()
        link.promised = True
        if link is self._link:
            self._reconnects.served()
            self._outage = None
            self._trouble.over("%s: connected to the stream", self._books)
        else:
            self._consider_handover()

    def _refused(self, link: Link | None, streams: tuple[bytes, ...], words: str, code: int | None) -> None:
        """Get what can be got of a refused request; the connection and all that is up on it go on."""
        if link is None:
            return
        link.refusals += 1
        error = SubscriptionError(f"{self.name}: the exchange refused {_listed(streams)}: {printable(words)}")
        if len(streams) == 1:
            logger.notice(("refused", self._market.stream_url, streams[0]), "no data: %s", error)
        else:
            logger.info("! %s", error)
        if not link.promised and link.refusals > _MOST_REFUSED:
            link.drop(error)
            return
        wanted = tuple(stream for stream in streams if stream in self._routes)
        if code == binance.TOO_MANY_STREAMS and wanted and link.carried + len(wanted) > 1:
            self._relieve(link, wanted, error)
        else:
            link.subscribe_apart(self._blame(link.epoch, wanted, error))
        self._consider_handover()

    def _relieve(self, link: Link, wanted: tuple[bytes, ...], error: SubscriptionError) -> None:
        """Have streams carried elsewhere: those that were refused, or half of them where none is up here."""
        if not link.carried:
            wanted = wanted[len(wanted) // 2 :]
            link.drop(error)
        self._send_away(wanted, is_full=True)

    def _blame(self, epoch: int, streams: tuple[bytes, ...], error: SubscriptionError) -> tuple[tuple[bytes, ...], ...]:
        """Note a refused request; returns what to ask for instead.

        The book of a stream that was refused alone hears of it, and the stream is asked for again after a wait.
        """
        halves = self._refusals.refuse(streams, error)
        if len(streams) == 1:
            stream = streams[0]
            if self._refusals.times(stream) == 1:
                mailbox_of(self._routes[stream]).put_ordered(StreamDown(epoch, error))
            elif len(self._routes) > 1:
                # Whatever it does to the connection that it is asked for on is then no other book's business.
                self._send_away(streams, is_full=False)
            wait = self._refusals.postpone(stream, time.monotonic(), random.random())  # noqa: S311 - spreads load
            self.mailbox.after(wait, Tick("refused"))
        return halves

    def _blame_unanswered(self, link: Link, error: StreamError) -> None:
        """Take what a connection was asked for last for the cause of its end, where it may well be."""
        for streams in link.router.unanswered():
            wanted = tuple(stream for stream in streams if stream in self._routes)
            if wanted and (error.close_code == _POLICY or wanted[0] in self._refusals):
                words = f"{self.name}: the connection ended when it was asked for {_listed(wanted)}: {error}"
                self._blame(link.epoch, wanted, SubscriptionError(words))
        self._refusals.resume(time.monotonic())

    def _ask_again(self) -> None:
        """Ask for what was refused a while ago; without a connection the next one is asked for it."""
        if self._link is not None and self._link.open:
            self._link.subscribe_apart(self._refusals.take_due(time.monotonic()))

    def _send_away(self, streams: tuple[bytes, ...], *, is_full: bool) -> None:
        if self.parent is not None:
            names = tuple(stream.decode() for stream in streams)
            tell(self.parent, StreamsRefused(self.name, names, is_full))

    def _closed(self, epoch: int, error: StreamError) -> None:
        if self._leaving.pop(epoch, None) is not None:
            self._refusals.resume(time.monotonic())
            return
        link = self._find(epoch)
        if link is None:
            return
        link.open = False
        if isinstance(error, HandshakeRefusedError):
            self._allowance.silence_connections(error.retry_after, error.longest)
            if error.status == _BANNED:
                # It is the address that is banned.
                self._allowance.silence(error.retry_after, error.longest)
        self._blame_unanswered(link, error)
        if link is self._successor:
            self._successor = None
            self._failed_rotations += 1
            logger.warning("- %s its successor ended: %s", self.name, error)
            if self._link is not None:
                self._rotate_in(self._pause(self._failed_rotations), self._link)
            return
        self._link = None
        if self._successor is not None:
            self._promote(self._successor, error)
        else:
            self._reconnect(link, error)

    def _promote(self, successor: Link, error: StreamError) -> None:
        """Go on with a successor whose predecessor ended before its time."""
        logger.warning("- %s; its successor takes over", about(self.name, error))
        self._link, self._successor = successor, None
        successor.router.beside = None
        if not successor.serves_all:
            self._outage = error
        if successor.open:
            self._set_rotation_timer(successor)

    def _reconnect(self, link: Link, error: StreamError) -> None:
        self._outage = error
        lasted = time.monotonic() - link.opened_at if link.promised else None
        wait = self._reconnects.wait(lasted, random.random())  # noqa: S311 - spreads load
        if wait is None:
            logger.error("! %s gave up after %d tries: %s", self.name, self._reconnects.failures, error)
            if self.parent is not None:
                tell(self.parent, ReconnectExhausted(self.name, error))
            return
        if link.promised:
            logger.warning("- %s; next try in %.1f s", about(self.name, error), wait)
        else:
            # It brought nothing: what was lost may well be back in a moment, but this is no such moment.
            refused = error.retry_after if isinstance(error, HandshakeRefusedError) else 0.0
            words = "%s: no connection, so no data: %s; next try in %.1f s"
            self._trouble.came("connection", words, self._books, error, max(wait, refused))
        self._connect_in(wait)

    # Rotation.

    def _set_rotation_timer(self, link: Link) -> None:
        if self._rotate_after is not None:
            self._rotate_in(max(0.0, self._rotate_after - (time.monotonic() - link.opened_at)), link)

    def _rotate_in(self, seconds: float, link: Link) -> None:
        self.mailbox.after(seconds, Tick("rotate", link.epoch))

    def _shutdown_announced(self, link: Link | None) -> None:
        if link is None:
            return
        logger.warning("= %s the exchange will end connection %d: its successor comes first", self.name, link.epoch)
        if link is self._successor:
            link.drop(StreamError(f"{self.name}: the exchange announced that it will shut down"))
        else:
            self._rotate(link.epoch)

    def _rotate(self, epoch: int) -> None:
        """Open the successor of that connection, if it is the present one and has none yet."""
        link = self._link
        if link is None or link.epoch != epoch or self._successor is not None:
            return
        wait = self._allowance.take_connection()
        if wait:
            self._rotate_in(wait, link)
            return
        self._successor = self._new_link(tell_failure=False, beside=link.epoch)
        logger.info("= %s opens connection %d, the successor of %d", self.name, self._epoch, link.epoch)

    def _consider_handover(self) -> None:
        """Begin the overlap if the successor brings all by now."""
        if self._successor is not None and self._successor.serves_all:
            self.mailbox.after(self._overlap, Tick("overlap", self._successor.epoch))

    def _hand_over(self, epoch: int) -> None:
        """End the old connection, now that both have brought every update for a while."""
        link, successor = self._link, self._successor
        if link is None or successor is None or successor.epoch != epoch or not successor.serves_all:
            return
        self._link, self._successor = successor, None
        self._rotations += 1
        self._failed_rotations = 0
        self._leave(link, StreamError(f"{self.name}: connection {link.epoch} was handed over to {epoch}"))
        self._set_rotation_timer(successor)

    def _leave(self, link: Link, reason: StreamError) -> None:
        """Let a connection end in good order, and by force if the peer does not end it."""
        self._leaving[link.epoch] = link
        if link.open:
            link.finish(reason)
            self.mailbox.after(self._settings.timing.leaving, Tick("leave", link.epoch))
        else:
            link.drop(reason)

    def _pause(self, in_a_row: int) -> float:
        return self._settings.backoff.wait(0, in_a_row, random.random()) or 0.0  # noqa: S311 - spreads load

    # Looking after.

    def _watch(self) -> None:
        """Notice a reader that ended without a word, as one may that a bug or want of memory has killed."""
        self.mailbox.after(self._settings.timing.reader_look, Tick("watch"))
        unread = {link.epoch: link for link in self._links() if not link.reading}
        for epoch in self._unread & unread.keys():
            # Seen twice: its last word is not just on the way.
            logger.error("! %s the reader of connection %d is gone", self.name, epoch)
            unread[epoch].router.closed(StreamError(f"{self.name}: the reader of connection {epoch} died"))
        self._unread = set(unread)

    def _status(self) -> SocketStatus:
        link = self._link
        return SocketStatus(
            name=self.name,
            market=self._market.name,
            connected=link is not None and link.open,
            streams=len(self._routes),
            epoch=self._epoch if link is None else link.epoch,
            age=time.monotonic() - link.opened_at if link is not None and link.open else 0.0,
            connections=self._connections,
            rotations=self._rotations,
            failures=self._reconnects.failures,
            rejected_frames=0 if link is None else link.router.rejected,
            unrouted_frames=0 if link is None else link.router.unrouted,
            restarts=self._restarts,
            error=None if self._outage is None else str(self._outage),
            retry_in=max(0.0, self._connect_at - time.monotonic()) if self._connect_due else 0.0,
        )


def _listed(streams: tuple[bytes, ...]) -> str:
    first = streams[0].decode("utf-8", "replace") if streams else "a request"
    return first if len(streams) < 2 else f"{first} or one of {len(streams) - 1} more"
