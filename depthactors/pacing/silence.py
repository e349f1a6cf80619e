"""When a stream that brings nothing is to be asked about: it may be quiet, or not served at all.

A snapshot tells, and costs weight. So a stream is given longer each time that it was just quiet, and no longer
again than it deserves once it brings something: what is a silence for one book is the usual pause of another.
"""

from __future__ import annotations

from typing import Final

_LOOKS: Final = 2
"""Looks in that time: silence is noticed after the time and one look more."""
_USUAL_PAUSES: Final = 10.0
"""Times the usual pause between two diffs: one so long does not happen by chance."""


class SilenceWatch:
    """The silence of one book's stream; `now` is any monotonic clock, `diffs` how many it has brought so far."""

    def __init__(self, shortest: float, longest: float) -> None:
        """Give a stream `shortest` seconds at first and `longest` at most."""
        self._longest = max(longest, shortest)
        self._shortest = self._limit = shortest
        self._heard_of = 0
        self._heard_at = 0.0
        self._looked_at = 0.0
        self.begin(0, 0.0)

    def shorten(self, longest: float) -> None:
        """Give a stream less time at most."""
        self._longest = max(longest, self._shortest)
        self._limit = min(self._limit, self._longest)

    @property
    def pause(self) -> float:
        """Seconds until the next look."""
        return self._limit / _LOOKS

    def begin(self, diffs: int, now: float) -> None:
        """Watch a stream that has just come up."""
        self._limit = self._shortest
        self._heard_of, self._heard_at, self._looked_at = diffs, now, now

    def look(self, diffs: int, now: float) -> bool:
        """Return whether it is time to ask."""
        news, since = diffs - self._heard_of, now - self._looked_at
        self._looked_at = now
        if news:
            self._heard_of, self._heard_at = diffs, now
            self._limit = max(self._shortest, min(self._limit, _USUAL_PAUSES * since / news))
        return not news and now - self._heard_at >= self._limit

    def asked(self, now: float) -> None:
        """Note that it was asked about, and give it twice as long from now on."""
        self._heard_at = now
        self._limit = min(2 * self._limit, self._longest)
