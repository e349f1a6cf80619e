"""Checks of the durations that a program gives."""

from __future__ import annotations

from math import isnan
from numbers import Real
from typing import Any, Final

from depthactors.errors import UsageError

_LONGEST: Final = 1e9
"""Seconds, some 30 years: the system's own waits overflow at ten times that."""


def check_seconds(name: str, seconds: Any) -> None:
    """Check that a duration is a positive number, and not longer than a system can wait.

    Raises:
        UsageError: it is not; the message has the setting's name and its value.
    """
    if type(seconds) not in {int, float} or not 0 < seconds <= _LONGEST:
        msg = f"expected {name} in seconds above zero and at most {_LONGEST:.0e}, was {seconds!r}"
        raise UsageError(msg)


def checked_timeout(timeout: Any) -> float:
    """Return a time to wait, in seconds. Zero and less mean not to wait; infinity means as long as a system can wait.

    Raises:
        UsageError: it is no number; the message has the value.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, Real) or isnan(timeout):
        msg = f"expected timeout as a number of seconds, was {timeout!r}"
        raise UsageError(msg)
    return min(float(timeout), _LONGEST)
