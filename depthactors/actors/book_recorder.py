"""What a book gives its recording: frames, snapshots and the news of its connections, in the book actor's turns."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from depthactors.actors.recording_entry import Entry
from depthactors.dispatcher.life import Life
from depthactors.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_writer import BookWriter
    from depthactors.actors.recording_entry import Files
    from depthactors.binance import Diff
    from depthactors.dispatcher.clock import Clock

_NS: Final = 1e9
_MOST_OLD: Final = 100
"""Events in a row that one connection brings later than the other: more are no repetition, but ids that begin anew."""


class BookRecorder:
    """Puts what happens to one book into the queue of the recorder. It outlives the book's actor.

    Thread: the book actor's. The ticker's also calls `other`, `lost` and `interrupted`; the supervisor's also calls
    `interrupted` and, after the actor's death, `end`.

    Attributes:
        writer: writes the book; only the recorder's lane uses it, and any thread its `status`.
        life: ends when the last file is closed.
        left_out: number of events for which the queue had no room, until the files say so; the recorder's.
    """

    def __init__(
        self, title: str, writer: BookWriter, clock: Clock, put: Callable[[BookRecorder, Entry], object]
    ) -> None:
        """Record nothing yet.

        Args:
            title: title of the book.
            writer: writes the book.
            clock: the engine's time.
            put: puts an entry of this recorder into the queue; returns at once.
        """
        self.writer = writer
        self.life = Life(f"the recording of {title}")
        self.left_out = 0
        self._clock = clock
        self._put = put
        self._diffs: list[tuple[bytes, int, int, int]] = []
        self._unread = 0
        self._up: set[int] = set()
        # Whether two connections bring the stream, or the later one has not caught up with the former yet.
        self._is_doubled = False
        self._last_id = self._old_in_a_row = 0
        self._is_over = False

    # Frames, the hot path.

    def diff(self, frame: bytes, diff: Diff) -> None:
        """Note a depth event, unless another connection has brought it already; `flush` follows."""
        last_id = diff.last_id
        if self._is_doubled and self._is_old(last_id):
            return
        self._last_id = last_id
        self._diffs.append((frame, diff.first_id, last_id, diff.previous_id))

    def unread(self) -> None:
        """Note a frame that is no depth event of this book; `flush` follows."""
        self._unread += 1

    def flush(self, recv_time: float) -> None:
        """Queue the noted frames, which all arrived at `recv_time`."""
        recv_ns = _nanoseconds(recv_time)
        if self._diffs:
            diffs, self._diffs = self._diffs, []
            size = sum([len(frame) for frame, *_ in diffs])
            self._put(self, Entry(partial(_write_diffs, recv_ns, diffs), events=len(diffs), size=size))
        if self._unread:
            count, self._unread = self._unread, 0
            self._lose(recv_ns, count, "a frame that cannot be read")

    # The rest.

    def other(self, frames: list[bytes], recv_time: float) -> None:
        """Queue frames of another stream of the symbol."""
        recv_ns = _nanoseconds(recv_time)
        size = sum(map(len, frames))
        self._put(self, Entry(partial(_write_others, recv_ns, frames), events=len(frames), size=size))

    def snapshot(self, body: bytes, last_update_id: int, recv_time: float) -> None:
        """Queue a snapshot, as it arrived."""
        recv_ns = _nanoseconds(recv_time)
        self._put(self, Entry(lambda files: files.snapshot(recv_ns, body, last_update_id), size=len(body)))

    def stream_up(self, epoch: int, predecessor: int | None) -> None:
        """Note that a connection brings the stream from now on, beside its predecessor or alone."""
        newest = max(self._up, default=epoch)
        if epoch > newest and predecessor not in self._up:
            # Its predecessor ended without notice.
            self._up.clear()
            self._disconnected(f"connection {newest} ended without notice")
        if not self._up:
            recv_ns = self._now()
            self._tell(lambda files: files.connected(recv_ns))
        self._up.add(epoch)
        self._is_doubled = self._is_doubled or len(self._up) > 1

    def stream_down(self, epoch: int, reason: str) -> None:
        """Note that a connection brings the stream no more; that is a gap if no other one does."""
        if epoch in self._up:
            self._up.discard(epoch)
            if not self._up:
                self._disconnected(reason)

    def lost(self, count: int, reason: str) -> None:
        """Note that frames of the stream were lost before they were recorded."""
        self._lose(self._now(), count, reason)

    def interrupted(self, reason: str) -> None:
        """Note that another stream of the symbol comes no more."""
        self._disconnected(reason)

    def end(self, reason: str) -> None:
        """Close the book's file, behind what is queued. May be called twice."""
        if not self._is_over:
            self._is_over = True
            self._put(self, Entry(None, reason))

    def _is_old(self, last_id: int) -> bool:
        """Return whether an event is one of those that two connections bring."""
        if last_id <= self._last_id and self._old_in_a_row < _MOST_OLD:
            self._old_in_a_row += 1
            return True
        self._old_in_a_row = 0
        self._is_doubled = len(self._up) > 1
        return False

    def _disconnected(self, reason: str) -> None:
        recv_ns = self._now()
        self._tell(lambda files: files.disconnected(recv_ns, reason))

    def _lose(self, recv_ns: int, count: int, reason: str) -> None:
        # They are lost, too, if the queue has no room for their note.
        self._put(self, Entry(lambda files: files.lost(recv_ns, count, reason), events=count))

    def _tell(self, write: Callable[[Files], object]) -> None:
        self._put(self, Entry(write))

    def _now(self) -> int:
        return _nanoseconds(self._clock.time())


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NS)


def _write_diffs(recv_ns: int, diffs: list[tuple[bytes, int, int, int]], files: Files) -> None:
    write, failure = files.diff, None
    for frame, first_id, last_id, previous_id in diffs:
        try:
            write(recv_ns, frame, first_id, last_id, previous_id)
        except (OSError, RecordingError) as error:
            # The files go on; the others of this read may be the first of the next file.
            failure = error
    if failure is not None:
        raise failure


def _write_others(recv_ns: int, frames: list[bytes], files: Files) -> None:
    for frame in frames:
        files.other(recv_ns, frame)
