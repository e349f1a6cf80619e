"""How fast one may: weight a minute, messages a second, retries, restarts.

All of it is data and arithmetic; the time is an argument, randomness too. Seconds throughout;
`wall` is time since the epoch (the exchange's windows are clock minutes), `now` any monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Final

_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Growing, jittered waits between tries.

    Attributes:
        first: the longest first wait.
        factor: each further one may be so many times longer.
        cap: the longest wait of all.
        tries: tries before giving up; `None` for never.
    """

    first: float = 0.5
    factor: float = 2.0
    cap: float = 30.0
    tries: int | None = None

    def wait(self, failed: int, in_a_row: int, uniform: float) -> float | None:
        """Return the seconds before the next try, or `None` when `failed` tries are all there were.

        Args:
            failed: tries that failed so far.
            in_a_row: how often it was tried lately, failed or soon lost again: the wait grows with it.
            uniform: a random number in [0, 1): half of the wait is spread by it, so that clients
                that lost their connections together do not come back together.
        """
        if self.tries is not None and failed >= self.tries:
            return None
        # The exponent is bounded, so that a year of failures does not overflow.
        longest = min(self.cap, self.first * self.factor ** min(max(in_a_row - 1, 0), 64))
        return longest * (0.5 + uniform / 2)


class WeightBudget:
    """A pool's request weight for each clock minute.

    The exchange counts by UTC minute, counts refused requests too, and tells its count in each
    answer; other programs behind the same address spend from it as well.
    """

    def __init__(self, per_minute: int, *, share: float = 0.95) -> None:
        """Begin unspent.

        Args:
            per_minute: what the exchange allows the address.
            share: how much of it to use; the rest is for others and for clocks that differ.
        """
        self._allowed = int(per_minute * share)
        self._minute = -1
        self._used = 0
        self._silent_until = 0.0

    @property
    def used(self) -> int:
        """Weight known to be used in the current minute."""
        return self._used

    def take(self, weight: int, wall: float) -> float:
        """Take `weight` now and return 0, or take nothing and return the seconds to wait."""
        self._turn(wall)
        if wall < self._silent_until:
            return self._silent_until - wall
        if self._used and self._used + weight > self._allowed:
            return (self._minute + 1) * _MINUTE - wall
        self._used += weight
        return 0.0

    def observe(self, used: int, wall: float) -> None:
        """Believe the exchange where it has counted more, as other programs made it do."""
        self._turn(wall)
        self._used = max(self._used, used)

    def silence(self, seconds: float, wall: float) -> None:
        """Take nothing for so long: a 429 or 418 said so."""
        self._silent_until = max(self._silent_until, wall + seconds)

    def _turn(self, wall: float) -> None:
        minute = int(wall // _MINUTE)
        if minute != self._minute:
            self._minute, self._used = minute, 0


class RateWindow:
    """At most `count` events in any `seconds`."""

    def __init__(self, count: int, seconds: float) -> None:
        """Begin empty."""
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=count)
        self._count = count

    def take(self, now: float) -> float:
        """Count an event now and return 0, or count nothing and return the seconds to wait."""
        if not self._count:
            return inf
        if len(self._times) == self._count:
            wait = self._times[0] + self._seconds - now
            if wait > 0:
                return wait
        self._times.append(now)
        return 0.0


class RestartIntensity:
    """How often a child may be restarted before its supervisor gives it up: n times in t seconds."""

    def __init__(self, restarts: int = 5, seconds: float = 60.0) -> None:
        """Begin without a restart."""
        self._window = RateWindow(restarts, seconds)

    def allows(self, now: float) -> bool:
        """Count a restart, and tell whether it is still within the intensity."""
        return self._window.take(now) == 0.0
