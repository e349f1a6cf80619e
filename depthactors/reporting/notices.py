"""The notices that a program without logging sees on stderr: each cause once, then its number at growing intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

CAUSES: Final = 1_000
"""Causes that are counted apart; further ones count as one."""
_REST: Final = "further causes"
_PAUSE: Final = 60.0
"""Seconds in which a cause that begins, ends and begins again is written once."""


@dataclass(slots=True)
class _Cause:
    times: int = 0
    next_said: int = 1
    said_at: float | None = None
    shown: bool = False


class Notices:
    """Counts causes, and decides what is written. Thread: one at a time."""

    def __init__(self) -> None:
        """Begin without a cause."""
        self._causes: dict[Hashable, _Cause] = {}

    def came(self, cause: Hashable, text: str, now: float) -> str | None:
        """Count a cause; returns the line to write, `None` for none."""
        known = self._causes.get(cause)
        if known is None:
            if len(self._causes) >= CAUSES:
                cause = _REST
            known = self._causes.setdefault(cause, _Cause())
        known.times += 1
        if known.times >= known.next_said:
            known.next_said = known.times * 10
        elif known.shown or (known.said_at is not None and now - known.said_at < _PAUSE):
            return None
        known.said_at, known.shown = now, True
        return text if known.times == 1 else f"{text} ({known.times} times so far)"

    def ended(self, cause: Hashable, text: str) -> str | None:
        """Note that a cause is over; returns the line to write, `None` if the cause was not written."""
        known = self._causes.get(cause)
        if known is None or not known.shown:
            return None
        known.shown = False
        return text
