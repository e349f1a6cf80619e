"""The notes beside a recording file: what it is, its gaps, and at its end the proof of what it has.

JSON, a row a line. The first row is `file`; `gap`, `interruption` and `overlap` rows follow; the last row is `end`. A
file without an `end` row is being written, or its recorder was killed.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from os import SEEK_END
from typing import TYPE_CHECKING, Any, Final

import orjson

from depthactors.errors import RecordingError
from depthactors.recording.opened import open_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from depthactors.recording.continuity import Gap

FORMAT: Final = "depthactors-recording"
VERSION: Final = 1
SUFFIX: Final = ".notes.jsonl"
_TAIL: Final = 16_384
"""Bytes at the end of the notes in which the last row is looked for: an `end` row has about 300, the row of a gap with
the most and longest reasons, each character of them escaped, 12,000."""


def notes_of(path: Path) -> Path:
    """Return the path of the notes of a recording file."""
    return path.with_name(path.name.removesuffix(".gz") + SUFFIX)


def exists(path: Path) -> bool:
    """Return whether there are notes; there are none under a name that is too long for the system."""
    return os.path.exists(path)  # noqa: PTH110 - `Path.exists` raises for such a name


def gap_row(gap: Gap) -> dict[str, Any]:
    """Return the row of a gap, or of an interruption after which no depth event is missing."""
    return {"row": "gap" if gap.is_loss else "interruption"} | asdict(gap)


def append(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows to the notes; half a row of a recorder that was killed is dropped first. O(rows).

    Raises:
        OSError: they cannot be written; the notes are as they were.
    """
    added = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    if not added:
        return
    with path.open("r+b", buffering=0) as file:
        size = file.seek(0, SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
        size -= len(tail) - (tail.rfind(b"\n") + 1)
        file.truncate(size)
        file.seek(size)
        try:
            while added:
                added = added[file.write(added) :]
        except OSError:
            file.truncate(size)
            raise


def create(path: Path, row: Mapping[str, Any]) -> None:
    """Begin the notes of a file that does not exist yet.

    Raises:
        FileExistsError: there are notes already.
        OSError: they cannot be written, and are not there.
    """
    with path.open("xb", buffering=0):
        pass
    try:
        append(path, [row])
    except OSError:
        path.unlink(missing_ok=True)
        raise


def read_notes(path: Path) -> list[dict[str, Any]]:
    """Return the rows of the notes; half a row at the end is left out.

    Raises:
        RecordingError: no such file, no notes of a recording, or of a version that this package does not know.
    """
    try:
        with open_file(path) as file:
            content = file.read()
    except OSError as error:
        raise RecordingError(str(path), 0, error.strerror or str(error)) from None
    rows = []
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            row = None
        if not isinstance(row, dict) or "row" not in row or not _is_sound(row):
            raise RecordingError(str(path), number, f"expected a row of a recording's notes, was {line[:60]!r}")
        rows.append(row)
    _check_first(rows, path)
    return rows


def _is_sound(row: dict[str, Any]) -> bool:
    """Return whether the numbers that readers use are some, if it is the row of a gap."""
    numbers = [row.get(name, 0) for name in ("from_id", "lost")] if row["row"] == "gap" else []
    return all(type(each) is int and each >> 63 == 0 for each in numbers)


def first_row(path: Path) -> dict[str, Any] | None:
    """Return the first row of the notes, `None` if it was never written; raises as `read_notes`. O(1)."""
    try:
        with open_file(path) as file:
            line = file.readline(1 << 16)
    except OSError as error:
        raise RecordingError(str(path), 0, error.strerror or str(error)) from None
    if not line.endswith(b"\n"):
        return None
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        row = None
    rows = [row] if isinstance(row, dict) else []
    _check_first(rows, path)
    return rows[0]


def has_end(path: Path) -> bool:
    """Return whether the last row is an `end` row; O(1)."""
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    last = tail[:-1].rpartition(b"\n")[2]
    return tail.endswith(b"\n") and last.startswith(b'{"row":"end"')


def _check_first(rows: list[dict[str, Any]], path: Path) -> None:
    first = rows[0] if rows else {}
    if first.get("row") != "file" or first.get("format") != FORMAT:
        raise RecordingError(str(path), 1, f"expected a row of the format {FORMAT!r}")
    if first.get("version") != VERSION:
        cause = f"expected version {VERSION} of {FORMAT}, was {first.get('version')!r}; a newer depthactors may read it"
        raise RecordingError(str(path), 1, cause)
