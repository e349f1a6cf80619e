"""The snapshot actor: one weight pool's REST requests, the most urgent first, as fast as is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.actors.base import EngineActor
from depthactors.actors.hosts import Hosts
from depthactors.actors.questions import Status
from depthactors.actors.rest_worker import Fetched, RestWorker
from depthactors.actors.snapshot_messages import SnapshotArrived, SnapshotDelayed, SnapshotFailed, SnapshotWanted
from depthactors.actors.snapshot_queue import SnapshotQueue
from depthactors.binance import DepthReply, Snapshot
from depthactors.dispatcher.mailbox import tell
from depthactors.dispatcher.threads import thread_name
from depthactors.errors import LifecycleError, RateLimitedError, SnapshotError, UnknownSymbolError, UsageError
from depthactors.pacing import USUAL
from depthactors.status import PoolStatus
from depthactors.sync import Priority

if TYPE_CHECKING:
    import pykka

    from depthactors.errors import DepthActorsError
    from depthactors.markets import Market
    from depthactors.net.allowance import Allowing
    from depthactors.net.network import Network
    from depthactors.net.settings import NetworkSettings
    from depthactors.pacing import Timing

logger = reporting.logger(__name__)

_WORKERS: Final = 4
"""Requests under way at once. An answer takes tenths of a second; the weight allows some twenty a second."""
_RESERVES: Final = {Priority.RESYNC: 0.0, Priority.NEW: 0.04, Priority.REFRESH: 0.12}
"""Share of a minute's weight that each priority leaves to the more urgent ones: a start makes no resync wait long."""
_SOONER: Final = 0.01
"""Seconds by which a timer must be earlier than the one that is set already, to be worth setting."""
_NO_THREAD: Final = 1.0
"""Seconds to the next try where the system could not start a thread."""


def start_snapshots(
    market: Market,
    settings: NetworkSettings,
    supervisor: pykka.ActorRef[Any],
    *,
    network: Network,
    restarts: int = 0,
) -> pykka.ActorRef[Any]:
    """Start the snapshot actor of a market's weight pool."""
    return SnapshotActor.start(
        f"snapshots-{market.weight_pool}",
        supervisor,
        network=network,
        allowance=network.allowance(market),
        answer_deadline=2 * settings.read_timeout,
        timing=settings.timing,
        restarts=restarts,
    )


# Timers.


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Send what may be sent by now."""


@dataclass(frozen=True, slots=True)
class ReplyOverdue:
    """The request of this id should be answered by now."""

    request_id: int


@dataclass(frozen=True, slots=True)
class ReplyLost:
    """The request of this id was cut a while ago, and its worker should have reported that."""

    request_id: int


class SnapshotActor(EngineActor):
    """Fetches snapshots for books. Thread: the actor's; a request blocks a thread of its own (`RestWorker`)."""

    def __init__(
        self,
        name: str,
        supervisor: pykka.ActorRef[Any],
        *,
        network: Network,
        allowance: Allowing,
        answer_deadline: float = 20.0,
        timing: Timing = USUAL,
        restarts: int = 0,
    ) -> None:
        """Start nothing yet: the worker threads are started with the first request.

        Args:
            name: the pool's name.
            supervisor: the actor that is notified of this actor's death.
            network: the way to the exchange.
            allowance: the pool's weight, which outlives this actor.
            answer_deadline: seconds for a whole answer, after which its connection is cut.
            timing: the engine's durations.
            restarts: number of times that the actor was replaced.
        """
        super().__init__(name, supervisor)
        self._allowance = allowance
        self._network = network
        self._answer_deadline = answer_deadline
        self._timing = timing
        self._restarts = restarts
        self._request_ids = count()
        self._queue = SnapshotQueue()
        self._under_way: dict[int, SnapshotWanted] = {}
        self._workers: list[RestWorker] = []
        self._wakes_at = inf
        self._hosts = Hosts(timing.host_backoff)
        self._trouble = reporting.Trouble(logger, name)
        self._fetched = self._failed = self._limited = 0
        self._error: str | None = None
        self._refusal: RateLimitedError | None = None

    def handle(self, message: Any) -> Any:
        """Handle requests, replies and the timers."""
        match message:
            case SnapshotWanted():
                self._queue.put(message)
                self._report_block(message)
            case Fetched(request_id, reply):
                for worker in self._workers:
                    if worker.request_id == request_id:
                        worker.request_id = None
                self._take_reply(request_id, reply)
            case Dispatch():
                self._wakes_at = inf
            case ReplyOverdue(request_id):
                return self._cut(request_id)
            case ReplyLost(request_id):
                lost = SnapshotError(f"no answer within {self._answer_deadline + self._timing.lost_after:g} s")
                self._take_reply(request_id, DepthReply(lost))
            case Status():
                return self._status()
            case _:
                msg = f"{self.name}: expected a request for a snapshot, was {type(message).__name__}"
                raise UsageError(msg)
        return self._dispatch()

    def release(self, error: BaseException | None) -> None:
        """End the worker threads, and their running requests."""
        del error
        for worker in self._workers:
            worker.abort()

    def _report_block(self, wanted: SnapshotWanted) -> None:
        """Notify a book that has to wait because no requests, or none to its host, may be sent."""
        error: DepthActorsError | None = self._refusal
        if error is None or not self._allowance.level().silent_for:
            error = self._hosts.why_not(wanted.market.rest_url, self.mailbox.now())
        if error is not None:
            tell(wanted.ref, SnapshotDelayed(wanted.epoch, error))

    def _dispatch(self) -> None:
        """Have the workers send as many requests as the allowance allows."""
        while self._queue and self._has_room:
            wanted = self._first()
            if wanted is None:
                return
            if not wanted.ref.is_alive():
                self._queue.remove(wanted)
                continue
            try:
                worker = self._free_worker()
            except LifecycleError as error:
                self._queue.remove(wanted)
                self._fail(wanted, SnapshotError(f"{wanted.symbol}: {error}"))
                self._wake_in(_NO_THREAD)
                return
            wait = self._allowance.take_weight(_weight(wanted), _RESERVES[wanted.priority])
            if wait:
                self._wake_in(wait)
                return
            self._queue.remove(wanted)
            self._send(wanted, worker)

    @property
    def _has_room(self) -> bool:
        """Whether one more request may be sent now; the answers of the others may show that none is allowed.

        A worker whose request was given up is busy for as long as it does not report.
        """
        self._workers = [worker for worker in self._workers if worker.thread.is_alive()]
        return sum(worker.request_id is not None for worker in self._workers) < _WORKERS

    def _send(self, wanted: SnapshotWanted, worker: RestWorker) -> None:
        """Have a worker send a request whose weight is taken."""
        request_id = next(self._request_ids)
        self._under_way[request_id] = wanted
        self._hosts.sent(wanted.market.rest_url, self.mailbox.now())
        self.mailbox.after(self._answer_deadline, ReplyOverdue(request_id))
        worker.fetch(request_id, wanted)

    def _free_worker(self) -> RestWorker:
        """Return a worker without a request; a new one if there is none.

        Raises:
            LifecycleError: the system cannot start another thread.
        """
        for worker in self._workers:
            if worker.request_id is None:
                return worker
        name = thread_name(f"{self.name}-rest")
        worker = RestWorker(name, self.actor_ref, self._network, self._allowance)
        worker.start()
        self._workers.append(worker)
        self.mailbox.helpers = tuple(each.thread for each in self._workers)
        return worker

    def _first(self) -> SnapshotWanted | None:
        """Return the most urgent request whose host may be asked; without one, dispatch again when one may."""
        now, soonest = self.mailbox.now(), inf
        for wanted in self._queue:
            left = self._hosts.left(wanted.market.rest_url, now)
            if not left:
                return wanted
            soonest = min(soonest, left)
        self._wake_in(soonest)
        return None

    def _wake_in(self, wait: float) -> None:
        """Dispatch again after `wait` seconds, unless that will be done sooner anyway."""
        now = self.mailbox.now()
        if now + wait < self._wakes_at - _SOONER:
            self._wakes_at = now + wait
            logger.info("= %s waits %.1f s, %d snapshots queued", self.name, wait, len(self._queue))
            self.mailbox.after(wait, Dispatch())

    def _take_reply(self, request_id: int, reply: DepthReply) -> None:
        """Pass a reply on to the book, unless its request was given up meanwhile."""
        wanted = self._under_way.pop(request_id, None)
        if wanted is None:
            return
        result = reply.result
        if isinstance(result, Snapshot):
            self._fetched += 1
            self._trouble.over("%s: snapshots come again", wanted.market.name)
            self._error = self._refusal = None
            self._hosts.answered(wanted.market.rest_url)
            tell(wanted.ref, SnapshotArrived(wanted.epoch, result, reply.recv_time, reply.body))
        elif isinstance(result, RateLimitedError):
            self._limit(wanted, result)
        else:
            self._fail(wanted, result)
            self._note_failure(wanted, result)

    def _limit(self, wanted: SnapshotWanted, error: RateLimitedError) -> None:
        """Put back a request that was refused for a time: it has not failed, and all requests of the pool wait."""
        self._limited += 1
        self._trouble.came("limit", "no snapshots, without which no book becomes live: %s", error)
        self._error, self._refusal = str(error), error
        if wanted not in self._queue:
            self._queue.put(wanted)
        for each in self._queue:
            tell(each.ref, SnapshotDelayed(each.epoch, error))

    def _fail(self, wanted: SnapshotWanted, error: DepthActorsError) -> None:
        self._failed += 1
        if wanted.priority is not Priority.REFRESH and not isinstance(error, UnknownSymbolError):
            # An unknown symbol ends the book, which reports that itself; a refresh that fails takes no data away.
            words = "no snapshot, without which no book becomes live; requested again: %s"
            self._trouble.came((type(error).__name__, getattr(error, "status", None)), words, error)
        self._error = str(error)
        tell(wanted.ref, SnapshotFailed(wanted.epoch, error))

    def _note_failure(self, wanted: SnapshotWanted, error: DepthActorsError) -> None:
        """Send fewer requests to a host that answers none, and notify the books that wait for it."""
        url = wanted.market.rest_url
        if isinstance(error, UnknownSymbolError) or (isinstance(error, SnapshotError) and (error.status or 500) < 500):
            # An answer, and about this symbol.
            self._hosts.answered(url)
        elif self._hosts.failed(url, error, self.mailbox.now(), self.mailbox.random()):
            for each in self._queue:
                if each.market.rest_url == url:
                    tell(each.ref, SnapshotDelayed(each.epoch, error))

    def _cut(self, request_id: int) -> None:
        """End a request that takes too long, however steadily its answer arrives."""
        if request_id in self._under_way:
            for worker in self._workers:
                if worker.request_id == request_id:
                    worker.cut()
            self.mailbox.after(self._timing.lost_after, ReplyLost(request_id))

    def _status(self) -> PoolStatus:
        waiting = list(self._queue)
        level = self._allowance.level()
        reserve = max((_RESERVES[each.priority] for each in waiting), default=0.0)
        estimate = self._allowance.estimate(sum(map(_weight, waiting)), reserve) if waiting else 0.0
        return PoolStatus(
            name=self.name,
            waiting=len(waiting),
            under_way=len(self._under_way),
            estimate=estimate,
            used_weight=level.used,
            allowed_weight=level.per_minute,
            others_weight=level.others,
            silent_for=level.silent_for,
            fetched=self._fetched,
            failed=self._failed,
            limited=self._limited,
            restarts=self._restarts,
            error=self._error,
        )


def _weight(wanted: SnapshotWanted) -> int:
    return wanted.market.snapshot_weight(wanted.limit)
