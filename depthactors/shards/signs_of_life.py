"""Signs of life of a worker process, and when their absence is its death. No clock: times are arguments."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthactors.pacing import Timing

_START_LIMIT: Final = 30.0
"""Seconds for a process to give its first sign of life: it has to be loaded, perhaps while all cores are busy."""
_START_LATE: Final = 10.0
"""Seconds without a first sign of life after which the program is to know why it sees no data."""


class SignsOfLife:
    """The signs of life of one process. All times are monotonic.

    Thread: the receiving one notes; the worker's actor looks each `worker_look` seconds.
    """

    def __init__(self, timing: Timing, now: float) -> None:
        """Begin with the start of the process at `now`."""
        self._pause = timing.worker_look
        self._limit = timing.worker_silence
        # Held for moments only, by the two threads.
        self._lock = threading.Lock()
        self._heard_at = self._looked_at = now
        self._is_heard = False
        self._busy_since: float | None = None

    @property
    def is_heard(self) -> bool:
        """Whether there was a sign of life."""
        with self._lock:
            return self._is_heard

    def late_start(self, now: float) -> float | None:
        """Return the seconds since the start if the first sign of life is late, else `None`."""
        with self._lock:
            waited = now - self._heard_at
            return waited if not self._is_heard and waited > _START_LATE else None

    def note(self, now: float) -> None:
        """Note a sign of life."""
        with self._lock:
            self._heard_at, self._is_heard = now, True

    def begin_message(self, now: float) -> None:
        """Note that the receiving thread is busy with a message, and reads no other."""
        with self._lock:
            self._busy_since = now

    def end_message(self) -> None:
        """Note that the receiving thread reads again."""
        with self._lock:
            self._busy_since = None

    def fatal_silence(self, now: float) -> float | None:
        """Return the seconds without a sign of life if they mean death, else `None`."""
        with self._lock:
            late, self._looked_at = now - self._looked_at - self._pause, now
            if late > self._pause:
                # This process was stopped, or had no time to look: the silence of that time does not count.
                self._heard_at += late
            if self._busy_since is not None and now - self._busy_since > self._pause:
                # A log handler, perhaps, keeps the receiving thread: there may be signs that are not read yet.
                self._heard_at = now
            silent = now - self._heard_at
            return silent if silent > (self._limit if self._is_heard else _START_LIMIT) else None
