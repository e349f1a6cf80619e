"""Checks of the durations that a program gives."""

from __future__ import annotations

from math import inf
from typing import Any, Final

from depthactors.errors import UsageError

_LONGEST: Final = 1e9
"""Seconds: beyond some 300 years the system's own waits overflow."""


def check_seconds(name: str, seconds: Any) -> None:
    """Check that a duration is a positive, finite number.

    Raises:
        UsageError: it is not; the message has the setting's name and its value.
    """
    if type(seconds) not in {int, float} or not 0 < seconds < inf:
        msg = f"expected {name} in seconds above zero, was {seconds!r}"
        raise UsageError(msg)


def check_timeout(timeout: Any) -> None:
    """Check that a time to wait is a finite number. Zero and less mean not to wait.

    Raises:
        UsageError: it is not; the message has the value.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout < _LONGEST:
        msg = f"expected timeout as a number of seconds, was {timeout!r}"
        raise UsageError(msg)
