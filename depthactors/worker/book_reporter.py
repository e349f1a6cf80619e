"""The reports of a worker process about one of its books."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pykka

from depthactors.actors.book_messages import Greet
from depthactors.actors.cell import Listener
from depthactors.book import BookState
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.shards.messages import Answer, BookChanged
from depthactors.worker.portable import portable

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.cell import BookCell
    from depthactors.shards.messages import BookOpening
    from depthactors.worker.outbox import Outbox


class BookReporter:
    """Reports the events of a book, its updates if wanted, and its actor's answers.

    Attributes:
        cell: the book's cell.
    """

    def __init__(self, opening: BookOpening, cell: BookCell, outbox: Outbox, is_supervised: Callable[[], bool]) -> None:
        """Report the events of the book from now on.

        Args:
            opening: the order to follow the book.
            cell: the book's cell.
            outbox: the sender of the reports.
            is_supervised: a function that returns whether the supervisor of this process lives. Its death ends all
                books here, but not for the engine: the process is replaced.
        """
        self.cell = cell
        self._book_id = opening.book_id
        self._life = opening.life
        self._outbox = outbox
        self._is_supervised = is_supervised
        self._reports_updates = False
        events = Listener(None, self._report_event)
        cell.add(events)
        assert cell.ref is not None, "the supervisor starts the actor before it hands out the cell"
        tell(cell.ref, Greet(events))

    def report_updates(self) -> None:
        """Report updates from now on. Thread: that of the orders; twice is harmless."""
        if not self._reports_updates:
            self._reports_updates = True
            updates = Listener(lambda _book: self._outbox.put_updated(self._book_id), None)
            # The listeners in the engine's process are greeted there, with what the slot shows.
            updates.greeted = True
            self.cell.add(updates)

    def ask(self, request_id: int, question: Any) -> None:
        """Ask the book's actor, which sends the answer itself. Thread: that of the orders; returns at once."""
        ref = self.cell.ref
        if ref is None or not ref.is_alive():
            self._outbox.put(Answer(request_id, error=pykka.ActorDeadError("the book's actor is being replaced")))
            return
        reply: Any = SentReply(request_id, self._outbox)
        mailbox_of(ref).ask(question, reply)

    def close(self) -> None:
        """Report nothing any more, and fill no slot."""
        for listener in self.cell.listeners:
            self.cell.remove(listener)

    def _report_event(self, event: BookEvent) -> None:
        error = None if event.error is None else portable(event.error)
        state = event.state if not event.state.over or self._is_supervised() else BookState.STALE
        self._outbox.put(BookChanged(self._book_id, self._life, replace(event, state=state, error=error)))


class SentReply:
    """Takes the answer of a book's actor as a pykka future does, and sends it to the engine's process."""

    def __init__(self, request_id: int, outbox: Outbox) -> None:
        """Answer the request of that id through the outbox."""
        self._request_id = request_id
        self._outbox = outbox

    def set(self, value: Any = None) -> None:
        """Send the value."""
        self._outbox.put(Answer(self._request_id, value))

    def set_exception(self, exc_info: Any = None) -> None:
        """Send the given error, or the exception that is being handled."""
        error = (exc_info or sys.exc_info())[1]
        self._outbox.put(Answer(self._request_id, error=portable(error)))
