"""What a user's `on_event` function is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depthactors.book import BookState
    from depthactors.errors import DepthActorsError


@dataclass(frozen=True, slots=True)
class BookEvent:
    """What listeners are told beside updates: a change of state, or an error that changed none.

    Attributes:
        symbol: whose book.
        previous, state: what could be believed of it before, and now; equal when only the error is news.
        error: what happened, `None` where all is well.
    """

    symbol: str
    previous: BookState
    state: BookState
    error: DepthActorsError | None
