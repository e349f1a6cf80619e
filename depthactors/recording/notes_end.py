"""The end of a recording file: the proof in its notes, and files whose end was not written."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthactors.errors import RecordingError
from depthactors.recording import notes
from depthactors.recording.continuity import NEXT_FILE, NOT_REPAIRED, Continuity, Gap, Tally
from depthactors.recording.lines import parse_line, read_file
from depthactors.recording.lock import lock
from depthactors.recording.member import last_member, member

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.markets import Sequencing

_KILLED: Final = "its recorder was killed"
_INNER: Final = {"first_ns", "last_ns", "broken"}
"""Fields of a tally that are no proof: a clock can be set back, and an open gap has its row."""
_STEP: Final = 16_000_000
"""Bytes that are read for a proof in one call: some 20 ms."""


class Unended(NamedTuple):
    """A file that is not written any more, and whose notes have no end yet.

    Attributes:
        path: the file.
        tally: what it has.
        why: why it ended.
        rows: rows that its notes do not have yet.
        size: its bytes, if there may be more behind them which could not be removed.
    """

    path: Path
    tally: Tally
    why: str
    rows: tuple[dict[str, Any], ...] = ()
    size: int | None = None


class NotesEnd:
    """Writes the end of the notes of a file: the gap up to the next file's snapshot, if there is one, and the proof.

    The file is read for that, a part in each call. Thread: one at a time.

    Attributes:
        path: the file.
    """

    def __init__(self, unended: Unended, next_id: int | None, next_ns: int | None) -> None:
        """Read nothing yet.

        Args:
            unended: the file.
            next_id: id of the next file's snapshot, `None` without one.
            next_ns: time of its receipt.
        """
        self.path = unended.path
        self._unended = unended
        self._next = next_id, next_ns
        self._digest = hashlib.sha256()
        self._size = 0

    def step(self) -> bool:
        """Do a part of the work, and return whether all is done.

        Raises:
            OSError: the file cannot be read, or the notes cannot be written.
            RecordingError: the notes cannot be read.
        """
        path = notes.notes_of(self.path)
        if not (self.path.exists() and notes.exists(path)):
            # Somebody took them away.
            return True
        whole = self._unended.size
        if whole is not None and self.path.stat().st_size > whole:
            os.truncate(self.path, whole)
        with self.path.open("rb") as file:
            file.seek(self._size)
            part = file.read(_STEP)
        self._digest.update(part)
        self._size += len(part)
        if len(part) == _STEP:
            return False
        self._write(path)
        return True

    def again(self) -> NotesEnd:
        """Return the same work from its beginning."""
        return NotesEnd(self._unended, *self._next)

    def _write(self, path: Path) -> None:
        tally, why, rows = self._unended.tally, self._unended.why, list(self._unended.rows)
        next_id, next_ns = self._next
        if next_id is None or next_id > tally.last_id:
            repaired = NOT_REPAIRED if next_id is None else NEXT_FILE
            rows.append(notes.gap_row(Gap(tally.last_id, next_id, tally.last_ns, next_ns, why, repaired)))
        # Those that are told: a gap may have been repaired in lines that were lost.
        tally = replace(tally, gaps=sum(row["row"] == "gap" for row in (*notes.read_notes(path), *rows)))
        rows.append(end_row(self.path, tally, self._digest.hexdigest(), self._size, why, cut=True))
        notes.append(path, rows)


def end_row(path: Path, tally: Tally, sha256: str, size: int, why: str, *, cut: bool) -> dict[str, Any]:
    """Return the last row of the notes: the proof of what the file has."""
    counts = {name: value for name, value in asdict(tally).items() if name not in _INNER}
    return {"row": "end", "file": path.name} | counts | {"sha256": sha256, "bytes": size, "why": why, "cut": cut}


def failed(path: Path, error: OSError) -> RecordingError:
    """Return the error of a file that the system did not let us write."""
    return RecordingError(str(path), 0, f"cannot be written: {error.strerror or error}")


def mend(path: Path, sequencing: Sequencing) -> Unended:
    """Repair the file of a killed recorder: the whole lines of a member that is torn are kept.

    O(its last member), or O(the file) if the stream was broken before it.

    Raises:
        OSError: it cannot be written.
        RecordingError: another recorder has it open, or it is no recording of ours.
    """
    with path.open("r+b") as file:
        lock(file, path)
        last = last_member(file)
        if last is None:
            file.truncate(0)
            return Unended(path, Tally(), _KILLED)
        try:
            tally = Tally.from_bytes(last.comment)
        except ValueError as error:
            raise RecordingError(str(path), 0, str(error)) from None
        if last.end is None:
            file.seek(last.begin)
            if last.lines:
                file.write(member(last.lines, last.comment))
        else:
            file.seek(last.end)
        file.truncate()
    if not tally.in_sequence:
        continuity, lines = Continuity(sequencing), read_file(path)
    else:
        continuity = Continuity.after(sequencing, tally)
        lines = (parse_line(line, 0, str(path)) for line in last.lines.splitlines())
    gaps = [continuity.line(line) for line in lines]
    told = {row.get("from_id") for row in notes.read_notes(notes.notes_of(path)) if row["row"] != "file"}
    rows = tuple(notes.gap_row(gap) for gap in gaps if gap is not None and gap.from_id not in told)
    return Unended(path, continuity.tally, _KILLED, rows)
