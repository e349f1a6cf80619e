"""The one thread of the process in which log handlers run and stderr is written.

A log call puts its record into a bounded queue and returns. A handler of the program that raises, blocks or calls the
package does so in this thread, for which no book, no connection and no supervisor waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from depthactors.reporting import stderr
from depthactors.reporting.notices import Notices
from depthactors.reporting.record import Record
from depthactors.reporting.words import class_name, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from depthactors.reporting.record import Ready

THREAD_NAME: Final = "depthactors-reporting"
ROOM: Final = 2_000
"""Records that may wait for a slow handler; further ones are left out, and counted."""
PREFIX: Final = "depthactors: "


class Reporter:
    """Passes records on in a daemon thread of its own, which runs while there are any.

    Thread: any, and signal handlers.

    Attributes:
        lost: number of records for which there was no room.
        quiet: whether no notice is written to stderr, for a program that shows them itself.
        sink: in a worker process, the receiver of notices in place of stderr and of the handlers.
    """

    def __init__(self) -> None:
        """Start no thread yet."""
        self.quiet = False
        self.sink: Callable[[Record], None] | None = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget everything, in a fork: its parent handles the waiting records, and the thread does not exist here."""
        self.lost = 0
        self._lost_said = 0
        self._waiting: deque[Record | Ready | str] = deque()
        self._notices = Notices()
        self._survived: set[type] = set()
        self._thread: threading.Thread | None = None
        self._running = False
        self._taken = self._handed = 0
        # Reentrant: a signal handler may run while its own thread holds it. No condition, whose lock stays held if a
        # signal handler raises at the wrong moment: then every thread that logs would wait for ever.
        self._lock = threading.RLock()
        # Of each thread in `flush`: the number of records that it waits for, and a lock that is released after them.
        self._flushes: list[tuple[int, threading.Lock]] = []

    def put(self, record: Record | Ready | str) -> None:
        """Pass a record on, or a line to stderr, in the other thread; returns at once, raises nothing."""
        with self._lock:
            if len(self._waiting) >= ROOM:
                self.lost += 1
                return
            self._waiting.append(record)
            self._taken += 1
            self._wake()

    def flush(self, timeout: float) -> bool:
        """Wait until all earlier records are passed on; returns whether they are. In a handler it returns at once."""
        deadline = time.monotonic() + timeout
        with self._lock:
            thread = self._thread
            if thread is threading.current_thread():
                return False
            self._wake()
            passing = threading.Lock()
            if self._handed < self._taken:
                passing.acquire()
                self._flushes.append((self._taken, passing))
        done = passing.acquire(timeout=min(max(0.0, timeout), threading.TIMEOUT_MAX))
        with self._lock:
            self._flushes = [each for each in self._flushes if each[1] is not passing]
            thread = self._thread
            over = not self._running
        if over and thread is not None:
            thread.join(max(0.0, deadline - time.monotonic()))
        return done

    def _wake(self) -> None:
        """Start the thread if records wait and it does not run; the lock is held."""
        if self._running or not self._waiting:
            return
        # Before the start, during which a signal handler may call this.
        self._running = True
        try:
            self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
            self._thread.start()
        except (RuntimeError, MemoryError):
            # The system has no thread left, or the interpreter ends: the next record tries again.
            self._thread, self._running = None, False
        except BaseException:
            # Ctrl-C, in the main thread.
            self._running = self._thread is not None and self._thread.is_alive()
            raise

    def _run(self) -> None:
        while (record := self._next()) is not None:
            try:
                self._hand_over(record)
            except BaseException as error:  # noqa: BLE001 - whatever a handler, a filter or a record factory raises
                self._survive(error)
            # Here, so that it does not keep its traceback alive until the next record.
            del record

    def _next(self) -> Record | Ready | str | None:
        with self._lock:
            # In one step with what follows: a thread that waits for the last record sees that the thread ends with it.
            self._handed = self._taken - len(self._waiting)
            for until, passing in self._flushes:
                if until <= self._handed and passing.locked():
                    passing.release()
            if not self._waiting and self.lost > self._lost_said:
                words = f"{self.lost - self._lost_said} log records were left out: a log handler is slow"
                self._lost_said = self.lost
                self._waiting.append(f"{PREFIX}{words}\n")
                self._taken += 1
            if self._waiting:
                return self._waiting.popleft()
            self._running = False
            return None

    def _hand_over(self, record: Record | Ready | str) -> None:
        if isinstance(record, str):
            stderr.write(record)
            return
        if isinstance(record, Record) and record.cause is not None:
            if self.sink is not None:
                self.sink(record)
                return
            if not self.quiet and not _has_handler(record.target):
                self._say(record, record.cause)
                return
        record.log()

    def _say(self, record: Record, cause: Hashable) -> None:
        """Write a notice to stderr, with the traceback of what a user's function raised."""
        if record.is_over:
            line = self._notices.ended(cause, record.text)
        else:
            line = self._notices.came(cause, record.text, time.monotonic())
        if line is None:
            return
        details = record.traceback if line == record.text else ""
        stderr.write(f"{PREFIX}{line}\n{details}")

    def _survive(self, error: BaseException) -> None:
        """Write once for each class of exception that logging does not work."""
        if type(error) in self._survived or self.sink is not None:
            return
        self._survived.add(type(error))
        words = f"a log handler or filter of the program raised {class_name(type(error))}: {words_of(error)}"
        stderr.write(f"{PREFIX}{words}\n")


def _has_handler(target: logging.Logger) -> bool:
    """Return whether the program has configured logging: a handler on the way from a logger to the root."""
    logger: Any = target
    while logger is not None:
        if any(not isinstance(each, logging.NullHandler) for each in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False
