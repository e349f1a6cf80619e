"""What an export returns, and what it reports meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.recording.continuity import Gap


@dataclass(frozen=True, slots=True)
class Exported:
    """What was exported.

    Attributes:
        path: the file or folder that was written.
        symbol: symbol of the recording.
        market: name of its market.
        events: number of depth events that were written; after a later snapshot those that it lacks come once more.
        rows: number of rows that were written, of all tables.
        snapshots: number of snapshots that were written.
        gaps: the gaps of the recording; one that no snapshot repairs is the last.
        left_out: number of depth events behind a gap, before the snapshot that repairs it, or the end.
        cut: whether a file ends within a line, as after a kill of its recorder; all whole lines were exported.
        warnings: what is wrong with the files and no error, in words, each with the file: where it is cut, that lines
            at its end are lost, that its notes have no proof, that it has no depth event.
    """

    path: Path
    symbol: str
    market: str
    events: int
    rows: int
    snapshots: int
    gaps: tuple[Gap, ...]
    left_out: int
    cut: bool
    warnings: tuple[str, ...]

    @property
    def repaired(self) -> bool:
        """Whether the recording is in sequence at its end."""
        return not (self.gaps and self.gaps[-1].to_id is None)


class Progress(Protocol):
    """A function that is called some times a second while an export reads, in its thread."""

    def __call__(self, share: float, events: int) -> None:
        """Take the share of the recording that was read, an estimate from 0 to 1, and the number of depth events."""
