"""One recording file that is being written, with its notes."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from depthactors.recording import notes
from depthactors.recording.continuity import Continuity, Tally
from depthactors.recording.lock import lock
from depthactors.recording.member import member
from depthactors.recording.notes_end import Unended, end_row

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.markets import Sequencing
    from depthactors.recording.lines import Ids


class BookFile:
    """Writes the lines of one file, in blocks: each is a gzip member, which a kill leaves whole or not at all.

    Thread: one at a time. Nothing but `write_block`, `end` and the constructor waits for the disk.

    Attributes:
        path: the file.
        continuity: what its events come to, those included that wait for the next block.
        size: the bytes of the file so far.
        waiting: the bytes of the lines that wait for the next block.
    """

    def __init__(self, path: Path, header: dict[str, Any], sequencing: Sequencing) -> None:
        """Create the file and its notes.

        Raises:
            FileExistsError: one of them exists.
            OSError: they cannot be created.
        """
        self.path = path
        self.continuity = Continuity(sequencing)
        self.size = self.waiting = 0
        self._notes = notes.notes_of(path)
        self._written = Tally()
        self._lines: list[bytes] = []
        self._rows: list[dict[str, Any]] = []
        self._digest = hashlib.sha256()
        notes.create(self._notes, header)
        try:
            self._file = path.open("xb", buffering=0)
        except OSError:
            self._notes.unlink(missing_ok=True)
            raise
        lock(self._file, path)

    def diff(self, recv_ns: int, ids: Ids, line: bytes) -> None:
        """Add a depth event."""
        gap = self.continuity.diff(recv_ns, ids)
        if gap is not None:
            self._rows.append(notes.gap_row(gap))
        self._add(line)

    def other(self, line: bytes) -> None:
        """Add another frame."""
        self.continuity.other()
        self._add(line)

    def snapshot(self, recv_ns: int, last_update_id: int, line: bytes) -> None:
        """Add a REST depth reply."""
        gap = self.continuity.snapshot(recv_ns, last_update_id)
        if gap is not None:
            self._rows.append(notes.gap_row(gap))
        self._add(line)

    def note(self, row: dict[str, Any]) -> None:
        """Add a row to the notes, with the next block."""
        self._rows.append(row)

    def write_block(self) -> int:
        """Write what waits as one gzip member, and return its bytes.

        Raises:
            OSError: it cannot be written, or was removed. The file ends with the block before, and nothing can be added
                to it.
        """
        block = member(b"".join(self._lines), self._written.as_bytes()) if self._lines else b""
        try:
            # What is written to a file that somebody removed is lost, and the system does not say so.
            os.stat(self.path)  # noqa: PTH116 - half the time of `Path.stat`
            rest = memoryview(block)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._abandon()
            raise
        if not block:
            self._write_rows()
            return 0
        self._digest.update(block)
        self.size += len(block)
        self._lines.clear()
        self.waiting = 0
        self._written = self.continuity.tally
        self._write_rows()
        return len(block)

    def end(self, why: str, to_id: int | None, to_ns: int | None, repaired: str) -> None:
        """Write what waits, the gap that is still open, and the proof; close the file.

        Args:
            why: why the file ends.
            to_id: the id of the next file's snapshot, `None` without one.
            to_ns: time of receipt of that snapshot.
            repaired: how a gap that is open is repaired.

        Raises:
            OSError: it cannot be written; the file is closed.
        """
        gap = self.continuity.end(to_id, to_ns, repaired)
        try:
            self.write_block()
            self._written = self.continuity.tally
            rows = [] if gap is None else [notes.gap_row(gap)]
            row = end_row(self.path, self._written, self._digest.hexdigest(), self.size, why, cut=False)
            notes.append(self._notes, [*rows, row])
        finally:
            self._file.close()

    def unended(self, why: str) -> Unended:
        """Return what was written of a file that could not be written to its end."""
        self._file.close()
        return Unended(self.path, self._written, why, tuple(self._rows), self.size)

    def discard(self) -> None:
        """Delete a file whose beginning could not be written."""
        self._file.close()
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self.waiting += len(line)

    def _write_rows(self) -> None:
        if self._rows:
            notes.append(self._notes, self._rows)
            self._rows.clear()

    def _abandon(self) -> None:
        """Leave whole members only, and forget the gaps of the lost block: a larger one takes their place."""
        self._rows.clear()
        try:
            os.ftruncate(self._file.fileno(), self.size)
        finally:
            self._file.close()
