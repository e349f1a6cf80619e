"""The exchange's clock, by the `Date` of its answers."""

from __future__ import annotations

from math import inf


class ServerClock:
    """Corrects this machine's clock where it is provably wrong, so that minutes turn when the exchange's do.

    `Date` has whole seconds: an answer to a request sent at `sent` and received at `received` was dated
    at a moment between the two that was, there, between `date` and `date + 1`. Each answer so bounds the
    offset; within the bounds no offset is assumed.
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
        # A bound that contradicts the earlier ones: one of the clocks was set since.
        if low > self._high or high < self._low:
            self._low, self._high = low, high
        else:
            self._low, self._high = max(self._low, low), min(self._high, high)
