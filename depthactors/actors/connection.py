"""One connection of a socket actor: from the attempt to connect to the reader's last word.

The actor decides which connections there are; a link knows what is subscribed on one of them, and what
is still to be asked for. Everything here runs in the actor's thread.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from depthactors import binance, reporting
from depthactors.actors.mailbox import Tick
from depthactors.actors.router import Router
from depthactors.actors.threads import THREAD_PREFIX
from depthactors.errors import StreamError
from depthactors.net.stream import StreamConnection
from depthactors.pacing import RateWindow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pykka

    from depthactors.actors.mailbox import Mailbox
    from depthactors.actors.refusals import Refusals
    from depthactors.markets import Market
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)

_BATCH: Final = 200
"""Streams in one SUBSCRIBE: measured to be taken by the exchange, and well below its frame limit."""
_SPARE_MESSAGES: Final = 2
"""Of the messages a second that a client may send, those left for pongs and pings."""


class Link:
    """A connection and its streams.

    Attributes:
        epoch: its number in the engine.
        router: brings its frames to the books.
        open: the handshake is done and nothing ended it since.
        opened_at: when that was, monotonic.
        promised: a control message was accepted, and none is overdue.
        refusals: control messages that were refused.
    """

    def __init__(
        self,
        name: str,
        market: Market,
        epoch: int,
        routes: dict[bytes, pykka.ActorRef[Any]],
        *,
        owner: pykka.ActorRef[Any],
        mailbox: Mailbox,
        request_ids: Iterator[int],
        settings: NetworkSettings,
        tell_failure: bool,
        refusals: Refusals,
        beside: int | None = None,
    ) -> None:
        """Connect, in a reader thread of its own.

        Args:
            name: of the socket actor.
            market: whose streams.
            epoch: the connection's number.
            routes: the receiver of each stream; the actor's own, which changes it.
            owner: told what happens to the connection.
            mailbox: the actor's, for timers.
            request_ids: unique among all connections of the actor.
            settings: how the exchange is reached.
            tell_failure: see `Router`.
            refusals: what the exchange refused so far; the actor's own.
            beside: the connection that it is to succeed.
        """
        self.epoch = epoch
        self.router = Router(epoch, owner, routes, tell_failure=tell_failure, beside=beside)
        self.open = False
        self.opened_at = 0.0
        self.promised = False
        self.refusals = 0
        self._refusals = refusals
        self._name = name
        self._timing = settings.timing
        self._routes = routes
        self._owner = owner
        self._mailbox = mailbox
        self._request_ids = request_ids
        self._to_subscribe: dict[bytes, None] = {}
        self._to_unsubscribe: dict[bytes, None] = {}
        self._apart: deque[tuple[bytes, ...]] = deque()
        self._flush_due = False
        self._rate = RateWindow(max(1, market.messages_per_second - _SPARE_MESSAGES), 1.0)
        self._connection = StreamConnection(
            f"{market.stream_url}{market.stream_path}",
            settings,
            on_open=self.router.opened,
            on_frames=self.router.route,
            on_close=self.router.closed,
            name=f"{THREAD_PREFIX}{name}-reader-{epoch}",
        )
        mailbox.helpers = (*(thread for thread in mailbox.helpers if thread.is_alive()), self._connection.thread)
        try:
            self._connection.start()
        except RuntimeError as error:
            # The system has no thread to give: a try that failed, like any other.
            self.router.closed(StreamError(f"{name}: its reader could not be started: {error}"))
        mailbox.after(self._timing.opening_deadline, Tick("opening", epoch))

    @property
    def reading(self) -> bool:
        """Whether its reader thread is alive."""
        return self._connection.thread.is_alive()

    @property
    def serves_all(self) -> bool:
        """Whether every stream of the actor is up on it, but for those that the exchange refuses."""
        return all(self.is_up(stream) or self._refusals.times(stream) for stream in self._routes)

    @property
    def carried(self) -> int:
        """How many streams are up on it."""
        return sum(map(self.router.is_up, self._routes))

    def is_up(self, stream: bytes) -> bool:
        """Tell whether a stream is up, and not about to be given back."""
        return self.open and self.router.is_up(stream) and stream not in self._to_unsubscribe

    def opened(self) -> None:
        """Ask for every stream, now that the handshake is done."""
        logger.info("= %s connected, epoch %d", self._name, self.epoch)
        self.open = True
        self.opened_at = time.monotonic()
        self._to_unsubscribe.clear()
        self._to_subscribe = {stream: None for stream in self._routes if stream not in self._refusals}
        self._apart = deque((*self._refusals.groups, *self._refusals.take_due(self.opened_at)))
        self.flush()

    def subscribe(self, stream: bytes) -> None:
        """Ask for a stream, unless that is done already; before the handshake all are noted anyway."""
        # What is about to be given back is asked for anew behind that: its receiver counts on the answer.
        if stream in self._to_unsubscribe or not self._is_asked_or_up(stream):
            self._to_subscribe[stream] = None
            self._flush_soon()

    def subscribe_apart(self, groups: Iterable[tuple[bytes, ...]]) -> None:
        """Ask for streams behind all others, each group in a request of its own."""
        self._apart.extend(groups)
        self._flush_soon()

    def unsubscribe(self, stream: bytes) -> None:
        """Ask for a stream no more."""
        if self._to_subscribe.pop(stream, False) is False and self._is_asked_or_up(stream):
            self._to_unsubscribe[stream] = None
            self._flush_soon()

    def resubscribe(self, stream: bytes) -> None:
        """Give a stream back and ask for it anew; what is to be given back is always sent first."""
        if self.router.is_up(stream):
            self._to_unsubscribe[stream] = None
            self._to_subscribe[stream] = None
            self._flush_soon()

    def flush(self) -> None:
        """Send control messages as fast as the exchange allows, each for as many streams as it takes."""
        self._flush_due = False
        while self.open and (self._to_unsubscribe or self._to_subscribe or self._next_apart()):
            wait = self._rate.take(time.monotonic())
            if wait:
                self._flush_soon(wait)
                return
            request_id = next(self._request_ids)
            waiting = self._to_unsubscribe or self._to_subscribe or dict.fromkeys(self._apart.popleft())
            batch = list(waiting)[:_BATCH]
            names = [stream.decode() for stream in batch]
            if waiting is self._to_unsubscribe:
                text = binance.unsubscribe(names, request_id)
                self.router.pending[request_id] = []
            else:
                text = binance.subscribe(names, request_id)
                self.router.pending[request_id] = batch
            for stream in batch:
                del waiting[stream]
                self.router.latest[stream] = request_id
            self._send(text)
            self._mailbox.after(self._timing.answer_deadline, Tick("answer", request_id))

    def check_opening(self) -> None:
        """End a connection that is not made by now."""
        if not self.open:
            self.drop(StreamError(f"{self._name}: not connected within {self._timing.opening_deadline:g} s"))

    def check_answer(self, request_id: int) -> None:
        """End a connection on which this request is not answered by now."""
        if self.open and request_id in self.router.pending:
            self.promised = False
            deadline = self._timing.answer_deadline
            self.drop(StreamError(f"{self._name}: request {request_id} was not answered in {deadline:g} s"))

    def drop(self, reason: StreamError | None = None) -> None:
        """End the connection; the router's last word follows."""
        self.open = False
        self._connection.close(reason)

    def finish(self, reason: StreamError) -> None:
        """Let the peer end the connection, and bring all that it sends until then; `drop` is for who cannot wait."""
        self.open = False
        self._connection.finish(reason)

    def fall_silent(self) -> None:
        """End without telling any book: nobody is concerned any more."""
        self.router.fall_silent()

    def _next_apart(self) -> bool:
        """Whether there is a group to ask for; the first is then one of streams that are wanted and not up."""
        while self._apart:
            wanted = tuple(each for each in self._apart[0] if each in self._routes and not self._is_asked_or_up(each))
            if wanted:
                self._apart[0] = wanted
                return True
            self._apart.popleft()
        return False

    def _is_asked_or_up(self, stream: bytes) -> bool:
        return self.router.is_asked(stream) or self.router.is_up(stream)

    def _flush_soon(self, wait: float = 0.0) -> None:
        """Send what is to be sent behind all requests that are already in the mailbox, so as one."""
        if self._flush_due:
            return
        self._flush_due = True
        if wait:
            self._mailbox.after(wait, Tick("flush", self.epoch))
        else:
            self._owner.tell(Tick("flush", self.epoch))

    def _send(self, text: bytes) -> None:
        logger.debug("> %s %s", self._name, text)
        try:
            self._connection.send(text)
        except StreamError as error:
            # The reader notices too and reports the end; nothing is lost, all is subscribed anew.
            logger.debug("! %s %s", self._name, error)
            self._connection.close()
