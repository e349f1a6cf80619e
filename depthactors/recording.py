"""Recordings of depth traffic: gzip text, a message a line, `<receive time, ns> <json>`.

A line's JSON is a websocket frame as it arrived, or a REST depth reply (a bare object with
`lastUpdateId`). It is the format of hftbacktest's collector, so its tools read ours and we read its.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthactors import wire
from depthactors.errors import MalformedFrameError, RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self


_STAMP_DIGITS: Final = 19
"""Nanoseconds since the epoch have so many digits until the year 2286."""


class Line(NamedTuple):
    """One message of a recording.

    Attributes:
        number: 1-based line number in the file.
        recv_ns: when it was received, nanoseconds since the epoch.
        text: the JSON as it arrived.
        message: the same, decoded.
    """

    number: int
    recv_ns: int
    text: bytes
    message: dict[str, Any]

    @property
    def is_snapshot(self) -> bool:
        """Whether the line is a REST depth reply."""
        return "lastUpdateId" in self.message and "stream" not in self.message

    @property
    def event(self) -> dict[str, Any]:
        """The event without its combined-stream envelope."""
        return wire.payload_of(self.message)

    @property
    def is_diff(self) -> bool:
        """Whether the line is a depth event of a diff stream.

        Futures send partial-depth streams (`@depth10`) as `depthUpdate` too; the stream's name tells.
        """
        if self.event.get("e") != "depthUpdate":
            return False
        kind = str(self.message.get("stream", "@depth")).partition("@")[2]
        return kind == "depth" or kind.startswith("depth@")

    @property
    def is_ticker(self) -> bool:
        """Whether the line is a bookTicker event."""
        return str(self.message.get("stream", "")).endswith("@bookTicker")


def read(path: str | Path) -> Iterator[Line]:
    """Yield the lines of a recording, in the file's order, one at a time.

    Raises:
        RecordingError: no such file, not gzip, cut short, or a line that is not `<ns> <json>`.
    """
    name, number = str(path), 0
    try:
        with gzip.open(path, "rb") as file:
            for number, raw in enumerate(file, start=1):
                stamp, _, text = raw.rstrip(b"\r\n").partition(b" ")
                if not stamp.isdigit() or len(stamp) > _STAMP_DIGITS:
                    cause = f"expected '<receive time, ns> <json>', was {raw[:60]!r}"
                    raise RecordingError(name, number, cause)
                message = wire.decode(text)
                wire.payload_of(message)
                yield Line(number, int(stamp), text, message)
    except MalformedFrameError as error:
        raise RecordingError(name, number, str(error)) from None
    except (OSError, EOFError, zlib.error) as error:
        # The line after the last good one is where reading ended.
        raise RecordingError(name, number + 1, str(error)) from None


class Writer:
    """Write a recording; one thread at a time.

    An existing file is appended to, as a further gzip member: a restart loses nothing.
    """

    def __init__(self, path: str | Path) -> None:
        """Open the file; `close` (or the `with` statement) ends it."""
        self._file = gzip.open(Path(path), "ab")  # noqa: SIM115 - closed by `close`

    def write(self, recv_ns: int, text: bytes) -> None:
        """Add one message, as it arrived, with the time of its receipt."""
        # Within JSON a line break is white space, so a blank says the same.
        line = text.strip().replace(b"\r", b" ").replace(b"\n", b" ")
        self._file.write(b"%d %s\n" % (recv_ns, line))

    def close(self) -> None:
        """Write what is buffered and close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()
