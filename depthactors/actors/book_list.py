"""The list by which readers in other processes find an engine's books, and the slots that leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors import reporting
from depthactors.errors import SharingError
from depthactors.sharing import SharedBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.actors.book_spec import BookSpec
    from depthactors.dispatcher.clock import Clock
    from depthactors.sharing import EngineFolder

logger = reporting.logger(__name__)

_MOVES: Final = 20
"""Number of books that change their slot at one beat; each is stale for a moment."""


def shared_book(spec: BookSpec, depth: int) -> SharedBook:
    """Return a book as readers find it in the list."""
    return SharedBook(spec.symbol, spec.market.name, spec.speed_ms, depth)


class BookList:
    """The list of an engine's books in its folder.

    Thread: the supervisor's.
    """

    def __init__(
        self, folder: EngineFolder, books: Callable[[], Iterable[tuple[SharedBook, str]]], clock: Clock
    ) -> None:
        """List nothing yet.

        Args:
            folder: the engine's folder.
            books: a function that returns the present books, each with the place of its slot.
            clock: the engine's time; readers compare it with the system's.
        """
        self._folder = folder
        self._books = books
        self._clock = clock
        self._left: list[str] = []

    def remove(self, place: str) -> None:
        """Remove a slot once the list is written without it."""
        self._left.append(place)

    def write(self) -> None:
        """Write the list, and only then remove slots that readers may have found in the former one.

        Raises:
            SharingError: no room for the list. If slots are to be removed, the next beat tries again.
        """
        self._folder.list_books(self._books())
        while self._left:
            self._folder.remove_book(self._left.pop())

    def beat(self) -> None:
        """Show readers that the engine is alive, and write the list if slots are to be removed."""
        self._folder.beat(self._clock.monotonic())
        if self._left:
            try:
                self.write()
            except SharingError as error:
                logger.warning("! books that are not shared any more stay listed for now: %s", error)

    def sparse(self) -> frozenset[str]:
        """Return places of a few books that should move into files with others, to give memory back."""
        return frozenset(self._folder.sparse()[:_MOVES])
