"""Bugs on purpose: what was once wrong, or could be, put into the package for as long as a run lasts.

Each is found by the simulation within some seeds (`python -m tests.sim --bugs --seeds 100`); otherwise the simulation
would prove little.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from depthactors import ThreadedDepthCacheManager
from depthactors.actors.connection import Connection
from depthactors.actors.queued_listener import QueuedListener
from depthactors.actors.router import Router
from depthactors.actors.slot_filler import SlotFiller
from depthactors.actors.socket import SocketActor
from depthactors.actors.supervisor import Supervisor
from depthactors.book import trust
from depthactors.dispatcher.current import about_to_wait
from depthactors.dispatcher.mailbox import Mailbox
from depthactors.dispatcher.task import Task
from depthactors.engine.depth_engine import DepthEngine
from depthactors.net.allowance import Allowance
from depthactors.shards.messages import Answer
from depthactors.shards.remote_cell import RemoteCell
from depthactors.sharing.record import shown_state
from depthactors.sync import buffer, sequencing
from depthactors.sync.doubts import Doubts
from depthactors.sync.sequencing import Verdict
from depthactors.worker.orders import Orders
from depthactors.worker.unsent import Unsent
from tests.sim import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Changes = list[tuple[object, str, Any]]


@contextmanager
def _changed(changes: _Changes) -> Iterator[None]:
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def _called_after_unsubscribe() -> _Changes:
    """What waits for a callback is still called after its subscription has ended."""
    return [(QueuedListener, "close", lambda _self: None)]


def _waits_for_callbacks() -> _Changes:
    """`unsubscribe` waits for the callback that is running, which may be the one that calls it, or wait for it."""
    unsubscribe = DepthEngine.unsubscribe

    def waiting(self: DepthEngine[Any], handle: Any, timeout: float = 5.0) -> None:
        unsubscribe(self, handle, timeout)
        lane = handle._cell.lane
        self._runtime.dispatcher.simulation.run_until(lambda: not lane._running.locked(), timeout)  # type: ignore[attr-defined]

    return [(DepthEngine, "unsubscribe", waiting)]


def _short_is_whole() -> _Changes:
    """A side with fewer levels than were asked for is taken for whole."""

    def look(new: Any, _last_good: Any, **_: Any) -> None:
        if new.short:
            new.take_for_whole(None)

    return [(trust, "look", look)]


def _asks_are_forgotten() -> _Changes:
    """A question that comes after an actor's last look into its mailbox is not answered."""
    close_for_good = Mailbox.close

    def close(self: Mailbox, refuse: Any) -> None:
        close_for_good(self, refuse)
        self._refuse = None

    return [(Mailbox, "close", close)]


def _ids_never_begin_anew() -> _Changes:
    """Ids that are lower than the book's are old, whatever their times say."""
    return [
        (Doubts, "contradicts", lambda _self, *_arguments, **_named: None),
        (
            Doubts,
            "is_behind",
            lambda _self, snapshot_id, shown, _: shown is not None and snapshot_id < shown.last_update_id,
        ),
    ]


def _small_gaps_pass() -> _Changes:
    """A diff that begins a few ids too late is taken for the next one."""
    classify = sequencing.classify_next

    def lenient(diff: Any, last_id: int, kind: Any) -> Verdict:
        if last_id < diff.previous_id <= last_id + 8:
            return Verdict.NEXT
        return classify(diff, last_id, kind)

    return [(sequencing, "classify_next", lenient), (buffer, "classify_next", lenient)]


def _successor_without_stream() -> _Changes:
    """The successor of a dead book actor is not connected to the book's stream."""
    attach = Supervisor._attach

    def only_first(self: Supervisor, book: Any) -> None:
        if not book.child.restarts:
            attach(self, book)

    return [(Supervisor, "_attach", only_first)]


def _early_hand_over() -> _Changes:
    """A rotation ends the old connection as soon as the new one is open."""

    def opened(self: SocketActor, connection: Connection, message: Any) -> None:
        before(self, connection, message)
        if connection is self._connections.successor and connection.is_open:
            present = self._connections.present
            assert present is not None
            self._connections.promote(connection)
            present.abort()

    before = SocketActor._handle_for
    return [(SocketActor, "_handle_for", opened)]


def _no_weight_limit() -> _Changes:
    """Requests are sent without a look at their weight."""
    return [(Allowance, "take_weight", lambda _self, _weight, _reserve=0.0: 0.0)]


def _lost_wake_up() -> _Changes:
    """A task that has more to do after its turn is not queued again."""

    def run(self: Task) -> None:
        self._is_queued = False
        if self._running.acquire(blocking=False):
            try:
                self.take_turn()
            finally:
                self._running.release()

    return [(Task, "run", run)]


def _down_after_up() -> _Changes:
    """The end of a connection is not reported to its books."""

    def closed(self: Router, error: Any) -> None:
        self.is_detached = True
        before(self, error)

    before = Router.closed
    return [(Router, "closed", closed)]


def _ends_in_order() -> _Changes:
    """A worker whose reports are not read for some seconds ends in good order, and its end is that of its books."""

    def mark_stale(self: RemoteCell, why: str) -> None:
        if not shown_state(self._reader.read()[1]).over:
            lose(self, why)

    def filler(self: SlotFiller, *arguments: Any, **_: Any) -> None:
        fill(self, *arguments)

    lose, fill = RemoteCell.lose, SlotFiller.__init__
    return [
        (processes, "WORKER_PATIENCE", 5),
        (SlotFiller, "__init__", filler),
        (RemoteCell, "lose", mark_stale),
        (RemoteCell, "state_in_slot", lambda self: shown_state(self._reader.read()[1])),
    ]


def _restart_convoy() -> _Changes:
    """`start_depth_cache` ends the streams that were given up, and waits for their callbacks, with a lock held.

    A callback that starts its stream anew waits for that lock.
    """
    named = ThreadedDepthCacheManager._named

    def convoy(self: ThreadedDepthCacheManager, base: str, stream: Any) -> str:
        about_to_wait(lambda: self not in locked, 60.0)
        locked.add(self)
        try:
            for other in [each for each in self._streams.values() if each.is_over]:
                lane = self._callbacks.lane_for(other.handle)
                about_to_wait(lambda lane=lane: not lane._running.locked(), 5.0)
            return named(self, base, stream)
        finally:
            locked.discard(self)

    locked: set[ThreadedDepthCacheManager] = set()
    return [(ThreadedDepthCacheManager, "_named", convoy)]


def _kept_by_its_worker() -> _Changes:
    """A book that nobody wants any more is kept by its worker."""
    return [(Orders, "_close", lambda self, number: self._books.pop(number, None))]


def _successor_of_nothing() -> _Changes:
    """The successor of a worker does not know that its books were live."""
    return [(Doubts, "after", lambda book, _former, diffs: Doubts(was_live=book is not None, unlisted_at=diffs))]


def _answer_is_lost() -> _Changes:
    """An answer is among the messages of a worker that may be left out: every tenth is."""

    def put(self: Unsent, message: Any) -> bool:
        if isinstance(message, Answer) and not message.request_id % 10:
            return False
        return before(self, message)

    before = Unsent.put
    return [(Unsent, "put", put)]


_ALL: dict[str, Callable[[], _Changes]] = {
    "called after unsubscribe": _called_after_unsubscribe,
    "unsubscribe waits": _waits_for_callbacks,
    "short side is whole": _short_is_whole,
    "asks are forgotten": _asks_are_forgotten,
    "ids never begin anew": _ids_never_begin_anew,
    "sequencing": _small_gaps_pass,
    "supervision": _successor_without_stream,
    "rotation": _early_hand_over,
    "pacing": _no_weight_limit,
    "lost wake-up": _lost_wake_up,
    "unreported end": _down_after_up,
    "worker ends in order": _ends_in_order,
    "restart convoy": _restart_convoy,
    "kept by its worker": _kept_by_its_worker,
    "successor of nothing": _successor_of_nothing,
    "lost answer": _answer_is_lost,
}

BUGS = {name: lambda changes=changes: _changed(changes()) for name, changes in _ALL.items()}
"""Each bug by its name: a context in which the package has it."""
