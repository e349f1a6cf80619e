"""The request weight that clients have used, per pool and minute of the clock, and the refusals for too much of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from depthactors.exchange.limits import Limits

MINUTE: Final = 60.0
TOO_MANY_REQUESTS: Final = 429
BANNED: Final = 418


class Charge(NamedTuple):
    """The result of one request.

    Attributes:
        used: weight that the pool has used in this minute, with the request's.
        status: 200, 429 or 418.
        retry_after: whole seconds to wait; 0 if the status is 200.
    """

    used: int
    status: int = 200
    retry_after: int = 0


@dataclass(slots=True)
class _PoolUse:
    minute: int = -1
    used: int = 0
    refusals: int = 0
    bans: int = 0
    banned_until: float = 0.0


class WeightCounter:
    """Counts weight as the exchange does: from zero in each minute of the clock, refused requests too. Thread: any.

    A client with too many refusals in a minute is banned, each time twice as long.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._pools: dict[str, _PoolUse] = {}

    def charge(self, name: str, weight: int, limits: Limits, now: float) -> Charge:
        """Add the weight of one request, and return its result.

        Args:
            name: the pool's name; its markets share the count.
            weight: the request's weight.
            limits: the limits of weight, refusals and bans.
            now: seconds since the epoch.
        """
        minute = int(now // MINUTE)
        with self._lock:
            pool = self._pools.setdefault(name, _PoolUse())
            if minute != pool.minute:
                pool.minute, pool.used, pool.refusals = minute, 0, 0
            pool.used += weight
            if now < pool.banned_until:
                return Charge(pool.used, BANNED, ceil(pool.banned_until - now))
            if pool.used <= limits.weight_per_minute:
                return Charge(pool.used)
            pool.refusals += 1
            if pool.refusals > limits.refusals:
                ban = limits.ban * 2**pool.bans
                pool.bans += 1
                pool.banned_until = now + ban
                return Charge(pool.used, BANNED, ceil(ban))
            return Charge(pool.used, TOO_MANY_REQUESTS, ceil((minute + 1) * MINUTE - now))
