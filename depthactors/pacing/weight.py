"""A pool's request weight: how much of it may be spent now.

The exchange counts from zero in each UTC minute, counts refused requests too, and reports its count in each answer
(REST API, "LIMITS"; that it goes by clock minutes was measured on fapi). Other programs at the same address spend from
the same pool: their part is what the exchange has counted beyond our own.
"""

from __future__ import annotations

from math import ceil
from typing import Final

_MINUTE: Final = 60.0
_GUARD: Final = 0.5
"""Seconds at the beginning of a minute in which nothing is sent: the exchange's clock may be that much behind."""
_FLOOR: Final = 0.1
"""Share of the weight that is used in a minute, however much others are expected to need."""
_SHORTEST_LOOK: Final = 5.0
"""Seconds of a minute after which the use of others so far is taken for their pace."""
_EARLY_SHARE: Final = 0.25
"""Share of the weight that is used before that, unless there are certainly no others: they may have begun in the middle
of the last minute, and spend more in this one."""
_LONG_LOOK: Final = 50.0
"""Seconds of a minute after which the pace replaces an earlier, higher one."""
_LAST_LOOK: Final = 57.0
"""Second of a minute at which one request may be sent that would have to wait: its answer shows the whole minute."""


class WeightBudget:
    """What may be spent in each clock minute. Room is left for other programs, and for more urgent requests."""

    def __init__(self, per_minute: int, *, share: float = 0.97) -> None:
        """Begin unspent.

        Args:
            per_minute: the weight that the exchange allows to the address.
            share: the largest share of it to use; the rest is for what cannot be foreseen.
        """
        self.per_minute = per_minute
        self._allowed = int(per_minute * share)
        self._minute = -1
        self._ours = 0
        self._others = 0
        self._expected = 0.0
        self._looked = False
        self._blind = True

    @property
    def used(self) -> int:
        """The weight that is known to be used in the current minute, by this program and by others."""
        return self._ours + self._others

    @property
    def expected_of_others(self) -> int:
        """The weight that others are expected to use in a minute, from what the exchange has counted beyond our own."""
        return int(self._expected)

    def take(self, weight: int, wall: float, reserve: float = 0.0) -> float:
        """Take `weight` now and return 0, or take nothing and return the seconds to wait.

        Args:
            weight: the request's weight.
            wall: the time now, in seconds since the epoch.
            reserve: the share of the minute's weight to leave for more urgent requests.
        """
        self._turn(wall)
        wait = self._minute * _MINUTE + _GUARD - wall
        if wait > 0:
            return wait
        seen = self._minute * _MINUTE + _SHORTEST_LOOK - wall
        alone = not self._blind and not self._expected
        if seen > 0 and not alone and self.used + weight > _EARLY_SHARE * self.per_minute:
            return seen
        if self.used and weight > self._room(reserve):
            look = self._minute * _MINUTE + _LAST_LOOK - wall
            if look > 0:
                return look
            if self._looked or weight > self._allowed - self.used:
                return self._next_minute() - wall
            self._looked = True
        self._ours += weight
        return 0.0

    def observe(self, used: int, sent: float, wall: float) -> None:
        """Take the exchange's count, `used`, from the answer to a request that was sent at `sent`.

        It is not used if a new minute has begun since: which of the two minutes it counts is unknown.
        """
        self._turn(wall)
        if int(sent // _MINUTE) != self._minute:
            return
        self._others = max(self._others, used - self._ours)
        elapsed = wall - self._minute * _MINUTE
        self._blind = self._blind and elapsed < _SHORTEST_LOOK
        pace = self._others * _MINUTE / max(elapsed, _SHORTEST_LOOK)
        self._expected = pace if elapsed > _LONG_LOOK else max(self._expected, pace)

    def estimate(self, weight: int, wall: float, reserve: float = 0.0, after: float = 0.0) -> float:
        """Return the seconds until requests can all be sent, if no others come.

        Args:
            weight: the weight of all of them together.
            wall: the time now, in seconds since the epoch.
            reserve: the `reserve` with which they will be taken.
            after: the seconds from now in which none will be taken.
        """
        self._turn(wall)
        start = max(wall + after, self._minute * _MINUTE)
        same_minute = int(start // _MINUTE) == self._minute
        whole = self._room_of(0, self._expected, reserve)
        left = weight - max(0.0, self._room(reserve) if same_minute else whole)
        if left <= 0:
            return start - wall
        minutes = int(start // _MINUTE) + ceil(left / max(whole, 1.0))
        return minutes * _MINUTE + _GUARD - wall

    def _room(self, reserve: float) -> float:
        return self._room_of(self._ours, max(self._others, self._expected), reserve)

    def _room_of(self, ours: int, others: float, reserve: float) -> float:
        room = self._allowed - reserve * self.per_minute - ours - others
        # However busy the others are, a little is used, as long as the exchange has it.
        floor = min(_FLOOR * self.per_minute, self._allowed - self._others) - ours
        return max(room, floor)

    def _next_minute(self) -> float:
        return (self._minute + 1) * _MINUTE + _GUARD

    def _turn(self, wall: float) -> None:
        """Begin a later minute unspent. When the clock was set back, no minute and its weight come a second time."""
        minute = int(wall // _MINUTE)
        if minute > self._minute:
            self._minute, self._ours, self._others, self._looked = minute, 0, 0, False
        elif minute < self._minute - 1:
            # The later time was wrong. In which minute the exchange counted the weight is unknown.
            self._minute = minute
