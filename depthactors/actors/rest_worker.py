"""A fetcher of a snapshot actor, and its present request.

The actor assigns each request; the reply is a message to the actor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from depthactors.dispatcher.mailbox import tell
from depthactors.errors import RateLimitedError

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.snapshot_messages import SnapshotWanted
    from depthactors.binance import DepthReply
    from depthactors.dispatcher.ending import Ending
    from depthactors.net.allowance import Allowing
    from depthactors.net.network import Network


@dataclass(frozen=True, slots=True)
class Fetched:
    """A worker's reply to the request of this id."""

    request_id: int
    reply: DepthReply


class RestWorker:
    """A fetcher of the network, with at most one request.

    Thread: the actor's; `_replied` runs in the fetcher's.

    Attributes:
        request_id: id of its request, from the assignment until the actor has handled the reply; `None` if it is free.
    """

    def __init__(self, name: str, owner: pykka.ActorRef[Any], network: Network, allowance: Allowing) -> None:
        """Start nothing yet.

        Args:
            name: the fetcher's name.
            owner: the snapshot actor, which is sent a `Fetched` for each request.
            network: the way to the exchange.
            allowance: the pool's weight budget, which each answer corrects.
        """
        self.request_id: int | None = None
        self._owner = owner
        self._allowance = allowance
        self._fetcher = network.fetcher(name, self._replied)

    @property
    def thread(self) -> Ending:
        """The fetching thread, or its like in a simulation; it ends after `abort`."""
        return self._fetcher.thread

    def start(self) -> None:
        """Start the fetcher.

        Raises:
            LifecycleError: the system cannot start another thread.
        """
        self._fetcher.start()

    def fetch(self, request_id: int, wanted: SnapshotWanted) -> None:
        """Fetch a snapshot; for a worker that is free."""
        self.request_id = request_id
        self._fetcher.fetch(request_id, wanted.market, wanted.symbol, wanted.limit)

    def cut(self) -> None:
        """Fail its request, however steadily the answer arrives."""
        if self.request_id is not None:
            self._fetcher.cut(self.request_id)

    def abort(self) -> None:
        """Fail its request, and end the fetcher; returns at once."""
        self._fetcher.abort()

    def _replied(self, request_id: int, reply: DepthReply) -> None:
        if reply.received:
            self._allowance.note_answer(reply.used_weight, reply.date, reply.sent, reply.received)
        if isinstance(reply.result, RateLimitedError):
            # Here, before another request can be sent.
            self._allowance.block_requests(reply.result.retry_after, reply.result.longest)
        tell(self._owner, Fetched(request_id, reply))
