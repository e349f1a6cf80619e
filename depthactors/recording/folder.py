"""The folder of recordings: whether it can be used, and the files that a killed recorder left behind."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from depthactors.errors import RecordingError, UsageError
from depthactors.recording import notes
from depthactors.recording.book_file import Unended, end_row, failed, lock
from depthactors.recording.continuity import NEXT_FILE, NOT_REPAIRED, Gap
from depthactors.recording.member import member, torn_member
from depthactors.recording.names import names_of
from depthactors.recording.parts import part_of
from depthactors.recording.proof import count

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.markets import Market

_KILLED: Final = "its recorder was killed"


def prepare(folder: Path, market: Market, symbol: str) -> list[Unended]:
    """Make the folder, check that it can be used, and repair the files that a killed recorder of the symbol left.

    The whole lines of such a file are kept. O(files in the folder), and O(file) for each that is repaired.

    Raises:
        UsageError: a symbol that no file can be named after.
        RecordingError: no folder, none that can be written to, one with recordings of another market or with a file of
            another symbol under this symbol's name, a file that another recorder has open, or a damaged one.
    """
    if not symbol or not symbol.isprintable() or any(each in symbol for each in "/\\") or symbol.startswith("."):
        msg = f"expected a symbol that a file can be named after, was {symbol!r}"
        raise UsageError(msg)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(folder, os.W_OK | os.X_OK)
        names = os.listdir(folder)  # noqa: PTH208 - a path for each of many names takes ten times the time
    except OSError as error:
        cause = "was a file" if isinstance(error, FileExistsError) else f"was none: {error.strerror or error}"
        raise RecordingError(str(folder), 0, f"expected a folder that can be written to, {cause}") from None
    if not is_writable:
        raise RecordingError(str(folder), 0, "expected a folder that can be written to, was one without permission")
    other = next((name for name in names if name.endswith(notes.SUFFIX)), None)
    if other is not None:
        _check(folder / other, market, None)
    files = [folder / name for name in names_of(symbol, names)]
    return [unended for path in files if (unended := _prepare_file(path, market, symbol)) is not None]


def complete(unended: Unended, next_id: int | None, next_ns: int | None) -> None:
    """Write the end of the notes of a file: the gap up to the next file's snapshot, if there is one, and the proof.

    O(file): its bytes are read for the proof.

    Raises:
        OSError: it cannot be read, or the notes cannot be written.
        RecordingError: the notes cannot be read.
    """
    path, tally = unended.path, unended.tally
    rows = list(unended.rows)
    if next_id is None or next_id > tally.last_id:
        repaired = NOT_REPAIRED if next_id is None else NEXT_FILE
        gap = Gap(tally.last_id, next_id, tally.last_ns, next_ns, unended.why, repaired)
        rows.append(notes.gap_row(gap))
    beside = notes.notes_of(path)
    # Those that are told: a gap may have been repaired in lines that were lost.
    tally = replace(tally, gaps=sum(row["row"] == "gap" for row in (*notes.read_notes(beside), *rows)))
    with path.open("rb") as file:
        digest, size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    rows.append(end_row(path, tally, digest, size, unended.why, cut=True))
    notes.append(beside, rows)


def _prepare_file(path: Path, market: Market, symbol: str) -> Unended | None:
    beside = notes.notes_of(path)
    if not beside.exists():
        # Somebody took them away, since they are written before the file is: nothing is to be ended.
        part = part_of(path)
        if part is not None and part.symbol != symbol:
            raise RecordingError(str(path), 0, f"expected a recording of {symbol}, was one of {part.symbol!r}")
        return None
    _check(beside, market, symbol)
    try:
        if notes.has_end(beside):
            return None
        _mend(path)
        continuity, gaps = count(path, market.sequencing)
        told = {row.get("from_id") for row in notes.read_notes(beside) if row["row"] in {"gap", "interruption"}}
    except OSError as error:
        raise failed(path, error) from None
    rows = tuple(notes.gap_row(gap) for gap in gaps if gap.from_id not in told)
    return Unended(path, continuity.tally, _KILLED, rows)


def _check(beside: Path, market: Market, symbol: str | None) -> None:
    row = notes.first_row(beside)
    if row is None:
        return
    if row.get("market") != market.name:
        cause = f"expected recordings of the market {market.name} in this folder, was one of {row.get('market')!r}"
        raise RecordingError(str(beside), 1, cause)
    if symbol is not None and row.get("symbol") != symbol:
        raise RecordingError(str(beside), 1, f"expected a recording of {symbol}, was one of {row.get('symbol')!r}")


def _mend(path: Path) -> None:
    """Replace the torn member at the end of a file by one with its whole lines."""
    with path.open("r+b") as file:
        lock(file, path)
        torn = torn_member(file, str(path))
        if torn is None:
            return
        begin, lines = torn
        file.seek(begin)
        if lines:
            file.write(member(lines))
        file.truncate()
