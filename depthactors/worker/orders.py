"""The orders of the engine's process, carried out in a worker process one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors import reporting
from depthactors.actors.questions import Status
from depthactors.actors.supervisor_messages import CloseBook, OpenBooks
from depthactors.dispatcher.lane import Lane
from depthactors.engine.lifecycle import join
from depthactors.errors import BusyError, DepthActorsError, EscalatedError, LifecycleError, UsageError
from depthactors.shards.messages import (
    Answer,
    BookQuestion,
    BookRefused,
    ErrorReport,
    Follow,
    ReportStatus,
    ReportUpdates,
    Unfollow,
)
from depthactors.worker.book_reporter import BookReporter
from depthactors.worker.portable import portable

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.engine.runtime import Runtime
    from depthactors.shards.messages import BookOpening
    from depthactors.status import EngineStatus
    from depthactors.worker.outbox import Outbox
    from depthactors.worker.slots import WorkerSlots

logger = reporting.logger(__name__)

_CLOSE_TIMEOUT: Final = 2.0
"""Seconds for a book's actor to end."""
MOST_WAITING: Final = 2_000
"""Orders that may wait before questions are refused; the others are bounded by the number of books."""
_QUESTIONS: Final = (BookQuestion, ReportStatus)


@dataclass(frozen=True, slots=True)
class _Order:
    """An order in its place among the others."""

    orders: Orders
    order: Any

    def take_turn(self) -> None:
        """Carry it out."""
        self.orders.carry_out(self.order)


class Orders:
    """Carries out orders in a lane of the worker's dispatcher, which may wait for actors.

    Thread: any may put; the lane's carries out.
    """

    def __init__(
        self, name: str, runtime: Runtime, slots: WorkerSlots, outbox: Outbox, end: Callable[[], None]
    ) -> None:
        """Begin without orders.

        Args:
            name: the worker's name.
            runtime: the supervisor of this process, which is asked to do the work.
            slots: the slots of the books.
            outbox: the sender of answers.
            end: a function that ends the worker, called if an order fails for no known reason.
        """
        self._name = name
        self._runtime = runtime
        self._slots = slots
        self._outbox = outbox
        self._end = end
        self._books: dict[int, BookReporter] = {}
        self._lane = Lane(runtime.dispatcher, "orders")

    def put(self, order: Any) -> None:
        """Have an order carried out after those that wait; a question is refused if too many wait."""
        if self.waiting >= MOST_WAITING and isinstance(order, _QUESTIONS):
            self._refuse(order, BusyError(f"{self._name}: {self.waiting} orders wait; ask again later"))
            return
        self._lane.give_turn(_Order(self, order))

    @property
    def waiting(self) -> int:
        """The number of orders that wait, or are being carried out. Thread: any."""
        return self._lane.waiting

    def close(self) -> None:
        """Begin no further order; returns at once."""
        self._lane.close()

    def carry_out(self, order: Any) -> None:
        """Carry out an order, or refuse it. Thread: the lane's."""
        try:
            if self._runtime.alive:
                self._obey(order)
        except DepthActorsError as error:
            if self._runtime.alive:
                self._refuse(order, error)
        except Exception as error:
            # The engine's process gets the reason, sees this process end, and starts another.
            logger.exception("! %s ends: an order could not be carried out", self._name)
            self._outbox.put(ErrorReport(LifecycleError(f"{self._name} ends: {type(error).__name__}: {error}")))
            self._outbox.stop(_CLOSE_TIMEOUT)
            self._leave()
            return
        if not self._runtime.alive:
            # Nothing is refused: the engine's process has another worker carry it out.
            self._leave()

    def _leave(self) -> None:
        self.close()
        self._end()

    def _obey(self, order: Any) -> None:
        match order:
            case Follow(openings):
                self._open(openings)
            case BookQuestion(request_id, book_id, question):
                self._ask(request_id, book_id, question)
            case Unfollow(request_id, book_id):
                self._close(book_id)
                self._outbox.put(Answer(request_id))
            case ReportStatus(request_id, timeout):
                self._outbox.put(Answer(request_id, self._status(timeout)))
            case ReportUpdates(book_id):
                if book_id in self._books:
                    self._books[book_id].report_updates()
            case _:
                msg = f"expected an order for a worker, was {order!r}"
                raise UsageError(msg)

    def _refuse(self, order: Any, error: DepthActorsError) -> None:
        request_id = getattr(order, "request_id", 0)
        self._outbox.put(Answer(request_id, error=portable(error)) if request_id else ErrorReport(portable(error)))

    # Books.

    def _open(self, openings: tuple[BookOpening, ...]) -> None:
        """Follow books; a book that cannot be followed is refused, and does not disturb the others."""
        openings = tuple(opening for opening in openings if not self._is_over(opening))
        if not openings:
            return
        for opening in openings:
            self._slots.expect(opening.spec.key, opening.place)
        try:
            cells = self._runtime.ask(OpenBooks(tuple(opening.spec for opening in openings)))
        except DepthActorsError as error:
            if len(openings) == 1:
                self._refuse_book(openings[0], error)
            else:
                for opening in openings:
                    self._open((opening,))
            return
        finally:
            for opening in openings:
                self._slots.expect_no_more(opening.spec.key)
        for opening, cell in zip(openings, cells, strict=True):
            book = self._books.get(opening.book_id)
            if book is None:
                book = BookReporter(opening, cell, self._outbox, lambda: self._runtime.alive)
                self._books[opening.book_id] = book
            if opening.reports_updates:
                book.report_updates()

    def _is_over(self, opening: BookOpening) -> bool:
        """Refuse to follow a book deeper that was given up here, before the engine's process knew of it.

        Followed anew it would be another book with the same id, whose listeners are being notified of the end of
        the first.
        """
        book = self._books.get(opening.book_id)
        if book is None or not book.cell.is_over:
            return False
        self._refuse_book(opening, book.cell.error or EscalatedError(f"{opening.spec.symbol} was given up"))
        return True

    def _refuse_book(self, opening: BookOpening, error: DepthActorsError) -> None:
        """Refuse to follow a book, which ends the book; raise the error if it is the supervisor's death instead."""
        if not self._runtime.alive:
            raise error
        self._outbox.put(BookRefused(opening.book_id, opening.place, portable(error)))

    def _ask(self, request_id: int, book_id: int, question: Any) -> None:
        book = self._books.get(book_id)
        if book is None:
            self._outbox.put(Answer(request_id, error=pykka.ActorDeadError("the worker does not keep the book")))
        else:
            book.ask(request_id, question)

    def _close(self, book_id: int) -> None:
        """Follow a book no longer, and wait for the end of its actor."""
        book = self._books.pop(book_id, None)
        if book is None:
            return
        clock = self._runtime.dispatcher
        deadline = clock.monotonic() + _CLOSE_TIMEOUT
        # What becomes of the book, and of its slot, is decided in the engine's process.
        book.close()
        for _ in range(book.cell.followers):
            join(self._runtime.ask(CloseBook(book.cell)), deadline, clock=clock)

    def _status(self, timeout: float) -> EngineStatus:
        """Return the status of this process; names get the worker's name, since other workers have the same ones."""
        status: EngineStatus = self._runtime.ask(Status()).gather(timeout)
        return replace(
            status,
            sockets=tuple(replace(row, name=f"{self._name}-{row.name}") for row in status.sockets),
            pools=tuple(replace(row, name=f"{self._name}-{row.name}") for row in status.pools),
        )
