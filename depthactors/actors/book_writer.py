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
_AGAIN: Final = 0.2
"""Seconds between two tries to open files that may be just being closed by another process."""
_MOST_HELD: Final = 1_000
"""Entries that wait for that."""
_WHY_MISSING: Final = "the disk refused them, or was too slow"


class BookWriter:
    """Writes one book. An exception of the files becomes `error`, until frames are written again.

    Thread: the recorder's lane; `status`: any.

    Attributes:
        error: why the book is not recorded now, `None` if it is.
        is_over: whether the files are closed for good.
    """

    def __init__(self, open_files: Callable[[], Files], dispatcher: Dispatcher, retry: float, patience: float) -> None:
        """Open nothing yet.

        Args:
            open_files: opens the files of the book; it may wait for the disk, and raises what is wrong there.
            dispatcher: the engine's time, and random numbers.
            retry: seconds after a failure until the files are opened anew, and between two requests for a snapshot.
            patience: seconds for which the files may refuse to be opened before that is an error: another process may
                just be closing them.
        """
        self.error: Exception | None = None
        self.is_over = False
        self._open_files = open_files
        self._dispatcher = dispatcher
        self._waits = Backoff(first=retry, factor=2.0, cap=max(retry, _LONGEST_RETRY))
        self._failures = self._failures_in_a_row = 0
        self._patience = patience
        self._files: Files | None = None
        # What came while the files refused to be opened, and since when they do.
        self._held: list[Entry] = []
        self._refused_at: float | None = None
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
        if self._files is not None:
            self._write_to(self._files, entry)
        elif self.error is not None and self._dispatcher.monotonic() < self._retry_at:
            self.leave_out(entry.events)
        elif entry.has_data or self._held:
            self._held.append(entry)
            self._open()

    def leave_out(self, events: int) -> None:
        """Count events that the files do not get, and tell the files before what comes next."""
        self._missing += events
        self._untold += events

    def tick(self) -> None:
        """Do what is to be done about once a second, also if nothing comes."""
        if self.is_over:
            return
        if self._files is None:
            if self._held:
                self._open()
            return
        try:
            self._tell_missing(self._files)
            self._files.tick(self._now())
        except Exception as error:  # noqa: BLE001 - as in `_write_to`
            self._fail_to_write(error, self._files)

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

    def _open(self, patience: float | None = None) -> None:
        """Open the files, if the last try is long enough ago, and write what was held; a refusal may pass."""
        now = self._dispatcher.monotonic()
        if now < self._retry_at:
            return
        try:
            self._files = files = self._open_files()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one book's files, the other books go on
            self._refused_at = now if self._refused_at is None else self._refused_at
            is_patient = now - self._refused_at < (self._patience if patience is None else patience)
            if is_patient and self.error is None and len(self._held) < _MOST_HELD:
                self._retry_at = now + _AGAIN
            else:
                self._fail_to_open(error)
            return
        self._refused_at = None
        held, self._held = self._held, []
        for each in held:
            self._write_to(files, each)

    def _write_to(self, files: Files, entry: Entry) -> None:
        assert entry.write is not None, "the end is not held"
        try:
            self._tell_missing(files)
            entry.write(files)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one book's files, the other books go on
            self._fail_to_write(error, files)
        else:
            if self.error is not None and files.counters.frames > self._frames_before:
                self.error, self._failures_in_a_row = None, 0

    def _tell_missing(self, files: Files) -> None:
        if self._untold:
            count, self._untold = self._untold, 0
            files.lost(self._now(), count, _WHY_MISSING)

    def _fail_to_open(self, error: Exception) -> None:
        self._count_failure(error)
        self._retry_at = self._dispatcher.monotonic() + self._wait()
        held, self._held = self._held, []
        self.leave_out(sum(each.events for each in held))

    def _fail_to_write(self, error: Exception, files: Files) -> None:
        self._count_failure(error)
        # The next file begins with a snapshot; each one costs weight.
        self._frames_before = files.counters.frames
        self._ask_at = self._dispatcher.monotonic() + self._wait()

    def _count_failure(self, error: Exception) -> None:
        self.error = error
        self._failures += 1
        self._failures_in_a_row += 1

    def _close(self, reason: str) -> None:
        self.is_over = True
        if self._held:
            self._retry_at = -inf
            self._open(patience=0.0)
        if self._files is None:
            return
        try:
            self._tell_missing(self._files)
        except Exception as error:  # noqa: BLE001 - as in `_write_to`
            self.error = error
        try:
            self._files.close(self._now(), reason)
        except Exception as error:  # noqa: BLE001 - as in `_write_to`
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
