"""The exchange's end of a simulated connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depthactors.errors import StreamError
from depthactors.exchange.shapes.shape import shutdown
from tests.sim.faults import LOST_SUBSCRIBE, SLOW_SUBSCRIBE
from tests.sim.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from depthactors.exchange.fault import Fault
    from depthactors.exchange.limits import Limits
    from depthactors.exchange.server.client import Client
    from tests.sim.faults import PlannedFault
    from tests.sim.scheduler import Scheduler

GOING_AWAY = 1001
_PING = b""
_GOODBYE = b"\x88"


class Frame(NamedTuple):
    """A text frame on its way to the client."""

    text: bytes


class End(NamedTuple):
    """The end of a connection on its way to the client."""

    error: StreamError


class Sign(NamedTuple):
    """Bytes that are no text frame: a ping or a pong."""


class SimulatedSession:
    """What the exchange does on one connection: the session of a `Client`, and its outbox.

    It is silent once it is half-open; then only the client can end the connection.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        draws: Random,
        url: str,
        limits: Limits,
        unit: int,
        take: Callable[[str], PlannedFault | None],
        deliver: Callable[[list[Frame | End | Sign]], None],
        broke: Callable[[str], None],
    ) -> None:
        """Begin the connection's life.

        Args:
            scheduler: the time.
            draws: the latencies.
            url: the connection's address, for errors.
            limits: when the client is pinged, and when the connection's life ends.
            unit: the unit of the times in events, in microseconds.
            take: takes a fault of a kind that waits for its occasion.
            deliver: called with what arrives at the client.
            broke: called with the limit that the client has broken.
        """
        self.client: Client | None = None
        self.down: Line[Frame | End | Sign] = Line(scheduler, draws, deliver)
        self.up: Line[bytes] = Line(scheduler, draws, self._receive)
        self._scheduler, self._url, self._unit, self._take, self._broke = scheduler, url, unit, take, broke
        self._ping_interval = limits.ping_interval
        self._is_silent = self._is_over = self._announced = False
        scheduler.after(limits.ping_interval, self._ping)
        scheduler.after(limits.connection_life, self.close)

    @property
    def is_over(self) -> bool:
        """Whether nothing is sent or handled any more."""
        return self._is_over or self._is_silent

    def append(self, frame: bytes) -> bool:
        """Send a frame."""
        if not self.is_over:
            self.down.send(Frame(_text_of(frame)))
        return True

    def wait_for_room(self) -> bool:
        """Return at once: what a client does not read waits without end."""
        return True

    def close(self, code: int = GOING_AWAY, reason: str = "") -> None:
        """Send a close frame behind what is under way."""
        self._end(StreamError(f"{self._url}: closed by the peer, code {code} {reason!r}", close_code=code))

    def give_up(self) -> None:
        """End the connection behind what is under way."""
        self._end(StreamError(f"{self._url}: the peer ended the connection"))

    def suffer(self, fault: Fault) -> None:
        """Let a fault strike the connection."""
        match fault.kind:
            case "cut":
                self.give_up()
            case "reset":
                self._end(StreamError(f"{self._url}: ConnectionResetError: connection reset by peer"))
            case "half-open":
                self._is_silent = True
            case "shutdown":
                self._announce_end(fault.seconds)
            case _:
                self.close()

    def ping_by_client(self) -> None:
        """The client pinged: answer."""
        self.up.send(_PING)

    def close_by_client(self) -> None:
        """The client sent a close frame: answer, and end."""
        self.up.send(_GOODBYE)

    def gone(self) -> None:
        """The client's end is gone."""
        self._is_over = True
        self.down.close()
        self.up.close()
        if self.client is not None:
            self.client.leave()

    def _end(self, error: StreamError) -> None:
        if self.is_over:
            return
        self._is_over = True
        if self.client is not None:
            self.client.leave()
        self.down.send(End(error))

    def _announce_end(self, seconds: float) -> None:
        if self._announced or self.client is None:
            return
        self._announced = True
        time_us = int(self._scheduler.time() * 1_000_000)
        self.down.send(Frame(shutdown(time_us, combined=self.client.combined, unit=self._unit)))
        self._scheduler.after(seconds, self.close)

    def _ping(self) -> None:
        if not self.is_over:
            self.down.send(Sign())
            self._scheduler.after(self._ping_interval, self._ping)

    def _receive(self, messages: list[bytes]) -> None:
        for number, message in enumerate(messages):
            if self.is_over or self.client is None:
                return
            subscribes = b'"SUBSCRIBE"' in message
            slow = self._take(SLOW_SUBSCRIBE) if subscribes else None
            if slow is not None:
                self.up.hold(slow.seconds)
                self.up.put_back(messages[number:])
                return
            if message is _GOODBYE:
                self.give_up()
            elif not self.client.counts():
                self._broke("messages a second")
                return
            elif message is _PING:
                self.down.send(Sign())
            elif not subscribes or self._take(LOST_SUBSCRIBE) is None:
                self.client.handle(message)


def _text_of(frame: bytes) -> bytes:
    """Return the payload of an unmasked frame."""
    size = frame[1]
    return frame[2 if size < 126 else 4 if size == 126 else 10 :]
