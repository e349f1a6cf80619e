"""The block of all requests that the exchange asks for, also where it does not say for how long."""

from __future__ import annotations

from math import inf
from typing import Final

_FACTOR: Final = 2.0
"""Growth of a guessed block that follows another one."""
_SPREAD: Final = 0.1
"""Largest share of a guessed block by which it is made longer at random."""
_AGAIN: Final = 60.0
"""Seconds. A block that begins within this time after the last one continues it: the cause was not over."""


class RequestBlock:
    """A time in which no request is sent.

    Where the exchange says how long to wait, the block has that length. Where it does not, a block that follows another
    one is twice as long, up to a limit; an answer that comes during a block, to an earlier request, does not count.
    """

    def __init__(self) -> None:
        """Block nothing yet."""
        self._until = -inf
        self._last = 0.0

    def begin(self, seconds: float, longest: float, now: float, uniform: float = 0.0) -> None:
        """Block requests, as an answer asks for.

        Args:
            seconds: the time to wait, of a first block.
            longest: the longest time that a guess may grow to; at most `seconds` where the exchange said how long.
            now: monotonic seconds.
            uniform: a random number in [0, 1) that makes a guess longer, so that clients do not come back together.
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
        """Return the seconds until requests may be sent again, 0 if they may be sent now."""
        return max(0.0, self._until - now)
