"""A thread that fetches snapshots for a snapshot actor, one at a time.

The actor assigns each request; the thread has no state but its client, and answers by a message.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from depthactors import reporting
from depthactors.binance import DepthReply
from depthactors.dispatcher.mailbox import tell
from depthactors.dispatcher.threads import start_thread
from depthactors.errors import RateLimitedError, SnapshotError

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.snapshot_messages import SnapshotWanted
    from depthactors.net.allowance import Allowing
    from depthactors.net.rest import RestClient

logger = reporting.logger(__name__)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A worker's reply to the request of this number."""

    number: int
    reply: DepthReply


class _Job(NamedTuple):
    number: int
    wanted: SnapshotWanted


class RestWorker:
    """A thread with a client.

    Thread: the actor's; private methods run in this thread.

    Attributes:
        thread: a daemon; it ends after `abort`.
        at: number of the request that was assigned last and whose reply the actor has not handled; `None` if it is
            free.
    """

    def __init__(self, name: str, owner: pykka.ActorRef[Any], client: RestClient, allowance: Allowing) -> None:
        """Start nothing yet.

        Args:
            name: the thread's name.
            owner: the snapshot actor, which is sent a `Fetched` for each request.
            client: a client for this thread alone.
            allowance: the pool's weight budget, which each answer corrects.
        """
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.at: int | None = None
        self._owner = owner
        self._client = client
        self._allowance = allowance
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()

    def start(self) -> None:
        """Start the thread.

        Raises:
            LifecycleError: the system cannot start another thread.
        """
        start_thread(self.thread, self.thread.name)

    def fetch(self, number: int, wanted: SnapshotWanted) -> None:
        """Fetch a snapshot; for a worker that is free."""
        self.at = number
        self._jobs.put(_Job(number, wanted))

    def cut(self) -> None:
        """Fail the request that it is at, however steadily the answer arrives."""
        if self.at is not None:
            self._client.cut(self.at)

    def abort(self) -> None:
        """Fail the request that it is at, and end the thread; returns at once."""
        self._jobs.put(None)
        self._client.abort()

    def _run(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                tell(self._owner, Fetched(job.number, self._reply(job)))
        finally:
            self._client.close()

    def _reply(self, job: _Job) -> DepthReply:
        """Fetch one snapshot; whatever is raised is a failure of this request and of no other."""
        wanted = job.wanted
        try:
            reply = self._client.fetch_depth(wanted.market, wanted.symbol, wanted.limit, job.number)
        except BaseException as error:
            logger.exception("! %s %s: the request failed unexpectedly", self.thread.name, wanted.symbol)
            return DepthReply(SnapshotError(f"{wanted.symbol}: {type(error).__name__}: {error}"))
        if reply.received:
            self._allowance.note_answer(reply.used_weight, reply.date, reply.sent, reply.received)
        if isinstance(reply.result, RateLimitedError):
            # Here, before another request can be sent.
            self._allowance.silence(reply.result.retry_after, reply.result.longest)
        return reply
