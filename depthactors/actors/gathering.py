"""Gathering the status of an engine from its actors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pykka

from depthactors import reporting
from depthactors.actors.questions import Status
from depthactors.errors import LifecycleError
from depthactors.status import EngineStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from depthactors.actors.cell import BookCell
    from depthactors.dispatcher.clock import Clock

logger = reporting.logger(__name__)


@dataclass(frozen=True, slots=True)
class Children:
    """The books and the actors below a supervisor.

    Attributes:
        cells: cells of the books, in the order of the subscriptions.
        sockets: socket actors.
        pools: snapshot actors.
        clock: the engine's time.
    """

    cells: tuple[BookCell, ...]
    sockets: tuple[pykka.ActorRef[Any], ...]
    pools: tuple[pykka.ActorRef[Any], ...]
    clock: Clock

    def gather(self, timeout: float) -> EngineStatus:
        """Return the status of the engine.

        Connections and pools are asked; an actor that does not answer within `timeout` seconds has no row. Book actors
        are not asked. Thread: any but the actors'.
        """
        deadline = self.clock.monotonic() + timeout
        sockets, pools = ([ref.ask(Status(), block=False) for ref in refs] for refs in (self.sockets, self.pools))
        return EngineStatus(
            tuple(cell.status() for cell in self.cells),
            tuple(answers(sockets, self.clock, deadline)),
            tuple(answers(pools, self.clock, deadline)),
        )


def answers(futures: Iterable[pykka.Future[Any]], clock: Clock, deadline: float) -> Iterator[Any]:
    """Yield the answers that arrive before the deadline, a time of that clock; log the failures."""
    for future in futures:
        try:
            yield future.get(timeout=max(0.0, deadline - clock.monotonic()))
        except (pykka.Timeout, pykka.ActorDeadError, LifecycleError) as error:
            # A missing row is better than no status at all.
            logger.debug("! an actor did not return its status: %s", error)
