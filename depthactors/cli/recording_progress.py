"""The progress of a recording: one line that changes on a terminal, else a line every few seconds."""

from __future__ import annotations

import select
import shutil
import time
from math import inf
from typing import TYPE_CHECKING, Final

from depthactors.book import BookState
from depthactors.cli.progress import counted, progress, trouble
from depthactors.cli.styled import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

    from depthactors.status import BookStatus, EngineStatus

_EVERY: Final = 1.0
_EVERY_PLAIN: Final = 5.0
"""Seconds between two lines where there is no terminal."""
_CLEAR: Final = "\r\x1b[K"
_UNITS: Final = ("kB", "MB", "GB", "TB")


class Progress:
    """Shows how far a recording is. Thread: one."""

    def __init__(
        self,
        stream: IO[str] | None,
        clock: Callable[[], float] = time.monotonic,
        width: Callable[[], int] = lambda: shutil.get_terminal_size().columns,
    ) -> None:
        """Show nothing yet.

        Args:
            stream: where to, a terminal or not; `None` for nowhere.
            clock: returns monotonic seconds.
            width: returns the number of cells in a line of the terminal.
        """
        self._stream = stream
        self._clock = clock
        self._width = width
        self._is_terminal = stream is not None and stream.isatty()
        self._shown_at = -inf

    def show(self, status: EngineStatus) -> None:
        """Show the recordings of an engine, if the last line is long enough ago."""
        now = self._clock()
        if now - self._shown_at >= (_EVERY if self._is_terminal else _EVERY_PLAIN):
            self._shown_at = now
            if not _takes_more(self._stream):
                return
            if self._is_terminal:
                # The cursor goes back, so that what the log writes does not stand behind the line. A line that wraps
                # would leave its beginning behind; one that fills the last cell wraps on some terminals.
                line = cut(described(status), self._width() - 1)
                print(f"{_CLEAR}{line}", end="\r", flush=True, file=self._stream)
            else:
                print(described(status), flush=True, file=self._stream)

    def end(self, rows: Sequence[BookStatus]) -> None:
        """Show what was recorded, in a line that stays."""
        clear = _CLEAR if self._is_terminal else ""
        print(f"{clear}recorded {_what(rows)}", flush=True, file=self._stream)


def _takes_more(stream: IO[str] | None) -> bool:
    """Return whether a stream can be written to without a wait, in which a signal would not end the command.

    A terminal takes nothing after Ctrl-S, a pipe while nobody reads it.
    """
    try:
        return stream is None or bool(select.select([], [stream], [], 0)[1])
    except (OSError, ValueError):
        # One without a descriptor, which does not wait.
        return True


def described(status: EngineStatus) -> str:
    """Return how many books are live, what is recorded of them, and what is wrong, in one line."""
    rows = status.books
    failed = sum(row.state is BookState.FAILED for row in rows)
    refused = sum(row.recording is not None and row.recording.error is not None for row in rows)
    more = f", {failed} given up" if failed else ""
    more += f", {refused} NOT WRITTEN" if refused else ""
    begun = progress(status) or [f"{status.live} of {len(rows)} books live"]
    return "; ".join([f"{begun[0]}{more}: {_what(rows)}", *trouble(status)])


def _what(rows: Sequence[BookStatus]) -> str:
    recordings = [row.recording for row in rows if row.recording is not None]
    frames, gaps, files = (sum(getattr(each, name) for each in recordings) for name in ("frames", "gaps", "files"))
    lost = sum(each.lost for each in recordings)
    more = f", {lost:,} events lost" if lost else ""
    size = _size(sum(each.bytes for each in recordings))
    return f"{frames:,} frames, {size}, {counted(gaps, 'gap')}, {counted(files, 'file')}{more}"


def _size(size: float) -> str:
    *smaller, largest = _UNITS
    for unit in smaller:
        size /= 1_000
        if size < 1_000:
            return f"{size:.1f} {unit}"
    return f"{size / 1_000:.1f} {largest}"
