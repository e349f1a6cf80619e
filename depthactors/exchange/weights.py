"""The request weight that clients have used, a pool and clock minute."""

from __future__ import annotations

from threading import Lock
from typing import Final

MINUTE: Final = 60.0


class WeightCounter:
    """Counts weight as the exchange does: from zero in each minute of the clock. Any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._minute = -1
        self._used: dict[str, int] = {}

    def charge(self, pool: str, weight: int, now: float) -> int:
        """Add the weight of one request and return what the pool has used in this minute.

        Args:
            pool: markets of one pool share the count.
            weight: of the request, refused or not.
            now: seconds since the epoch.
        """
        minute = int(now // MINUTE)
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._used.clear()
            self._used[pool] = used = self._used.get(pool, 0) + weight
            return used
