"""When a connection is pinged, when a pong is too late, and when the connection's life is over. Pure."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depthactors.exchange.limits import Limits


class Due(Enum):
    """What is due."""

    NONE = "nothing"
    PING = "a ping"
    LATE = "the end, because a pong is too late"
    OVER = "the end of the connection's life"


class Heartbeat:
    """The timers of one connection; `now` is monotonic seconds. Not thread-safe.

    As documented, a pong counts only if it has the payload of a ping; other pongs are allowed and ignored.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        """Begin the connection's life.

        Args:
            limits: the intervals and deadlines.
            now: the present time.
        """
        self._interval = limits.ping_interval
        self._patience = limits.pong_deadline
        self._next_ping = now + limits.ping_interval
        self._end = now + limits.connection_life
        self._unanswered: deque[tuple[float, bytes]] = deque()

    def wait(self, now: float) -> float:
        """Return the seconds until something is due; 0 if something is."""
        due = min(self._next_ping, self._end)
        if self._unanswered:
            due = min(due, self._unanswered[0][0] + self._patience)
        return max(0.0, due - now)

    def due(self, now: float) -> Due:
        """Return what is due; an end before a ping."""
        if now >= self._end:
            return Due.OVER
        if self._unanswered and now >= self._unanswered[0][0] + self._patience:
            return Due.LATE
        return Due.PING if now >= self._next_ping else Due.NONE

    def pinged(self, payload: bytes, now: float) -> None:
        """Note that a ping was sent: its pong is expected, and the next ping is due after an interval."""
        self._unanswered.append((now, payload))
        self._next_ping = now + self._interval

    def received(self, payload: bytes) -> None:
        """Note a pong: it counts for the ping with its payload and for all pings before that."""
        if any(payload == sent for _, sent in self._unanswered):
            while self._unanswered.popleft()[1] != payload:
                pass

    def end_by(self, end: float) -> None:
        """Let the connection's life end at that time, if it does not end before."""
        self._end = min(self._end, end)
