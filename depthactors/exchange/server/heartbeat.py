"""When a connection is pinged, when its silence has lasted too long, and when its life is over. Pure."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depthactors.exchange.limits import Limits


class Beat(Enum):
    """What is due."""

    NONE = "nothing"
    PING = "a ping"
    LATE = "the end, for a ping was not answered in time"
    OVER = "the end of the connection's life"


class Heartbeat:
    """The server's clockwork for one connection; `now` is monotonic seconds. Not thread-safe.

    As documented: only the copy of a ping's payload answers it; unsolicited pongs are welcome and do not count.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        """Begin the connection's life.

        Args:
            limits: intervals and deadlines.
            now: seconds.
        """
        self._interval = limits.ping_interval
        self._patience = limits.pong_deadline
        self._next_ping = now + limits.ping_interval
        self._end = now + limits.connection_life
        self._unanswered: deque[tuple[float, bytes]] = deque()

    def wait(self, now: float) -> float:
        """Return the seconds until something is due, 0 if something is."""
        due = min(self._next_ping, self._end)
        if self._unanswered:
            due = min(due, self._unanswered[0][0] + self._patience)
        return max(0.0, due - now)

    def beat(self, now: float) -> Beat:
        """Return what is due; the worst first."""
        if now >= self._end:
            return Beat.OVER
        if self._unanswered and now >= self._unanswered[0][0] + self._patience:
            return Beat.LATE
        return Beat.PING if now >= self._next_ping else Beat.NONE

    def pinged(self, payload: bytes, now: float) -> None:
        """Wait for the answer to this ping, and with the next one for an interval."""
        self._unanswered.append((now, payload))
        self._next_ping = now + self._interval

    def answered(self, payload: bytes) -> None:
        """Take a pong: it answers the ping with its payload and those before it."""
        if any(payload == sent for _, sent in self._unanswered):
            while self._unanswered.popleft()[1] != payload:
                pass

    def end_by(self, end: float) -> None:
        """Let the life end by then, if not before."""
        self._end = min(self._end, end)
