"""The remote book actor: for one book of a worker, it calls the listeners in the engine's process.

Questions do not wait for it: its mailbox sends them to the worker, in the thread that asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from depthactors import reporting
from depthactors.actors.base import EngineActor
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_failure import report_failure
from depthactors.actors.book_listeners import BookListeners
from depthactors.actors.book_messages import GiveUp, Greet
from depthactors.actors.questions import Question, no_question
from depthactors.book import BookState
from depthactors.dispatcher.mailbox import Mailbox, tell
from depthactors.errors import ActorDiedError
from depthactors.shards.messages import BookChanged, BookRefused, BooksUpdated, ReportUpdates
from depthactors.shards.orders import Send, WorkerLost

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.cell import Listener
    from depthactors.errors import DepthActorsError
    from depthactors.private_names import Envelope
    from depthactors.shards.remote_cell import RemoteCell

logger = reporting.logger(__name__)


class _Inbox(Mailbox):
    """A mailbox that sends questions to the worker instead of keeping them."""

    cell: RemoteCell

    def put(self, envelope: Envelope[Any], /) -> None:
        """Add a message, or send a question to the worker. Thread: any; returns at once."""
        if not isinstance(envelope.message, Question):
            super().put(envelope)
        elif envelope.reply_to is not None:
            self.cell.ask(envelope.message, envelope.reply_to)


class RemoteBookActor(EngineActor):
    """Represents one book of a worker.

    It waits for no worker.
    """

    @staticmethod
    def _create_actor_inbox() -> Any:
        return _Inbox()

    def __init__(self, name: str, cell: RemoteCell, supervisor: pykka.ActorRef[Any]) -> None:
        """Take over a cell."""
        super().__init__(name, supervisor)
        self._cell = cell
        self._shown: int | None = None
        self._listeners = BookListeners(cell)
        cast("_Inbox", self.mailbox).cell = cell
        cell.ref = self.actor_ref
        if not cell.state.over:
            cell.become(cell.state_in_slot())

    def begin(self) -> None:
        """Do what a dead predecessor had not done yet: look at an update, greet new listeners."""
        if self._cell.is_noted:
            self._updated()
        for listener in self._cell.listeners:
            self._greet(listener)

    def handle(self, message: Any) -> Any:
        """Handle the reports of the worker, and the orders of the supervisor and the engine."""
        match message:
            case BooksUpdated():
                return self._updated()
            case BookChanged(_, life, event):
                return self._changed(event) if life == self._cell.life else None
            case BookRefused(_, place, error):
                return self._refused(place, error)
            case WorkerLost(error):
                return None if self._cell.state.over else self._become(self._cell.state_in_slot(), error)
            case GiveUp(error):
                return None if self._cell.state.over else self._become(BookState.FAILED, error)
            case Greet(listener):
                return self._greet(listener)
        raise no_question(message)

    def release(self, error: BaseException | None) -> None:
        """Label the book as over; after a death, report the error alone."""
        if error is not None:
            if not self._cell.state.over:
                # The book itself goes on; a notification may be lost.
                self._listeners.notify_error(
                    ActorDiedError(f"{self._cell.spec.symbol}: the book's actor died: {type(error).__name__}: {error}")
                )
            return
        if self._cell.state is BookState.FAILED:
            return
        self._become(BookState.STOPPED, None)

    def _updated(self) -> None:
        late, merged = self._cell.take_note()
        self._show()
        if late > self._cell.timing.late:
            self._listeners.count_skipped(merged)
        else:
            self._cell.counters.coalesced += merged

    def _show(self) -> None:
        """Notify listeners of the latest update, once: an event and an update may both bring it."""
        with self._cell.held() as latest:
            if latest != self._shown:
                self._shown = latest
                self._listeners.notify_update()

    def _changed(self, event: BookEvent) -> None:
        if self._cell.state.over:
            return
        state = event.state
        if state is BookState.FAILED:
            # The worker writes no more to the slot.
            self._cell.fail(str(event.error))
        elif state in {BookState.SYNCING, BookState.STOPPED}:
            # A new worker begins, and the slot keeps the former one's book until it is live; or the worker ends.
            state = self._cell.state_in_slot()
        if state is not self._cell.state or event.error is not None:
            self._become(state, event.error)
        self._show()

    def _refused(self, place: str, error: DepthActorsError) -> None:
        if place == self._cell.place and not self._cell.state.over:
            # A refusal for another place is late: the slot was replaced before the worker opened it.
            self._cell.fail(str(error))
            self._become(BookState.FAILED, error)

    def _become(self, state: BookState, error: DepthActorsError | None) -> None:
        previous = self._cell.state
        if state is not previous:
            self._shown = None
        self._cell.error = error
        self._cell.become(state)
        if state is BookState.FAILED:
            report_failure(self._cell.spec, error)
        self._listeners.notify_event(BookEvent(self._cell.spec.symbol, previous, state, error))

    def _greet(self, listener: Listener) -> None:
        if not listener.greeted:
            with self._cell.held() as latest:
                self._want_updates(latest)
                self._listeners.greet(listener)

    def _want_updates(self, latest: int) -> None:
        if not self._cell.reports_updates and any(listener.update is not None for listener in self._cell.listeners):
            # The first listener is greeted with the latest update.
            self._shown = latest
            with self._cell.ordering:
                self._cell.reports_updates = True
                self._send(ReportUpdates(self._cell.book_id))

    def _send(self, message: Any) -> None:
        # If the worker is dead this is lost; its successor gets it with the order to open the book.
        tell(self._cell.worker, Send(message))
