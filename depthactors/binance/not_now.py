"""Every way in which the exchange says "not now", and for how long.

- 429 and 418: too many requests, and the address is banned for going on after that ("LIMITS", REST API).
  The time is in `Retry-After`, or in the body alone: "IP banned until 1790435739015" (milliseconds).
- A body with code -1003 says the same, whatever the status.
- 403: the exchange's firewall (documented as such). It does not say for how long; such rules look at the last minutes,
  so the first wait is a minute, and later ones are longer.
- 451: the exchange does not serve this location. That changes when the address does, if ever.
- Any other status from 500 on with a `Retry-After`: the exchange is overloaded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from depthactors.binance.http_answer import read_date

if TYPE_CHECKING:
    from depthactors.binance.http_answer import HttpAnswer

SHORTEST: Final = 1.0
LONGEST: Final = 3 * 24 * 3600.0
"""Seconds: the longest ban that the exchange documents."""
_OVERLOADED: Final = 600.0
"""Seconds for which an overloaded exchange is left alone at most."""
_UNSAID: Final = {429: (60.0, 600.0), 418: (120.0, 3600.0), 403: (60.0, 900.0), 451: (600.0, 3600.0)}
"""Seconds to wait where the answer does not say how long: at first, and the most when it is said repeatedly."""
_WORDS: Final = {
    429: "too many requests",
    418: "this address is banned",
    403: "its firewall refuses this address",
    451: "it does not serve this location",
}
_EXCERPT: Final = 2_000
"""Bytes of a body that are searched."""
_TOO_MANY: Final = re.compile(rb'"code"\s*:\s*-1003\b')
_BANNED_UNTIL: Final = re.compile(rb"banned until (\d{13})(?!\d)")
_SECONDS: Final = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


class NotNow(NamedTuple):
    """What the exchange said.

    Attributes:
        seconds: the time to wait.
        longest: the longest time that waits may grow to when it is said again and again; `seconds` where the answer
            says how long to wait.
        words: the meaning, for an error.
    """

    seconds: float
    longest: float
    words: str


def read_not_now(answer: HttpAnswer, now: float) -> NotNow | None:
    """Return for how long an answer asks to send nothing more; `None` if it does not ask that.

    Args:
        answer: the answer to a request or to a handshake.
        now: seconds since the epoch by this machine's clock, for an answer without a date.
    """
    status = answer.status
    if status < 400:
        return None
    date = answer.date
    now = now if date is None else date
    excerpt = (answer.body or b"")[:_EXCERPT]
    if status not in _UNSAID and _TOO_MANY.search(excerpt):
        status = 429
    waits = (_seconds(answer.headers.get("retry-after"), now), _banned_for(excerpt, now))
    said = [each for each in waits if each is not None]
    if status in _UNSAID:
        first, longest = (max(said), max(said)) if said else _UNSAID[status]
        return NotNow(_within(first, LONGEST), _within(longest, LONGEST), _WORDS[status])
    if status >= 500 and said:
        wait = _within(max(said), _OVERLOADED)
        return NotNow(wait, wait, "it is overloaded")
    return None


def _seconds(retry_after: str | None, now: float) -> float | None:
    text = (retry_after or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    date = read_date(text)
    return None if date is None else date - now


def _banned_for(body: bytes, now: float) -> float | None:
    found = _BANNED_UNTIL.search(body)
    return int(found[1]) / 1_000 - now if found else None


def _within(seconds: float, longest: float) -> float:
    return min(max(SHORTEST, seconds), longest)
