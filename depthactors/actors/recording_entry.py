"""What waits for the disk: a part of a book's recording, and the files that take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.recording import FileCounters


class Files(Protocol):
    """The files of one book; see `recording.BookFiles`. Thread: one at a time; it may wait for the disk.

    After a call that raised, the next one goes on.
    """

    @property
    def counters(self) -> FileCounters:
        """What was written. Thread: any."""

    @property
    def wants_snapshot(self) -> bool:
        """Whether a file waits for the snapshot with which it begins."""

    def diff(self, recv_ns: int, text: bytes, first_id: int, last_id: int, previous_id: int | None) -> None:
        """Write a depth event."""

    def other(self, recv_ns: int, text: bytes) -> None:
        """Write a frame of another stream."""

    def snapshot(self, recv_ns: int, text: bytes, last_update_id: int) -> None:
        """Write a snapshot."""

    def connected(self, recv_ns: int) -> None:
        """Note that the stream comes again."""

    def disconnected(self, recv_ns: int, reason: str) -> None:
        """Note that the stream comes no more."""

    def lost(self, recv_ns: int, count: int, reason: str) -> None:
        """Note that events are missing from here on."""

    def tick(self, recv_ns: int) -> None:
        """Do what is to be done about once a second."""

    def close(self, recv_ns: int, reason: str) -> None:
        """Close the file with its proof."""


class Entry(NamedTuple):
    """A part of a recording that waits for the disk.

    Attributes:
        write: a function that writes it; `None` for the end of the recording.
        reason: why the recording ends; empty for any other part.
        events: number of events in it, or of those whose loss it notes.
        size: bytes of them.
        missing: number of events of the book that found no room in the queue before this entry.
    """

    write: Callable[[Files], object] | None
    reason: str = ""
    events: int = 0
    size: int = 0
    missing: int = 0

    @property
    def has_data(self) -> bool:
        """Whether a file is begun for it, if there is none."""
        return bool(self.size)
