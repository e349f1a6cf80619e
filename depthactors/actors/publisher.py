"""Publishing the books of an engine in shared memory: a slot for each cell, and a list of them.

Thread: the supervisor's, which waits for nothing here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING

from depthactors.actors.book_list import BookList, shared_book
from depthactors.actors.book_messages import Greet
from depthactors.actors.slot_filler import SlotFiller
from depthactors.dispatcher.mailbox import tell
from depthactors.errors import SharingError
from depthactors.sharing.record import as_stale, pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from depthactors.actors.cell import Listener
    from depthactors.actors.local_cell import LocalCell
    from depthactors.dispatcher.clock import Clock
    from depthactors.sharing import EngineFolder, SharedBook


class Publisher(ABC):
    """Gives the books of a supervisor slots in shared memory."""

    def __init__(self) -> None:
        """Publish no book yet."""
        self._fillers: dict[int, SlotFiller] = {}

    @abstractmethod
    def add(self, cell: LocalCell) -> None:
        """Publish a book, with as many levels as are promised; call it before the book's actor starts.

        Raises:
            SharingError: there is no slot for it.
        """

    @abstractmethod
    def deepen(self, cell: LocalCell, depth: int) -> Listener:
        """Publish a book with more levels, in another slot.

        Returns the listener that writes the slot, for the book's actor to greet.

        Raises:
            SharingError: there is no slot for it; the book stays in its present slot.
        """

    def remove(self, cell: LocalCell) -> None:
        """Publish a book no longer."""
        filler = self._fillers.pop(id(cell), None)
        if filler is not None:
            self._close(filler)

    def beat(self) -> None:
        """Mark the books that are late, and show that the engine is alive; O(books), a microsecond each."""
        for filler in self._fillers.values():
            filler.mark_if_late()

    def check_room(self, depths: Iterable[int]) -> None:  # noqa: B027 - by default there is room
        """Raise a `SharingError` if there is no room for books of these depths."""

    def has_moved(self, cell: LocalCell) -> bool:
        """Return whether a book needs another slot; `deepen` gives it one."""
        del cell
        return False

    def publish(self) -> None:  # noqa: B027 - by default there is no list
        """Show readers which books there are now, after some were added or removed."""

    def _close(self, filler: SlotFiller) -> None:
        filler.close()


class FolderPublisher(Publisher):
    """Makes slots in an engine's folder, and lists the books there."""

    def __init__(self, folder: EngineFolder, clock: Clock) -> None:
        """Take a folder that is open, and the engine's time."""
        super().__init__()
        self._folder = folder
        self._list = BookList(folder, self._books, clock)

    def check_room(self, depths: Iterable[int]) -> None:
        """Raise a `SharingError` if memory has no room for books of these depths."""
        self._folder.check_room(depths)

    def add(self, cell: LocalCell) -> None:
        """Publish a book; see the base."""
        self._fill(cell, cell.spec.depth, pack(None, 0, cell.state, cell.spec.number))

    def deepen(self, cell: LocalCell, depth: int) -> Listener:
        """Publish a book with more levels; see the base. It is stale until its actor greets the listener."""
        before = self._fillers[id(cell)]
        listener = self._fill(cell, depth, as_stale(before.latest))
        self._close(before)
        return listener

    def publish(self) -> None:
        """List the books, and only then remove the slots that readers may have found in the former list.

        Raises:
            SharingError: no room for the list. If slots are to be removed, the next beat tries again.
        """
        self._list.write()

    def beat(self) -> None:
        """Mark the books that are late, show that the engine is alive, and give memory back."""
        super().beat()
        self._gather()
        self._list.beat()

    def _gather(self) -> None:
        """Move a few books that are alone in large files into files with others, so that memory can be given back."""
        sparse = self._list.sparse()
        moving = [each.cell for each in self._fillers.values() if each.place in sparse] if sparse else []
        # Without room the books stay where they are, and the next beat tries again.
        with suppress(SharingError):
            for cell in moving:
                listener = self.deepen(cell, self._fillers[id(cell)].depth)
                if cell.ref is not None:
                    tell(cell.ref, Greet(listener))

    def _fill(self, cell: LocalCell, depth: int, begin: bytes) -> Listener:
        place, slot = self._folder.new_book(depth)
        filler = self._fillers[id(cell)] = SlotFiller(cell, depth, place, slot, begin)
        return filler.listener

    def _close(self, filler: SlotFiller) -> None:
        filler.close()
        self._list.remove(filler.place)

    def _books(self) -> Iterator[tuple[SharedBook, str]]:
        return ((shared_book(each.cell.spec, each.depth), each.place) for each in self._fillers.values())
