"""The gzip members of which a recording file is made: each has whole lines, and is read without the others.

The file name in a member's header is the name and version of the format. The comment is what the file had before it,
so that the last member alone tells what the file of a killed recorder has. Tools that read gzip skip both.
"""

from __future__ import annotations

import re
import zlib
from os import SEEK_END
from struct import Struct
from typing import BinaryIO, Final, NamedTuple

from depthactors.errors import RecordingError

FORMAT_VERSION: Final = 1
_NAME: Final = b"depthactors-recording-%d.txt"
_NAMES: Final = re.compile(rb"depthactors-recording-(.{1,20})\.txt", re.DOTALL)
_HAS_NAME, _HAS_COMMENT = 8, 16
_FIXED: Final = b"\x1f\x8b\x08%c\x00\x00\x00\x00\x04\xff"
"""Deflate, flags, no time, fastest, unknown system (RFC 1952)."""
_HEADER: Final = _FIXED % (_HAS_NAME | _HAS_COMMENT) + _NAME % FORMAT_VERSION + b"\x00"
HEAD_BYTES: Final = 64
"""Bytes at the beginning of a file that are enough for `check_format`."""
_TRAILER: Final = Struct("<II")
_LEVEL: Final = 1
"""Compression level: level 6 takes three times the time for files that are a fifth smaller."""
_RAW: Final = -zlib.MAX_WBITS
_GZIP: Final = 16 + zlib.MAX_WBITS
_CHUNK: Final = 1 << 16
_LONGEST_COMMENT: Final = 400


class LastMember(NamedTuple):
    """The last member of a file, of which the end may be missing.

    Attributes:
        begin: its offset in the file.
        end: the offset behind it, `None` if it is torn: cut, or followed by what is no gzip.
        comment: what its header says that the file had before.
        lines: its whole lines.
    """

    begin: int
    end: int | None
    comment: bytes
    lines: bytes


def member(lines: bytes, comment: bytes) -> bytes:
    """Compress lines to a gzip member of their own; the interpreter is free for other threads meanwhile."""
    trailer = _TRAILER.pack(zlib.crc32(lines), len(lines) & 0xFFFF_FFFF)
    return b"".join((_HEADER, comment, b"\x00", zlib.compress(lines, _LEVEL, _RAW), trailer))


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


def last_member(file: BinaryIO) -> LastMember | None:
    """Return the last member of a file whose header is complete, `None` if it has none; O(its last member)."""
    begin = file.seek(0, SEEK_END)
    while (begin := _last_header(file, begin)) >= 0:
        file.seek(begin + len(_HEADER))
        head = file.read(_LONGEST_COMMENT)
        if b"\x00" in head:
            return _read_member(file, begin, head[: head.index(b"\x00")])
    return None


def _last_header(file: BinaryIO, limit: int) -> int:
    """Return the offset of the last header that begins before `limit`, -1 if there is none."""
    while limit > 0:
        begin = max(0, limit - _CHUNK)
        file.seek(begin)
        # A header may go on beyond the limit.
        found = file.read(limit - begin + len(_HEADER) - 1).rfind(_HEADER)
        if found >= 0:
            return begin + found
        limit = begin
    return -1


def _read_member(file: BinaryIO, begin: int, comment: bytes) -> LastMember:
    file.seek(begin)
    reader, lines, end = zlib.decompressobj(_GZIP), b"", begin
    while not reader.eof and (chunk := file.read(_CHUNK)):
        end += len(chunk)
        try:
            lines += reader.decompress(chunk)
        except zlib.error:
            break
    return LastMember(begin, end - len(reader.unused_data) if reader.eof else None, comment, _whole(lines))


def _whole(lines: bytes) -> bytes:
    return lines[: lines.rfind(b"\n") + 1]
