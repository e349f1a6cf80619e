"""The proof of a recording file: what its notes say that it has, and whether it has that."""

from __future__ import annotations

from dataclasses import dataclass, fields
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from depthactors import markets
from depthactors.errors import RecordingError, UnknownMarketError
from depthactors.recording import notes
from depthactors.recording.continuity import Continuity
from depthactors.recording.lines import read_file
from depthactors.recording.opened import open_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.recording.lines import Line

_COUNTED: Final = ("frames", "events", "snapshots", "first_id", "last_id")
"""What of a proof is compared with the lines of the file."""


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


class NotedFile:
    """A recording file that is compared with its notes, if it has any.

    Attributes:
        path: the file.
        bytes: its size.
        sha256: the digest of the compressed file.
        gaps: the rows of its notes that tell of gaps.
        proof: what its notes say that it has; `None` without notes, or if they have no end.
        doubt: what is wrong with it and no error, in words, with the path; `None` if nothing is.
    """

    def __init__(self, path: Path) -> None:
        """Digest the file, and compare it with its notes; O(bytes), no line is read.

        Raises:
            RecordingError: it cannot be read, or is not what its notes say; names the file and what differs.
        """
        self.path = path
        try:
            with open_file(path) as file:
                self.sha256, self.bytes = file_digest(file, "sha256").hexdigest(), file.tell()
        except OSError as error:
            raise RecordingError(str(path), 0, error.strerror or str(error)) from None
        notes_path = notes.notes_of(path)
        self._rows = notes.read_notes(notes_path) if notes.exists(notes_path) else []
        self.gaps = [row for row in self._rows if row["row"] == "gap"]
        self.proof: Proof | None = None
        self.doubt: str | None = None
        if not self._rows:
            return
        if self._rows[-1]["row"] != "end":
            self.doubt = f"{path}: its notes have no proof: it is being written, or its recorder was killed"
            return
        self.proof = proof = _proof_of(self._rows[-1], notes_path)
        self._compare("sha256", proof.sha256, self.sha256)
        self._compare("bytes", proof.bytes, self.bytes)
        self._compare("gaps", proof.gaps, len(self.gaps))
        if proof.cut:
            self.doubt = f"{path}: lines at its end are lost: {proof.why}"

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the file, in their order, one at a time, and compare them with the proof at the end.

        Raises:
            RecordingError: as for `read_file`; or the lines are not what the proof says, which names what differs.
            RecordingCutError: as for `read_file`.
        """
        if self.proof is None:
            yield from read_file(self.path)
            return
        continuity = Continuity(self._market().sequencing)
        for line in read_file(self.path):
            continuity.line(line)
            yield line
        for what in _COUNTED:
            self._compare(what, getattr(self.proof, what), getattr(continuity, what))

    def _market(self) -> markets.Market:
        try:
            return markets.lookup(str(self._rows[0].get("market")))
        except UnknownMarketError as error:
            raise RecordingError(str(notes.notes_of(self.path)), 1, str(error)) from None

    def _compare(self, what: str, expected: object, was: object) -> None:
        if expected != was:
            raise RecordingError(str(self.path), 0, f"expected {what} {expected} by its notes, was {was}")


def verify(path: str | Path) -> Proof:
    """Check a recording file against the proof in its notes, and return the proof; O(file).

    Raises:
        RecordingError: there are no notes, they have no proof yet, or the file is not what they say; names the file and
            what differs.
    """
    file = NotedFile(Path(path))
    if file.proof is None:
        what = "no notes beside it" if file.doubt is None else "none: it is being written, or its recorder was killed"
        raise RecordingError(str(path), 0, f"expected a proof in its notes, was {what}")
    for _ in file.lines():
        pass
    return file.proof


def _proof_of(row: dict[str, Any], notes_path: Path) -> Proof:
    try:
        return Proof(**{each.name: row[each.name] for each in fields(Proof)})
    except KeyError as error:
        raise RecordingError(str(notes_path), 0, f"expected {error} in the proof") from None
