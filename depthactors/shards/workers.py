"""The worker processes of an engine as its supervisor knows them: which books each of them keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from depthactors.actors.supervision import FollowedBook, Supervised
from depthactors.shards.remote_cell import RemoteCell

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from depthactors.actors.book_spec import BookKey
    from depthactors.dispatcher.ending import Ending


@dataclass(slots=True)
class WorkersBook(FollowedBook[RemoteCell]):
    """A book, and the worker that keeps it.

    Attributes:
        worker: the worker.
        closing: ends when the worker has closed the book; `None` before it is ordered to, and without a worker.
    """

    worker: SupervisedWorker
    closing: Ending | None = field(default=None, init=False)


@dataclass(slots=True, eq=False)
class SupervisedWorker:
    """A worker process.

    Attributes:
        name: its name, and that of its successors.
        child: its actor.
        books: the books that it keeps, in the order in which they came.
    """

    name: str
    child: Supervised
    books: dict[BookKey, WorkersBook] = field(default_factory=dict)

    def take(self, book: WorkersBook) -> None:
        """Keep a book that another worker kept."""
        del book.worker.books[book.key]
        self.books[book.key] = book
        book.worker = self


class Workers:
    """All worker processes of an engine.

    Thread: the supervisor's.

    Attributes:
        wanted: the number of workers that there should be.
        present: the workers that keep books, or will keep some.
    """

    def __init__(self, wanted: int, start: Callable[[str, int], pykka.ActorRef[Any]]) -> None:
        """Begin without any.

        Args:
            wanted: the number of workers that there should be.
            start: a function that starts the actor of a worker; it takes the worker's name and number of restarts.
        """
        self.wanted = wanted
        self.present: list[SupervisedWorker] = []
        self._start = start
        self._names = count(1)

    @property
    def refs(self) -> tuple[pykka.ActorRef[Any], ...]:
        """The actors of the present workers."""
        return tuple(worker.child.ref for worker in self.present)

    @property
    def emptiest(self) -> SupervisedWorker:
        """The worker with the fewest books, of the workers that stay."""
        return min(self._staying, key=lambda worker: len(worker.books))

    @property
    def fullest(self) -> SupervisedWorker:
        """The worker with the most books, of the workers that stay."""
        return max(self._staying, key=lambda worker: len(worker.books))

    @property
    def leaving(self) -> list[SupervisedWorker]:
        """The workers beyond the wanted number."""
        return self.present[self.wanted :]

    @property
    def _staying(self) -> list[SupervisedWorker]:
        return self.present[: self.wanted]

    def complete(self) -> None:
        """Start the workers that are missing."""
        while len(self.present) < self.wanted:
            name = f"worker-{next(self._names)}"
            self.present.append(SupervisedWorker(name, Supervised(self._start(name, 0))))

    def start_successor(self, worker: SupervisedWorker) -> bool:
        """Start the successor of a dead worker; returns whether that succeeded."""
        return worker.child.start_successor(worker.name, lambda: self._start(worker.name, worker.child.restarts))

    def dismiss(self) -> list[pykka.ActorRef[Any]]:
        """Tell the workers beyond the wanted number that keep no book to end; returns their actors."""
        ending = [worker for worker in self.leaving if not worker.books]
        self.present = [worker for worker in self.present if worker not in ending]
        for worker in ending:
            worker.child.ref.stop(block=False)
        return [worker.child.ref for worker in ending]
