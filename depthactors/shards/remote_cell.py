"""The cell of a book that a worker process keeps: it reads the book's slot in shared memory."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pykka

from depthactors.actors.listened_cell import ListenedCell
from depthactors.actors.questions import Status
from depthactors.book import BookState, BookView
from depthactors.dispatcher.mailbox import tell
from depthactors.shards.messages import BookOpening, BookQuestion, BooksUpdated
from depthactors.shards.orders import Ask
from depthactors.sharing.record import pack, reason, restated, shown_state, unpack
from depthactors.status import BookStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.actors.book_spec import BookSpec
    from depthactors.book import OrderBook
    from depthactors.book.numerals import NumberT
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.pacing import Timing
    from depthactors.sharing.slot import SlotWriter


class RemoteCell(ListenedCell):
    """A `BookCell` whose book is in a worker process.

    Attributes:
        book_id: the id of the book in messages.
        place: the place of the slot.
        depth: number of levels a side that the slot has room for.
        worker: the actor of the process that keeps the book.
        reports_updates: whether the process is to report updates.
        life: number of workers that have kept the book so far; reports of an earlier life are dropped.
        failed_life: the life in which the worker gave the book up, 0 for none; the actor may not have handled that yet.
        ordering: a lock, held while an order to report updates or to open the book is made and sent, so that the orders
            arrive in the order in which they were made.
    """

    def __init__(
        self,
        spec: BookSpec,
        book_id: int,
        place: str,
        slot: SlotWriter,
        worker: pykka.ActorRef[Any],
        timing: Timing,
        dispatcher: Dispatcher,
    ) -> None:
        """Begin with an empty slot."""
        super().__init__(spec, timing, dispatcher)
        self._state = BookState.SYNCING
        self.book_id = book_id
        self.worker = worker
        self.reports_updates = False
        self.life = 1
        self.failed_life = 0
        self.ordering = threading.Lock()
        slot.write(pack(None, 0, BookState.SYNCING, spec.number))
        self._use(place, spec.depth, slot)
        self._noted_at: float | None = None
        self._merged = 0
        self._held: bytes | None = None

    def opening(self) -> BookOpening:
        """Return the order to follow the book."""
        return BookOpening(self.book_id, self.life, self.spec, self.place, self.reports_updates)

    @property
    def state(self) -> BookState:
        """The state that this process has reported; `state_of` also looks at the slot."""
        return self._state

    def become(self, state: BookState) -> None:
        """Report this state; the slot keeps the latest good book. Thread: as for `BookCell`."""
        self._state = state
        self._settle(state)

    @property
    def is_over(self) -> bool:
        """Whether the book is followed no longer, also before its listeners are notified. Thread: any."""
        return self.state.over or self.failed_life == self.life

    @contextmanager
    def held(self) -> Iterator[int]:
        """Have `shown` return one update within this context, whatever the worker writes; yields the update's id.

        So all listeners are called with the same update, and none of them twice. Thread: the actor's; O(depth).
        """
        record = self._held = self._reader.read()[1]
        try:
            yield self._id_in(record)
        finally:
            self._held = None

    def change_slot(self, place: str, depth: int, slot: SlotWriter, why: str) -> None:
        """Read out of another slot, with room for `depth` levels; it begins with the present book as stale."""
        slot.write(self._stale_record(reason(self._reader.read()[1]) or why))
        self._use(place, depth, slot)

    def lose(self, why: str) -> None:
        """Label the book in the slot as stale; no process may write to the slot at this time."""
        self._leave(self._stale_record(why))

    def fail(self, why: str) -> None:
        """Label the book in the slot as failed; its worker has given it up, or is gone, and writes no more."""
        self._leave(restated(self._reader.read()[1], BookState.FAILED, why))

    def state_in_slot(self) -> BookState:
        """Return the state of the book in the slot. Thread: any; O(depth).

        It is never `STOPPED` or `FAILED`, whatever the slot says: this process alone decides that, in `state`.
        """
        state = shown_state(self._reader.read()[1])
        return BookState.STALE if state.over or (state is BookState.LIVE and self._reader.behind) else state

    def note_update(self) -> None:
        """Have the actor look at the slot, unless it is about to look. Thread: the worker's receiving one."""
        if self._noted_at is not None:
            self._merged += 1
        elif self.ref is not None:
            self._noted_at = self.dispatcher.monotonic()
            tell(self.ref, BooksUpdated((self.book_id,)))

    @property
    def is_noted(self) -> bool:
        """Whether the actor has not yet looked at an update."""
        return self._noted_at is not None

    def take_note(self) -> tuple[float, int]:
        """Return how late the actor looks, in seconds, and the number of updates that came meanwhile."""
        noted_at, merged = self._noted_at, self._merged
        # In this order: an update that comes now is noted anew, or is in the slot when the actor looks.
        self._merged, self._noted_at = 0, None
        return (0.0 if noted_at is None else self.dispatcher.monotonic() - noted_at), merged

    # What readers see.

    def state_of(self, depth: int) -> BookState:
        """Return the present state of the best `depth` levels. Thread: any; O(depth)."""
        if self.state.over:
            return self.state
        state = self.state_in_slot()
        return BookState.STALE if state is BookState.LIVE and depth > self.depth else state

    def view(self, count: int | None, number: type[NumberT], depth: int = 0) -> BookView[NumberT] | None:
        """Read the best `count` levels out of the slot; `None` if it does not have that many. Thread: any."""
        if count is None or max(count, depth) > self.depth:
            return None
        return self._unpacked(None, count, number)

    def _unpacked(self, record: bytes | None, count: int, number: type[NumberT]) -> BookView[NumberT]:
        """Return the best `count` levels of a record that was read before, or of the present one."""
        state = self.state if self.state.over else None
        behind = self._reader.behind
        if record is None:
            record = self._reader.read()[1]
        shown = shown_state(record)
        if state is None and (shown.over or (behind and shown is BookState.LIVE)):
            state = BookState.STALE
        return unpack(self.spec.symbol, record, self.dispatcher.time(), levels=count, state=state, number=number)

    def _id_in(self, record: bytes) -> int:
        return unpack(self.spec.symbol, record, 0.0, levels=0).last_update_id

    def ask(self, question: Any, answer: pykka.Future[Any]) -> None:
        """Ask the book's actor in the worker. Thread: any; returns at once.

        Args:
            question: a question of `actors.questions`.
            answer: the future that gets the answer; an `ActorDeadError` if the worker ends, or is being replaced.
        """
        reply: Any = _Completed(self, answer) if isinstance(question, Status) else answer
        order = Ask(lambda request_id: BookQuestion(request_id, self.book_id, question), reply)
        if not tell(self.worker, order):
            order.refuse(pykka.ActorDeadError(f"the worker of {self.spec.symbol} is being replaced"))

    def read(self, question: Any) -> Any:
        """Answer a question without a message; `None` for a status, of which the worker knows more. Thread: any."""
        return None if isinstance(question, Status) else super().read(question)

    def shown(self, depth: int) -> OrderBook | BookView[Any] | None:
        """Return a view for a listener if the book is live and has `depth` levels. Thread: the actor's."""
        # A listener without a depth gets all levels of the slot.
        levels = depth or self.depth
        view = None if levels > self.depth else self._unpacked(self._held, levels, self.spec.number)
        return view if view is not None and view.state is BookState.LIVE else None

    @property
    def name(self) -> tuple[str, str, int]:
        """Market, symbol and update interval."""
        return self.spec.market.name, self.spec.symbol, self.spec.speed_ms

    def completed(self, row: BookStatus | None) -> BookStatus:
        """Return the worker's row of the book, completed by this process; without a row, what this process knows."""
        if row is None:
            return self.status()
        here = self.counted()
        counters = replace(
            row.counters,
            callback_errors=row.counters.callback_errors + here.callback_errors,
            coalesced=row.counters.coalesced + here.coalesced,
        )
        error = self.error or row.error
        return replace(
            row,
            state=self.state_of(self.spec.depth),
            error=None if error is None else str(error),
            restarts=row.restarts + self.restarts,
            counters=counters,
        )

    def status(self) -> BookStatus:
        """Return what this process knows. Thread: any; O(depth)."""
        spec = self.spec
        view = unpack(spec.symbol, self._reader.read()[1], self.dispatcher.time(), levels=0)
        return BookStatus(
            symbol=spec.symbol,
            market=spec.market.name,
            speed_ms=spec.speed_ms,
            state=self.state_of(spec.depth),
            error=None if self.error is None else str(self.error),
            last_update_id=view.last_update_id,
            depth=spec.depth,
            age=view.age,
            restarts=self.restarts,
            counters=self.counted(),
        )

    def _use(self, place: str, depth: int, slot: SlotWriter) -> None:
        # The depth last: a thread that reads it then finds a slot with that many levels.
        self._reader, self._slot, self.place = slot.reader(), slot, place
        self.depth = depth

    def _leave(self, record: bytes) -> None:
        writer = self._slot.again()
        writer.write(record)
        writer.mark(behind=False)

    def _stale_record(self, why: str) -> bytes:
        record = self._reader.read()[1]
        return record if shown_state(record) is BookState.SYNCING else restated(record, BookState.STALE, why)


class _Completed:
    """Takes a worker's status row as a pykka future does, and answers with the completed row."""

    def __init__(self, cell: RemoteCell, answer: pykka.Future[Any]) -> None:
        self._cell = cell
        self._answer = answer
        self.set_exception = answer.set_exception

    def set(self, value: BookStatus) -> None:
        """Answer with the completed row."""
        self._answer.set(self._cell.completed(value))
