"""The timers of all actors of an engine, in one heap."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.dispatcher.dispatcher import TakesTimers


class Timers:
    """Timers by their time; at equal times the order in which they were set. No clock. Thread: one at a time.

    Attributes:
        next_at: time of the next timer, infinite without one. Thread: any.
    """

    def __init__(self) -> None:
        """Begin without a timer."""
        self.next_at = inf
        self._heap: list[tuple[float, int, TakesTimers, Any]] = []
        self._serial = count()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: float, target: TakesTimers, message: Any) -> None:
        """Set a timer for the time `at`. O(log timers)."""
        heappush(self._heap, (at, next(self._serial), target, message))
        self.next_at = self._heap[0][0]

    def due(self, now: float) -> Iterator[tuple[TakesTimers, Any]]:
        """Remove and yield what is due."""
        while self._heap and self._heap[0][0] <= now:
            _, _, target, message = heappop(self._heap)
            self.next_at = self._heap[0][0] if self._heap else inf
            yield target, message
