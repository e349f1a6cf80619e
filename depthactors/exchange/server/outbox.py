"""The bounded queue of frames between their producers and the thread that sends them to a client."""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import TYPE_CHECKING, Final

from depthactors.dispatcher import SYSTEM_CLOCK

if TYPE_CHECKING:
    from depthactors.dispatcher import Clock

ROOM: Final = 1_000
"""Most frames that may wait for one client."""

OVERFLOW: Final = 10
"""Factor of the room: most frames that may wait if no producer waits for the client."""

PATIENCE: Final = 5.0
"""Most seconds in which a client may take nothing from its full queue."""

BATCH: Final = 256 * 1024
"""Number of bytes, about, that are sent at once."""


class Outbox:
    """Encoded frames that wait to be sent to one client.

    `append` never waits; it returns `False` if the client is to be disconnected: it took nothing
    from its full queue for `patience` seconds, or is behind by several times the room.
    `wait_for_room` waits for a client that takes frames, even slowly.

    Thread: any.
    """

    def __init__(self, room: int = ROOM, patience: float = PATIENCE, clock: Clock = SYSTEM_CLOCK) -> None:
        """Start empty.

        Args:
            room: number of frames that fit.
            patience: most seconds in which a client may take nothing from its full queue.
            clock: the time by which the patience ends.
        """
        self._room = room
        self._patience = patience
        self._clock = clock
        self._changed = Condition()
        self._frames: deque[bytes] = deque()
        self._waiting = False
        self._in_flight = False
        self._finished = False
        self._closed = False
        self._last_taken = clock.monotonic()
        self._full_since = 0.0

    def append(self, frame: bytes) -> bool:
        """Add a frame behind the others; `False` if the client should be disconnected.

        After `finish` or `close` the frame is dropped.
        """
        with self._changed:
            if self._closed or self._finished:
                return True
            waiting = len(self._frames)
            if waiting >= self._room and (waiting >= OVERFLOW * self._room or self._stuck_for() > self._patience):
                return False
            self._frames.append(frame)
            if waiting + 1 == self._room:
                self._full_since = self._clock.monotonic()
            if self._waiting:
                self._changed.notify_all()
            return True

    def wait_for_room(self) -> bool:
        """Wait until one more frame fits; `False` if the client has taken nothing for `patience` seconds."""
        with self._changed:
            while len(self._frames) >= self._room and not self._closed:
                left = self._patience - self._stuck_for()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def take(self, longest: float) -> bytes | None:
        """Wait for frames, and take about as many as should be sent at once, joined.

        Args:
            longest: most seconds to wait.

        Returns:
            `b""` if none came; `None` after `close`, and when everything before `finish` was
            taken. The frames that were taken before count as sent now.
        """
        with self._changed:
            self._in_flight = False
            self._changed.notify_all()
            if not self._frames and not self._closed and not self._finished:
                self._waiting = True
                self._changed.wait(longest)
                self._waiting = False
            if not self._frames:
                return None if self._closed or self._finished else b""
            self._in_flight = True
            self._last_taken = self._clock.monotonic()
            taken = []
            size = 0
            while self._frames and size < BATCH:
                frame = self._frames.popleft()
                size += len(frame)
                taken.append(frame)
            self._changed.notify_all()
            return b"".join(taken)

    def wait_sent(self, timeout: float) -> bool:
        """Wait until every frame has been sent or the outbox was closed; `False` after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or not (self._frames or self._in_flight), timeout)

    def finish(self, last: bytes = b"") -> None:
        """Add the last frame; `take` returns what waits, then `None`."""
        with self._changed:
            if last and not self._finished and not self._closed:
                self._frames.append(last)
            self._finished = True
            self._changed.notify_all()

    def close(self) -> None:
        """Drop the waiting frames, and wake all waiting threads; idempotent."""
        with self._changed:
            self._closed = True
            self._frames.clear()
            self._changed.notify_all()

    def _stuck_for(self) -> float:
        """Return the seconds since the queue became full or frames were taken, whichever was later."""
        return self._clock.monotonic() - max(self._full_since, self._last_taken)
