"""The books of an engine in shared memory: each cell gets a slot, which its book's own thread fills.

The supervisor adds and removes; nobody is waited for. What outlives a book's actor, the slot included, is the cell's.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from depthactors import reporting
from depthactors.actors.book_messages import Greet
from depthactors.actors.cell import Listener
from depthactors.actors.mailbox import tell
from depthactors.book import BookState, BookView
from depthactors.errors import SharingError
from depthactors.sharing import SharedBook
from depthactors.sharing.record import as_stale, pack, restated, shown_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.book_spec import BookSpec
    from depthactors.actors.local_cell import LocalCell
    from depthactors.book import OrderBook
    from depthactors.sharing import EngineFolder
    from depthactors.sharing.slot import SlotWriter

logger = reporting.logger(__name__)

MOVES: Final = 20
"""Books that have another slot at one beat; each is stale for a moment."""


def shared_book(spec: BookSpec, depth: int) -> SharedBook:
    """Return a book as readers find it in the list."""
    return SharedBook(spec.symbol, spec.market.name, spec.speed_ms, depth)


class SharedCell:
    """One cell's slot, and the listener that fills it: in the book's thread, or the notifier's once there is none.

    Attributes:
        cell: whose book it is.
        depth: levels a side that the slot has room for.
        place: of the slot.
        latest: the last record.
        listener: what fills it.
    """

    def __init__(
        self,
        cell: LocalCell,
        depth: int,
        place: str,
        slot: SlotWriter,
        begin: bytes | None,
        *,
        says_over: bool = True,
    ) -> None:
        """Show `begin` until the book's actor has more to say.

        Args:
            cell: whose book it is.
            depth: levels a side that the slot has room for.
            place: of the slot.
            slot: its writing end.
            begin: the first record; `None` for what is in the slot, from a former life.
            says_over: whether this process may say that a book is stopped or failed. In a worker it may not: the book
                is stale then, and nothing more is written, since the engine's process is to write what became of it.
        """
        self.cell = cell
        self.depth = depth
        self.place = place
        self.listener = Listener(self._update, self._event)
        self._slot = slot
        self._says_over = says_over
        self._failed = False
        self._shown = cell.state
        self._former = begin is None
        if begin is None:
            begin = slot.reader().read()[1]
        else:
            slot.write(begin)
        self.latest = begin
        # Before any other: who hears of a change may look at what is shown.
        cell.add(self.listener, first=True)

    def look(self) -> None:
        """Mark what is shown as behind while the book's actor is, has failed to write, or died without a word."""
        unsaid = self._shown is BookState.LIVE and self.cell.state_of(self.depth) is not BookState.LIVE
        behind = self._failed or unsaid
        self._slot.mark(behind=behind)
        if self._failed and not behind:
            # It failed in between, and its own mark may have come before this one.
            self._slot.mark(behind=True)

    def leave(self) -> None:
        """Write no more; readers who have not found another slot yet, or that there is none, see a stale book."""
        self.cell.remove(self.listener)
        self._slot.mark(behind=True)

    def _update(self, book: OrderBook | BookView[Any]) -> None:
        if not isinstance(book, BookView):
            self._write(book, BookState.LIVE)

    def _event(self, event: BookEvent) -> None:
        if not event.state.over or self._says_over:
            self._write(self.cell.last_good(), event.state)
            return
        book = self.cell.last_good()
        has_book = book is not None or shown_state(self.latest) is not BookState.SYNCING
        self._write(book, BookState.STALE if has_book else BookState.SYNCING)
        self.cell.remove(self.listener)

    def _write(self, book: OrderBook | None, state: BookState) -> None:
        cell = self.cell
        why = None if state is BookState.LIVE or cell.error is None else str(cell.error)
        if book is not None:
            self._former = False
        try:
            if self._former:
                # The last good book of a former life is better than none.
                still_stale = state is BookState.SYNCING and shown_state(self.latest) is BookState.STALE
                self.latest = restated(self.latest, BookState.STALE if still_stale else state, why)
            else:
                self.latest = pack(book, self.depth, state, cell.spec.number, why)
            self._slot.write(self.latest)
        except BaseException:
            # At once, for the next beat may be half a second away; the one after the next success takes it back.
            self._failed = True
            self._slot.mark(behind=True)
            raise
        self._failed, self._shown = False, state


class Sharing(Protocol):
    """Where the books of a supervisor are shared. Its thread calls."""

    def check_room(self, depths: Iterable[int]) -> None:
        """Refuse in advance what memory has no room for."""

    def add(self, cell: LocalCell) -> None:
        """Share a book, as deep as it is promised; before its actor is started."""

    def deepen(self, cell: LocalCell, depth: int) -> Listener:
        """Give a book that is to be promised deeper a deeper slot; returns whom its actor is to greet."""

    def has_moved(self, cell: LocalCell) -> bool:
        """Whether a book is to fill another slot than it does; then `deepen` lets it."""

    def remove(self, cell: LocalCell) -> None:
        """Share it no longer."""

    def publish(self) -> None:
        """Let readers find what was added since the last time."""

    def beat(self) -> None:
        """Show that the supervisor gets on, and which books lag."""


class SharedBooks:
    """All of them, and the list that readers find them by. The supervisor's thread."""

    def __init__(self, folder: EngineFolder) -> None:
        """Share nothing yet in a folder that is open."""
        self._folder = folder
        self._shared: dict[int, SharedCell] = {}
        self._over: list[SharedCell] = []

    def check_room(self, depths: Iterable[int]) -> None:
        """Refuse in advance what memory has no room for; errors as of the folder's."""
        self._folder.check_room(depths)

    def add(self, cell: LocalCell) -> None:
        """Share a book, as deep as it is promised; before its actor is started.

        Raises:
            SharingError: no room for it.
        """
        self._share(cell, cell.spec.depth, pack(None, 0, cell.state, cell.spec.number))

    def deepen(self, cell: LocalCell, depth: int) -> Listener:
        """Give a book that is about to be promised deeper a deeper slot; returns whom its actor is to greet.

        Until then it is stale: the levels that were shown last are not so many.

        Raises:
            SharingError: no room for it; the slot that there is stays.
        """
        before = self._shared[id(cell)]
        listener = self._share(cell, depth, as_stale(before.latest))
        self._let_go(before)
        return listener

    def has_moved(self, cell: LocalCell) -> bool:
        """Whether a book is to fill another slot; never, for slots are given here."""
        del cell
        return False

    def remove(self, cell: LocalCell) -> None:
        """Share it no longer."""
        shared = self._shared.pop(id(cell), None)
        if shared is not None:
            self._let_go(shared)

    def publish(self) -> None:
        """Let readers find what was added since the last time, and only then take away what they may have found.

        Raises:
            SharingError: no room for the list; the next beat tries again if something was taken away.
        """
        shared = self._shared.values()
        self._folder.list_books((shared_book(each.cell.spec, each.depth), each.place) for each in shared)
        while self._over:
            self._folder.remove_book(self._over.pop().place)

    def beat(self) -> None:
        """Show that the engine is alive, and which books lag; O(books), a microsecond each."""
        for shared in self._shared.values():
            shared.look()
        self._folder.beat(time.monotonic())
        self._gather()
        if self._over:
            try:
                self.publish()
            except SharingError as error:
                logger.warning("! books that are not shared any more stay listed for now: %s", error)

    def _gather(self) -> None:
        """Have a few books that are alone in large files share others, for the memory to be given back."""
        sparse = set(self._folder.sparse()[:MOVES])
        moving = [shared.cell for shared in self._shared.values() if shared.place in sparse] if sparse else []
        # Where there is no room for that, memory is as it was; the next beat tries again.
        with suppress(SharingError):
            for cell in moving:
                listener = self.deepen(cell, self._shared[id(cell)].depth)
                if cell.ref is not None:
                    tell(cell.ref, Greet(listener))

    def _share(self, cell: LocalCell, depth: int, begin: bytes) -> Listener:
        place, slot = self._folder.new_book(depth)
        shared = self._shared[id(cell)] = SharedCell(cell, depth, place, slot, begin)
        return shared.listener

    def _let_go(self, shared: SharedCell) -> None:
        shared.leave()
        self._over.append(shared)
