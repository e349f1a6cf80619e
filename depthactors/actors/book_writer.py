"""The files of one recorded book, in the recorder's lane: opened, written, and tried again after a failure."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from depthactors.pacing import Backoff
from depthactors.recording import BookFiles, FileCounters
from depthactors.status import RecordingStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_spec import BookSpec
    from depthactors.actors.recording_entry import Entry, Files
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.recording import RecordTo

_LONGEST_RETRY: Final = 60.0
"""Seconds between two tries while the disk refuses."""
_WHY_MISSING: Final = "the disk refused them, or was too slow"


class BookWriter:
    """Writes one book. An exception of the files becomes `error`, until frames are written again.

    Thread: the recorder's lane; `status`: any.

    Attributes:
        error: why the book is not recorded now, `None` if it is.
        is_over: whether the files are closed for good.
    """

    def __init__(self, open_files: Callable[[], Files], dispatcher: Dispatcher, retry: float) -> None:
        """Open nothing yet.

        Args:
            open_files: opens the files of the book; it may wait for the disk, and raises what is wrong there.
            dispatcher: the engine's time, and random numbers.
            retry: seconds after a failure until the files are opened anew, and between two requests for a snapshot.
        """
        self.error: Exception | None = None
        self.is_over = False
        self._open_files = open_files
        self._dispatcher = dispatcher
        self._waits = Backoff(first=retry, factor=2.0, cap=max(retry, _LONGEST_RETRY))
        self._failures = self._failures_in_a_row = 0
        self._files: Files | None = None
        self._retry_at = -inf
        self._ask_at: float | None = None
        self._frames_before = 0
        # Events that found no way to the files: all of them, and those of which the files do not know yet.
        self._missing = self._untold = 0

    def write(self, entry: Entry) -> None:
        """Write an entry, or leave its events out and count them."""
        if self.is_over:
            return
        self.leave_out(entry.missing)
        if entry.write is None:
            self._close(entry.reason)
            return
        try:
            files = self._opened(entry)
            if files is None:
                self.leave_out(entry.events)
                return
            self._tell_missing(files)
            entry.write(files)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one book's files, the other books go on
            self._fail(error, entry)
        else:
            self._note_success(files)

    def leave_out(self, events: int) -> None:
        """Count events that the files do not get, and tell the files before what comes next."""
        self._missing += events
        self._untold += events

    def tick(self) -> None:
        """Do what is to be done about once a second, also if nothing comes."""
        if self.is_over or self._files is None:
            return
        try:
            self._tell_missing(self._files)
            self._files.tick(self._now())
        except Exception as error:  # noqa: BLE001 - as in `write`
            self._fail(error)

    def should_ask(self) -> bool:
        """Return whether to request a snapshot now: a file begins with one, and no other request was just before."""
        if self._files is None or not self._files.wants_snapshot:
            self._ask_at = None
            return False
        now = self._dispatcher.monotonic()
        if self._ask_at is None:
            # The files of all books may begin at the same time.
            self._ask_at = now + self._wait() * self._dispatcher.random()
        if now < self._ask_at:
            return False
        self._ask_at = now + self._wait()
        return True

    def status(self) -> RecordingStatus:
        """Return the counters. Thread: any."""
        files, error = self._files, self.error
        counters = FileCounters() if files is None else files.counters
        return RecordingStatus(
            frames=counters.frames,
            bytes=counters.bytes_written,
            gaps=counters.gaps,
            files=counters.files,
            lost=self._missing,
            failures=self._failures,
            error=None if error is None else _words(error),
        )

    def _opened(self, entry: Entry) -> Files | None:
        """Return the files; open them if this entry has data and a failure is long enough ago."""
        if self._files is None and entry.has_data and self._dispatcher.monotonic() >= self._retry_at:
            self._files = self._open_files()
        return self._files

    def _tell_missing(self, files: Files) -> None:
        if self._untold:
            count, self._untold = self._untold, 0
            files.lost(self._now(), count, _WHY_MISSING)

    def _fail(self, error: Exception, entry: Entry | None = None) -> None:
        self.error = error
        self._failures += 1
        self._failures_in_a_row += 1
        if self._files is None:
            self._retry_at = self._dispatcher.monotonic() + self._wait()
            self.leave_out(0 if entry is None else entry.events)
        else:
            # The next file begins with a snapshot; each one costs weight.
            self._frames_before = self._files.counters.frames
            self._ask_at = self._dispatcher.monotonic() + self._wait()

    def _note_success(self, files: Files) -> None:
        if self.error is not None and files.counters.frames > self._frames_before:
            self.error, self._failures_in_a_row = None, 0

    def _close(self, reason: str) -> None:
        self.is_over = True
        if self._files is None:
            return
        try:
            self._tell_missing(self._files)
        except Exception as error:  # noqa: BLE001 - as in `write`
            self.error = error
        try:
            self._files.close(self._now(), reason)
        except Exception as error:  # noqa: BLE001 - as in `write`
            self.error = error

    def _wait(self) -> float:
        return self._waits.wait(0, max(1, self._failures_in_a_row), 1.0) or 0.0

    def _now(self) -> int:
        return round(self._dispatcher.time() * 1e9)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def open_files(target: RecordTo, spec: BookSpec) -> Files:
    """Open the files of a book; errors as for `recording.BookFiles`."""
    streams = [spec.market.diff_stream(spec.symbol, spec.speed_ms)]
    if target.book_ticker:
        streams.append(spec.market.book_ticker_stream(spec.symbol))
    return BookFiles(target.folder, spec.market, spec.symbol, target.rotation, streams=tuple(streams))
