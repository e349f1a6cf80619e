"""The notice that a book has failed."""

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

_FAILURE: Final = "end"


def report_failure(spec: BookSpec, error: DepthActorsError | None) -> None:
    """Show a notice that a book is given up; of the books with the same error one is named, the others are counted."""
    if isinstance(error, SupervisorDiedError):
        # The engine shows one notice for all books; and a worker process is replaced, so none of its books has failed.
        logger.info("! %s: %s", spec.title, error)
        return
    words = reporting.without(spec.symbol, error)
    logger.notice(
        (_FAILURE, str(error)), "%s: given up, no more data comes: %s", spec.title, words, level=logging.ERROR
    )


def is_failure(cause: Hashable) -> bool:
    """Return whether a notice with this cause is one of `report_failure`."""
    return isinstance(cause, tuple) and cause[0] == _FAILURE
