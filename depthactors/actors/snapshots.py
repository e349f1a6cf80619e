"""The snapshot actor: one weight pool's REST requests, the most urgent first, as fast as is allowed."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from itertools import count
from math import inf
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sortedcontainers import SortedDict

from depthactors import reporting
from depthactors.actors.base import EngineActor
from depthactors.actors.mailbox import Tick, tell
from depthactors.actors.questions import Status
from depthactors.actors.snapshot_messages import SnapshotArrived, SnapshotDelayed, SnapshotFailed, SnapshotWanted
from depthactors.actors.threads import THREAD_PREFIX, start_thread
from depthactors.binance import DepthReply, Snapshot
from depthactors.errors import LifecycleError, RateLimitedError, SnapshotError, UnknownSymbolError, UsageError
from depthactors.net.allowance import allowance_of
from depthactors.net.rest import RestClient
from depthactors.pacing import USUAL, HostPace
from depthactors.status import PoolStatus
from depthactors.sync import Priority

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from depthactors.errors import DepthActorsError
    from depthactors.markets import Market
    from depthactors.net.allowance import Allowing
    from depthactors.net.settings import NetworkSettings
    from depthactors.pacing import Timing

logger = reporting.logger(__name__)

_WORKERS: Final = 4
"""Requests under way at once. An answer takes tenths of a second; the weight allows some twenty a second."""
_RESERVES: Final = {Priority.RESYNC: 0.0, Priority.NEW: 0.04, Priority.REFRESH: 0.12}
"""Share of a minute's weight that each leaves to the more urgent: so a start never makes a resync wait for a minute."""
_SOONER: Final = 0.01
"""Seconds by which an alarm must be earlier than the one that is set to be worth a second one."""


def start_snapshots(
    market: Market, settings: NetworkSettings, supervisor: pykka.ActorRef[Any], *, restarts: int = 0
) -> pykka.ActorRef[Any]:
    """Start the snapshot actor of a market's weight pool."""
    return SnapshotActor.start(
        f"snapshots-{market.weight_pool}",
        supervisor,
        allowance=allowance_of(market),
        new_client=lambda: RestClient(settings),
        answer_deadline=2 * settings.read_timeout,
        timing=settings.timing,
        restarts=restarts,
    )


class _Job(NamedTuple):
    number: int
    wanted: SnapshotWanted


@dataclass(frozen=True, slots=True)
class Fetched:
    """A worker's reply to the request of that number."""

    number: int
    reply: DepthReply


class SnapshotActor(EngineActor):
    """Fetches snapshots for books. Runs in its own thread; the requests block in worker threads."""

    def __init__(
        self,
        name: str,
        supervisor: pykka.ActorRef[Any],
        *,
        allowance: Allowing,
        new_client: Callable[[], RestClient],
        answer_deadline: float = 20.0,
        timing: Timing = USUAL,
        restarts: int = 0,
    ) -> None:
        """Prepare; the worker threads are started with the first request.

        Args:
            name: of the pool.
            supervisor: told of death.
            allowance: of the pool's weight, which outlives this actor.
            new_client: makes a client for each worker thread.
            answer_deadline: seconds for a whole answer, after which its connection is cut.
            timing: the engine's durations.
            restarts: how often the actor was replaced.
        """
        super().__init__(name, supervisor)
        self._allowance = allowance
        self._new_client = new_client
        self._answer_deadline = answer_deadline
        self._timing = timing
        self._restarts = restarts
        self._serial = count()
        self._queue: SortedDict[tuple[int, int], SnapshotWanted] = SortedDict()
        self._places: dict[tuple[str, str], tuple[int, int]] = {}
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._under_way: dict[int, SnapshotWanted] = {}
        self._clients: list[RestClient] = []
        # Which client is at which job; workers write it, each its own entry.
        self._at_work: dict[int, RestClient] = {}
        self._over = threading.Event()
        self._wakes_at = inf
        self._paces: dict[str, HostPace] = {}
        self._failures: dict[str, DepthActorsError] = {}
        self._trouble = reporting.Trouble(logger, name)
        self._fetched = self._failed = self._limited = 0
        self._error: str | None = None
        self._refusal: RateLimitedError | None = None

    def handle(self, message: Any) -> Any:
        """Handle requests, replies and the timers."""
        match message:
            case SnapshotWanted():
                self._enqueue(message)
                self._say_why_it_waits(message)
                return self._dispatch()
            case Fetched(number, reply):
                self._take_reply(number, reply)
                return self._dispatch()
            case Tick("dispatch"):
                self._wakes_at = inf
                return self._dispatch()
            case Tick("overdue", number):
                return self._cut(number)
            case Tick("lost", number):
                if (client := self._at_work.get(number)) is not None:
                    # Perhaps its worker came to it too late to be cut before.
                    client.cut(number)
                lost = SnapshotError(f"no answer within {self._answer_deadline + self._timing.lost_after:g} s")
                self._take_reply(number, DepthReply(lost))
                return self._dispatch()
            case Status():
                return self._status()
        msg = f"{self.name}: expected a request for a snapshot, was {type(message).__name__}"
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

    def _say_why_it_waits(self, wanted: SnapshotWanted) -> None:
        """Tell a book that asks while nobody, or nobody of its host, is answered."""
        if self._refusal is not None and self._allowance.level().silent_for:
            tell(wanted.ref, SnapshotDelayed(wanted.epoch, self._refusal))
        elif self._failures and self._pace_of(wanted).left(time.monotonic()):
            error = self._failures.get(wanted.market.rest_url)
            if error is not None:
                tell(wanted.ref, SnapshotDelayed(wanted.epoch, error))

    def _dispatch(self) -> None:
        """Give the workers what the allowance allows."""
        if self._jobs.qsize():
            # Perhaps there was no thread to give.
            self._start_workers()
        while self._queue and self._busy < _WORKERS:
            found = self._first()
            if found is None:
                return
            place, wanted = found
            if not wanted.ref.is_alive():
                self._dequeue(place, wanted)
                continue
            wait = self._allowance.take_weight(_weight(wanted), _RESERVES[wanted.priority])
            if wait:
                self._wake_in(wait)
                return
            self._dequeue(place, wanted)
            self._pace_of(wanted).sent(time.monotonic())
            job = _Job(next(self._serial), wanted)
            self._under_way[job.number] = wanted
            self.mailbox.after(self._answer_deadline, Tick("overdue", job.number))
            self._start_workers()
            self._jobs.put(job)

    @property
    def _busy(self) -> int:
        """How many requests were begun whose answers nobody has looked at yet; the last of them may forbid the next.

        What was given up counts for as long as a worker is at it.
        """
        return len(self._under_way) + sum(number not in self._under_way for number in list(self._at_work))

    def _first(self) -> tuple[tuple[int, int], SnapshotWanted] | None:
        """Return the most urgent request whose host may be asked; without one, look again when one may."""
        now, soonest = time.monotonic(), inf
        for place, wanted in self._queue.items():
            left = self._pace_of(wanted).left(now)
            if not left:
                return place, wanted
            soonest = min(soonest, left)
        self._wake_in(soonest)
        return None

    def _pace_of(self, wanted: SnapshotWanted) -> HostPace:
        return self._paces.setdefault(wanted.market.rest_url, HostPace(self._timing.host_backoff))

    def _wake_in(self, wait: float) -> None:
        """Look again after so many seconds, unless that will be done sooner anyway."""
        now = time.monotonic()
        if now + wait < self._wakes_at - _SOONER:
            self._wakes_at = now + wait
            logger.info("= %s waits %.1f s, %d snapshots queued", self.name, wait, len(self._queue))
            self.mailbox.after(wait, Tick("dispatch"))

    def _dequeue(self, place: tuple[int, int], wanted: SnapshotWanted) -> None:
        del self._queue[place]
        del self._places[_key(wanted)]

    def _take_reply(self, number: int, reply: DepthReply) -> None:
        wanted = self._under_way.pop(number, None)
        if wanted is None:
            # Given up meanwhile, or answered.
            return
        result = reply.result
        if isinstance(result, Snapshot):
            self._fetched += 1
            self._trouble.over("%s: snapshots come again", wanted.market.name)
            self._error = self._refusal = None
            self._host_answered(wanted)
            tell(wanted.ref, SnapshotArrived(wanted.epoch, result, reply.recv_time))
        elif isinstance(result, RateLimitedError):
            # Nobody's failure: the request goes back and the whole pool is silent as told.
            self._limited += 1
            self._trouble.came("limit", "no snapshots, which a book begins with: %s", result)
            self._error, self._refusal = str(result), result
            if _key(wanted) not in self._places:
                self._enqueue(wanted)
            for each in self._queue.values():
                tell(each.ref, SnapshotDelayed(each.epoch, result))
        else:
            self._failed += 1
            if wanted.priority is not Priority.REFRESH and not isinstance(result, UnknownSymbolError):
                # That one ends the book, which says so; and a refresh that fails keeps nobody from seeing data.
                words = "no snapshot, which a book begins with, to be tried again: %s"
                self._trouble.came((type(result).__name__, getattr(result, "status", None)), words, result)
            self._error = str(result)
            tell(wanted.ref, SnapshotFailed(wanted.epoch, result))
            self._note_failure(wanted, result)

    def _note_failure(self, wanted: SnapshotWanted, error: DepthActorsError) -> None:
        """Ask a host less that brings nothing to anybody, and tell those who wait for it why they do."""
        if isinstance(error, UnknownSymbolError) or (isinstance(error, SnapshotError) and (error.status or 500) < 500):
            # An answer, and about this symbol.
            self._host_answered(wanted)
        elif self._pace_of(wanted).failed(time.monotonic(), random.random()):  # noqa: S311 - spreads load
            self._failures[wanted.market.rest_url] = error
            for each in self._queue.values():
                if each.market.rest_url == wanted.market.rest_url:
                    tell(each.ref, SnapshotDelayed(each.epoch, error))

    def _host_answered(self, wanted: SnapshotWanted) -> None:
        self._pace_of(wanted).answered()
        self._failures.pop(wanted.market.rest_url, None)

    def _cut(self, number: int) -> None:
        """End a request that takes too long, however steadily its answer drips."""
        client = self._at_work.get(number)
        if number in self._under_way:
            if client is not None:
                client.cut(number)
            self.mailbox.after(self._timing.lost_after, Tick("lost", number))

    def _start_workers(self) -> None:
        """Start a worker for each request under way, up to the limit; one that died is replaced.

        Where the system has no thread to give, the requests wait for one, and are given up in the end.
        """
        self.mailbox.helpers = tuple(thread for thread in self.mailbox.helpers if thread.is_alive())
        while len(self.mailbox.helpers) < min(len(self._under_way), _WORKERS):
            name = f"{THREAD_PREFIX}{self.name}-rest-{len(self.mailbox.helpers) + 1}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            try:
                start_thread(thread, self.name)
            except LifecycleError as error:
                logger.warning("! %s", error)
                return
            self.mailbox.helpers = (*self.mailbox.helpers, thread)

    def _work(self) -> None:
        """Fetch one snapshot after the other; a worker thread."""
        client = self._new_client()
        self._clients.append(client)
        if self._over.is_set():
            # The actor ended before it could see this client.
            client.abort()
        try:
            while (job := self._jobs.get()) is not None and not self._over.is_set():
                if job.number not in self._under_way:
                    # Given up before its turn: its weight is spent, but nobody waits for the answer.
                    continue
                self._at_work[job.number] = client
                try:
                    reply = self._fetch(client, job)
                finally:
                    del self._at_work[job.number]
                tell(self.actor_ref, Fetched(job.number, reply))
        finally:
            self._clients.remove(client)
            client.close()

    def _fetch(self, client: RestClient, job: _Job) -> DepthReply:
        """Fetch one snapshot; whatever is raised is a failure of this request and of no other."""
        wanted = job.wanted
        try:
            reply = client.fetch_depth(wanted.market, wanted.symbol, wanted.limit, job.number)
        except BaseException as error:
            logger.exception("! %s %s: the request failed unexpectedly", self.name, wanted.symbol)
            return DepthReply(SnapshotError(f"{wanted.symbol}: {type(error).__name__}: {error}"))
        if reply.received:
            self._allowance.note_answer(reply.used_weight, reply.date, reply.sent, reply.received)
        if isinstance(reply.result, RateLimitedError):
            # Here, before anybody can ask for the next one.
            self._allowance.silence(reply.result.retry_after, reply.result.longest)
        return reply

    def _status(self) -> PoolStatus:
        waiting = list(self._queue.values())
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


def _key(wanted: SnapshotWanted) -> tuple[str, str]:
    """Tell whose request it is: two of the same book are one."""
    return wanted.ref.actor_urn, wanted.symbol
