"""The gzip members of which a recording file is made: each has whole lines, and is read without the others.

The file name in a member's header is the name and version of the format. Tools that read gzip pay no attention to it.
"""

from __future__ import annotations

import re
import zlib
from struct import Struct
from typing import BinaryIO, Final

from depthactors.errors import RecordingError

FORMAT_VERSION: Final = 1
_NAME: Final = b"depthactors-recording-%d.txt"
_NAMES: Final = re.compile(rb"depthactors-recording-(.{1,20})\.txt", re.DOTALL)
_HAS_NAME: Final = 8
_FIXED: Final = b"\x1f\x8b\x08%c\x00\x00\x00\x00\x04\xff"
"""Deflate, flags, no time, fastest, unknown system (RFC 1952)."""
_HEADER: Final = _FIXED % _HAS_NAME + _NAME % FORMAT_VERSION + b"\x00"
HEAD_BYTES: Final = 64
"""Bytes at the beginning of a file that are enough for `check_format`."""
_TRAILER: Final = Struct("<II")
_LEVEL: Final = 1
"""Compression level: level 6 takes three times the time for files that are a fifth smaller."""
_RAW: Final = -zlib.MAX_WBITS
_GZIP: Final = 16 + zlib.MAX_WBITS
_CHUNK: Final = 1 << 16


def member(lines: bytes) -> bytes:
    """Compress lines to a gzip member of their own; the interpreter is free for other threads meanwhile."""
    return b"".join(
        (_HEADER, zlib.compress(lines, _LEVEL, _RAW), _TRAILER.pack(zlib.crc32(lines), len(lines) & 0xFFFF_FFFF))
    )


def check_format(head: bytes, path: str) -> None:
    """Check the first bytes of a file; another format than ours, or no gzip at all, is not refused here.

    Raises:
        RecordingError: a version of the format that this package does not know.
    """
    if len(head) < len(_HEADER) or head[:3] != _HEADER[:3] or not head[3] & _HAS_NAME:
        return
    found = _NAMES.match(head, len(_FIXED % 0))
    if found is not None and found[1] != b"%d" % FORMAT_VERSION:
        version = found[1].decode("ascii", "replace")
        cause = f"expected version {FORMAT_VERSION} of the format of recordings, was {version!r}; a newer depthactors"
        raise RecordingError(path, 0, f"{cause} may read it")


def torn_member(file: BinaryIO, path: str) -> tuple[int, bytes] | None:
    """Return the offset of the last member and its whole lines if the file ends within it, else `None`; O(file).

    A last member whose rest is not gzip, as after a loss of power, counts as torn.

    Raises:
        RecordingError: another member than the last one is damaged.
    """
    file.seek(0)
    begin = end = 0
    reader, lines = None, b""
    while chunk := file.read(_CHUNK):
        end += len(chunk)
        while chunk:
            if reader is None:
                reader, begin, lines = zlib.decompressobj(_GZIP), end - len(chunk), b""
            try:
                lines += reader.decompress(chunk)
            except zlib.error as error:
                if _is_followed(file, begin):
                    raise RecordingError(path, 0, f"damaged at byte {begin} ({error}), with more behind") from None
                return begin, _whole(lines)
            chunk = reader.unused_data
            if reader.eof:
                reader = None
    return None if reader is None else (begin, _whole(lines))


def _is_followed(file: BinaryIO, begin: int) -> bool:
    """Return whether another member begins behind `begin`."""
    file.seek(begin + 1)
    before = b""
    while chunk := file.read(_CHUNK):
        if _HEADER in before + chunk:
            return True
        before = chunk[-len(_HEADER) :]
    return False


def _whole(lines: bytes) -> bytes:
    return lines[: lines.rfind(b"\n") + 1]
