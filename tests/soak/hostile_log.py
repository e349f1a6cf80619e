"""A log handler of the host program that raises or blocks when it is told to."""

from __future__ import annotations

import logging
import threading
from queue import Empty, SimpleQueue
from typing import Final

KINDS: Final = ("log raises", "log blocks")
_BLOCKED: Final = 1.0
"""Seconds for which a handler blocks: long enough for records to pile up."""


class HostileLog(logging.Handler):
    """Does to the next record what it was told.

    Attributes:
        done: times that each kind was done.
    """

    def __init__(self) -> None:
        """Take every record and do nothing with it."""
        super().__init__()
        self.done = dict.fromkeys(KINDS, 0)
        self._next: SimpleQueue[str] = SimpleQueue()

    def disturb(self, kind: str) -> None:
        """Let the next record raise or block."""
        self._next.put(kind)

    def emit(self, record: logging.LogRecord) -> None:
        """Raise, block, or do nothing."""
        try:
            kind = self._next.get_nowait()
        except Empty:
            return
        self.done[kind] += 1
        if kind == "log raises":
            raise SystemExit(record.getMessage())
        threading.Event().wait(_BLOCKED)
