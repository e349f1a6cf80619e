"""Supervision: how a supervisor treats its children, for all supervisors.

The strategy is OTP's one-for-one: a child that dies is replaced, and no other child is disturbed. A death is an
exception, of whatever class, that leaves a handler or the start of an actor; or an end without notice, for which the
supervisor checks its children. Each child has a restart intensity of its own: at most `RESTARTS` in `RESTART_SECONDS`
(OTP's `intensity` and `period`). Beyond it the child is given up, and its books fail with the reason. A successor that
cannot be started counts as a restart; the next check of the children tries again.

| child          | what its successor takes over    | what others notice         | when it is given up          |
|----------------|----------------------------------|----------------------------|------------------------------|
| book           | its cell: the last good levels,  | readers: `STALE`, `LIVE`;  | that book is `FAILED`, its   |
|                | the listeners, the counters      | other books: nothing       | stream is given back         |
| socket         | the streams and their books      | its books: `STALE`, `LIVE` | its books are `FAILED`       |
| reader thread  | (the socket's connection is made | the same                   | with the reconnects, where   |
|                | anew, after a wait)              |                            | `max_reconnects` limits them |
| snapshot actor | the allowance, which belongs to  | nothing: the books ask     | the books of its pool are    |
|                | the address                      | again                      | `FAILED`                     |
| REST worker    | (the next request starts one)    | one request fails          | never                        |
| ticker         | its stream                       | nothing: its book goes on  | its stream is recorded no    |
|                |                                  |                            | longer, which the notes say  |
| worker process | the books' cells and slots: the  | readers of its books:      | its books are `FAILED`       |
|                | last good levels, the listeners  | `STALE`, `LIVE`            |                              |
| actor of a     | its cell                         | its listeners: an error    | that book is `FAILED`        |
| remote book    |                                  |                            |                              |

A worker process of another version of the package, as after an upgrade, is not replaced: the other workers keep its
books. With workers, each process has a supervisor; the last two rows are children of the one in the engine's process.
The supervisor is the root. If it dies, `actors.watch` sets every book to `FAILED` and stops everything, and the engine
reports it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from depthactors import reporting
from depthactors.actors.base import ChildFailed, EngineActor, with_text
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_failure import report_failure
from depthactors.actors.book_messages import GiveUp
from depthactors.actors.cell import BookCell
from depthactors.actors.questions import Status
from depthactors.actors.supervisor_messages import CloseBook, OpenBooks, Shutdown, Withdraw
from depthactors.book import BookState
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.errors import ActorDiedError, EscalatedError, SupervisorDiedError, UsageError, as_value
from depthactors.pacing import RestartIntensity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pykka

    from depthactors.actors.book_spec import BookKey, BookSpec
    from depthactors.actors.cell import Lease
    from depthactors.actors.notifier import Notifier
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.dispatcher.ending import Ending
    from depthactors.dispatcher.mailbox import Mailbox
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)

RESTARTS: Final = 5
RESTART_SECONDS: Final = 60.0
"""A child that dies more often than `RESTARTS` times in `RESTART_SECONDS` will not recover by itself."""


def _intensity() -> RestartIntensity:
    return RestartIntensity(RESTARTS, RESTART_SECONDS)


@dataclass(slots=True)
class Supervised:
    """A child of the supervisor.

    Attributes:
        ref: the present actor.
        restarts: number of times that it was replaced, or should have been.
        failure: why the latest successor could not be started, `None` if it could.
    """

    ref: pykka.ActorRef[Any]
    restarts: int = 0
    failure: Exception | None = None
    _intensity: RestartIntensity = field(default_factory=_intensity)

    def may_restart(self, now: float) -> bool:
        """Count a restart at `now` (monotonic); returns whether it is within the intensity."""
        if not self._intensity.allows(now):
            return False
        self.restarts += 1
        return True

    def start_successor(self, name: str, start: Callable[[], pykka.ActorRef[Any]]) -> bool:
        """Replace the dead actor by a new one; returns whether it could be started.

        Whatever `start` raises is logged and kept as the failure. The dead actor then stays in place, and the
        supervisor's next check tries again.
        """
        try:
            self.ref = start()
        except Exception as error:  # noqa: BLE001 - nothing that a child does may end the supervisor
            self.failure = as_value(error)
            words = "%s: could not be replaced, and will be tried again: %s"
            logger.notice(("replace", name), words, name, self.failure)
            return False
        self.failure = None
        return True


CellT = TypeVar("CellT", bound=BookCell)


@dataclass(slots=True)
class FollowedBook(Generic[CellT]):
    """A book of a supervisor.

    Attributes:
        cell: the book's cell.
        child: the actor that writes the cell and calls the listeners.
        failure: why the book was given up, `None` if it was not.
    """

    cell: CellT
    child: Supervised
    failure: EscalatedError | None = field(default=None, init=False)

    @property
    def key(self) -> BookKey:
        """The key that no other book of the supervisor has."""
        return self.cell.spec.key


BookT = TypeVar("BookT", bound=FollowedBook[Any])


class Child(NamedTuple):
    """A child, as the supervisor checks it.

    Attributes:
        name: the name in the log.
        supervised: the child.
        replace: a function that replaces the child, or gives it up, because of an error.
    """

    name: str
    supervised: Supervised
    replace: Callable[[BaseException], None]


@dataclass(frozen=True, slots=True)
class LookAtChildren:
    """A timer of the supervisor: check whether all children are alive."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A timer of the supervisor: show readers in other processes that it is alive."""


class BaseSupervisor(EngineActor, ABC, Generic[CellT, BookT]):
    """Root of the actors: keeps the books, and replaces or gives up actors that die.

    A subclass defines what a book needs: connections and snapshots in this process, or a worker process.

    Thread: the actor's; no user's function is called in its turns.
    """

    def __init__(self, dispatcher: Dispatcher, settings: NetworkSettings, notifier: Notifier) -> None:
        """Begin without children.

        Args:
            dispatcher: the dispatcher of this actor and its children.
            settings: the way to the exchange.
            notifier: notifies users of errors that belong to no book, and of the end of a book whose actor is dead.
        """
        super().__init__("supervisor", None, dispatcher)
        self.mailbox.root = self
        self._settings = settings
        self._timing = settings.timing
        self._notifier = notifier
        self._books: dict[BookKey, BookT] = {}
        self._is_stopping = False
        self._given_up = False

    def begin(self) -> None:
        """Set the timer for the checks of the children."""
        self.mailbox.after(self._timing.watch_interval, LookAtChildren())

    def handle(self, message: Any) -> Any:  # noqa: PLR0911 - the list of messages, a line each
        """Handle the requests of the engine, and the timers."""
        match message:
            case OpenBooks(specs):
                return self._open_books(specs)
            case CloseBook(cell, lease):
                return self._close_book(cell, lease)
            case Withdraw(opened):
                return self._withdraw(opened)
            case ChildFailed(name, ref, error):
                return self._replace(name, ref, error)
            case LookAtChildren():
                return self._look()
            case Beat():
                return self._go_on_beating()
            case Status():
                return self._status_parts()
            case Shutdown():
                return self._shut_down()
        msg = f"expected a message for the supervisor, was {type(message).__name__}"
        raise UsageError(msg)

    def release(self, error: BaseException | None) -> None:
        """Stop the children too; after a death, fail the books before."""
        if error is not None and not self._is_stopping:
            self.give_up(SupervisorDiedError(f"the supervisor died: {type(error).__name__}: {error}"))
        self._shut_down()

    def give_up(self, error: EscalatedError) -> None:
        """Fail every book. Called as the last act of this actor, and then by `actors.watch` for the books left."""
        if not self._given_up:
            self._given_up = True
            self._notifier.report_error(error)
        for book in list(self._books.values()):
            if not book.cell.is_over and (book.failure is None or not book.child.ref.is_alive()):
                self._fail_book(book, error)

    # What a subclass defines.

    @abstractmethod
    def _open_books(self, specs: tuple[BookSpec, ...]) -> tuple[CellT, ...]:
        """Follow all these books, or none if one cannot be started."""

    @abstractmethod
    def _start_book(self, cell: CellT) -> pykka.ActorRef[Any]:
        """Start a book's actor."""

    @abstractmethod
    def _attach(self, book: BookT) -> None:
        """Connect the successor of a book's actor to the stream or the worker of its predecessor."""

    @abstractmethod
    def _detach(self, book: BookT, error: EscalatedError | None) -> None:
        """Release the stream or the worker of a book that is unsubscribed, or has failed with an error."""

    @abstractmethod
    def _others(self) -> Iterator[Child]:
        """Return the children that are no books."""

    @abstractmethod
    def _status_parts(self) -> object:
        """Return the books and the actors of which the engine's status consists."""

    @abstractmethod
    def _beat(self) -> None:
        """Show readers in other processes that this supervisor is alive."""

    def _go_on_beating(self) -> None:
        """Beat now, and set the timer for the next beat."""
        self.mailbox.after(self._timing.beat, Beat())
        self._beat()

    # Books.

    def _followed(self, spec: BookSpec) -> BookT | None:
        """Return the book that is followed already, `None` if there is none; a book that is over is forgotten."""
        book = self._books.get(spec.key)
        if book is not None and book.cell.is_over:
            self._forget(book)
            return None
        return book

    def _withdraw(self, opened: pykka.Future[Any]) -> None:
        """Close the books of an `OpenBooks` that was handled before; there is none if it failed or was never sent."""
        try:
            cells: tuple[BookCell, ...] = opened.get(timeout=0)
        except Exception:  # noqa: BLE001 - whatever it failed with, the caller has gone
            return
        for cell in cells:
            self._close_book(cell)

    def _close_book(self, cell: BookCell, lease: Lease | None = None) -> tuple[Ending, ...]:
        """End a subscription; returns what ends with a book's last subscription."""
        if lease is not None and not lease.close():
            return ()
        book = self._books.get(cell.spec.key)
        if book is None or book.cell is not cell:
            # This cell's book has failed, and another subscription follows the same book anew.
            return ()
        cell.followers -= 1
        return () if cell.followers > 0 else self._forget(book)

    def _forget(self, book: BookT) -> tuple[Ending, ...]:
        """Follow a book no longer; returns what is ending."""
        self._detach(book, None)
        del self._books[book.key]
        self._stop_book(book)
        return mailbox_of(book.child.ref).endings

    def _stop_book(self, book: BookT) -> None:
        """Let a book end as stopped, also if its actor is dead and waits for a successor."""
        alive = book.child.ref.is_alive()
        book.child.ref.stop(block=False)
        if not alive and not book.cell.is_over:
            self._end_without_actor(book.cell, BookState.STOPPED, None)

    def _fail_book(self, book: BookT, error: EscalatedError) -> None:
        """Let a book end as failed, also if its actor is dead."""
        self._detach(book, error)
        book.failure = error
        if not tell(book.child.ref, GiveUp(error)):
            self._end_without_actor(book.cell, BookState.FAILED, error)

    def _end_without_actor(self, cell: CellT, state: BookState, error: EscalatedError | None) -> None:
        """Label a book whose actor is dead as over, and have its listeners notified."""
        previous, cell.error = cell.state, error
        cell.become(state)
        if state is BookState.FAILED:
            report_failure(cell.spec, error)
        self._notifier.report_event(cell, BookEvent(cell.spec.symbol, previous, state, error))

    # Replacing the dead.

    def _children(self) -> list[Child]:
        books = [
            Child(book.cell.spec.symbol, book.child, partial(self._replace_book, book))
            for book in self._books.values()
            if book.cell.state is not BookState.FAILED
        ]
        return [*books, *self._others()]

    def _replace(self, name: str, ref: pykka.ActorRef[Any], error: BaseException) -> None:
        """Replace a child, or give it up if it dies too often."""
        if self._is_stopping:
            return
        logger.error("! %s died: %s: %s", name, type(error).__name__, reporting.without(name, error))
        for child in self._children():
            if child.supervised.ref is ref:
                child.replace(error)
                return

    def _replace_book(self, book: BookT, error: BaseException) -> None:
        symbol = book.cell.spec.symbol
        if book.failure is not None:
            # Given up meanwhile; its actor died before it could report that.
            self._fail_book(book, book.failure)
        elif not book.child.may_restart(self.mailbox.now()):
            self._fail_book(
                book, EscalatedError(f"{symbol}: the book's actor keeps dying: {reporting.cause_of(error)}")
            )
        else:
            book.cell.restarts += 1
            if book.child.start_successor(symbol, partial(self._start_book, book.cell)):
                self._attach(book)

    def _look(self) -> None:
        """Replace the children that died without notice."""
        self.mailbox.after(self._timing.watch_interval, LookAtChildren())
        for name, supervised, _ in self._children():
            if self._is_gone(supervised.ref):
                # Its report may be behind this message, or lost.
                death = mailbox_of(supervised.ref).death
                error = ActorDiedError(f"{name}: it ended without notice") if death is None else with_text(death)
                self._replace(name, supervised.ref, supervised.failure or error)

    def _is_gone(self, ref: pykka.ActorRef[Any]) -> bool:
        return not ref.is_alive()

    # The end.

    def _shut_down(self) -> tuple[Mailbox, ...]:
        """Stop all children; returns their mailboxes, whose ends the caller waits for."""
        self._is_stopping = True
        # Books first: they would report the end of a stream.
        for book in self._books.values():
            self._stop_book(book)
        others = [child.supervised.ref for child in self._others()]
        for ref in others:
            ref.stop(block=False)
        return tuple(mailbox_of(ref) for ref in (*(book.child.ref for book in self._books.values()), *others))
