"""Ids that begin anew far below, as after a maintenance of the exchange: from then on every event looks old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from depthactors.recording.lines import Ids

REPEATED: Final = 10
"""Old events in a row, each following the one before: a repetition, or a connection that is behind, has fewer."""
AHEAD: Final = 600
"""The same where a snapshot is ahead of the stream, which may be late: a minute of the fastest stream."""


class Restart:
    """Notices that ids have begun anew."""

    __slots__ = ("_in_a_row", "_last_id", "_most", "_number")

    def __init__(self, most: int = REPEATED) -> None:
        """Begin without an old event; `most` in a row show a restart."""
        self._most = most
        self._number = self._last_id = self._in_a_row = 0

    def is_shown_by(self, ids: Ids, number: int) -> bool:
        """Take an event that is wholly old, and return whether it shows that ids have begun anew.

        Args:
            ids: the ids of the event.
            number: the number of the event among all, old or not.
        """
        follows = number == self._number + 1 and ids.previous_id == self._last_id
        self._in_a_row = self._in_a_row + 1 if follows else 1
        self._number, self._last_id = number, ids.last_id
        return self._in_a_row >= self._most
