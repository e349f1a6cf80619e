"""Deltas for a user's function, made of the views that a listener is called with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeAlias

from depthactors.book import BookView, OrderBook
from depthactors.book.delta import difference
from depthactors.book.numerals import NumberT

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.book.delta import BookDelta

_Change: TypeAlias = tuple[OrderBook, int]
"""A book, and its version after a change."""


class Deltas(Generic[NumberT]):
    """The `capture` and the `update` of a `QueuedListener` whose function gets deltas.

    The function gets a snapshot first, and another one after a call that raised: what it kept may then be half changed.
    """

    def __init__(
        self,
        function: Callable[[BookDelta[NumberT]], object],
        view_of: Callable[[OrderBook | BookView[Any]], BookView[NumberT]],
    ) -> None:
        """Begin with the snapshot.

        Args:
            function: the user's function.
            view_of: returns an immutable view of a book.
        """
        self._function = function
        self._view_of = view_of
        self._known: BookView[NumberT] | None = None
        self._last: _Change | None = None

    def capture(self, book: OrderBook | BookView[Any]) -> tuple[BookView[NumberT], _Change | None]:
        """Return a view, and the change that led to it if the book is in this process. Thread: the book actor's."""
        return self._view_of(book), (book, book.version) if isinstance(book, OrderBook) else None

    def update(self, captured: tuple[BookView[NumberT], _Change | None]) -> None:
        """Call the function with what changed. Thread: the lane's."""
        view, change = captured
        known, last = self._known, self._last
        self._known, self._last = None, change
        self._function(difference(known, view, conflated=known is not None and not _follows(last, change)))
        self._known = view

    def as_function(self) -> Callable[[Any], None]:
        """Return `update` under the name that the user's function has in reports."""

        def update(captured: Any) -> None:
            self.update(captured)

        update.__wrapped__ = self._function  # type: ignore[attr-defined]
        return update


def _follows(last: _Change | None, change: _Change | None) -> bool:
    """Whether one change alone lies between; it is not known of a book in another process."""
    if last is None or change is None:
        return False
    # The version is odd during a change, and even after it.
    return last[0] is change[0] and change[1] == last[1] + 2
