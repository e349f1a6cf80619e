"""The supervisor of an engine whose books are in worker processes: to it, a process is a child as any other.

One-for-one, as `actors.supervision` has it. A process that ends or falls silent is replaced alone; its books are stale
meanwhile, and what it left of them stays readable, since their slots are this process's. One that keeps dying is given
up with its books.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors import reporting
from depthactors.actors.base import ChildFailed, EngineActor
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_messages import GiveUp
from depthactors.actors.ends import report_end
from depthactors.actors.mailbox import Tick, mailbox_of, tell
from depthactors.actors.publisher import MOVES, listed
from depthactors.actors.questions import Status
from depthactors.actors.supervision import Supervised, opened_in_vain
from depthactors.actors.supervisor_messages import CloseBook, OpenBooks, Shutdown, Withdraw
from depthactors.book import BookState
from depthactors.errors import (
    ActorDiedError,
    EscalatedError,
    SharingError,
    SupervisorDiedError,
    UsageError,
    WorkerDiedError,
    WorkerVersionError,
)
from depthactors.shards.gathering import Shards
from depthactors.shards.messages import Close, Open, Rebalance, WorkerLost
from depthactors.shards.orders import Ask, Send
from depthactors.shards.remote_book import RemoteBookActor
from depthactors.shards.remote_cell import RemoteCell
from depthactors.shards.routes import Routes
from depthactors.shards.worker_actor import WorkerActor
from depthactors.shards.workers import Book, Workers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.actors.book_spec import BookKey, BookSpec
    from depthactors.actors.cell import Lease
    from depthactors.actors.mailbox import Mailbox
    from depthactors.actors.notifier import Teller
    from depthactors.net.settings import NetworkSettings
    from depthactors.shards.workers import Worker
    from depthactors.sharing import EngineFolder

logger = reporting.logger(__name__)

_AT_ONCE: Final = 50
"""Books that a process is told to open in one message: between two it hears other things."""


class ShardSupervisor(EngineActor):
    """Root of the actors of an engine with workers. Runs in its own thread, where no user is called."""

    def __init__(self, settings: NetworkSettings, teller: Teller, folder: EngineFolder, processes: int) -> None:
        """Begin without children.

        Args:
            settings: how the workers are to reach the exchange.
            teller: tells users of what belongs to no book, and of the end of a book whose actor is gone.
            folder: open; the slots of all books are made in it, and outlive the workers.
            processes: how many.
        """
        super().__init__("supervisor", None)
        self.mailbox.root = self
        self._given_up = False
        self._settings = settings
        self._teller = teller
        self._folder = folder
        self._workers = Workers(processes, self._start_worker)
        self._routes = Routes(teller)
        self._numbers = count(1)
        self._books: dict[BookKey, Book] = {}
        self._leaving = threading.Event()
        self._over: list[str] = []

    def begin(self) -> None:
        """Set the timers; the processes are started with the first book."""
        self.mailbox.after(self._settings.timing.watch_interval, Tick("watch"))
        self.mailbox.after(self._settings.timing.beat, Tick("beat"))

    def handle(self, message: Any) -> Any:  # noqa: PLR0911 - the list of messages, a line each
        """Handle what the faces ask and what children report."""
        match message:
            case OpenBooks(specs):
                return self._open_books(specs)
            case CloseBook(cell, lease):
                return self._close_book(cell, lease) if isinstance(cell, RemoteCell) else ()
            case Withdraw(opened):
                return self._withdraw(opened)
            case ChildFailed(name, ref, error):
                return self._replace(name, ref, error)
            case Rebalance(processes):
                return self._rebalance(processes)
            case Tick("watch"):
                return self._watch()
            case Tick("beat"):
                return self._beat()
            case Status():
                return Shards(tuple(book.cell for book in self._books.values()), self._workers.refs)
            case Shutdown():
                return self._shut_down()
        msg = f"expected a message for the supervisor, was {type(message).__name__}"
        raise UsageError(msg)

    def release(self, error: BaseException | None) -> None:
        """Take the children along."""
        if error is not None and not self._leaving.is_set():
            self.give_up(SupervisorDiedError(f"the supervisor died: {type(error).__name__}: {error}"))
        self._shut_down()

    def give_up(self, error: EscalatedError) -> None:
        """Fail every book; as the last act here, and then for those left in the thread of `actors.watch`."""
        first, self._given_up = not self._given_up, True
        if first:
            self._teller.error(error)
        for book in list(self._books.values()):
            if not book.cell.is_over and (first or not book.child.ref.is_alive()):
                self._fail_book(book, error)

    # Books.

    def _open_books(self, specs: tuple[BookSpec, ...]) -> tuple[RemoteCell, ...]:
        """Follow them all, or none of them if one cannot be started."""
        opened: list[Book] = []
        cells: list[RemoteCell] = []
        try:
            self._folder.check_room(spec.depth for spec in specs if spec.key not in self._books)
            self._workers.complete()
            for spec in specs:
                book = self._open_book(spec, opened)
                book.cell.followers += 1
                cells.append(book.cell)
            self._publish()
        except BaseException:
            for cell in cells:
                self._close_book(cell)
            # Those that were followed before are deeper now: their workers are to fill the deeper slots.
            self._send_open(book for book in opened if self._books.get(book.cell.spec.key) is book)
            raise
        self._send_open(opened)
        return tuple(cells)

    def _open_book(self, spec: BookSpec, opened: list[Book]) -> Book:
        """Return the book, and add it to `opened` if its worker is to be told."""
        book = self._books.get(spec.key)
        if book is not None and book.cell.is_over:
            self._forget(spec.key)
            book = None
        if book is not None:
            wanted, before = book.cell.spec.serving(spec), book.cell.spec
            if wanted != before:
                if wanted.depth > before.depth:
                    self._change_slot(book.cell, wanted.depth, "a deeper book is on the way")
                book.cell.spec = wanted
                opened.append(book)
            return book
        worker = self._workers.emptiest
        place, slot = self._folder.new_book(spec.depth)
        cell = RemoteCell(spec, next(self._numbers), place, slot, worker.child.ref, self._settings.timing)
        cell.report = self._teller.error
        try:
            book = Book(cell, Supervised(self._start_book(cell)), worker)
        except BaseException:
            self._folder.remove_book(place)
            raise
        self._books[spec.key] = worker.books[spec.key] = book
        self._routes.add(cell)
        opened.append(book)
        return book

    def _start_book(self, cell: RemoteCell) -> pykka.ActorRef[Any]:
        return RemoteBookActor.start(f"book-{cell.spec.symbol}", cell, self.actor_ref)

    def _change_slot(self, cell: RemoteCell, depth: int, why: str) -> None:
        """Give a book another slot, which its worker is to be told of; the former one is removed when nobody finds it.

        Raises:
            SharingError: no room for it; the slot that there is stays.
        """
        place, slot = self._folder.new_book(depth)
        former = cell.place
        cell.change_slot(place, depth, slot, why)
        self._over.append(former)

    def _send_open(self, books: Iterable[Book]) -> None:
        """Have books followed by their workers."""
        by_worker: dict[int, list[Book]] = {}
        for book in books:
            by_worker.setdefault(id(book.worker), []).append(book)
        for group in by_worker.values():
            ref = group[0].worker.child.ref
            for start in range(0, len(group), _AT_ONCE):
                cells = [book.cell for book in group[start : start + _AT_ONCE]]
                with ExitStack() as ordering:
                    for cell in cells:
                        ordering.enter_context(cell.ordering)
                    tell(ref, Send(Open(tuple(cell.opening() for cell in cells))))

    def _withdraw(self, opened: pykka.Future[Any]) -> None:
        for cell in opened_in_vain(opened):
            self._close_book(cell)

    def _close_book(self, cell: RemoteCell, lease: Lease | None = None) -> tuple[threading.Thread, ...]:
        if lease is not None and not lease.end():
            return ()
        book = self._books.get(cell.spec.key)
        if book is None or book.cell is not cell:
            return ()
        cell.followers -= 1
        return () if cell.followers > 0 else self._forget(cell.spec.key)

    def _forget(self, key: BookKey) -> tuple[threading.Thread, ...]:
        """Have the worker close a book, and stop its actor, which waits for that; returns the thread that is ending."""
        book = self._books.pop(key)
        book.worker.books.pop(key, None)
        self._routes.remove(book.cell)
        self._over.append(book.cell.place)
        # Here, before the same symbol can be opened anew: messages to a worker stay in order.
        book.cell.closed = self._close_in_worker(book.cell)
        alive = book.child.ref.is_alive()
        book.child.ref.stop(block=False)
        if not alive and not book.cell.state.over:
            self._end_in_its_place(book.cell, BookState.STOPPED, None)
        return mailbox_of(book.child.ref).threads

    @staticmethod
    def _close_in_worker(cell: RemoteCell) -> pykka.Future[Any] | None:
        """Have the worker close a book; returns what has a value once it has, `None` where there is no worker."""
        closed: pykka.Future[Any] = pykka.ThreadingFuture()
        close = partial(Close, number=cell.number)
        return closed if tell(cell.worker, Ask(close, closed)) else None

    # Workers.

    def _start_worker(self, name: str, restarts: int) -> pykka.ActorRef[Any]:
        return WorkerActor.start(
            name,
            self.actor_ref,
            settings=self._settings,
            folder=self._folder.path,
            routes=self._routes,
            restarts=restarts,
        )

    def _rebalance(self, processes: int | None) -> int:
        """Add or end workers, and move books until all have as many; returns how many books move."""
        workers = self._workers
        if processes is not None:
            workers.wanted = processes
        workers.complete()
        moved: list[Book] = []
        try:
            for worker in workers.leaving:
                for book in list(worker.books.values()):
                    self._move(book, workers.emptiest, moved)
            while len(workers.fullest.books) - len(workers.emptiest.books) > 1:
                self._move(next(reversed(workers.fullest.books.values())), workers.emptiest, moved)
            self._publish()
        finally:
            # Where memory is short the rest stays with its workers.
            self._send_open(moved)
            workers.dismiss()
        return len(moved)

    def _move(self, book: Book, to: Worker, moved: list[Book]) -> None:
        """Have a book closed by its worker and opened by another one, and add it to `moved`.

        The new worker fills another slot, which begins with the last view as stale. So nothing depends on when the
        former one has closed the book.

        Raises:
            SharingError: no room for another slot; the book stays with its worker.
        """
        cell = book.cell
        if not cell.is_over:
            why = WorkerDiedError(f"{cell.spec.symbol} moves to {to.name}")
            self._change_slot(cell, cell.spec.depth, str(why))
            self._close_in_worker(cell)
            cell.worker = to.child.ref
            self._lose(book, why)
            moved.append(book)
        to.take(book)

    # Replacing the dead.

    def _replace(self, name: str, ref: pykka.ActorRef[Any], error: BaseException) -> None:
        if self._leaving.is_set():
            return
        now = time.monotonic()
        worker = self._workers.find(ref)
        if worker is not None:
            logger.error("! %s", error)
            self._replace_worker(worker, error, now)
            return
        for book in self._books.values():
            if book.child.ref is ref:
                logger.error("! %s died: %s: %s", name, type(error).__name__, reporting.without(name, error))
                self._replace_book(book, error, now)
                return

    def _replace_worker(self, worker: Worker, error: BaseException, now: float) -> None:
        """Label what the process left, start another, and have it follow the same books."""
        lost = error if isinstance(error, WorkerDiedError) else WorkerDiedError(f"{worker.name}: {error}")
        books = [book for book in worker.books.values() if book.cell.state is not BookState.FAILED]
        if isinstance(error, WorkerVersionError):
            self._do_without(worker, books, error)
            return
        if not worker.child.may_restart(now):
            self._give_up(worker, books, EscalatedError(f"{worker.name} keeps dying: {reporting.cause_of(error)}"))
            return
        for book in books:
            self._lose(book, lost)
        if not self._workers.succeed(worker):
            return
        for book in books:
            book.cell.worker = worker.child.ref
            book.cell.restarts += 1
        self._send_open(books)

    @staticmethod
    def _lose(book: Book, error: WorkerDiedError) -> None:
        """Have a book's next worker begin another life of it: what the former one left is stale."""
        book.cell.life += 1
        book.cell.lose(str(error))
        tell(book.child.ref, WorkerLost(error))

    def _do_without(self, worker: Worker, books: list[Book], error: WorkerVersionError) -> None:
        """Have the others keep the books of a worker whose successors would be of another version as well."""
        if len(self._workers.present) == 1:
            self._give_up(worker, books, EscalatedError(str(error)))
            return
        self._workers.present.remove(worker)
        self._workers.wanted = len(self._workers.present)
        moved = list(worker.books.values())
        for book in moved:
            self._workers.emptiest.take(book)
        for book in books:
            book.cell.worker = book.worker.child.ref
            book.cell.restarts += 1
            self._lose(book, error)
        self._send_open(books)
        self._teller.error(EscalatedError(f"{error}; {len(moved)} books move to the other workers"))

    def _give_up(self, worker: Worker, books: list[Book], error: EscalatedError) -> None:
        """Fail these books of a worker, and forget it: the next book gets another one."""
        self._workers.present.remove(worker)
        for book in books:
            self._fail_book(book, error)
        self._teller.error(error)

    def _replace_book(self, book: Book, error: BaseException, now: float) -> None:
        if book.cell.state is BookState.FAILED:
            return
        if not book.child.may_restart(now):
            self._close_in_worker(book.cell)
            self._fail_book(
                book, EscalatedError(f"{book.cell.spec.symbol}: its actor keeps dying: {reporting.cause_of(error)}")
            )
        else:
            book.cell.restarts += 1
            if not book.child.succeed(partial(self._start_book, book.cell)):
                words = "%s: could not be replaced, to be tried again: %s"
                logger.notice(("replace", book.cell.spec.key), words, book.cell.spec.title, book.child.failure)

    def _fail_book(self, book: Book, error: EscalatedError) -> None:
        book.cell.fail(str(error))
        if not tell(book.child.ref, GiveUp(error)):
            self._end_in_its_place(book.cell, BookState.FAILED, error)

    def _end_in_its_place(self, cell: RemoteCell, state: BookState, error: EscalatedError | None) -> None:
        """Label a book without an actor as over, and have its listeners told."""
        previous, cell.error = cell.state, error
        cell.publish(None, state)
        if state is BookState.FAILED:
            report_end(cell.spec, error)
        self._teller.event(cell, BookEvent(cell.spec.symbol, previous, state, error))

    # Looking after.

    def _watch(self) -> None:
        """Notice who died without a word."""
        self.mailbox.after(self._settings.timing.watch_interval, Tick("watch"))
        self._teller.wake()
        books = [book for book in self._books.values() if book.cell.state is not BookState.FAILED]
        children = [(worker.name, worker.child) for worker in self._workers.present]
        children += [(book.cell.spec.symbol, book.child) for book in books]
        for name, child in children:
            thread = mailbox_of(child.ref).thread
            # By its thread: an actor counts as dead before it has ended its process, which writes to slots till then.
            if thread is None or not thread.is_alive():
                error = child.failure or ActorDiedError(f"{name}: its thread ended without a word")
                self._replace(name, child.ref, error)

    def _beat(self) -> None:
        """Show readers that somebody looks after the books, and which there are."""
        self.mailbox.after(self._settings.timing.beat, Tick("beat"))
        self._folder.beat(time.monotonic())
        self._gather()
        if self._over:
            try:
                self._publish()
            except SharingError as error:
                logger.warning("! books that are not shared any more stay listed for now: %s", error)

    def _gather(self) -> None:
        """Have a few books that are alone in large files share others, for the memory to be given back."""
        sparse = set(self._folder.sparse()[:MOVES])
        moving = [book for book in self._books.values() if book.cell.place in sparse] if sparse else []
        moved: list[Book] = []
        # Where there is no room for that, memory is as it was; the next beat tries again.
        with suppress(SharingError):
            for book in moving:
                if not book.cell.is_over:
                    self._change_slot(book.cell, book.cell.spec.depth, "its memory is needed")
                    moved.append(book)
        self._send_open(moved)

    def _publish(self) -> None:
        cells = (book.cell for book in self._books.values())
        self._folder.list_books(listed(cell.spec, cell.depth, cell.place) for cell in cells)
        while self._over:
            # Only now: a reader may have found it in the former list.
            self._folder.remove_book(self._over.pop())

    # The end.

    def _shut_down(self) -> tuple[Mailbox, ...]:
        """Stop books and workers; returns their mailboxes, whose threads the caller joins."""
        self._leaving.set()
        refs = [book.child.ref for book in self._books.values()]
        refs += [worker.child.ref for worker in self._workers.present]
        for ref in refs:
            ref.stop(block=False)
        return tuple(mailbox_of(ref) for ref in refs)
