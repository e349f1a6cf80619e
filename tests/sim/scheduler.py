"""The time and the order of a simulation, as the parts of the exchange see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Scheduler(Protocol):
    """A `Clock` that also calls functions later, as `Simulation` does. Thread: one, for all of a simulation."""

    def monotonic(self) -> float:
        """Return the simulated seconds since the beginning."""

    def time(self) -> float:
        """Return the simulated seconds since the epoch."""

    def after(self, seconds: float, action: Callable[[], None]) -> object:
        """Call `action` in so many simulated seconds, never within this call."""
