"""How an engine does: a row a book, a connection and a weight pool, typed, and as plain values for JSON."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors import reporting
from depthactors.actors.mailbox import tell
from depthactors.actors.questions import Status
from depthactors.book import BookState
from depthactors.errors import LifecycleError
from depthactors.shards.messages import StatusWanted
from depthactors.shards.supervisor import Shards
from depthactors.shards.worker_actor import Ask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.actors.rows import BookStatus, PoolStatus, SocketStatus, WorkerStatus
    from depthactors.actors.supervisor import Children

logger = reporting.logger(__name__)

_SHARE_OF_WORKER: Final = 0.5
"""Share of the time that a worker may take to ask its own actors: its answer has to arrive, too."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How an engine does.

    Attributes:
        books: in the order in which they were followed.
        sockets: connections.
        pools: weight pools, with what waits for a snapshot; a row for each process that fetches them.
        workers: worker processes, none where the books are in the engine's own.
    """

    books: tuple[BookStatus, ...]
    sockets: tuple[SocketStatus, ...]
    pools: tuple[PoolStatus, ...]
    workers: tuple[WorkerStatus, ...] = ()

    @property
    def live(self) -> int:
        """How many books are live."""
        return sum(book.state is BookState.LIVE for book in self.books)

    @property
    def progress(self) -> float:
        """The share of books that are live, 0 to 1; 1 where there is none to wait for."""
        return self.live / len(self.books) if self.books else 1.0

    @property
    def estimate(self) -> float:
        """Seconds until every snapshot that waits can have been asked for, by the weight that is allowed."""
        return max((pool.estimate for pool in self.pools), default=0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON; O(books)."""
        summary = {"live": self.live, "progress": self.progress, "estimate": self.estimate}
        return summary | asdict(self)


def gather(children: Children | Shards, timeout: float) -> EngineStatus:
    """Ask every connection and pool how it does; one that does not answer in time has no row. Books are not asked."""
    deadline = time.monotonic() + timeout
    if isinstance(children, Shards):
        return _gather_shards(children, deadline)
    asked = [[ref.ask(Status(), block=False) for ref in refs] for refs in (children.sockets, children.pools)]
    sockets, pools = ([*_answers(futures, deadline)] for futures in asked)
    return EngineStatus(tuple(cell.status() for cell in children.cells), tuple(sockets), tuple(pools))


def _gather_shards(shards: Shards, deadline: float) -> EngineStatus:
    """Ask every worker, whose rows are put together; of a book whose worker does not answer little is known."""
    asked: list[pykka.Future[Any]] = [pykka.ThreadingFuture() for _ in shards.workers]
    left = max(0.0, deadline - time.monotonic())
    for ref, future in zip(shards.workers, asked, strict=True):
        if not tell(ref, Ask(partial(StatusWanted, timeout=left * _SHARE_OF_WORKER), future)):
            future.set_exception((pykka.ActorDeadError, pykka.ActorDeadError("it is being replaced"), None))
    workers: tuple[WorkerStatus, ...] = tuple(
        _answers([ref.ask(Status(), block=False) for ref in shards.workers], deadline)
    )
    parts: list[EngineStatus] = [*_answers(asked, deadline)]
    rows = {(row.market, row.symbol, row.speed_ms): row for part in parts for row in part.books}
    return EngineStatus(
        tuple(cell.completed(rows.get(cell.name)) for cell in shards.cells),
        tuple(row for part in parts for row in part.sockets),
        tuple(row for part in parts for row in part.pools),
        workers,
    )


def _answers(futures: Iterable[pykka.Future[Any]], deadline: float) -> Iterable[Any]:
    for future in futures:
        try:
            yield future.get(timeout=max(0.0, deadline - time.monotonic()))
        except (pykka.Timeout, pykka.ActorDeadError, LifecycleError) as error:
            # Of a worker whose own supervisor does not answer nothing is known, and of the others much.
            logger.debug("! an actor did not say how it does: %s", error)
