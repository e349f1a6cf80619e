"""The snapshot actor: one weight pool's REST requests, the most urgent first, as fast as is allowed."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from sortedcontainers import SortedDict

from depthactors.actors.base import THREAD_PREFIX, EngineActor, tell
from depthactors.actors.messages import (
    Fetched,
    SnapshotArrived,
    SnapshotDelayed,
    SnapshotFailed,
    SnapshotWanted,
    Status,
    Tick,
)
from depthactors.errors import RateLimitedError, SnapshotError, UsageError
from depthactors.net.rest import DepthReply, RestClient
from depthactors.wire import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from depthactors.pacing import WeightBudget

logger = logging.getLogger(__name__)

_WORKERS: Final = 4
"""Requests under way at once. An answer takes tenths of a second; the weight allows some twenty a second."""


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """How a weight pool does.

    Attributes:
        name: of the pool.
        waiting: snapshots not yet asked for.
        under_way: requests not yet answered.
        used_weight: of the current minute, as far as known.
    """

    name: str
    waiting: int
    under_way: int
    used_weight: int


class SnapshotActor(EngineActor):
    """Fetches snapshots for books. Runs in its own thread; the requests block in worker threads."""

    def __init__(
        self,
        name: str,
        supervisor: pykka.ActorRef[Any],
        *,
        budget: WeightBudget,
        new_client: Callable[[], RestClient],
    ) -> None:
        """Prepare; the worker threads are started with the first request.

        Args:
            name: of the pool.
            supervisor: told of death.
            budget: the pool's weight, which outlives this actor.
            new_client: makes a client for each worker thread.
        """
        super().__init__(name, supervisor)
        self._budget = budget
        self._new_client = new_client
        self._serial = count()
        self._queue: SortedDict[tuple[int, int], SnapshotWanted] = SortedDict()
        self._places: dict[tuple[str, str], tuple[int, int]] = {}
        self._jobs: SimpleQueue[SnapshotWanted | None] = SimpleQueue()
        self._under_way = 0
        self._clients: list[RestClient] = []
        self._over = threading.Event()
        self._tick_due = False

    def handle(self, message: Any) -> Any:
        """Handle requests, replies and the timer."""
        match message:
            case SnapshotWanted():
                self._enqueue(message)
                return self._dispatch()
            case Fetched(wanted, reply, recv_time):
                self._under_way -= 1
                self._take_reply(wanted, reply, recv_time)
                return self._dispatch()
            case Tick("dispatch"):
                self._tick_due = False
                return self._dispatch()
            case Status():
                return PoolStatus(self.name, len(self._queue), self._under_way, self._budget.used)
        msg = f"{self.name}: expected a request for a snapshot, was {message!r}"
        raise UsageError(msg)

    def release(self, error: BaseException | None) -> None:
        """End the worker threads, and the requests that they are at."""
        del error
        self._over.set()
        for _ in self.mailbox.helpers:
            self._jobs.put(None)
        for client in list(self._clients):
            client.abort()

    def _enqueue(self, wanted: SnapshotWanted) -> None:
        """Add a request, or move the book's earlier one up if this is more urgent."""
        key = _key(wanted)
        place = self._places.pop(key, None)
        serial = next(self._serial)
        if place is not None:
            del self._queue[place]
            if place[0] <= wanted.priority:
                serial = place[1]
        self._places[key] = place = (int(wanted.priority), serial)
        self._queue[place] = wanted

    def _dispatch(self) -> None:
        """Give the workers what the budget allows."""
        while self._queue and self._under_way < _WORKERS:
            place, wanted = self._queue.peekitem(0)
            if not wanted.ref.is_alive():
                self._dequeue(place, wanted)
                continue
            wait = self._budget.take(wanted.market.snapshot_weight(wanted.limit), time.time())
            if wait:
                if not self._tick_due:
                    self._tick_due = True
                    logger.info("= %s waits %.1f s for weight, %d snapshots queued", self.name, wait, len(self._queue))
                    self.mailbox.after(wait, Tick("dispatch"))
                return
            self._dequeue(place, wanted)
            self._under_way += 1
            self._start_workers()
            self._jobs.put(wanted)

    def _dequeue(self, place: tuple[int, int], wanted: SnapshotWanted) -> None:
        del self._queue[place]
        del self._places[_key(wanted)]

    def _take_reply(self, wanted: SnapshotWanted, reply: DepthReply, recv_time: float) -> None:
        if reply.used_weight is not None:
            self._budget.observe(reply.used_weight, recv_time)
        result = reply.result
        if isinstance(result, Snapshot):
            tell(wanted.ref, SnapshotArrived(wanted.epoch, result, recv_time))
        elif isinstance(result, RateLimitedError):
            # Nobody's failure: the request goes back and the whole pool is silent as told.
            logger.warning("! %s %s", self.name, result)
            self._budget.silence(result.retry_after, recv_time)
            if _key(wanted) not in self._places:
                self._enqueue(wanted)
            for each in self._queue.values():
                tell(each.ref, SnapshotDelayed(each.epoch, result))
        else:
            tell(wanted.ref, SnapshotFailed(wanted.epoch, result))

    def _start_workers(self) -> None:
        """Start a worker for each request under way, up to the limit."""
        while len(self.mailbox.helpers) < min(self._under_way, _WORKERS):
            name = f"{THREAD_PREFIX}{self.name}-rest-{len(self.mailbox.helpers) + 1}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self.mailbox.helpers = (*self.mailbox.helpers, thread)
            thread.start()

    def _work(self) -> None:
        """Fetch one snapshot after the other; a worker thread."""
        client = self._new_client()
        self._clients.append(client)
        if self._over.is_set():
            # The actor ended before it could see this client.
            client.abort()
        try:
            while (wanted := self._jobs.get()) is not None:
                try:
                    reply = client.fetch_depth(wanted.market, wanted.symbol, wanted.limit)
                except Exception as error:
                    logger.exception("! %s %s: the request failed unexpectedly", self.name, wanted.symbol)
                    failure = SnapshotError(f"{wanted.symbol}: {type(error).__name__}: {error}")
                    reply = DepthReply(failure, None)
                tell(self.actor_ref, Fetched(wanted, reply, time.time()))
        finally:
            client.close()


def _key(wanted: SnapshotWanted) -> tuple[str, str]:
    """Tell whose request it is: two of the same book are one."""
    return wanted.ref.actor_urn, wanted.symbol
