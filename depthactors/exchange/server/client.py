"""One websocket client: what it has subscribed to, and the replies to what it asks."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from depthactors.exchange.fault import Place
from depthactors.exchange.streams import control
from depthactors.exchange.streams.message import text_frame
from depthactors.pacing import RateWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.exchange.fault import Fault
    from depthactors.exchange.fault_plan import FaultPlan
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.limits import Limits
    from depthactors.exchange.routes import StreamRoute, Subscription
    from depthactors.exchange.server.outbox import Outbox
    from depthactors.exchange.streams.hub import Hub
    from depthactors.exchange.streams.message import Message

POLICY: Final = 1008
"""Close code of a client that broke a rule."""


class Line(Protocol):
    """The connection as its client needs it; no method waits."""

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then carry out the closing handshake."""

    def give_up(self) -> None:
        """End the TCP connection at once, whatever is queued."""

    def suffer(self, fault: Fault) -> None:
        """Let a fault strike the connection."""


class Client:
    """One connection's subscriptions.

    `message` runs in the connection's reader thread, `deliver` and `wait_for_room` in the player's.
    An acknowledgement is queued before the first event of what it acknowledges, and no event of a
    stream is queued after its UNSUBSCRIBE was acknowledged.
    """

    def __init__(
        self,
        line: Line,
        outbox: Outbox,
        route: StreamRoute,
        *,
        hub: Hub,
        find: Callable[[str], Subscription | None],
        play: Callable[[Iterable[Feed]], None],
        limits: Limits,
        faults: FaultPlan,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `start` subscribes to what the path named.

        Args:
            line: the connection.
            outbox: where frames to send are put.
            route: what the path said.
            hub: where subscriptions are kept.
            find: what a stream's name means on this connection's path.
            play: starts feeds that have not started yet.
            limits: of messages and streams.
            faults: the plan, which says what subscriptions are refused or never served.
            clock: seconds, monotonic.
        """
        self._line = line
        self._outbox = outbox
        self._hub = hub
        self._find = find
        self._play = play
        self._route = route
        self._combined = route.combined
        self._limits = limits
        self._faults = faults
        self._clock = clock
        self._messages = RateWindow(limits.messages_per_second, 1.0)
        self._lock = Lock()
        self._streams: dict[str, None] = {}

    def start(self) -> None:
        """Subscribe to the streams that the path named."""
        self._subscribe(self._route.streams)

    def counts(self) -> bool:
        """Count one message, ping or pong from the client; `False` when it was one too many, and it is closed."""
        if self._messages.take(self._clock()):
            self._line.close(POLICY, "Too many requests")
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
        """Queue an event if the stream is still subscribed; a client that is too far behind is cut off."""
        with self._lock:
            if message.stream in self._streams:
                self._put(message.wire(self._combined, self._route.unit))

    def suffer(self, fault: Fault) -> None:
        """Let a fault strike the connection; one that ends it ends its subscriptions, too."""
        if fault.kind != "shutdown":
            self.leave()
        self._line.suffer(fault)

    def wait_for_room(self) -> None:
        """Wait until an event more fits, as long as the client takes some; then cut it off."""
        if not self._outbox.wait_for_room():
            self._line.give_up()

    def wait_sent(self, timeout: float) -> bool:
        """Wait until everything queued has been sent, or the connection is over."""
        return self._outbox.wait_sent(timeout)

    def leave(self) -> None:
        """Give every subscription back."""
        self._hub.remove(self, self._served(self._streams))

    def _subscribe(self, names: Iterable[str], request: control.Request | None = None) -> None:
        """Subscribe to streams; without a request the path named them, and nobody waits for a reply."""
        found = [(each, self._faults.strike(Place.SUBSCRIBE, each.feed.symbol)) for each in self._served(names)]
        kinds = {fault.kind for _, faults in found for fault in faults} if request is not None else set()
        with self._lock:
            wanted = self._streams | dict.fromkeys(names)
            if len(wanted) > self._limits.max_streams or "too-many-streams" in kinds:
                self._queue(control.too_many_streams())
                self._line.close(POLICY, "Invalid request")
                return
            if request is not None and "refused-subscribe" in kinds:
                self._queue(control.RefusedError(control.INVALID_REQUEST, "Invalid request", request.request_id).reply)
                return
            self._streams = wanted
            if request is not None:
                self._queue(control.result(None, request.request_id))
        served = [each for each, faults in found if not any(fault.kind == "unserved" for fault in faults)]
        self._hub.add(self, served)
        # Only now: a recording that starts before its first listener would be lost on it.
        self._play([each.feed for each in served])

    def _unsubscribe(self, names: tuple[str, ...], reply: bytes) -> None:
        # A stream that was never subscribed must not be listed now.
        self._hub.remove(self, self._served(name for name in names if name in self._streams))
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
            self._line.give_up()
