"""The socket actor: one connection, the streams on it, and the way back when it is lost."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from depthactors import wire
from depthactors.actors.base import THREAD_PREFIX, EngineActor, mailbox_of, tell
from depthactors.actors.messages import (
    Acknowledged,
    Closed,
    FrameRejected,
    Opened,
    ReconnectExhausted,
    ShutdownAnnounced,
    Status,
    StreamDown,
    StreamUp,
    Subscribe,
    Tick,
    Unsubscribe,
)
from depthactors.actors.router import Router
from depthactors.errors import StreamError, SubscriptionError, UsageError
from depthactors.net.stream import StreamConnection
from depthactors.pacing import RateWindow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pykka

    from depthactors.markets import Market
    from depthactors.pacing import Backoff

logger = logging.getLogger(__name__)

_BATCH: Final = 200
"""Streams in one SUBSCRIBE: measured to be taken by the exchange, and well below its frame limit."""
_SPARE_MESSAGES: Final = 2
"""Of the messages a second that a client may send, those left for pongs and pings."""
_LASTING: Final = 10.0
"""Seconds after which a connection counts as one that held."""
_OPENING_DEADLINE: Final = 20.0
"""Seconds for all steps of connecting together, whatever a peer does to stretch them."""
_ANSWER_DEADLINE: Final = 10.0
"""Seconds for the exchange to answer a control message."""


@dataclass(frozen=True, slots=True)
class SocketStatus:
    """How a connection does.

    Attributes:
        name: of the socket.
        market: whose streams it carries.
        connected: the handshake is done and nothing ended it since.
        streams: streams it carries or will carry.
        epoch: number of the present connection in the engine.
        failures: tries that failed since the last acknowledged subscription.
        rejected_frames: frames that could not be read at all.
        unrouted_frames: frames of this connection for streams that nobody follows any more.
    """

    name: str
    market: str
    connected: bool
    streams: int
    epoch: int
    failures: int
    rejected_frames: int
    unrouted_frames: int


class SocketActor(EngineActor):
    """Carries up to `market.max_streams` streams. Everything here runs in its thread, `__init__` aside.

    It owns a reader thread a connection (`net.stream`), which hands frames to the books through a
    `Router` and ends before the next one is started.
    """

    def __init__(
        self,
        name: str,
        market: Market,
        supervisor: pykka.ActorRef[Any],
        *,
        epochs: Iterator[int],
        backoff: Backoff,
        options: Mapping[str, Any],
    ) -> None:
        """Wait for the first stream; no connection is made before.

        Args:
            name: unique among the sockets.
            market: whose streams.
            supervisor: told of exhausted reconnects and of death.
            epochs: gives each connection of the engine its number.
            backoff: waits between tries, and how many.
            options: keyword arguments for `StreamConnection`.
        """
        super().__init__(name, supervisor)
        self._market = market
        self._epochs = epochs
        self._backoff = backoff
        self._options = options
        self._routes: dict[bytes, pykka.ActorRef[Any]] = {}
        self._to_subscribe: dict[bytes, None] = {}
        self._to_unsubscribe: dict[bytes, None] = {}
        self._connection: StreamConnection | None = None
        self._router = Router(0, self.actor_ref, self._routes, tell_failure=False)
        self._open = False
        self._failures = 0
        self._short_lived = 0
        self._connected_at = 0.0
        self._promised = False
        self._retired = False
        self._outage: StreamError | None = None
        self._rejected = 0
        self._requests = 0
        self._flush_due = False
        self._connect_due = False
        self._rate = RateWindow(1, 1.0)

    def handle(self, message: Any) -> Any:  # noqa: C901, PLR0911 - the list of messages, a line each
        """Handle what comes from the supervisor, the reader thread and timers."""
        match message:
            case Subscribe(stream, ref):
                return self._subscribe(stream.encode(), ref)
            case Unsubscribe(stream):
                return self._unsubscribe(stream.encode())
            case Opened(epoch):
                return self._opened() if epoch == self._router.epoch else None
            case Acknowledged(epoch, request_id, error):
                return self._acknowledged(request_id, error) if epoch == self._router.epoch else None
            case Closed(epoch, error):
                return self._closed(error) if epoch == self._router.epoch else None
            case ShutdownAnnounced(epoch):
                reason = StreamError(f"{self.name}: the exchange announced that it will shut down")
                return self._drop_connection(reason) if epoch == self._router.epoch else None
            case FrameRejected(_, error):
                self._rejected += 1
                logger.warning("! %s %s", self.name, error)
                return self.parent is not None and tell(self.parent, message)
            case Tick("flush"):
                self._flush_due = False
                return self._flush()
            case Tick("connect"):
                self._connect_due = False
                return self._connect()
            case Tick("opening", epoch):
                return self._check_opening() if epoch == self._router.epoch else None
            case Tick("answer", request_id):
                return self._check_answer(request_id)
            case Status():
                return self._status()
        msg = f"{self.name}: expected a message for a socket, was {message!r}"
        raise UsageError(msg)

    def release(self, error: BaseException | None) -> None:
        """Close the connection; its reader thread ends by itself and tells the books."""
        del error
        self._open = False
        if self._connection is not None:
            self._connection.close()

    # Streams.

    def _subscribe(self, stream: bytes, ref: pykka.ActorRef[Any]) -> None:
        self._routes[stream] = ref
        self._to_unsubscribe.pop(stream, None)
        if self._open and self._router.is_up(stream):
            # A replaced actor: what its predecessor was told long ago is news to it.
            mailbox_of(ref).put_ordered(StreamUp(self._router.epoch))
            return
        if not self._router.is_asked(stream):
            self._to_subscribe[stream] = None
            self._flush_soon()
        if self._outage is not None:
            mailbox_of(ref).put_ordered(StreamDown(self._router.epoch, self._outage))
        if self._connection is None and not self._connect_due:
            self._connect()

    def _unsubscribe(self, stream: bytes) -> None:
        if self._routes.pop(stream, None) is None:
            return
        if self._to_subscribe.pop(stream, False) is False:
            self._to_unsubscribe[stream] = None
            self._flush_soon()
        if not self._routes:
            self._retire()

    def _flush_soon(self, wait: float = 0.0) -> None:
        """Send what is to be sent behind all requests that are already in the mailbox, so as one."""
        if self._flush_due:
            return
        self._flush_due = True
        if wait:
            self.mailbox.after(wait, Tick("flush"))
        else:
            self.actor_ref.tell(Tick("flush"))

    def _flush(self) -> None:
        """Send control messages as fast as the exchange allows, each for as many streams as it takes."""
        while self._open and (self._to_unsubscribe or self._to_subscribe):
            wait = self._rate.take(time.monotonic())
            if wait:
                self._flush_soon(wait)
                return
            self._requests += 1
            waiting = self._to_unsubscribe or self._to_subscribe
            batch = list(waiting)[:_BATCH]
            names = [stream.decode() for stream in batch]
            if waiting is self._to_unsubscribe:
                text = wire.unsubscribe(names, self._requests)
                self._router.pending[self._requests] = []
            else:
                text = wire.subscribe(names, self._requests)
                self._router.pending[self._requests] = batch
            for stream in batch:
                del waiting[stream]
                self._router.latest[stream] = self._requests
            self._send(text)
            self.mailbox.after(_ANSWER_DEADLINE, Tick("answer", self._requests))

    def _send(self, text: bytes) -> None:
        logger.debug("> %s %s", self.name, text)
        assert self._connection is not None
        try:
            self._connection.send(text)
        except StreamError as error:
            # The reader notices too and reports the end; nothing is lost, all is subscribed anew.
            logger.debug("! %s %s", self.name, error)
            self._connection.close()

    # The connection.

    def _connect(self) -> None:
        if self._connection is not None or not self._routes:
            return
        epoch = next(self._epochs)
        router = Router(epoch, self.actor_ref, self._routes, tell_failure=self._outage is None)
        self._router = router
        self._rate = RateWindow(max(1, self._market.messages_per_second - _SPARE_MESSAGES), 1.0)
        self._connection = StreamConnection(
            f"{self._market.stream_url}{self._market.stream_path}",
            on_open=router.opened,
            on_frames=router.route,
            on_close=router.closed,
            name=f"{THREAD_PREFIX}{self.name}-reader-{epoch}",
            **self._options,
        )
        self.mailbox.helpers = (self._connection.thread,)
        self._connection.start()
        self.mailbox.after(_OPENING_DEADLINE, Tick("opening", epoch))

    def _opened(self) -> None:
        logger.info("= %s connected, epoch %d", self.name, self._router.epoch)
        self._open = True
        self._connected_at = time.monotonic()
        self._to_unsubscribe.clear()
        self._to_subscribe = dict.fromkeys(self._routes)
        self._flush()

    def _acknowledged(self, request_id: int, error: str | None) -> None:
        if error is None:
            self._failures = 0
            self._promised = True
            self._outage = None
            return
        # Which stream of the batch was refused is not told: begin anew, as after a lost connection.
        self._promised = False
        self._drop_connection(SubscriptionError(f"{self.name}: request {request_id} was refused: {error}"))

    def _check_opening(self) -> None:
        if not self._open and self._connection is not None:
            self._drop_connection(StreamError(f"{self.name}: not connected within {_OPENING_DEADLINE:g} s"))

    def _check_answer(self, request_id: int) -> None:
        if self._open and request_id in self._router.pending:
            self._promised = False
            self._drop_connection(
                StreamError(f"{self.name}: request {request_id} was not answered in {_ANSWER_DEADLINE:g} s")
            )

    def _retire(self) -> None:
        """Let the connection go with its last stream; the next stream brings one back, and owes this one nothing."""
        self._failures = 0
        self._outage = None
        if self._connection is not None:
            self._retired = True
            self._router.latest.clear()
            self._router.tell_failure = False
            self._drop_connection(StreamError(f"{self.name}: closed, no stream was left on it"))

    def _drop_connection(self, reason: StreamError) -> None:
        """End the connection; `Closed` follows and decides about the next one."""
        self._open = False
        if self._connection is not None:
            self._connection.close(reason)

    def _closed(self, error: StreamError) -> None:
        promised, retired = self._promised, self._retired
        self._promised = self._retired = self._open = False
        self._connection = None
        if retired:
            # For a stream that came meanwhile, if one did.
            self._connect()
            return
        self._outage = error
        # The end of a connection that served its streams is no failed try; the tries begin with it.
        self._failures = 0 if promised else self._failures + 1
        # But one that is cut again and again is not to be opened again and again as fast.
        lasted = promised and time.monotonic() - self._connected_at > _LASTING
        self._short_lived = 0 if lasted else self._short_lived + 1
        wait = self._backoff.wait(self._failures, self._short_lived, random.random())  # noqa: S311 - spreads load
        if wait is None:
            logger.error("! %s gave up after %d tries: %s", self.name, self._failures, error)
            if self.parent is not None:
                tell(self.parent, ReconnectExhausted(self.name, error))
            return
        logger.warning("- %s %s; next try in %.1f s", self.name, error, wait)
        self._connect_due = True
        self.mailbox.after(wait, Tick("connect"))

    def _status(self) -> SocketStatus:
        return SocketStatus(
            self.name,
            self._market.name,
            self._open,
            len(self._routes),
            self._router.epoch,
            self._failures,
            self._rejected,
            self._router.unrouted,
        )
