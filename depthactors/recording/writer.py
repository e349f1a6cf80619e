"""Writing a recording, and mending the file of a recorder that was killed."""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from os import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from depthactors.errors import RecordingError

try:
    import fcntl
except ImportError:  # pragma: no cover - not POSIX
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

_FLUSH_NS: Final = 1_000_000_000
"""Time between two messages after which written messages are flushed to the system, in nanoseconds."""
_END: Final = gzip.compress(b"", mtime=0)
"""The last member of a file that was closed; a file without it is searched for a cut member."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_CHUNK: Final = 1 << 16


class Writer:
    """Writes a recording. Thread: one at a time.

    To an existing file it appends a further gzip member. The file of a recorder that was killed is repaired first: its
    whole lines are kept, and an incomplete one is dropped. A recorder that is killed loses the messages of the last
    second at most.
    """

    def __init__(self, path: str | Path) -> None:
        """Open the file; `close` or the `with` statement closes it. O(file) if its last writer was killed.

        Raises:
            RecordingError: another writer has the file open, or it is no recording.
            OSError: it cannot be opened or written.
        """
        self._raw = _open(Path(path).resolve())
        self._file = gzip.GzipFile(fileobj=self._raw, mode="ab")
        self._flushed_ns = 0

    def write(self, recv_ns: int, text: bytes) -> None:
        """Add one message, as it arrived, with the time of its receipt."""
        # A line break in JSON is white space, as a blank is.
        line = text.strip().replace(b"\r", b" ").replace(b"\n", b" ")
        self._file.write(b"%d %s\n" % (recv_ns, line))
        if not 0 <= recv_ns - self._flushed_ns < _FLUSH_NS:
            self._flushed_ns = recv_ns
            self.flush()

    def flush(self) -> None:
        """Flush all messages to the system: they survive the end of this process."""
        self._file.flush()

    def close(self) -> None:
        """Write the buffered messages and close the file."""
        if not self._raw.closed:
            try:
                self._file.close()
                self._raw.write(_END)
            finally:
                self._raw.close()

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


def _open(path: Path) -> BinaryIO:
    """Open a file to append members to; a file that ends within a member is repaired."""
    raw = path.open("a+b")
    try:
        _lock(raw, path)
        begin = _cut_member(raw, path)
        return raw if begin is None else _mended(raw, path, begin)
    except BaseException:
        raw.close()
        raise


def _lock(raw: BinaryIO, path: Path) -> None:
    if fcntl is None:  # pragma: no cover - not POSIX
        return
    try:
        fcntl.flock(raw.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another writer may have just replaced the file by a repaired one.
        is_ours = os.path.samestat(os.fstat(raw.fileno()), path.stat())
    except BlockingIOError:
        is_ours = False
    if not is_ours:
        raise RecordingError(str(path), 0, "expected a file that no other writer has open, was open")


def _cut_member(raw: BinaryIO, path: Path) -> int | None:
    """Return the offset of the last member if the file ends within it, else `None`."""
    size = raw.seek(0, SEEK_END)
    raw.seek(max(0, size - len(_END)))
    if raw.read() == _END:
        return None
    raw.seek(0)
    member, begin, end = None, 0, 0
    try:
        while chunk := raw.read(_CHUNK):
            end += len(chunk)
            while chunk:
                if member is None:
                    member, begin = zlib.decompressobj(_GZIP), end - len(chunk)
                member.decompress(chunk)
                chunk = member.unused_data
                if member.eof:
                    member = None
    except zlib.error as error:
        raise RecordingError(str(path), 0, f"expected a recording to append to: {error}") from None
    return None if member is None else begin


def _mended(cut: BinaryIO, path: Path, begin: int) -> BinaryIO:
    """Replace a file by one whose last member has the whole lines of the cut one; returns the new file, open."""
    beside = path.with_name(f"{path.name}.mended")
    # It replaces the file only when it is complete: this process may be killed, too.
    whole = beside.open("w+b")
    try:
        _lock(whole, beside)
        shutil.copymode(path, beside)
        cut.seek(0)
        for left in range(begin, 0, -_CHUNK):
            whole.write(cut.read(min(left, _CHUNK)))
        with gzip.GzipFile(fileobj=whole, mode="wb") as member:
            member.writelines(_whole_lines(cut))
        whole.write(_END)
        whole.flush()
        os.fsync(whole.fileno())
        beside.replace(path)
    except BaseException:
        whole.close()
        beside.unlink(missing_ok=True)
        raise
    cut.close()
    return whole


def _whole_lines(cut: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a cut member, up to the end of its last whole line."""
    member, rest = zlib.decompressobj(_GZIP), b""
    while chunk := cut.read(_CHUNK):
        lines, end, rest = (rest + member.decompress(chunk)).rpartition(b"\n")
        yield lines + end
