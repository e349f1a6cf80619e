"""The worker processes of an engine as its supervisor knows them: which books each keeps, and how busy it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from depthactors import reporting
from depthactors.actors.supervision import Supervised
from depthactors.shards.balance import PAUSE, Load, relief

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pykka

    from depthactors.actors.book_spec import BookKey
    from depthactors.shards.remote_cell import RemoteCell

logger = reporting.logger(__name__)

_clock = time.monotonic


@dataclass(slots=True)
class Book:
    """A book: its cell, its stand-in here, and the worker that keeps it or is to."""

    cell: RemoteCell
    child: Supervised
    worker: Worker


@dataclass(slots=True, eq=False)
class Worker:
    """A worker process.

    Attributes:
        name: of it and its successors.
        child: its actor.
        books: that it keeps or is to, in the order in which they came.
        cpu: processor time of the process so far, in seconds.
        closing: numbers of the books that it was told to close since they move away.
    """

    name: str
    child: Supervised
    books: dict[BookKey, Book] = field(default_factory=dict)
    cpu: float = 0.0
    closing: set[int] = field(default_factory=set)
    cpu_before: float = 0.0

    def end_if_closed(self) -> None:
        """End a worker that is to go, unless books are to be closed there yet: its process would stop them instead."""
        if not self.closing:
            self.child.ref.stop(block=False)


class Workers:
    """All of them; used in the supervisor's thread only.

    Attributes:
        wanted: how many there are to be.
        present: those that keep books.
        ending: those that go once the books that move away are closed.
    """

    def __init__(self, wanted: int, start: Callable[[str, int], pykka.ActorRef[Any]]) -> None:
        """Begin without any.

        Args:
            wanted: how many there are to be.
            start: starts the actor of a worker of this name that was restarted so many times.
        """
        self.wanted = wanted
        self.present: list[Worker] = []
        self.ending: list[Worker] = []
        self._start = start
        self._names = count(1)
        self._looked_at = self._no_move_before = _clock()

    @property
    def refs(self) -> tuple[pykka.ActorRef[Any], ...]:
        """The actors of those that keep books."""
        return tuple(worker.child.ref for worker in self.present)

    @property
    def emptiest(self) -> Worker:
        """The one with the fewest books."""
        return min(self.present, key=lambda worker: len(worker.books))

    @property
    def fullest(self) -> Worker:
        """The one with the most books."""
        return max(self.present, key=lambda worker: len(worker.books))

    def find(self, ref: pykka.ActorRef[Any]) -> Worker | None:
        """Return the one with that actor, one that is to go too."""
        return next((worker for worker in (*self.present, *self.ending) if worker.child.ref is ref), None)

    def complete(self) -> None:
        """Start those that are missing."""
        while len(self.present) < self.wanted:
            name = f"worker-{next(self._names)}"
            self.present.append(Worker(name, Supervised(self._start(name, 0))))

    def succeed(self, worker: Worker) -> bool:
        """Start the successor of one that is dead; returns whether there is one."""
        succeeded = worker.child.succeed(lambda: self._start(worker.name, worker.child.restarts))
        if succeeded:
            worker.cpu = worker.cpu_before = 0.0
        else:
            words = "%s: could not be replaced, to be tried again: %s"
            logger.notice(("replace", worker.name), words, worker.name, worker.child.failure)
        return succeeded

    def dismiss(self) -> list[Worker]:
        """Let those beyond the wanted number keep no further books; returns them."""
        leaving, self.present = self.present[self.wanted :], self.present[: self.wanted]
        self.ending = [worker for worker in self.ending if worker.child.ref.is_alive()] + leaving
        return leaving

    def closed(self, number: int) -> None:
        """Note that a book that moves is closed where it was, and end those that waited for that."""
        for worker in (*self.present, *self.ending):
            worker.closing.discard(number)
        for worker in self.ending:
            worker.end_if_closed()

    def overload(self) -> tuple[Iterable[BookKey], Worker] | None:
        """Measure the load since the last look; returns which books are to move, and where to, if any are."""
        now = _clock()
        # By the clock: this thread may have been kept from looking.
        seconds, self._looked_at = max(now - self._looked_at, 1e-3), now
        loads = [Load((worker.cpu - worker.cpu_before) / seconds, len(worker.books)) for worker in self.present]
        for worker in self.present:
            worker.cpu_before = worker.cpu
        moves = relief(loads) if now >= self._no_move_before else None
        if moves is None:
            return None
        self._no_move_before = now + PAUSE
        busiest, idlest = self.present[moves.busiest], self.present[moves.idlest]
        logger.warning("~ %s is overloaded: %d books move to %s", busiest.name, moves.books, idlest.name)
        return list(busiest.books)[-moves.books :], idlest
