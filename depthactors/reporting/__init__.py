"""The package's log records and notices, also for a program that has set up no logging.

`logger(__name__)` is used like a logger of the standard library. A call neither raises nor blocks: it makes a record
without any foreign code, and one daemon thread of the process passes it to the loggers, filters and handlers, whatever
they do (`reporting.reporter`).

A *notice* is about a reason why a program sees no data: a callback that raises, an unknown symbol, no network. It is a
log record like any other if the program has a handler between our logger and the root. If it has none, the notice is
written to stderr once a cause, and then the number of its repetitions at growing intervals (`reporting.notices`).

Log lines begin with a mark: `!` a failure, `~` a repair, `=` a change of state, `-` an end, `<` something received,
`>` something sent.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from typing import TYPE_CHECKING, Final

from depthactors.reporting.record import Ready, Record
from depthactors.reporting.reporter import PREFIX, THREAD_NAME, Reporter
from depthactors.reporting.trouble import Trouble
from depthactors.reporting.words import about, cause_of, class_name, printable, without, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = [
    "THREAD_NAME", "Logger", "Record", "Trouble", "about", "announce", "cause_of", "class_name", "divert", "flush",
    "logger", "printable", "quiet", "relay", "without", "words_of",
]  # fmt: skip

_EXIT_TIMEOUT: Final = 1.0
"""Seconds that the end of the interpreter waits for the last records."""

_reporter = Reporter()


class Logger:
    """A logger of the standard library, whose handlers run in another thread. Thread: any, and signal handlers."""

    def __init__(self, name: str) -> None:
        """Make records for the logger of this name."""
        self._target = logging.getLogger(name)
        kind = type(self._target)
        # A class of the host program's own is asked in the other thread.
        self._is_plain = (
            kind.isEnabledFor is logging.Logger.isEnabledFor
            and kind.getEffectiveLevel is logging.Logger.getEffectiveLevel
        )

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the standard library's name
        """Return whether records of that level may be handled; takes no lock and runs no foreign code."""
        if not self._is_plain:
            return True
        try:
            lowest = max(logging.Logger.getEffectiveLevel(self._target), self._target.manager.disable + 1)
        except BaseException:  # noqa: BLE001 - a parent of a foreign class
            return True
        return level >= lowest and not self._target.disabled

    def debug(self, words: str, *arguments: object) -> None:
        """Log at DEBUG."""
        self._log(logging.DEBUG, words, arguments)

    def info(self, words: str, *arguments: object) -> None:
        """Log at INFO."""
        self._log(logging.INFO, words, arguments)

    def warning(self, words: str, *arguments: object) -> None:
        """Log at WARNING: an operator should see it."""
        self._log(logging.WARNING, words, arguments)

    def error(self, words: str, *arguments: object, exc_info: BaseException | None = None) -> None:
        """Log at ERROR: something ended, or has to be restarted."""
        self._log(logging.ERROR, words, arguments, exc_info)

    def exception(self, words: str, *arguments: object) -> None:
        """Log at ERROR, with the traceback of the exception that is being handled."""
        self._log(logging.ERROR, words, arguments, sys.exc_info()[1])

    def notice(
        self,
        cause: Hashable,
        words: str,
        *arguments: object,
        level: int = logging.WARNING,
        error: BaseException | None = None,
    ) -> None:
        """Log a reason why the program sees no data; on stderr if it has set up no logging, once a cause.

        Args:
            cause: key of the cause, such as `("stream", url)`, or a book and a function. It can be pickled.
            words: text for a person who does not know the package: which book, which function, why.
            arguments: arguments for `words`.
            level: level of the log record.
            error: exception whose traceback is shown.
        """
        self._log(level, words, arguments, error, cause)

    def over(self, cause: Hashable, words: str, *arguments: object) -> None:
        """Log at INFO that a cause is over; on stderr if the cause was shown there."""
        self._log(logging.INFO, words, arguments, None, cause, is_over=True)

    def relay_notice(self, cause: Hashable, words: str, level: int, *, is_over: bool, traceback: str) -> None:
        """Give a notice that comes from a worker process."""
        self._log(level, "%s", (words,), None, cause, is_over=is_over, shown=traceback)

    def _log(
        self,
        level: int,
        words: str,
        arguments: tuple[object, ...],
        error: BaseException | None = None,
        cause: Hashable | None = None,
        *,
        is_over: bool = False,
        shown: str | None = None,
    ) -> None:
        enabled = self.isEnabledFor(level)
        if enabled or cause is not None:
            checked = enabled and self._is_plain
            record = Record(
                self._target,
                level,
                words,
                arguments,
                error,
                is_checked=checked,
                cause=cause,
                is_over=is_over,
                shown=shown,
            )
            _reporter.put(record)


def logger(name: str) -> Logger:
    """Return a logger that neither raises nor blocks, for a module."""
    return Logger(name)


def announce(words: str) -> None:
    """Write a line to stderr, whatever logging is set up, unless `quiet` is on."""
    if not _reporter.quiet and _reporter.sink is None:
        _reporter.put(f"{PREFIX}{printable(words)}\n")


def relay(record: logging.LogRecord) -> None:
    """Handle a log record that comes from a worker process."""
    _reporter.put(Ready(record))


def quiet(on: bool = True) -> bool:
    """Write no notices to stderr, or write them again, for a program that shows them. Returns the old setting."""
    before, _reporter.quiet = _reporter.quiet, on
    return before


def divert(sink: Callable[[Record], None] | None) -> None:
    """Pass notices to `sink` alone, in the thread that passes records on; for worker processes."""
    _reporter.sink = sink


def flush(timeout: float = 5.0) -> bool:
    """Wait until all earlier records are handled; returns whether they are within `timeout` seconds.

    In a log handler it returns at once.
    """
    return _reporter.flush(timeout)


atexit.register(_reporter.flush, _EXIT_TIMEOUT)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reporter.begin_anew)
