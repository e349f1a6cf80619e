"""The time and the order of a simulation, as its parts see it; and a scheduler of no more than that."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

BEGINNING = 1_790_000_000.0
"""Seconds since the epoch at which a simulation begins."""


class Scheduler(Protocol):
    """A `Clock` that also calls functions later. Thread: one, for all of a simulation."""

    def monotonic(self) -> float:
        """Return the simulated seconds since the beginning."""

    def time(self) -> float:
        """Return the simulated seconds since the epoch."""

    def after(self, seconds: float, action: Callable[[], None]) -> object:
        """Call `action` in so many simulated seconds, never within this call."""


class HeapScheduler:
    """Calls what is due first, and of equal times what was scheduled first."""

    def __init__(self) -> None:
        self.steps = 0
        """Number of actions that were called."""
        self._now = 0.0
        self._serial = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return BEGINNING + self._now

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heappush(self._due, (self._now + max(0.0, seconds), next(self._serial), action))

    def advance(self, seconds: float) -> None:
        """Call everything that is due within `seconds`, then let the time be that."""
        end = self._now + seconds
        while self._due and self._due[0][0] <= end:
            self._now, _, action = heappop(self._due)
            self.steps += 1
            action()
        self._now = end
