"""The exchange's clock, as the `Date` headers of its answers show it."""

from __future__ import annotations

from math import inf


class ServerClock:
    """Corrects this machine's clock where it is provably wrong, so that minutes begin when the exchange's do.

    `Date` has whole seconds: the exchange dated an answer between `sent` and `received` by this clock, and between
    `date` and `date + 1` by its own. So each answer gives bounds for the offset; within them, the offset nearest to
    zero is taken.
    """

    def __init__(self) -> None:
        """Begin without a correction."""
        self._low, self._high = -inf, inf

    @property
    def offset(self) -> float:
        """Seconds to add to this machine's clock."""
        return min(max(0.0, self._low), self._high)

    def observe(self, date: float, sent: float, received: float) -> None:
        """Take the `Date` of one answer; all in seconds since the epoch, the last two by this machine's clock."""
        low, high = date - received, date + 1.0 - sent
        # These bounds contradict the earlier ones: one of the clocks was set meanwhile.
        if low > self._high or high < self._low:
            self._low, self._high = low, high
        else:
            self._low, self._high = max(self._low, low), min(self._high, high)
