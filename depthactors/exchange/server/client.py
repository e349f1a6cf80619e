"""One websocket client: its subscriptions, and the replies to its control messages."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.exchange.fault import Place
from depthactors.exchange.streams import control
from depthactors.exchange.streams.message import text_frame
from depthactors.pacing import RateWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.dispatcher import Clock
    from depthactors.exchange.fault import Fault
    from depthactors.exchange.fault_plan import FaultPlan
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.limits import Limits
    from depthactors.exchange.server.outbox import Outbox
    from depthactors.exchange.streams.broadcaster import Broadcaster
    from depthactors.exchange.streams.message import Message
    from depthactors.exchange.streams.path import StreamPath
    from depthactors.exchange.streams.subscription import Subscription

POLICY: Final = 1008
"""Close code of a client that broke a rule."""


class ClientSession(Protocol):
    """The connection as its client needs it; no method waits."""

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close with a handshake."""

    def give_up(self) -> None:
        """End the TCP connection at once, whatever is queued."""

    def suffer(self, fault: Fault) -> None:
        """Let a fault strike the connection."""


class Client:
    """One connection's subscriptions.

    An acknowledgement is queued before the first event of its streams, and no event of a
    stream is queued after its UNSUBSCRIBE was acknowledged.

    Thread: `handle` that of the connection's reader, `deliver` and `wait_for_room` that of the player.
    """

    def __init__(
        self,
        session: ClientSession,
        outbox: Outbox,
        path: StreamPath,
        *,
        broadcaster: Broadcaster,
        find: Callable[[str], Subscription | None],
        play: Callable[[Iterable[Feed]], None],
        limits: Limits,
        faults: FaultPlan,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Prepare; `start` subscribes to what the path named.

        Args:
            session: the connection.
            outbox: the queue of frames to send.
            path: what the connection's path says.
            broadcaster: the owner of all subscriptions.
            find: returns the stream of a name on this connection's path.
            play: starts feeds that have not started yet.
            limits: the limits of messages and streams.
            faults: the faults of subscriptions.
            clock: the time by which messages are counted.
        """
        self._session = session
        self._outbox = outbox
        self._broadcaster = broadcaster
        self._find = find
        self._play = play
        self._path = path
        self._combined = path.combined
        self._limits = limits
        self._faults = faults
        self._clock = clock
        self._messages = RateWindow(limits.messages_per_second, 1.0)
        self._lock = Lock()
        self._streams: dict[str, None] = {}

    def start(self) -> None:
        """Subscribe to the streams that the path named."""
        self._subscribe(self._path.streams)

    def counts(self) -> bool:
        """Count one message, ping or pong; `False` if it was one too many, which closes the connection."""
        if self._messages.take(self._clock.monotonic()):
            self._session.close(POLICY, "Too many requests")
            return False
        return True

    def handle(self, message: bytes) -> None:
        """Carry out one control message and queue the reply."""
        try:
            request = control.parse(message)
        except control.RefusedError as refusal:
            self._queue(refusal.reply)
            return
        reply = control.result(None, request.request_id)
        match request.method:
            case "SUBSCRIBE":
                self._subscribe(request.params, request)
            case "UNSUBSCRIBE":
                self._unsubscribe(request.params, reply)
            case "SET_PROPERTY":
                with self._lock:
                    self._combined = request.params[1]
                    self._queue(reply)
            case "GET_PROPERTY":
                self._queue(control.result(self._combined, request.request_id))
            case _:
                self._queue(control.result(list(self._streams), request.request_id))

    @property
    def combined(self) -> bool:
        """Whether frames have an envelope now."""
        return self._combined

    def deliver(self, message: Message) -> None:
        """Queue an event if the stream is still subscribed; a client that is too far behind is disconnected."""
        with self._lock:
            if message.stream in self._streams:
                self._put(message.wire(self._combined, self._path.unit))

    def suffer(self, fault: Fault) -> None:
        """Let a fault strike the connection; a fault that ends it also ends its subscriptions."""
        if fault.kind != "shutdown":
            self.leave()
        self._session.suffer(fault)

    def wait_for_room(self) -> None:
        """Wait until one more event fits; a client that takes nothing for too long is disconnected."""
        if not self._outbox.wait_for_room():
            self._session.give_up()

    def wait_sent(self, timeout: float) -> bool:
        """Wait until everything queued has been sent, or the connection is over."""
        return self._outbox.wait_sent(timeout)

    def leave(self) -> None:
        """End every subscription."""
        self._broadcaster.remove(self, self._served(self._streams))

    def _subscribe(self, names: Iterable[str], request: control.Request | None = None) -> None:
        """Subscribe to streams; without a request the path named them, and there is no reply."""
        found = [(each, self._faults.strike(Place.SUBSCRIBE, each.feed.symbol)) for each in self._served(names)]
        kinds = {fault.kind for _, faults in found for fault in faults} if request is not None else set()
        with self._lock:
            wanted = self._streams | dict.fromkeys(names)
            if len(wanted) > self._limits.max_streams or "too-many-streams" in kinds:
                self._queue(control.too_many_streams())
                self._session.close(POLICY, "Invalid request")
                return
            if request is not None and "refused-subscribe" in kinds:
                self._queue(control.RefusedError(control.INVALID_REQUEST, "Invalid request", request.request_id).reply)
                return
            self._streams = wanted
            if request is not None:
                self._queue(control.result(None, request.request_id))
        served = [each for each, faults in found if not any(fault.kind == "unserved" for fault in faults)]
        self._broadcaster.add(self, served)
        # Only now: a recording that starts before its first listener would lose events.
        self._play([each.feed for each in served])

    def _unsubscribe(self, names: tuple[str, ...], reply: bytes) -> None:
        # A stream that was never subscribed must not be looked up: that would list its symbol.
        self._broadcaster.remove(self, self._served(name for name in names if name in self._streams))
        with self._lock:
            for name in names:
                self._streams.pop(name, None)
            self._queue(reply)

    def _served(self, names: Iterable[str]) -> list[Subscription]:
        return [each for name in tuple(names) if (each := self._find(name)) is not None]

    def _queue(self, reply: bytes) -> None:
        self._put(text_frame(reply))

    def _put(self, frame: bytes) -> None:
        if not self._outbox.append(frame):
            self._session.give_up()
