"""The recording of one book: raw frames and snapshots in files that follow each other without loss.

A file begins with a snapshot which its own depth events continue, so it can be read alone. When a file is to be
followed by another one, frames are also kept for the next file, until a snapshot arrives that they continue: the file
goes on until then. Both have the events in between, which is written in the notes as the overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from depthactors.errors import LifecycleError, RecordingError
from depthactors.markets import Sequencing
from depthactors.recording import notes
from depthactors.recording.book_file import BookFile
from depthactors.recording.bridge import Bridge
from depthactors.recording.continuity import NEXT_FILE, NOT_REPAIRED
from depthactors.recording.folder import prepare
from depthactors.recording.left_files import LeftFiles
from depthactors.recording.lines import Ids
from depthactors.recording.names import name_of
from depthactors.recording.notes_end import failed

if TYPE_CHECKING:
    from depthactors.markets import Market
    from depthactors.recording.rotation import Rotation

_BLOCK_BYTES: Final = 256_000
"""Bytes of lines in a block: in ten times as many zlib finds hardly more to save."""
_BLOCK_SECONDS: Final = 3.0
"""The oldest line that a kill may take: blocks of a second are a tenth larger on disk."""
_WAITING_BYTES: Final = 2_000_000
"""Bytes of frames that are kept for the next file: half a minute of a busy book, and no snapshot is that old."""
_CLOCK_STEP: Final = 10.0
"""Seconds by which frames may be older than others before: more is a clock that was set back."""
_REASON_BYTES: Final = 400
"""Bytes of a reason in the notes."""
_MS: Final = 1_000_000
_NS: Final = 1e-9


@dataclass(frozen=True, slots=True)
class FileCounters:
    """What was recorded of one book.

    Attributes:
        frames: the number of websocket frames that were recorded.
        lost: the number of frames that were reported as lost.
        bytes_written: the bytes of all files so far, compressed.
        files: the number of files that were begun.
        gaps: the number of times that depth events were missing.
        waiting_bytes: the bytes of lines that wait: for the next block, or for the next file's snapshot.
    """

    frames: int = 0
    lost: int = 0
    bytes_written: int = 0
    files: int = 0
    gaps: int = 0
    waiting_bytes: int = 0


class BookFiles:
    """Records one book into the files of a folder.

    Every call may write to the disk. After a call that raised the recording goes on: with a new file, once a snapshot
    arrives and the disk takes it, and a gap in the notes of the file before. Thread: one at a time.
    """

    def __init__(
        self, folder: str | Path, market: Market, symbol: str, rotation: Rotation, *, streams: tuple[str, ...]
    ) -> None:
        """Check the folder, make it if it is missing, and repair what a killed recorder of this symbol left in it.

        Args:
            folder: the folder of the files, of one market.
            market: the market of the book.
            symbol: the symbol of the book, as the exchange spells it in events.
            rotation: when a file is followed by another one.
            streams: the names of the streams whose frames are recorded, for the notes.

        Raises:
            UsageError: a symbol that no file can be named after.
            RecordingError: the folder cannot be used, or a file in it is not what its name says; see `folder.prepare`.
        """
        self._folder = Path(folder)
        self._market, self._symbol, self._rotation, self._streams = market, symbol, rotation, streams
        self._is_contiguous = market.sequencing is Sequencing.CONTIGUOUS
        self._left = LeftFiles(prepare(self._folder, market, symbol))
        self._file: BookFile | None = None
        self._next: Bridge[bytes] | None = self._new_bridge()
        self._next_snapshot = (0, b"")
        self._why_next = "the recording began"
        self._now_ns = 0
        self._file_seconds = self._block_seconds = 0.0
        self._frames = self._lost = self._bytes = self._files = self._gaps = 0

    @property
    def wants_snapshot(self) -> bool:
        """Whether a snapshot is to be fetched: for a new file, or to repair a gap."""
        if self._next is not None:
            return self._next.wants_snapshot
        return self._file is not None and self._file.continuity.wants_snapshot

    @property
    def counters(self) -> FileCounters:
        """What was recorded so far; O(1)."""
        waiting = (self._next.size if self._next else 0) + (self._file.waiting if self._file else 0)
        gaps = self._gaps + (self._file.continuity.gaps if self._file else 0)
        return FileCounters(self._frames, self._lost, self._bytes, self._files, gaps, waiting)

    def diff(self, recv_ns: int, text: bytes, first_id: int, last_id: int, previous_id: int | None) -> None:
        """Record a depth event.

        Args:
            recv_ns: time of its receipt, nanoseconds since the epoch.
            text: the frame as it arrived.
            first_id: `U`.
            last_id: `u`.
            previous_id: `pu`; not used where ids have no holes.

        Raises:
            RecordingError: a file cannot be written; names the file.
            LifecycleError: after `close`.
        """
        previous = first_id - 1 if self._is_contiguous or previous_id is None else previous_id
        ids, line = Ids(first_id, last_id, previous), _line(recv_ns, text)
        if self._file is not None:
            self._file.diff(recv_ns, ids, line)
            self._frames += 1
        if self._next is not None and self._next.diff(ids, line, len(line)):
            self._begin_file(recv_ns)
        self._go_on(recv_ns)

    def other(self, recv_ns: int, text: bytes) -> None:
        """Record a frame that is no depth event, as one of `bookTicker`; raises as `diff`."""
        line = _line(recv_ns, text)
        if self._file is not None:
            self._file.other(line)
            self._frames += 1
        elif self._next is not None:
            self._next.other(line, len(line))
        self._go_on(recv_ns)

    def snapshot(self, recv_ns: int, text: bytes, last_update_id: int) -> None:
        """Record a REST depth reply, whether it was wanted or not; raises as `diff`."""
        line = _line(recv_ns, text)
        if self._next is not None and self._next.wants_snapshot:
            self._next_snapshot = (recv_ns, line)
            if self._next.snapshot(last_update_id):
                self._begin_file(recv_ns)
        elif self._file is not None:
            self._file.snapshot(recv_ns, last_update_id, line)
        self._go_on(recv_ns)

    def disconnected(self, recv_ns: int, reason: str) -> None:
        """Note that the connection ended; the next depth event shows whether one is missing. Raises as `diff`."""
        self._interrupt(recv_ns, f"disconnected: {_words(reason)}", 0)

    def connected(self, recv_ns: int) -> None:
        """Note that there is a connection again; raises as `diff`."""
        self._go_on(recv_ns)

    def lost(self, recv_ns: int, count: int, reason: str) -> None:
        """Note that frames were lost before they came here; raises as `diff`."""
        self._lost += count
        self._interrupt(recv_ns, f"{count} frames lost: {_words(reason)}", count)

    def tick(self, recv_ns: int) -> None:
        """Write what waits, and begin a rotation, if they are due; to be called each second. Raises as `diff`."""
        self._go_on(recv_ns)
        self._left.step()

    def close(self, recv_ns: int, reason: str) -> None:
        """End the file, with its proof; idempotent.

        Raises:
            RecordingError: it cannot be written; it is closed. A further call writes the proof, or else the next
                recorder of the symbol does.
        """
        self._next = None
        file, self._file = self._file, None
        try:
            if file is not None:
                self._end_file(file, _words(reason), None, recv_ns, NOT_REPAIRED)
        finally:
            self._left.end(None, None)
            while self._left.step():
                pass

    def _interrupt(self, recv_ns: int, why: str, lost: int) -> None:
        if self._file is not None:
            self._file.continuity.interrupt(why, lost)
        self._go_on(recv_ns)

    def _go_on(self, recv_ns: int) -> None:
        """Count the time, write a block that is due, and begin a rotation that is due."""
        step = (recv_ns - self._now_ns) * _NS
        if step > 0 or step < -_CLOCK_STEP:
            self._now_ns = recv_ns
        file = self._file
        if file is None:
            if self._next is None:
                msg = f"the recording of {self._symbol} is closed"
                raise LifecycleError(msg)
            return
        if step > 0:
            self._file_seconds += step
            self._block_seconds += step
        if file.waiting >= _BLOCK_BYTES or self._block_seconds >= _BLOCK_SECONDS:
            self._write_block(file)
            if self._next is None and self._rotation.is_due(self._file_seconds, file.size):
                self._next, self._why_next = self._new_bridge(), f"rotation after {self._rotation}"

    def _write_block(self, file: BookFile) -> None:
        self._block_seconds = 0.0
        try:
            self._bytes += file.write_block()
        except OSError as error:
            self._file = None
            if self._next is None:
                self._next = self._new_bridge()
            raise self._leave(file, error) from error

    def _leave(self, file: BookFile, error: OSError) -> RecordingError:
        """Leave a file as far as it was written; its end is written with the beginning of the next one."""
        self._gaps += file.continuity.gaps + 1
        failure = failed(file.path, error)
        self._left.add(file.unended(failure.cause))
        return failure

    def _begin_file(self, recv_ns: int) -> None:
        """Begin the next file, end the present one, and write the end of those that were left."""
        bridge = self._next
        assert bridge is not None
        assert bridge.snapshot_id is not None
        file = self._new_file(bridge, recv_ns)
        former, self._file, self._next = self._file, file, None
        self._files += 1
        self._file_seconds = self._block_seconds = 0.0
        self._now_ns = recv_ns
        snapshot_ns = self._next_snapshot[0]
        try:
            if former is None:
                self._frames += file.continuity.frames
            else:
                if former.continuity.last_id > bridge.last_id:
                    former.continuity.interrupt("the update ids began anew")
                overlap = {"first_id": bridge.first_id, "last_id": bridge.last_id}
                former.note({"row": "overlap", "next_file": file.path.name} | overlap)
                self._end_file(former, self._why_next, bridge.snapshot_id, snapshot_ns, NEXT_FILE)
        finally:
            self._left.end(bridge.snapshot_id, snapshot_ns)

    def _new_file(self, bridge: Bridge[bytes], recv_ns: int) -> BookFile:
        """Create a file, and write its beginning."""
        snapshot_ns, line = self._next_snapshot
        assert bridge.snapshot_id is not None
        file = None
        try:
            file = self._create(recv_ns)
            file.snapshot(snapshot_ns, bridge.snapshot_id, line)
            for ids, item in bridge:
                if ids is None:
                    file.other(item)
                else:
                    file.diff(int(item.partition(b" ")[0]), ids, item)
            self._bytes += file.write_block()
        except OSError as error:
            bridge.reopen()
            if file is not None:
                file.discard()
            raise failed(self._folder if file is None else file.path, error) from error
        return file

    def _create(self, recv_ns: int) -> BookFile:
        while True:
            path = self._folder / name_of(self._symbol, recv_ns)
            header: dict[str, Any] = {"row": "file", "format": notes.FORMAT, "version": notes.VERSION}
            header |= {"market": self._market.name, "symbol": self._symbol, "streams": list(self._streams)}
            header |= {"file": path.name, "begins_ns": recv_ns}
            try:
                return BookFile(path, header, self._market.sequencing)
            except FileExistsError:
                # The clock was set back, or two files began within a millisecond.
                recv_ns += _MS

    def _end_file(self, file: BookFile, why: str, to_id: int | None, to_ns: int | None, repaired: str) -> None:
        size = file.size
        try:
            file.end(why, to_id, to_ns, repaired)
        except OSError as error:
            raise self._leave(file, error) from error
        finally:
            self._bytes += file.size - size
        self._gaps += file.continuity.gaps

    def _new_bridge(self) -> Bridge[bytes]:
        return Bridge(self._market.sequencing, _WAITING_BYTES)


def _words(reason: str) -> str:
    """Return a reason as it can be in the notes: of bounded length, whatever a foreign exception says."""
    return reason.encode("utf-8", "backslashreplace")[:_REASON_BYTES].decode("utf-8", "ignore")


def _line(recv_ns: int, text: bytes) -> bytes:
    if b"\n" in text or b"\r" in text:
        # A line break in JSON is white space, as a blank is.
        text = text.strip().replace(b"\r", b" ").replace(b"\n", b" ")
    return b"%d %b\n" % (recv_ns, text)
