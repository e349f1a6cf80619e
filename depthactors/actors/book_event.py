"""The argument of a user's `on_event` function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depthactors.book import BookState
    from depthactors.errors import DepthActorsError


@dataclass(frozen=True, slots=True)
class BookEvent:
    """A change of a book's state, or an error that did not change it.

    Attributes:
        symbol: symbol of the book.
        previous: state before the event.
        state: state after the event; the same as before if only the error is new.
        error: the error, `None` for a change without one.
    """

    symbol: str
    previous: BookState
    state: BookState
    error: DepthActorsError | None
