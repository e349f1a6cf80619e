"""The slots of a worker process: the engine's process makes, lists and removes them, and the worker fills them."""

from __future__ import annotations

import mmap
import os
import weakref
from typing import TYPE_CHECKING

from depthactors.actors.publisher import Publisher
from depthactors.actors.slot_filler import SlotFiller
from depthactors.errors import SharingError
from depthactors.sharing.place import parts_of
from depthactors.sharing.record import record_room
from depthactors.sharing.slot import SlotWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from depthactors.actors.book_spec import BookKey
    from depthactors.actors.cell import Listener
    from depthactors.actors.local_cell import LocalCell


class WorkerSlots(Publisher):
    """Shares the books of a worker's supervisor.

    Thread: the supervisor's. The thread of the orders calls `expect` and `expect_no_more` alone, before and after it
    asks the supervisor to open books.
    """

    def __init__(self, folder: Path, beat: Callable[[], None]) -> None:
        """Fill slots in a folder.

        Args:
            folder: the folder.
            beat: a function that shows the engine's process that the supervisor is alive.
        """
        super().__init__()
        self._folder = folder
        self._beat = beat
        self._places: dict[BookKey, str] = {}
        # Each is kept by the slots in it.
        self._memories: weakref.WeakValueDictionary[str, mmap.mmap] = weakref.WeakValueDictionary()

    def expect(self, key: BookKey, place: str) -> None:
        """Have the next call for this book use the slot at `place`, until `expect_no_more`."""
        self._places[key] = place

    def expect_no_more(self, key: BookKey) -> None:
        """Forget the place of a book that was opened, or could not be."""
        self._places.pop(key, None)

    def add(self, cell: LocalCell) -> None:
        """Fill the slot of a book."""
        self._fill(cell, cell.spec.depth)

    def has_moved(self, cell: LocalCell) -> bool:
        """Whether the engine's process has given the book another slot than the present one."""
        place = self._fillers[id(cell)].place
        return self._places.get(cell.spec.key, place) != place

    def deepen(self, cell: LocalCell, depth: int) -> Listener:
        """Fill another slot from now on, perhaps a deeper one; returns the listener for the book's actor to greet."""
        before = self._fillers[id(cell)]
        listener = self._fill(cell, depth)
        cell.remove(before.listener)
        return listener

    def beat(self) -> None:
        """Mark the books that lag, and show that the supervisor is alive."""
        super().beat()
        self._beat()

    def _fill(self, cell: LocalCell, depth: int) -> Listener:
        spec = cell.spec
        place = self._places.get(spec.key)
        if place is None:
            msg = f"{spec.symbol}: expected a slot that the engine's process names, was none"
            raise SharingError(msg)
        file, begin = parts_of(place)
        try:
            memory = self._memories.get(file)
            if memory is None:
                memory = self._memories[file] = self._mapped(file)
        except (OSError, ValueError) as error:
            msg = f"{spec.symbol}: expected to fill a slot in {self._folder / file}: {error}"
            raise SharingError(msg) from error
        slot = SlotWriter(memory, record_room(depth), begin)
        filler = self._fillers[id(cell)] = SlotFiller(cell, depth, place, slot, None, says_over=False)
        return filler.listener

    def _mapped(self, file: str) -> mmap.mmap:
        descriptor = os.open(self._folder / file, os.O_RDWR | os.O_CLOEXEC)
        try:
            return mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
