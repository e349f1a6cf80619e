"""An answer of the exchange over HTTP: to a REST request, or to a handshake that opened no websocket."""

from __future__ import annotations

from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class HttpAnswer(NamedTuple):
    """The parts of an answer that the package reads.

    Attributes:
        status: the HTTP status, 0 where there was no status line.
        headers: the headers by their names in lower case.
        body: the unpacked body; `None` if it is too large for an answer, or incomplete.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def date(self) -> float | None:
        """The exchange's clock, whole seconds since the epoch; `None` if the answer does not say."""
        return read_date(self.headers.get("date"))


def read_date(text: str | None) -> float | None:
    """Return the seconds since the epoch of a date as HTTP headers have it, `None` for anything else."""
    try:
        parts = parsedate_tz(text) if text else None
        # Without a zone it is GMT, never this machine's.
        return None if parts is None else float(mktime_tz((*parts[:9], parts[9] or 0)))
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
