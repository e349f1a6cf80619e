"""One connection of a socket actor: from the attempt to connect to the last message of its reader thread.

The actor decides which connections there are; a connection sends its requests as fast as the exchange allows.
Thread: the actor's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from depthactors import binance, reporting
from depthactors.actors.book_messages import StreamUp
from depthactors.actors.router import Router
from depthactors.actors.socket_messages import AnswerOverdue, OpeningOverdue, SendRequests
from depthactors.actors.subscriptions import Subscriptions
from depthactors.dispatcher.guarded import Guarded
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.dispatcher.threads import THREAD_PREFIX
from depthactors.errors import LifecycleError, StreamError
from depthactors.pacing import RateWindow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pykka

    from depthactors.actors.receivers import Receivers
    from depthactors.actors.refusals import Refusals
    from depthactors.dispatcher.mailbox import Mailbox
    from depthactors.markets import Market
    from depthactors.net.network import Network
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)

_BATCH: Final = 200
"""Streams in one SUBSCRIBE: measured to be taken by the exchange, and well below its frame limit."""
_SPARE_MESSAGES: Final = 2
"""Of the messages a second that a client may send, those left for pongs and pings."""


@dataclass(frozen=True, slots=True)
class SocketContext:
    """The part that all connections of one socket actor share.

    Attributes:
        name: the actor's name.
        owner: the actor, which is notified of what happens to a connection.
        mailbox: the mailbox of the actor, for timers.
        market: the market of the streams.
        network: the way to the exchange.
        settings: the settings of the network.
        epochs: the numbers for the connections of the engine.
        request_ids: the numbers for the control messages of the actor's connections.
        receivers: the receiver of each stream.
        refusals: the streams that the exchange refused so far.
    """

    name: str
    owner: pykka.ActorRef[Any]
    mailbox: Mailbox
    market: Market
    network: Network
    settings: NetworkSettings
    epochs: Iterator[int]
    request_ids: Iterator[int]
    receivers: Receivers
    refusals: Refusals


class Connection:
    """A connection and its streams.

    Attributes:
        epoch: the connection's number in the engine.
        is_open: whether the handshake is done, and nothing has ended the connection since.
        opened_at: the time of the handshake, monotonic.
        has_served: whether a control message was accepted, and none is overdue.
        refused_requests: number of control messages that were refused.
    """

    def __init__(self, context: SocketContext, *, notify_failure: bool, predecessor: int | None = None) -> None:
        """Connect, in a reader thread of its own.

        Args:
            context: the part that the connections of the actor share.
            notify_failure: see `Router`.
            predecessor: the connection that it is to succeed.
        """
        self.epoch = next(context.epochs)
        self.is_open = False
        self.opened_at = 0.0
        self.has_served = False
        self.refused_requests = 0
        self._context = context
        self._receivers = context.receivers
        self._subscriptions = Guarded(Subscriptions())
        self._router = Router(
            self.epoch,
            context.owner,
            context.receivers,
            self._subscriptions,
            notify_failure=notify_failure,
            predecessor=predecessor,
        )
        self._sending_is_due = False
        self._rate = RateWindow(max(1, context.market.messages_per_second - _SPARE_MESSAGES), 1.0)
        self._stream = context.network.stream(
            f"{context.market.stream_url}{context.market.stream_path}",
            on_open=self._router.opened,
            on_frames=self._router.route,
            on_close=self._router.closed,
            name=f"{THREAD_PREFIX}{context.name}-reader-{self.epoch}",
        )
        mailbox = context.mailbox
        mailbox.helpers = (*(thread for thread in mailbox.helpers if thread.is_alive()), self._stream.thread)
        try:
            self._stream.start()
        except LifecycleError as error:
            # The system has no thread to give: a try that failed, like any other.
            self.reader_died(StreamError(f"{context.name}: its reader could not be started: {error}"))
        mailbox.after(context.settings.timing.opening_deadline, OpeningOverdue(self.epoch))

    @property
    def predecessor(self) -> int | None:
        """The number of the connection that it is to succeed, `None` without one."""
        return self._router.predecessor

    @property
    def is_read(self) -> bool:
        """Whether its reader thread is alive."""
        return self._stream.thread.is_alive()

    @property
    def read_at(self) -> float:
        """The time at which it last brought something, monotonic; 0 if it has brought nothing yet."""
        return self._stream.read_at

    @property
    def serves_all(self) -> bool:
        """Whether every stream of the actor is up on it, but for those that the exchange refuses. O(streams)."""
        with self._subscriptions as subscriptions:
            missing = [each for each in self._receivers.now if not (self.is_open and subscriptions.is_up(each))]
        return all(map(self._context.refusals.times, missing))

    @property
    def carried(self) -> int:
        """Number of streams that are up on it. O(streams)."""
        with self._subscriptions as subscriptions:
            return sum(map(subscriptions.is_up, self._receivers.now))

    @property
    def rejected_frames(self) -> int:
        """Number of frames that could not be read, and of replies to no request."""
        return self._router.rejected

    @property
    def unrouted_frames(self) -> int:
        """Number of frames of streams without a receiver."""
        return self._router.unrouted

    def opened(self) -> None:
        """Ask for every stream, now that the handshake is done."""
        refusals = self._context.refusals
        logger.info("= %s connected, epoch %d", self._context.name, self.epoch)
        self.is_open = True
        self.opened_at = self._context.mailbox.now()
        streams = [stream for stream in self._receivers.now if stream not in refusals]
        apart = (*refusals.groups, *refusals.take_due(self.opened_at))
        with self._subscriptions as subscriptions:
            subscriptions.begin(streams, apart)
        self.send_requests()

    def subscribe(self, stream: bytes) -> None:
        """Ask for a stream whose receiver is new, unless the exchange refuses it.

        If the stream is up already, sends `StreamUp` to the receiver, which is new and has not got it.
        """
        with self._subscriptions as subscriptions:
            if self.is_open and subscriptions.is_up(stream):
                mailbox_of(self._receivers.now[stream]).put_ordered(StreamUp(self.epoch, self.predecessor))
            elif stream not in self._context.refusals:
                # Before the handshake this has no effect: `begin` then asks for all streams.
                subscriptions.want(stream)
        self._send_soon()

    def ask_for(self, streams: Iterable[bytes]) -> None:
        """Ask for streams, unless they are requested already; before the handshake this has no effect."""
        with self._subscriptions as subscriptions:
            for stream in streams:
                subscriptions.want(stream)
        self._send_soon()

    def subscribe_apart(self, groups: Iterable[tuple[bytes, ...]]) -> None:
        """Ask for streams behind all others, each group in a request of its own."""
        with self._subscriptions as subscriptions:
            subscriptions.want_apart(groups)
        self._send_soon()

    def unsubscribe(self, stream: bytes) -> bool:
        """Give a stream back that has no receiver any more; returns whether it came up here."""
        with self._subscriptions as subscriptions:
            came_up = subscriptions.drop(stream)
        self._send_soon()
        return came_up

    def resubscribe(self, stream: bytes) -> None:
        """Give a stream back and ask for it anew."""
        with self._subscriptions as subscriptions:
            subscriptions.renew(stream)
        self._send_soon()

    def send_requests(self) -> None:
        """Send control messages as fast as the exchange allows, each for as many streams as it takes."""
        self._sending_is_due = False
        context = self._context
        while self.is_open:
            followed = self._receivers.now
            with self._subscriptions as subscriptions:
                wait = self._rate.take(self._context.mailbox.now()) if subscriptions.has_more(followed) else 0.0
                request = None if wait else subscriptions.next_request(next(context.request_ids), _BATCH, followed)
            if wait:
                self._send_soon(wait)
            if request is None:
                return
            spell = binance.subscribe if request.subscribes else binance.unsubscribe
            self._send(spell([stream.decode() for stream in request.streams], request.request_id))
            context.mailbox.after(context.settings.timing.answer_deadline, AnswerOverdue(request.request_id))

    def check_opening(self) -> None:
        """End a connection that is not made by now."""
        if not self.is_open:
            deadline = self._context.settings.timing.opening_deadline
            self.abort(StreamError(f"{self._context.name}: not connected within {deadline:g} s"))

    def check_answer(self, request_id: int) -> None:
        """End a connection on which this request is not answered by now."""
        with self._subscriptions as subscriptions:
            is_overdue = self.is_open and subscriptions.is_unanswered(request_id)
        if is_overdue:
            self.has_served = False
            deadline = self._context.settings.timing.answer_deadline
            self.abort(StreamError(f"{self._context.name}: request {request_id} was not answered in {deadline:g} s"))

    def unanswered(self) -> list[tuple[bytes, ...]]:
        """Return the streams of each SUBSCRIBE without an answer, in the order in which they were sent."""
        with self._subscriptions as subscriptions:
            return subscriptions.unanswered()

    def take_over(self) -> None:
        """Go on without the predecessor, which ended before its time."""
        with self._subscriptions:
            self._router.predecessor = None

    def close(self, reason: StreamError) -> None:
        """Ask the peer to end the connection, and pass on all that it sends until then; `abort` does not wait."""
        self.is_open = False
        self._stream.close(reason)

    def abort(self, reason: StreamError | None = None) -> None:
        """End the connection at once; the reader thread notifies the books, and the actor last."""
        self.is_open = False
        self._stream.abort(reason)

    def detach(self) -> None:
        """Do not notify the books of the end: none of them has its stream here any more."""
        with self._subscriptions:
            self._router.is_detached = True

    def reader_died(self, error: StreamError) -> None:
        """Notify the books and the actor of the end, in place of a reader thread that cannot."""
        self._router.closed(error)

    def _send_soon(self, wait: float = 0.0) -> None:
        """Send what is to be sent behind all messages that are already in the mailbox, so in one request."""
        if self._sending_is_due or not self.is_open:
            return
        self._sending_is_due = True
        if wait:
            self._context.mailbox.after(wait, SendRequests(self.epoch))
        else:
            self._context.owner.tell(SendRequests(self.epoch))

    def _send(self, text: bytes) -> None:
        logger.debug("> %s %s", self._context.name, text)
        try:
            self._stream.send(text)
        except StreamError as error:
            # The reader notices too and reports the end; nothing is lost, all is subscribed anew.
            logger.debug("! %s %s", self._context.name, error)
            self._stream.abort()
