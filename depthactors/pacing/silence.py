"""How long the exchange is left alone when it wants that, and for how long when it does not say."""

from __future__ import annotations

from math import inf
from typing import Final

_FACTOR: Final = 2.0
"""Length of a guessed silence that follows on another, in lengths of that one."""
_SPREAD: Final = 0.1
"""Share of a guessed silence by which it is longer at the most, at random."""
_AGAIN: Final = 60.0
"""Seconds after a silence within which the next one is its continuation: what caused it was not over."""


class Silence:
    """A time in which nothing is asked.

    Where the exchange said how long, that is how long it is. Where it did not, each one that follows on another is
    twice as long, up to a bound. Answers to requests that were under way when it began do not make it longer.
    """

    def __init__(self) -> None:
        """Begin without one."""
        self._until = -inf
        self._last = 0.0

    def begin(self, seconds: float, longest: float, now: float, uniform: float = 0.0) -> None:
        """Take what an answer said.

        Args:
            seconds: the time to wait, for the first time.
            longest: the most that it may grow to; no more than `seconds` where the exchange said how long.
            now: monotonic.
            uniform: a random number in [0, 1): a guess is made longer by it, so that many do not come back together.
        """
        if longest <= seconds:
            self._until = max(self._until, now + seconds)
            return
        if now < self._until:
            return
        in_a_row = now - self._until <= max(_AGAIN, self._last)
        self._last = min(self._last * _FACTOR, longest) if in_a_row and self._last else seconds
        self._until = now + self._last * (1 + _SPREAD * uniform)

    def left(self, now: float) -> float:
        """Return the seconds that it still lasts, 0 when it is over."""
        return max(0.0, self._until - now)
