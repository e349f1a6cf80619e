"""How often to send requests to a host that fails: all books share what one of them has found out."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthactors.pacing.rates import Backoff

PATIENCE: Final = 8
"""Requests in a row, of any books, that brought nothing, after which the host is taken to fail."""


class HostPace:
    """Lets one request at a time through, after growing waits, while a host fails; any number while it does not."""

    def __init__(self, backoff: Backoff) -> None:
        """Begin with a host that is well; `backoff` has the waits while it fails."""
        self._backoff = backoff
        self._failures = 0
        self._closed_until = -inf

    def left(self, now: float) -> float:
        """Return the seconds until a request may be sent, 0 if it may be sent now."""
        return max(0.0, self._closed_until - now)

    def sent(self, now: float) -> None:
        """Note that a request was sent; while the host fails, the next one waits for its answer or the longest wait."""
        if self._failures >= PATIENCE:
            self._closed_until = now + self._backoff.cap

    def answered(self) -> None:
        """Note that the host answered."""
        self._failures, self._closed_until = 0, -inf

    def failed(self, now: float, uniform: float) -> bool:
        """Note that a request brought nothing, and return whether the host is taken to fail.

        `uniform` is a random number in [0, 1), see `Backoff.wait`.
        """
        self._failures += 1
        if self._failures < PATIENCE:
            return False
        self._closed_until = now + (self._backoff.wait(0, self._failures - PATIENCE + 1, uniform) or 0.0)
        return True
