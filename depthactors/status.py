"""How an engine does: a row a book, a connection and a weight pool, typed, and as plain values for JSON."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pykka

from depthactors.actors.messages import Status
from depthactors.book import BookState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.actors.rows import BookStatus, PoolStatus, SocketStatus
    from depthactors.actors.supervisor import Children

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How an engine does.

    Attributes:
        books: in the order in which they were followed.
        sockets: connections.
        pools: weight pools, with what waits for a snapshot.
    """

    books: tuple[BookStatus, ...]
    sockets: tuple[SocketStatus, ...]
    pools: tuple[PoolStatus, ...]

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


def gather(children: Children, timeout: float) -> EngineStatus:
    """Ask every connection and pool how it does; one that does not answer in time has no row. Books are not asked."""
    deadline = time.monotonic() + timeout
    asked = [[ref.ask(Status(), block=False) for ref in refs] for refs in (children.sockets, children.pools)]
    sockets, pools = ([*_answers(futures, deadline)] for futures in asked)
    return EngineStatus(tuple(cell.status() for cell in children.cells), tuple(sockets), tuple(pools))


def _answers(futures: Iterable[pykka.Future[Any]], deadline: float) -> Iterable[Any]:
    for future in futures:
        try:
            yield future.get(timeout=max(0.0, deadline - time.monotonic()))
        except (pykka.Timeout, pykka.ActorDeadError):
            logger.debug("! an actor did not say how it does")
