"""Reading the lines of one recording file."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthactors import binance
from depthactors.errors import MalformedFrameError, RecordingCutError, RecordingError
from depthactors.recording.member import HEAD_BYTES, check_format
from depthactors.recording.opened import open_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.markets import Sequencing

_STAMP_DIGITS: Final = 19
"""Digits of the nanoseconds since the epoch, until the year 2286."""
_LONGEST: Final = 64 * 1024 * 1024
"""Bytes of a line; of what an exchange sends, nothing has a tenth of that, and a file of a few kilobytes can unpack to
any size."""
_CUT: Final = "cut short, as by a recorder that was killed; the lines before are whole"
_BEGUN: Final = repr(b"\x1f")
"""Words of `gzip` for a member of which the file has only the first byte."""
_NOT_GZIP: Final = "Not a gzipped file"
"""First words of `gzip` for something else than a member."""


class Ids(NamedTuple):
    """The ids of a depth event.

    Attributes:
        first_id: `U`.
        last_id: `u`.
        previous_id: the id that it follows: `pu`, or `U - 1` where ids have no holes.
    """

    first_id: int
    last_id: int
    previous_id: int


class Line(NamedTuple):
    """One message of a recording.

    Attributes:
        number: 1-based line number in the file.
        recv_ns: time of its receipt, in nanoseconds since the epoch.
        text: JSON as it arrived.
        message: decoded JSON.
        path: the file.
    """

    number: int
    recv_ns: int
    text: bytes
    message: dict[str, Any]
    path: str

    @property
    def is_snapshot(self) -> bool:
        """Whether the line is a REST depth reply."""
        return "lastUpdateId" in self.message and "stream" not in self.message

    @property
    def event(self) -> dict[str, Any]:
        """The event without its combined-stream envelope."""
        return binance.payload_of(self.message)

    @property
    def is_diff(self) -> bool:
        """Whether the line is a depth event of a diff stream.

        Futures send partial-depth streams (`@depth10`) as `depthUpdate`, too; the stream's name differs.
        """
        if self.event.get("e") != "depthUpdate":
            return False
        kind = str(self.message.get("stream", "@depth")).partition("@")[2]
        return kind == "depth" or kind.startswith("depth@")

    @property
    def is_ticker(self) -> bool:
        """Whether the line is a bookTicker event."""
        return str(self.message.get("stream", "")).endswith("@bookTicker")


def ids_of(line: Line, sequencing: Sequencing) -> Ids:
    """Return the ids of a line that is a depth event.

    Raises:
        RecordingError: it has none.
    """
    try:
        diff = binance.parse_diff(line.event | {"b": [], "a": []}, sequencing, str(line.event.get("s")))
    except MalformedFrameError as error:
        raise RecordingError(line.path, line.number, str(error)) from None
    return Ids(diff.first_id, diff.last_id, diff.previous_id)


def parse_line(raw: bytes, number: int, path: str) -> Line:
    """Decode a line.

    Raises:
        RecordingError: it is not `<ns> <json>`.
    """
    stamp, _, text = raw.rstrip(b"\r\n").partition(b" ")
    if not stamp.isdigit() or len(stamp) > _STAMP_DIGITS:
        raise RecordingError(path, number, f"expected '<receive time, ns> <json>', was {raw[:60]!r}")
    try:
        message = binance.decode(text)
        binance.payload_of(message)
    except MalformedFrameError as error:
        raise RecordingError(path, number, str(error)) from None
    return Line(number, int(stamp), text, message, path)


def read_file(path: str | Path) -> Iterator[Line]:
    """Yield the lines of a file, in their order, one at a time.

    Raises:
        RecordingError: no such file, a pipe or a device, not gzip, a line that is not `<ns> <json>` or has no end, or a
            version of the format that this package does not know.
        RecordingCutError: it ends within a line; raised after the last whole line.
    """
    name, number = str(path), 0
    try:
        with open_file(Path(path)) as packed, gzip.open(packed, "rb") as file:
            check_format(packed.read(HEAD_BYTES), name)
            packed.seek(0)
            while raw := file.readline(_LONGEST):
                if len(raw) == _LONGEST:
                    raise RecordingError(name, number + 1, f"expected a line of less than {_LONGEST:,} bytes, was more")
                number += 1
                yield parse_line(raw, number, name)
    except EOFError:
        raise RecordingCutError(name, number + 1, _CUT) from None
    except (OSError, zlib.error) as error:
        if isinstance(error, gzip.BadGzipFile) and _BEGUN in str(error):
            raise RecordingCutError(name, number + 1, _CUT) from None
        if number == 0 and str(error).startswith(_NOT_GZIP):
            raise RecordingError(name, 0, "not a gzip file") from None
        if error.args[1:]:
            # The system's message without the file's name; it concerns no line.
            raise RecordingError(name, 0, str(error.args[1])) from None
        # Reading ended in the line after the last good one.
        raise RecordingError(name, number + 1, str(error)) from None
