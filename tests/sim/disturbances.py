"""When faults hold up answers, and whether there was time for one all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ENOUGH = 1.0
"""Seconds in a row without a disturbance that are enough for an answer, or for a call that waits for nobody else."""


class Disturbances:
    """The times at which a fault holds something up."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin undisturbed."""
        self._now = now
        self._times: list[tuple[float, float]] = []

    def add(self, seconds: float) -> None:
        """Note a disturbance that begins now."""
        self._times.append((self._now(), self._now() + seconds))

    def had_time(self, begun: float, also: Disturbances | None = None) -> bool:
        """Return whether `ENOUGH` seconds in a row since `begun` were undisturbed, also by others."""
        free_since = begun
        for at, until in sorted([*self._times, *(also._times if also else ())]):
            if at - free_since >= ENOUGH:
                return True
            free_since = max(free_since, until)
        return self._now() - free_since >= ENOUGH
