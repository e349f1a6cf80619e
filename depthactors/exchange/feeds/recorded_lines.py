"""The lines of one symbol's recording, read one after the other, with a look ahead; again and again in a loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from depthactors import reporting
from depthactors.errors import RecordingCutError, RecordingError
from depthactors.recording.lines import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.recording.lines import Line

logger = reporting.logger(__name__)


@dataclass(frozen=True, slots=True)
class Shift:
    """What to add in a further round of a loop: to update ids, to the exchange's times, and to the times of receipt."""

    ids: int = 0
    milliseconds: int = 0
    nanoseconds: int = 0

    def apply(self, event: dict[str, Any]) -> None:
        """Add it to an event or a snapshot, in place."""
        for name in ("U", "u", "pu", "lastUpdateId"):
            if name in event:
                event[name] += self.ids
        for name in ("E", "T"):
            if name in event:
                event[name] += self.milliseconds


class RecordedLines:
    """Reads a recording: snapshots, tickers, and the events of one diff stream. Not thread-safe."""

    def __init__(self, path: str) -> None:
        """Read to the first depth event, whose symbol and stream are those of the whole recording.

        Args:
            path: a recording of one symbol.

        Raises:
            RecordingError: unreadable, or without a depth event.
        """
        self._path = path
        self._shift = Shift()
        self._ahead: deque[Line] = deque()
        self._file = self._lines()
        self.first_event = self._first_event()
        self.symbol = str(self.first_event.event.get("s"))
        self._stream = self.first_event.message.get("stream")

    def read(self) -> Line | None:
        """Return the next line; `None` at the end.

        Raises:
            RecordingError: an event of another symbol in the same stream.
        """
        if self._ahead:
            return self._ahead.popleft()
        return next((line for line in self._file if self._belongs(line)), None)

    def bridging_snapshot(self, previous_id: int, passed: Line | None) -> Line:
        """Return the first snapshot that is no older than `previous_id`, and read ahead as far as needed.

        Args:
            previous_id: the update id before the event that is to follow the snapshot.
            passed: the last snapshot that `read` returned; it is tried first.

        Raises:
            RecordingError: there is none up to the end of the recording.
        """
        for line in self._snapshots(passed):
            if line.message["lastUpdateId"] >= previous_id:
                return line
        cause = f"expected a REST depth reply with lastUpdateId >= {previous_id}, was none from there to the end"
        raise RecordingError(self._path, 0, cause)

    def rewind(self, shift: Shift) -> None:
        """Begin again at the first line, with ids and times shifted."""
        self._shift = shift
        self._file = self._lines()

    def close(self) -> None:
        """Close the file; idempotent."""
        self._ahead.clear()
        if isinstance(self._file, Generator):
            self._file.close()

    def _lines(self) -> Iterator[Line]:
        """Read the file from its beginning, to its end or to where it is cut off."""
        try:
            for line in read_file(self._path):
                if self._shift.ids:
                    self._shift.apply(line.event)
                yield line._replace(recv_ns=line.recv_ns + self._shift.nanoseconds)
        except RecordingCutError as error:
            if not self._shift.ids:
                logger.warning("%s", error)

    def _first_event(self) -> Line:
        for line in self._file:
            if line.is_snapshot:
                self._ahead.append(line)
            elif line.is_diff:
                self._ahead.append(line)
                return line
        cause = "expected a depth event, was none in the file"
        raise RecordingError(self._path, 0, cause)

    def _snapshots(self, passed: Line | None) -> Iterator[Line]:
        if passed is not None:
            yield passed
        yield from [line for line in self._ahead if line.is_snapshot]
        for line in self._file:
            if self._belongs(line):
                self._ahead.append(line)
                if line.is_snapshot:
                    yield line

    def _belongs(self, line: Line) -> bool:
        """Return whether a line is a snapshot, a ticker, or an event of the stream."""
        if line.is_snapshot or line.is_ticker:
            return True
        if not line.is_diff or line.message.get("stream") != self._stream:
            return False
        if line.event.get("s") != self.symbol:
            cause = f"expected events of {self.symbol} only, was one of {line.event.get('s')!r}"
            raise RecordingError(self._path, line.number, cause)
        return True
