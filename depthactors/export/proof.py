"""What a recording's file is, for the metadata of an export; and whether it is what its notes say."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import file_digest
from typing import TYPE_CHECKING, Any

from depthactors.errors import RecordingError
from depthactors.recording import notes

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileProof:
    """One file of the recording.

    Attributes:
        name: its name.
        bytes: its size.
        sha256: the digest of the compressed file.
        doubt: what is wrong with it and no error, in words; `None` if nothing is.
        gaps: the rows of its notes that tell of gaps, by the last id before the gap.
    """

    name: str
    bytes: int
    sha256: str
    doubt: str | None
    gaps: dict[int, dict[str, Any]]


def prove(path: Path) -> FileProof:
    """Digest a file, and compare it with its notes, if it has any; O(file).

    Raises:
        RecordingError: it cannot be read, or is not what its notes say.
    """
    try:
        with path.open("rb") as file:
            sha256, size = file_digest(file, "sha256").hexdigest(), file.tell()
    except OSError as error:
        raise RecordingError(str(path), 0, error.strerror or str(error)) from None
    beside = notes.notes_of(path)
    rows = notes.read_notes(beside) if beside.exists() else []
    end = rows[-1] if rows and rows[-1]["row"] == "end" else None
    if end is not None and end.get("sha256") != sha256:
        raise RecordingError(str(path), 0, f"expected sha256 {end.get('sha256')} by its notes, was {sha256}")
    doubt = None
    if rows and end is None:
        doubt = f"{path}: its notes have no proof: it is being written, or its recorder was killed"
    elif end is not None and end.get("cut"):
        doubt = f"{path}: lines at its end are lost: {end.get('why')}"
    gaps = {row["from_id"]: row for row in rows if row["row"] == "gap" and "from_id" in row}
    return FileProof(path.name, size, sha256, doubt, gaps)
