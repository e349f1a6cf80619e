"""A record of a log call: made in the caller's thread without foreign code, and handled in another thread."""

from __future__ import annotations

import logging
import sys
import threading
import time
from traceback import format_exception
from typing import TYPE_CHECKING, Any, Final

from depthactors.reporting.words import class_name, words_of

if TYPE_CHECKING:
    from collections.abc import Hashable

_PLAIN: Final = frozenset({int, float, bool, type(None)})
_TRACEBACK: Final[Any] = BaseException.__dict__["__traceback__"]
"""Read from the base class, since a foreign class may have replaced it."""
_DEPTH: Final = 3
"""Frames between the log call and the record's constructor."""


class Record:
    """The arguments of a log call, with its time, place and thread.

    Attributes:
        cause: key of a notice's cause; `None` for a log line that is no notice.
        is_over: whether the cause is over.
        shown: traceback of an exception of another process.
    """

    __slots__ = (
        "arguments", "cause", "code", "created", "error", "is_checked", "is_over", "level", "line", "shown", "target",
        "thread", "thread_name", "words",
    )  # fmt: skip

    def __init__(
        self,
        target: logging.Logger,
        level: int,
        words: str,
        arguments: tuple[object, ...],
        error: BaseException | None,
        *,
        is_checked: bool,
        cause: Hashable | None = None,
        is_over: bool = False,
        shown: str | None = None,
    ) -> None:
        """Note the time, and the place of the call, some frames up."""
        frame = sys._getframe(_DEPTH)  # noqa: SLF001 - as `logging` does
        self.target, self.level, self.words, self.arguments = target, level, words, arguments
        self.error, self.is_checked, self.cause, self.is_over = error, is_checked, cause, is_over
        self.shown = shown
        self.created = time.time()
        self.code, self.line = frame.f_code, frame.f_lineno
        thread = threading.current_thread()
        self.thread, self.thread_name = thread.ident, thread.name

    @property
    def text(self) -> str:
        """Words with their arguments, as one printable line. Runs foreign code."""
        arguments = self._plain_arguments()
        return self.words % arguments if arguments else self.words

    @property
    def traceback(self) -> str:
        """Traceback of the exception as Python shows it, or no text. Runs foreign code."""
        if self.shown is not None:
            return self.shown
        if self.error is None:
            return ""
        try:
            return "".join(format_exception(self.error))
        except BaseException as error:  # noqa: BLE001 - whatever the text of a foreign exception raises
            return f"{class_name(type(self.error))}, whose text raised {class_name(type(error))}\n"

    def log(self) -> None:
        """Pass it to the handlers of its logger. Runs foreign code."""
        if not (self.is_checked or self.target.isEnabledFor(self.level)):
            return
        error = self.error
        exc_info: Any = None if error is None else (type(error), error, _TRACEBACK.__get__(error))
        record = self.target.makeRecord(
            self.target.name,
            self.level,
            self.code.co_filename,
            self.line,
            self.words,
            self._plain_arguments(),
            exc_info,
            self.code.co_name,
        )
        record.relativeCreated -= (record.created - self.created) * 1e3
        record.created, record.msecs = self.created, self.created % 1 * 1e3 // 1
        record.thread, record.threadName = self.thread, self.thread_name
        if self.shown:
            record.exc_text = self.shown.rstrip("\n")
        self.target.handle(record)

    def _plain_arguments(self) -> tuple[object, ...]:
        return tuple(each if type(each) in _PLAIN else words_of(each) for each in self.arguments)


class Ready:
    """A log record that was made in a worker process."""

    def __init__(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        self._record = record

    def log(self) -> None:
        """Pass it to the handlers of its logger in this process. Runs foreign code."""
        target = logging.getLogger(self._record.name)
        if target.isEnabledFor(self._record.levelno):
            target.handle(self._record)
