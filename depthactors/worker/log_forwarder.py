"""Log records and notices of a worker process, which the engine's process shows."""

from __future__ import annotations

import logging
import logging.handlers
from typing import TYPE_CHECKING

from depthactors import reporting
from depthactors.actors.book_failure import is_failure
from depthactors.shards.messages import LogReport, NoticeReport

if TYPE_CHECKING:
    from depthactors.worker.outbox import Outbox


class LogForwarder(logging.handlers.QueueHandler):
    """Sends log records and notices to the engine's process, whose loggers and handlers decide about them."""

    def __init__(self, outbox: Outbox) -> None:
        """Send through this outbox, once opened."""
        super().__init__(outbox)  # type: ignore[arg-type]
        self._outbox = outbox

    def open(self, level: int) -> None:
        """Take the records of the package from now on, from this level on, and all notices."""
        root = logging.getLogger("depthactors")
        root.setLevel(level)
        root.addHandler(self)
        reporting.divert(self._forward_notice)

    def close(self) -> None:
        """Take no more."""
        logging.getLogger("depthactors").removeHandler(self)
        reporting.divert(None)
        super().close()

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put a record, which is plain by now, into the outbox."""
        self._outbox.put(LogReport(record))

    def _forward_notice(self, record: reporting.Record) -> None:
        # That a book has failed is decided, and reported, in the engine's process.
        if not is_failure(record.cause):
            self._outbox.put(NoticeReport(record.cause, record.text, record.level, record.is_over, record.traceback))
