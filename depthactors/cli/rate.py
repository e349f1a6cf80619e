"""How fast a count grows."""

from __future__ import annotations

from collections import deque
from typing import Final

_SPAN: Final = 5.0
"""Seconds over which the mean is taken."""
_APART: Final = 1.0
"""Seconds between two counts that are kept."""


class Rate:
    """The mean growth of a count in the last seconds."""

    def __init__(self) -> None:
        """Begin without a count."""
        self._counts: deque[tuple[float, int]] = deque()

    def take(self, now: float, count: int) -> float | None:
        """Note a count; returns the growth in a second, `None` within the first second."""
        counts = self._counts
        if not counts or now - counts[-1][0] >= _APART:
            counts.append((now, count))
        if count < counts[0][1]:
            # It is counted anew: the engine is another one.
            counts.clear()
            counts.append((now, count))
        while len(counts) > 2 and now - counts[1][0] >= _SPAN:
            counts.popleft()
        first, least = counts[0]
        last, most = counts[-1]
        return (most - least) / (last - first) if last > first else None
