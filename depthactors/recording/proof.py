"""The proof of a recording file: what its notes say that it has, and whether it has that."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from depthactors import markets
from depthactors.errors import RecordingError
from depthactors.recording import notes
from depthactors.recording.continuity import Continuity
from depthactors.recording.ending import gaps_of
from depthactors.recording.lines import read_file


@dataclass(frozen=True, slots=True)
class Proof:
    """What a file has, as its notes say it.

    Attributes:
        frames: the number of websocket frames of every kind.
        events: the number of depth events among them.
        snapshots: the number of REST depth replies.
        first_id: the first id of the first event that continues a snapshot, 0 if there is none.
        last_id: the last id up to which the events continue a snapshot, 0 if there is none.
        gaps: the number of gaps that the notes tell of.
        sha256: the digest of the compressed file.
        bytes: the size of the compressed file.
        why: why it ended.
        cut: whether lines at its end are lost, since its recorder was killed or the disk was full.
    """

    frames: int
    events: int
    snapshots: int
    first_id: int
    last_id: int
    gaps: int
    sha256: str
    bytes: int
    why: str
    cut: bool


def verify(path: str | Path) -> Proof:
    """Check a recording file against the proof in its notes, and return the proof; O(file).

    Raises:
        RecordingError: there are no notes, they have no proof yet, or the file is not what they say; names the file and
            what differs.
    """
    path = Path(path)
    rows = notes.read_notes(notes.notes_of(path))
    if rows[-1]["row"] != "end":
        raise RecordingError(str(path), 0, "expected a proof in its notes, was none: it is written, or was cut short")
    proof = _proof_of(rows[-1], path)
    try:
        with path.open("rb") as file:
            _compare(path, "sha256", proof.sha256, hashlib.file_digest(file, "sha256").hexdigest())
            _compare(path, "bytes", proof.bytes, file.tell())
    except OSError as error:
        raise RecordingError(str(path), 0, error.strerror or str(error)) from None
    sequencing = markets.lookup(rows[0]["market"]).sequencing
    continuity = Continuity(sequencing)
    for _ in gaps_of(continuity, read_file(path), sequencing):
        pass
    for name, value in asdict(continuity.tally).items():
        if name in {"frames", "events", "snapshots", "first_id", "last_id"}:
            _compare(path, name, getattr(proof, name), value)
    _compare(path, "gaps", proof.gaps, sum(row["row"] == "gap" for row in rows))
    return proof


def _proof_of(row: dict[str, object], path: Path) -> Proof:
    try:
        return Proof(**{each.name: row[each.name] for each in fields(Proof)})  # type: ignore[arg-type]
    except KeyError as error:
        raise RecordingError(str(notes.notes_of(path)), 0, f"expected {error} in the proof") from None


def _compare(path: Path, what: str, expected: object, was: object) -> None:
    if expected != was:
        raise RecordingError(str(path), 0, f"expected {what} {expected} by its notes, was {was}")
