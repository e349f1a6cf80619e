"""The supervisor of an engine with worker processes: to it, a process is a child like any other.

`actors.supervision` has the rules. A process that ends or falls silent is replaced alone. Its books are stale meanwhile
and stay readable, since this process made their slots. A process that keeps dying is given up with its books.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.actors.book_list import BookList, shared_book
from depthactors.actors.supervision import BaseSupervisor, Beat, Child, Supervised
from depthactors.book import BookState
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.errors import (
    EscalatedError,
    SharingError,
    WorkerDiedError,
    WorkerStartError,
    WorkerVersionError,
    as_value,
)
from depthactors.shards.gathering import Shards
from depthactors.shards.messages import Follow, Unfollow
from depthactors.shards.orders import Ask, Closing, Rebalance, Send, WorkerLost
from depthactors.shards.remote_book import RemoteBookActor
from depthactors.shards.remote_cell import RemoteCell
from depthactors.shards.routes import Routes
from depthactors.shards.worker_actor import WorkerActor
from depthactors.shards.workers import Workers, WorkersBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pykka

    from depthactors.actors.book_spec import BookSpec
    from depthactors.actors.notifier import Notifier
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.dispatcher.ending import Ending
    from depthactors.dispatcher.mailbox import Mailbox
    from depthactors.net.network import Network
    from depthactors.net.settings import NetworkSettings
    from depthactors.recording import RecordTo
    from depthactors.shards.process import Process
    from depthactors.shards.workers import SupervisedWorker
    from depthactors.sharing import EngineFolder, SharedBook

logger = reporting.logger(__name__)

_AT_ONCE: Final = 50
"""Number of books in one order to open; other orders may come between two of these."""


class ShardSupervisor(BaseSupervisor[RemoteCell, WorkersBook]):
    """Keeps the worker processes, and for each book an actor in this process."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        settings: NetworkSettings,
        notifier: Notifier,
        network: Network,
        folder: EngineFolder,
        processes: int,
        new_process: Callable[[str], Process],
        record: RecordTo | None = None,
    ) -> None:
        """Begin without children.

        Args:
            dispatcher: the dispatcher of this actor and its children.
            settings: the workers' way to the exchange.
            notifier: notifies users of errors that belong to no book, and of the end of a book whose actor is dead.
            network: the way to the exchange; its allowance is spent by the workers.
            folder: an open folder; the slots of all books are made in it, and outlive the workers.
            processes: the number of workers.
            new_process: a function that starts a worker process; it takes the worker's name.
            record: where the workers record the books; `None` for nowhere.
        """
        super().__init__(dispatcher, settings, notifier)
        self._network = network
        self._folder = folder
        self._new_process = new_process
        self._record = record
        self._workers = Workers(processes, self._start_worker)
        self._ending: list[pykka.ActorRef[Any]] = []
        self._routes = Routes(notifier)
        self._book_ids = count(1)
        self._list = BookList(folder, self._listed, self.dispatcher)

    def begin(self) -> None:
        """Set the timers; the processes are started with the first book."""
        super().begin()
        self.mailbox.after(self._timing.beat, Beat())

    def handle(self, message: Any) -> Any:
        """Handle the requests of the engine, and what the children report."""
        if isinstance(message, Rebalance):
            return self._rebalance(message.processes)
        return super().handle(message)

    def _status_parts(self) -> Shards:
        return Shards(tuple(book.cell for book in self._books.values()), self._workers.refs, self.dispatcher)

    # Books.

    def _open_books(self, specs: tuple[BookSpec, ...]) -> tuple[RemoteCell, ...]:
        """Follow all these books, or none if one cannot be started."""
        opened: list[WorkersBook] = []
        cells: list[RemoteCell] = []
        try:
            self._folder.check_room(spec.depth for spec in specs if spec.key not in self._books)
            self._workers.complete()
            for spec in specs:
                book = self._open_book(spec, opened)
                book.cell.followers += 1
                cells.append(book.cell)
            self._list.write()
        except BaseException:
            for cell in cells:
                self._close_book(cell)
            # Books that were followed before are deeper now: their workers are to fill the deeper slots.
            self._send_follow(book for book in opened if self._books.get(book.cell.spec.key) is book)
            raise
        self._send_follow(opened)
        return tuple(cells)

    def _open_book(self, spec: BookSpec, opened: list[WorkersBook]) -> WorkersBook:
        """Return the book, and add it to `opened` if its worker needs an order."""
        book = self._followed(spec)
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
        cell = RemoteCell(spec, next(self._book_ids), place, slot, worker.child.ref, self._timing, self.dispatcher)
        cell.report = self._notifier.report_error
        try:
            book = WorkersBook(cell, Supervised(self._start_book(cell)), worker)
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
        """Give a book another slot; its worker then needs an order to fill it.

        The former slot is removed once it is not in the list of books any more.

        Raises:
            SharingError: there is no room for another slot; the book keeps its present slot.
        """
        place, slot = self._folder.new_book(depth)
        former = cell.place
        cell.change_slot(place, depth, slot, why)
        self._list.remove(former)

    def _send_follow(self, books: Iterable[WorkersBook]) -> None:
        """Order the workers to follow books."""
        by_worker: dict[int, list[WorkersBook]] = {}
        for book in books:
            by_worker.setdefault(id(book.worker), []).append(book)
        for group in by_worker.values():
            ref = group[0].worker.child.ref
            for start in range(0, len(group), _AT_ONCE):
                cells = [book.cell for book in group[start : start + _AT_ONCE]]
                with ExitStack() as ordering:
                    for cell in cells:
                        ordering.enter_context(cell.ordering)
                    tell(ref, Send(Follow(tuple(cell.opening() for cell in cells))))

    def _attach(self, book: WorkersBook) -> None:
        """Do nothing: the reports of a worker go to the present actor of the book."""

    def _detach(self, book: WorkersBook, error: EscalatedError | None) -> None:
        """Have the worker close a book; if the book has failed, label it in the slot."""
        # Sent here, before the same symbol can be opened anew: messages to a worker stay in order.
        book.closing = self._close_in_worker(book.cell)
        if error is not None:
            book.cell.fail(str(error))

    def _forget(self, book: WorkersBook) -> tuple[Ending, ...]:
        book.worker.books.pop(book.key, None)
        self._routes.remove(book.cell)
        self._list.remove(book.cell.place)
        # The base has the worker close the book.
        ending = super()._forget(book)
        return ending if book.closing is None else (*ending, book.closing)

    @staticmethod
    def _close_in_worker(cell: RemoteCell) -> Ending | None:
        """Have the worker close a book; returns what ends when it did, `None` without a worker."""
        closing = Closing(f"{cell.spec.symbol} in its worker")
        return closing if tell(cell.worker, Ask(partial(Unfollow, book_id=cell.book_id), closing)) else None

    # Workers.

    def _start_worker(self, name: str, restarts: int) -> pykka.ActorRef[Any]:
        return WorkerActor.start(
            name,
            self.actor_ref,
            settings=self._settings,
            folder=self._folder.path,
            routes=self._routes,
            new_process=self._new_process,
            allowance_of=self._network.allowance,
            record=self._record,
            restarts=restarts,
        )

    def _rebalance(self, processes: int | None) -> int:
        """Add or end workers, and spread the books evenly; returns the number of books that move."""
        workers = self._workers
        if processes is not None:
            workers.wanted = processes
        workers.complete()
        moved: list[WorkersBook] = []
        try:
            for worker in workers.leaving:
                for book in list(worker.books.values()):
                    self._move(book, workers.emptiest, moved)
            while len(workers.fullest.books) - len(workers.emptiest.books) > 1:
                self._move(next(reversed(workers.fullest.books.values())), workers.emptiest, moved)
            self._list.write()
        finally:
            # If memory is short, the other books stay with their workers.
            self._send_follow(moved)
            self._ending = [ref for ref in self._ending if not self._is_gone(ref)] + workers.dismiss()
        return len(moved)

    def _move(self, book: WorkersBook, to: SupervisedWorker, moved: list[WorkersBook]) -> None:
        """Have its worker close a book and another worker open it, and add it to `moved`.

        The new worker fills another slot, which begins with the last view as stale. So it does not matter when the
        former worker closes the book.

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

    def _others(self) -> Iterator[Child]:
        for worker in list(self._workers.present):
            yield Child(worker.name, worker.child, partial(self._replace_worker, worker))

    def _replace_worker(self, worker: SupervisedWorker, error: BaseException) -> None:
        """Label the books of a dead process as stale, start another process, and have it follow the same books."""
        lost = (
            error
            if isinstance(error, WorkerDiedError)
            else WorkerDiedError(f"{worker.name}: {reporting.without(worker.name, error)}")
        )
        books = [book for book in worker.books.values() if book.cell.state is not BookState.FAILED]
        if isinstance(error, WorkerVersionError):
            self._do_without(worker, books, error)
            return
        if isinstance(error, WorkerStartError) and worker.child.failure is not error:
            # The system may have too few descriptors or processes at this moment: the next check of the children, not
            # this turn, tries again. The books get the reason.
            worker.child.failure = as_value(error)
            logger.notice(("replace", worker.name), "%s; it will be tried again", error)
            for book in books:
                self._lose(book, error)
            return
        if not worker.child.may_restart(self.dispatcher.monotonic()):
            self._give_up(worker, books, EscalatedError(f"{worker.name} keeps dying: {reporting.cause_of(error)}"))
            return
        for book in books:
            self._lose(book, lost)
        if not self._workers.start_successor(worker):
            return
        for book in books:
            book.cell.worker = worker.child.ref
            book.cell.restarts += 1
        self._send_follow(books)

    @staticmethod
    def _lose(book: WorkersBook, error: WorkerDiedError) -> None:
        """Begin the next life of a book, with its next worker; until that fills the slot, the last view is stale."""
        book.cell.life += 1
        book.cell.lose(str(error))
        tell(book.child.ref, WorkerLost(error))

    def _do_without(self, worker: SupervisedWorker, books: list[WorkersBook], error: WorkerVersionError) -> None:
        """Have the other workers keep the books of a worker whose successor would have another version too."""
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
        self._send_follow(books)
        self._notifier.report_error(EscalatedError(f"{error}; {len(moved)} books move to the other workers"))

    def _give_up(self, worker: SupervisedWorker, books: list[WorkersBook], error: EscalatedError) -> None:
        """Fail the books of a worker, and forget the worker; the next book gets another one."""
        self._workers.present.remove(worker)
        for book in books:
            self._fail_book(book, error)
        self._notifier.report_error(error)

    # The end.

    def _shut_down(self) -> tuple[Mailbox, ...]:
        """Stop all children; the workers that were told to end before are waited for, too."""
        return (*super()._shut_down(), *map(mailbox_of, self._ending))

    # Checks.

    def _is_gone(self, ref: pykka.ActorRef[Any]) -> bool:
        # By its life: an actor counts as dead before it has ended its process, which writes to slots until then.
        life = mailbox_of(ref).life
        return life is None or not life.is_alive()

    def _beat(self) -> None:
        """Show readers that this process is alive, and give memory back."""
        self._gather()
        self._list.beat()

    def _gather(self) -> None:
        """Move a few books that are alone in large files into files with others, so that memory can be given back."""
        sparse = self._list.sparse()
        moving = [book for book in self._books.values() if book.cell.place in sparse] if sparse else []
        moved: list[WorkersBook] = []
        # Without room the books stay where they are, and the next beat tries again.
        with suppress(SharingError):
            for book in moving:
                if not book.cell.is_over:
                    self._change_slot(book.cell, book.cell.spec.depth, "its memory is needed")
                    moved.append(book)
        self._send_follow(moved)

    def _listed(self) -> Iterator[tuple[SharedBook, str]]:
        cells = (book.cell for book in self._books.values())
        return ((shared_book(cell.spec, cell.depth), cell.place) for cell in cells)
