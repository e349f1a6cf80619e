"""The faults of one exchange, with their occasions and strikes so far."""

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
class _Planned:
    """A fault with its occasions and strikes so far."""

    fault: Fault
    draws: Random
    occasions: int = 0
    strikes: int = field(default=0)


class FaultPlan:
    """Decides at each occasion which faults strike. Thread: any."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        """Take the first faults."""
        self._lock = Lock()
        self._planned: dict[Place, list[_Planned]] = {place: [] for place in Place}
        self._strikes: dict[str, int] = {}
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Add a fault; its occasions are counted from now on."""
        draws = Random(f"{fault.seed}/{fault.kind}/{fault.symbol}")  # noqa: S311 - a game, not a secret
        with self._lock:
            self._planned[fault.place].append(_Planned(fault, draws))

    def strike(self, place: Place, symbol: str | None = None) -> list[Fault]:
        """Count an occasion, and return the faults that strike at it; a fault after its last strike is removed."""
        planned = self._planned[place]
        if not planned:
            return []
        struck: list[Fault] = []
        with self._lock:
            for each in list(planned):
                fault = each.fault
                if fault.symbol is not None and fault.symbol != symbol:
                    continue
                each.occasions += 1
                if fault.is_due(each.occasions, each.draws.random()):
                    each.strikes += 1
                    self._strikes[fault.kind] = self._strikes.get(fault.kind, 0) + 1
                    struck.append(fault)
                if each.strikes == fault.most:
                    planned.remove(each)
        return struck

    def strikes(self) -> dict[str, int]:
        """Return how often each kind has struck."""
        with self._lock:
            return dict(self._strikes)
