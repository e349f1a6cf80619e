"""Gathering the status of an engine from its worker processes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors.actors.gathering import answers
from depthactors.actors.questions import Status
from depthactors.dispatcher.future import DispatchedFuture
from depthactors.dispatcher.mailbox import tell
from depthactors.shards.messages import ReportStatus
from depthactors.shards.orders import Ask
from depthactors.status import EngineStatus

if TYPE_CHECKING:
    from depthactors.dispatcher.clock import Clock
    from depthactors.shards.remote_cell import RemoteCell

_SHARE_OF_WORKER: Final = 0.5
"""Share of the timeout that a worker may take to ask its own actors: its answer has to arrive, too."""


@dataclass(frozen=True, slots=True)
class Shards:
    """The books and the workers below a supervisor.

    Attributes:
        cells: cells of the books, in the order of the subscriptions.
        workers: workers' actors.
        clock: the engine's time.
    """

    cells: tuple[RemoteCell, ...]
    workers: tuple[pykka.ActorRef[Any], ...]
    clock: Clock

    def gather(self, timeout: float) -> EngineStatus:
        """Return the status of the engine.

        Each worker is asked within `timeout` seconds, and the rows are put together. If a worker does not answer, the
        rows of its books have only what this process knows. Thread: any but the actors'.
        """
        deadline = self.clock.monotonic() + timeout
        asked: list[pykka.Future[Any]] = [DispatchedFuture() for _ in self.workers]
        for ref, future in zip(self.workers, asked, strict=True):
            if not tell(ref, Ask(partial(ReportStatus, timeout=timeout * _SHARE_OF_WORKER), future)):
                future.set_exception((pykka.ActorDeadError, pykka.ActorDeadError("it is being replaced"), None))
        workers = tuple(answers([ref.ask(Status(), block=False) for ref in self.workers], self.clock, deadline))
        parts: list[EngineStatus] = list(answers(asked, self.clock, deadline))
        rows = {(row.market, row.symbol, row.speed_ms): row for part in parts for row in part.books}
        return EngineStatus(
            tuple(cell.completed(rows.get(cell.name)) for cell in self.cells),
            tuple(row for part in parts for row in part.sockets),
            tuple(row for part in parts for row in part.pools),
            workers,
        )
