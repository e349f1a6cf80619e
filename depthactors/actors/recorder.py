"""The recorder of an engine: writes what the books receive to files, in a thread that may wait for the disk.

Books put what they receive into one queue, which has a bound in bytes, and go on. A few times a second the recorder's
lane writes what waits. If the disk takes nothing, the queue fills up; then the newest events are left out and counted,
and the files say so when they are written again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.actors.book_messages import RefreshNow
from depthactors.actors.book_recorder import BookRecorder
from depthactors.actors.book_writer import BookWriter
from depthactors.actors.recording_entry import Entry
from depthactors.dispatcher.mailbox import tell
from depthactors.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from depthactors.actors.book_spec import BookKey, BookSpec
    from depthactors.actors.local_cell import LocalCell
    from depthactors.actors.recording_entry import Files
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.dispatcher.ending import Ending
    from depthactors.dispatcher.turns import Pinned
    from depthactors.errors import DepthActorsError
    from depthactors.pacing import Timing
    from depthactors.recording import RecordTo

logger = reporting.logger(__name__)

ROOM: Final = 64 * 1024 * 1024
"""Bytes that may wait for the disk: about a minute of a thousand books."""
_MUCH: Final = 1024 * 1024
"""Bytes that are written at once, without waiting for the next turn."""
_OVERHEAD: Final = 512
"""Approximate bytes of an entry besides its frames."""
_TICK: Final = 1.0
"""Seconds between two ticks of the files."""
_STUCK: Final = "stuck"


class Recorder:
    """Writes the recordings of an engine's books.

    Thread: any may put and close; what may wait for the disk runs in the recorder's lane.
    """

    def __init__(
        self,
        target: RecordTo,
        open_files: Callable[[RecordTo, BookSpec], Files],
        dispatcher: Dispatcher,
        timing: Timing,
        report: Callable[[DepthActorsError], object],
        *,
        room: int = ROOM,
    ) -> None:
        """Start nothing yet.

        Args:
            target: where to record.
            open_files: opens the files of a book; called in the lane.
            dispatcher: the engine's dispatcher, for the lane, the timer and the time.
            timing: the engine's durations.
            report: reports an error to `on_error`; returns at once.
            room: bytes that may wait for the disk.
        """
        self.target = target
        self._open_files = open_files
        self._dispatcher = dispatcher
        self._timing = timing
        self._report = report
        self._room = room
        # Made in `start`: a thread that was made before a fork cannot be started after it.
        self._lane: Pinned | None = None
        # Held for moments, never while something is written.
        self._lock = threading.Lock()
        self._waiting: deque[tuple[BookRecorder, Entry]] = deque()
        self._bytes = 0
        self._books: dict[BookRecorder, LocalCell] = {}
        self._present: dict[BookKey, BookRecorder] = {}
        self._has_turn = False
        self._is_closing = self._is_over = False
        self._busy_since: float | None = None
        self._ticked_at = dispatcher.monotonic()
        self._failing: dict[BookRecorder, Hashable] = {}
        self._noticed: set[Hashable] = set()

    @property
    def threads(self) -> tuple[Ending, ...]:
        """The thread of the lane, or its like in a simulation; it ends after `close`, once all files are closed."""
        return () if self._lane is None else (self._lane.thread,)

    def start(self) -> None:
        """Start the lane and the timer.

        Raises:
            LifecycleError: the system has no thread left.
        """
        lane = self._dispatcher.pinned_lane("recorder")
        lane.start()
        self._lane = lane
        self._set_timer()

    def close(self) -> None:
        """Write what waits, close all files, and take nothing more; returns at once. Thread: any."""
        self._is_closing = True
        self._wake()

    def add(self, cell: LocalCell) -> BookRecorder:
        """Record a book from now on, until `BookRecorder.end`. Thread: the supervisor's."""
        writer = BookWriter(
            partial(self._open_files, self.target, cell.spec),
            self._dispatcher,
            self._timing.recording_retry,
            self._timing.recording_stuck,
        )
        book = BookRecorder(cell.spec.title, writer, self._dispatcher, self.put)
        with self._lock:
            former = self._present.get(cell.spec.key)
            self._books[book] = cell
            self._present[cell.spec.key] = book
        if former is not None:
            # Its actor may not have ended yet. Two recorders cannot have the same file.
            former.end("it is followed anew")
        return book

    def put(self, book: BookRecorder, entry: Entry) -> None:
        """Queue an entry, or leave it out and count it if there is no room; the end of a book has always room."""
        size = entry.size + _OVERHEAD
        with self._lock:
            if entry.write is not None and self._bytes + size > self._room:
                book.left_out += entry.events
                return
            if book.left_out:
                entry, book.left_out = entry._replace(missing=book.left_out), 0
            self._waiting.append((book, entry))
            self._bytes += size
            is_much = self._bytes >= _MUCH
        if is_much:
            self._wake()

    # The timer. Thread: the dispatcher's.

    def put_due(self, message: Any) -> None:
        """Give the lane its next turn, and notice a disk that takes nothing."""
        del message
        if self._is_over:
            return
        self._set_timer()
        self._wake()
        since = self._busy_since
        limit = self._timing.recording_stuck
        if since is not None and _STUCK not in self._noticed and self._dispatcher.monotonic() - since > limit:
            self._notice(_STUCK, f"recording to {self.target.folder}: the disk has taken nothing for {limit:g} s")

    def _set_timer(self) -> None:
        self._dispatcher.after(self._timing.recording_pause, self, None)

    def _wake(self) -> None:
        if self._lane is not None and not self._has_turn:
            self._has_turn = True
            self._lane.give_turn(self)

    # The lane.

    def take_turn(self) -> None:
        """Write what waits. Thread: the lane's."""
        self._has_turn = False
        self._busy_since = self._dispatcher.monotonic()
        try:
            while (waiting := self._next()) is not None:
                self._write(*waiting)
                # If books are faster than the disk, the queue is never empty.
                if self._dispatcher.monotonic() - self._ticked_at >= _TICK:
                    self._look_after_files()
            self._look_after_files()
            if self._is_closing and not self._is_over:
                self._is_over = True
                with self._lock:
                    books = tuple(self._books)
                for book in books:
                    self._write(book, Entry(None, "the engine was stopped"))
                assert self._lane is not None, "this is a turn of it"
                self._lane.close()
        finally:
            self._busy_since = None
        self._recovered(_STUCK)

    def _next(self) -> tuple[BookRecorder, Entry] | None:
        with self._lock:
            if not self._waiting:
                return None
            book, entry = self._waiting.popleft()
            self._bytes -= entry.size + _OVERHEAD
            return book, entry

    def _write(self, book: BookRecorder, entry: Entry) -> None:
        self._busy_since = self._dispatcher.monotonic()
        before = book.writer.error
        book.writer.write(entry)
        self._note(book, before)
        if book.writer.is_over:
            with self._lock:
                cell = self._books.pop(book, None)
                if cell is not None and self._present.get(cell.spec.key) is book:
                    del self._present[cell.spec.key]
            self._failing.pop(book, None)
            book.life.end()

    def _look_after_files(self) -> None:
        """Once a second, let the files do what is due; and request the snapshots that they wait for."""
        now = self._dispatcher.monotonic()
        is_due = now - self._ticked_at >= _TICK
        if is_due:
            self._ticked_at = now
        with self._lock:
            books = tuple(self._books.items())
        for book, cell in books:
            if book.left_out:
                with self._lock:
                    missing, book.left_out = book.left_out, 0
                book.writer.leave_out(missing)
            if is_due:
                before = book.writer.error
                book.writer.tick()
                self._note(book, before)
            if book.writer.should_ask() and cell.ref is not None:
                tell(cell.ref, RefreshNow())

    # What goes wrong.

    def _note(self, book: BookRecorder, before: Exception | None) -> None:
        """Give notice of a failure that was not there before, or of its end."""
        error = book.writer.error
        if error is before:
            return
        if error is None:
            self._recovered(self._failing.pop(book, None))
            return
        kind = (type(error).__name__, getattr(error, "errno", None))
        self._failing[book] = kind
        title, words = self._books[book].spec.title, book.writer.status().error
        if kind in self._noticed:
            logger.debug("! %s: not recorded: %s", title, words)
            return
        self._notice(kind, f"{title} is not recorded: {words}; its book goes on, and the recording is tried again")
        self._report(RecordingError(str(self.target.folder), 0, f"{title} is not recorded: {words}"))

    def _notice(self, kind: Hashable, words: str) -> None:
        self._noticed.add(kind)
        logger.notice(("recording", str(self.target.folder), kind), "%s", words, level=logging.ERROR)

    def _recovered(self, kind: Hashable) -> None:
        """Give notice that no book has this kind of failure any more."""
        if kind in self._noticed and kind not in self._failing.values():
            self._noticed.discard(kind)
            cause = ("recording", str(self.target.folder), kind)
            logger.over(cause, "recording to %s: the disk takes data again", self.target.folder)
