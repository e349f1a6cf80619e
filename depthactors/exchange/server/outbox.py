"""The bounded queue between those who have frames for a client and the thread that sends them."""

from __future__ import annotations

import time
from collections import deque
from threading import Condition
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ROOM: Final = 1_000
"""Frames that may wait for one client."""

OVERFLOW: Final = 10
"""Times the room: what a client may be behind when nobody waits for it."""

PATIENCE: Final = 5.0
"""Seconds for which a client may take nothing from its full queue."""

BATCH: Final = 256 * 1024
"""Bytes, about, that are handed to the socket at once."""


class Outbox:
    """Encoded frames that wait to be sent to one client; any thread.

    `append` never waits; its `False` tells of a client that is to be given up: one that took nothing
    from its full queue for `patience` seconds, or is behind by several times the room.
    `wait_for_room` waits for a client that takes frames, be it slowly.
    """

    def __init__(
        self, room: int = ROOM, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start empty.

        Args:
            room: frames.
            patience: seconds.
            clock: seconds, monotonic.
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
        self._last_taken = clock()
        self._full_since = 0.0

    def append(self, frame: bytes) -> bool:
        """Add a frame behind the others; `False` when the client should be given up.

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
                self._full_since = self._clock()
            if self._waiting:
                self._changed.notify_all()
            return True

    def wait_for_room(self) -> bool:
        """Wait until a frame more fits; `False` when nothing has been taken for as long as the patience lasts."""
        with self._changed:
            while len(self._frames) >= self._room and not self._closed:
                left = self._patience - self._stuck_for()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def take(self, longest: float) -> bytes | None:
        """Wait for frames and take all that one sending should hold, joined.

        Args:
            longest: seconds to wait.

        Returns:
            Nothing (`b""`) when none came; `None` after `close`, and when everything before `finish` was
            taken. What was taken before counts as sent now.
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
            self._last_taken = self._clock()
            taken = []
            size = 0
            while self._frames and size < BATCH:
                frame = self._frames.popleft()
                size += len(frame)
                taken.append(frame)
            self._changed.notify_all()
            return b"".join(taken)

    def wait_sent(self, timeout: float) -> bool:
        """Wait until every frame has been sent or the outbox was closed; `False` when time ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or not (self._frames or self._in_flight), timeout)

    def finish(self, last: bytes = b"") -> None:
        """Add the last frame; whoever takes gets what waits, then `None`."""
        with self._changed:
            if last and not self._finished and not self._closed:
                self._frames.append(last)
            self._finished = True
            self._changed.notify_all()

    def close(self) -> None:
        """Drop what waits and let everybody go; idempotent."""
        with self._changed:
            self._closed = True
            self._frames.clear()
            self._changed.notify_all()

    def _stuck_for(self) -> float:
        """Seconds since the queue became full or frames were taken, whichever was later."""
        return self._clock() - max(self._full_since, self._last_taken)
