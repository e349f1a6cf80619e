"""The deadline of a connection that is being made."""

from __future__ import annotations

import time


class Deadline:
    """The moment by which a connection must be made."""

    def __init__(self, seconds: float) -> None:
        """Set the deadline `seconds` from now."""
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds until the deadline.

        Raises:
            TimeoutError: the deadline is over.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            msg = f"not connected within {self._seconds:g} s"
            raise TimeoutError(msg)
        return left
