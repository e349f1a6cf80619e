"""The time, as actors and the local exchange get it: from the system, or from a simulation."""

from __future__ import annotations

import time
from typing import Final, Protocol


class Clock(Protocol):
    """A source of the time. Thread: any."""

    def monotonic(self) -> float:
        """Return seconds that never go back, from an arbitrary beginning: for waits and deadlines."""

    def time(self) -> float:
        """Return seconds since the epoch, as the system has them: for times that a person or another machine reads."""


class SystemClock:
    """The time of this machine."""

    def monotonic(self) -> float:
        """Return the system's monotonic time in seconds."""
        return time.monotonic()

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()


SYSTEM_CLOCK: Final = SystemClock()
"""The default clock."""
