"""Limits of the number of retries, messages and restarts in a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

_GOLDEN: Final = 0.618_033_988_749_895


@dataclass(frozen=True, slots=True)
class Backoff:
    """Growing, jittered waits between tries.

    Attributes:
        first: the longest first wait.
        factor: the growth of the longest wait with each further try.
        cap: the longest wait of all.
        tries: the number of tries before giving up; `None` for never.
    """

    first: float = 0.5
    factor: float = 2.0
    cap: float = 30.0
    tries: int | None = None

    def wait(self, failed: int, in_a_row: int, uniform: float) -> float | None:
        """Return the seconds before the next try, or `None` if no try is left.

        Args:
            failed: the number of tries that failed so far.
            in_a_row: the number of recent tries that failed or did not last: the wait grows with it.
            uniform: a random number in [0, 1), which spreads half of the wait, so that clients that lost their
                connections together do not come back together.
        """
        if self.tries is not None and failed >= self.tries:
            return None
        # The exponent is bounded, so that a year of failures does not overflow.
        longest = min(self.cap, self.first * self.factor ** min(max(in_a_row - 1, 0), 64))
        return longest * (0.5 + uniform / 2)


class RateWindow:
    """At most `count` events in any `seconds`."""

    def __init__(self, count: int, seconds: float) -> None:
        """Begin empty."""
        self._seconds = seconds
        self._times: list[float] = []
        self._count = count

    def take(self, now: float) -> float:
        """Count an event now and return 0; or count nothing and return the seconds to wait."""
        if not self._count:
            return inf
        if len(self._times) == self._count:
            wait = self._times[0] + self._seconds - now
            if wait > 0:
                return wait
            del self._times[0]
        self._times.append(now)
        return 0.0


class RestartIntensity:
    """How often a supervisor restarts a child before it gives the child up: n times in t seconds."""

    def __init__(self, restarts: int = 5, seconds: float = 60.0) -> None:
        """Begin without a restart."""
        self._window = RateWindow(restarts, seconds)

    def allows(self, now: float) -> bool:
        """Count a restart, and return whether it is still within the intensity."""
        return self._window.take(now) == 0.0


def stagger(number: int) -> float:
    """Return a place in [0, 1) for a number, so that the numbers from 0 on are spread evenly, however many there are.

    The places are multiples of the golden ratio: each new one falls into one of the largest gaps between the others.
    """
    return number * _GOLDEN % 1.0
