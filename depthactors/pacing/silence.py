"""When to check a stream that brings nothing: it may be quiet, or the exchange may not serve it.

A snapshot shows which of the two, and costs weight. So after each check the stream gets twice as long; once it brings
diffs again, it gets a time that fits their pace: the usual pause of one book is a silence of another.
"""

from __future__ import annotations

from typing import Final

_LOOKS: Final = 2
"""Looks within the time that a stream gets: silence is noticed at most one look later."""
_USUAL_PAUSES: Final = 10.0
"""Usual pauses between two diffs that make a silence: a pause of that length does not happen by chance."""


class SilenceWatch:
    """The silence of one book's stream; `now` is monotonic, `diffs` the number of diffs that it brought so far."""

    def __init__(self, shortest: float, longest: float) -> None:
        """Give a stream `shortest` seconds at first, and `longest` seconds at most."""
        self._longest = max(longest, shortest)
        self._shortest = self._limit = shortest
        self._heard_of = 0
        self._heard_at = 0.0
        self._looked_at = 0.0
        self.begin(0, 0.0)

    def shorten(self, longest: float) -> None:
        """Lower the longest time that a stream gets."""
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
        """Return whether it is time to check the stream."""
        news, since = diffs - self._heard_of, now - self._looked_at
        self._looked_at = now
        if news:
            self._heard_of, self._heard_at = diffs, now
            self._limit = max(self._shortest, min(self._limit, _USUAL_PAUSES * since / news))
        return not news and now - self._heard_at >= self._limit

    def asked(self, now: float) -> None:
        """Note that the stream is being checked, and give it twice as long from now on."""
        self._heard_at = now
        self._limit = min(2 * self._limit, self._longest)
