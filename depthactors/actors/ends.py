"""The end of a book that nobody asked for, as a notice."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from depthactors import reporting
from depthactors.errors import SupervisorDiedError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from depthactors.actors.book_spec import BookSpec
    from depthactors.errors import DepthActorsError

logger = reporting.logger(__name__)

_END: Final = "end"


def report_end(spec: BookSpec, error: DepthActorsError | None) -> None:
    """Say that a book is given up; of books that share the cause one is named, and the others are counted."""
    if isinstance(error, SupervisorDiedError):
        # Of all of them the engine's process says so, once; in a worker nothing ends for good.
        logger.info("! %s: %s", spec.title, error)
        return
    words = reporting.without(spec.symbol, error)
    logger.notice((_END, str(error)), "%s: given up, no more data comes: %s", spec.title, words, level=logging.ERROR)


def is_end(cause: Hashable) -> bool:
    """Return whether a notice of this cause is about the end of a book, which an engine's process says itself."""
    return isinstance(cause, tuple) and cause[0] == _END
