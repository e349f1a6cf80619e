"""The files of a book that were left without their end, since their recorder was killed or the disk was full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.errors import RecordingError
from depthactors.recording.notes_end import NotesEnd, failed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.recording.notes_end import Unended


class LeftFiles:
    """Writes their ends, once it is known what follows them. Thread: one at a time."""

    def __init__(self, unended: Iterable[Unended]) -> None:
        """Begin with those that were found, in the order of their events."""
        self._unended = list(unended)
        self._endings: list[NotesEnd] = []
        self._failed: list[NotesEnd] = []

    def add(self, unended: Unended) -> None:
        """Add one that follows the others."""
        self._unended.append(unended)

    def end(self, next_id: int | None, next_ns: int | None) -> None:
        """Begin to write all ends; raises as `step`.

        Args:
            next_id: id of the snapshot of the file that follows them, `None` without one.
            next_ns: time of its receipt.
        """
        endings = []
        for each in reversed(self._unended):
            endings.append(NotesEnd(each, next_id, next_ns))
            if each.tally.first_id:
                # One without an event repairs no gap of those before it.
                next_id, next_ns = each.tally.first_id, each.tally.first_ns
        self._endings += (*self._failed, *reversed(endings))
        self._unended.clear()
        self._failed.clear()
        self.step()

    def step(self) -> bool:
        """Do a part of the work, and return whether something is left to do.

        Raises:
            RecordingError: an end cannot be written; it is tried again at the next `end`.
        """
        if self._endings:
            ending = self._endings.pop(0)
            try:
                if not ending.step():
                    self._endings.insert(0, ending)
            except (OSError, RecordingError) as error:
                self._failed.append(ending.again())
                raise (failed(ending.path, error) if isinstance(error, OSError) else error) from error
        return bool(self._endings)
