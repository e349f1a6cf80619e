"""The faults of one exchange and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from threading import Lock
from typing import TYPE_CHECKING

from depthactors.exchange.fault import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.exchange.fault import Fault


@dataclass(slots=True)
class _Course:
    """A fault with its occasions and strikes so far."""

    fault: Fault
    draws: Random
    occasions: int = 0
    strikes: int = field(default=0)


class FaultPlan:
    """Decides at each occasion which faults strike; any thread."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        """Begin with these faults."""
        self._lock = Lock()
        self._courses: dict[Place, list[_Course]] = {place: [] for place in Place}
        self._strikes: dict[str, int] = {}
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Count the fault's occasions from now on."""
        draws = Random(f"{fault.seed}/{fault.kind}/{fault.symbol}")  # noqa: S311 - a game, not a secret
        with self._lock:
            self._courses[fault.place].append(_Course(fault, draws))

    def strike(self, place: Place, symbol: str | None = None) -> list[Fault]:
        """Count an occasion and return the faults that strike at it; a fault that is used up is forgotten."""
        courses = self._courses[place]
        if not courses:
            return []
        struck: list[Fault] = []
        with self._lock:
            for course in list(courses):
                fault = course.fault
                if fault.symbol is not None and fault.symbol != symbol:
                    continue
                course.occasions += 1
                if fault.is_due(course.occasions, course.draws.random()):
                    course.strikes += 1
                    self._strikes[fault.kind] = self._strikes.get(fault.kind, 0) + 1
                    struck.append(fault)
                if course.strikes == fault.most:
                    courses.remove(course)
        return struck

    def strikes(self) -> dict[str, int]:
        """Return how often each kind has struck."""
        with self._lock:
            return dict(self._strikes)
