"""Filling a slot of shared memory with a book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthactors.actors.cell import Listener
from depthactors.book import BookState, BookView
from depthactors.sharing.record import pack, restated, shown_state, update_of
from depthactors.sync import Former

if TYPE_CHECKING:
    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.local_cell import LocalCell
    from depthactors.book import OrderBook
    from depthactors.sharing.slot import SlotWriter


class SlotFiller:
    """Writes one book into its slot, each time that it changes.

    Thread: the book actor's, or that of the notifier's lane after the actor's death; `mark_if_late` and `close`: the
    supervisor's.

    Attributes:
        cell: cell of the book.
        depth: number of levels a side that fit into the slot.
        place: place of the slot.
        latest: latest record that was written.
        listener: listener of the cell that writes the slot.
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
        """Add a listener to the cell.

        Args:
            cell: cell of the book.
            depth: number of levels a side that fit into the slot.
            place: place of the slot.
            slot: the slot.
            begin: first record to write; `None` to keep the record of a former process.
            says_over: whether this process may write that a book is stopped or failed. A worker process may not: it
                writes that the book is stale, and then nothing more, because the engine's process writes the end.
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
            cell.former = Former(*update_of(begin))
        else:
            slot.write(begin)
        self.latest = begin
        # First, because the function of another listener may read the slot.
        cell.add(self.listener, first=True)

    def mark_if_late(self) -> None:
        """Mark the slot as late if the actor is late or dead, or the latest write failed; else remove the mark."""
        stale = self._shown is BookState.LIVE and self.cell.state_of(self.depth) is not BookState.LIVE
        late = self._failed or stale
        self._slot.mark(behind=late)
        if self._failed and not late:
            # A write failed meanwhile, and this mark may have replaced that of the failure.
            self._slot.mark(behind=True)

    def close(self) -> None:
        """Write no more. Readers that still use the slot see a stale book."""
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
        reason = None if state is BookState.LIVE or cell.error is None else str(cell.error)
        if book is not None:
            self._former = False
        try:
            if self._former:
                # The last good book of a former process is better than none.
                still_stale = state is BookState.SYNCING and shown_state(self.latest) is BookState.STALE
                self.latest = restated(self.latest, BookState.STALE if still_stale else state, reason)
            else:
                self.latest = pack(book, self.depth, state, cell.spec.number, reason)
            self._slot.write(self.latest)
        except BaseException:
            # At once: the next beat may be half a second away. The beat after the next success removes the mark.
            self._failed = True
            self._slot.mark(behind=True)
            raise
        self._failed, self._shown = False, state
