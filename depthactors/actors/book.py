"""The book actor: it keeps one order book, answers questions about it, and notifies its listeners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from depthactors import binance, reporting
from depthactors.actors.base import EngineActor
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_listeners import BookListeners
from depthactors.actors.book_messages import (
    Deepen,
    Dropped,
    FramesLost,
    GiveUp,
    Greet,
    RefreshEvery,
    RefreshNow,
    StreamDown,
    StreamUp,
)
from depthactors.actors.book_timers import AheadCheckDue, BookTimers, DoubtCheckDue, RefreshDue, SilenceCheckDue
from depthactors.actors.questions import Best, DepthTo, Full, Status, Top, no_question
from depthactors.actors.snapshot_messages import SnapshotArrived, SnapshotDelayed, SnapshotFailed, SnapshotsAt
from depthactors.actors.snapshot_requests import RequestDue, SnapshotRequests
from depthactors.actors.supervisor_messages import BookGivenUp, StreamSilent
from depthactors.book import BookState, OrderBook
from depthactors.dispatcher.mailbox import Frames, tell
from depthactors.errors import (
    ActorDiedError,
    ExchangeError,
    MalformedFrameError,
    UnknownSymbolError,
    as_value,
)
from depthactors.sync import (
    Ahead,
    Audited,
    Publish,
    RequestSnapshot,
    Resync,
    Silent,
    SnapshotRefused,
    StateChanged,
    Synchronizer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pykka

    from depthactors.actors.book_messages import BookOrder, StreamNews
    from depthactors.actors.local_cell import LocalCell
    from depthactors.actors.snapshot_messages import SnapshotNews
    from depthactors.binance import Snapshot
    from depthactors.errors import BacklogError, DepthActorsError
    from depthactors.sync import Effect

logger = reporting.logger(__name__)

_LEVELS_KEPT: Final = 3
"""Levels that a side may have, in multiples of the snapshot's size; beyond it the worst levels are dropped."""


class BookActor(EngineActor):
    """Keeps one book.

    Thread: all methods but `__init__` run in the actor's.
    """

    def __init__(
        self,
        name: str,
        cell: LocalCell,
        snapshots: pykka.ActorRef[Any],
        supervisor: pykka.ActorRef[Any],
    ) -> None:
        """Take over a cell, with the last good book if a former actor has left one.

        Args:
            name: the actor's name.
            cell: the book's cell, which only this actor writes from now on.
            snapshots: actor that fetches snapshots.
            supervisor: the actor's parent.
        """
        super().__init__(name, supervisor)
        spec = cell.spec
        self._cell = cell
        self._market, self._symbol, self._depth = spec.market, spec.symbol, spec.depth
        self._sync = Synchronizer(
            spec.market.sequencing,
            self._new_book,
            book=cell.last_good(),
            former=cell.former,
            counters=cell.counters,
        )
        self._requests = SnapshotRequests(cell, self._sync, self.mailbox, self.actor_ref, snapshots)
        self._timers = BookTimers(cell, self._sync, self.mailbox)
        self._listeners = BookListeners(cell)
        self._was_refused = False
        # Whether the latest update came too late to be shown at once, and no listener was called with it since.
        self._update_is_owed = False
        self._recorder = cell.recorder
        cell.ref = self.actor_ref
        cell.buffered_bytes = self._buffered_bytes
        cell.publish(self._sync.book, self._sync.state)

    def begin(self) -> None:
        """Set the refresh timer, and greet the listeners that a former actor did not greet before it died."""
        self._timers.set_refresh()
        self._listeners.greet_all()

    def handle(self, message: Any) -> Any:
        """Handle a message.

        Raises:
            UsageError: no message for a book.
        """
        match message:
            case Frames():
                self._take_frames(message)
            case Top() | Best() | Full() | DepthTo() | Status():
                return self._cell.read(message)
            case StreamUp() | StreamDown() | FramesLost() | Dropped():
                self._handle_stream(message)
            case SnapshotArrived() | SnapshotFailed() | SnapshotDelayed() | SnapshotsAt():
                self._handle_snapshot(message)
            case RequestDue(serial):
                self._requests.due(serial)
            case RefreshDue() | AheadCheckDue() | DoubtCheckDue() | SilenceCheckDue():
                if effects := self._timers.due(message):
                    self._carry_out(effects)
            case Greet() | Deepen() | RefreshEvery() | RefreshNow() | GiveUp():
                self._handle_order(message)
            case _:
                raise no_question(message)
        return None

    def release(self, error: BaseException | None) -> None:
        """Mark the book as stopped; or as stale if the actor died, because another actor will take it over."""
        if error is None:
            self._carry_out(self._sync.close(BookState.STOPPED))
            return
        if self._recorder is not None:
            # The frames that came before the one that killed the actor.
            self._recorder.flush(self.dispatcher.time())
        if self._sync.state is BookState.FAILED:
            return
        book, previous = self._cell.last_good(), self._cell.state
        self._cell.publish(book, BookState.SYNCING if book is None else BookState.STALE)
        cause = ActorDiedError(f"{self._symbol}: the book's actor died: {type(error).__name__}: {error}")
        self._cell.error = cause
        self._listeners.notify_event(BookEvent(self._symbol, previous, self._cell.state, cause))

    # Messages.

    def _handle_stream(self, news: StreamNews) -> None:
        match news:
            case StreamUp(epoch, predecessor):
                if self._recorder is not None:
                    self._recorder.stream_up(epoch, predecessor)
                self._carry_out(self._sync.stream_up(epoch, predecessor))
            case StreamDown(epoch, error):
                self._stream_down(epoch, error)
            case FramesLost(epoch, count):
                self._frames_lost(epoch, count)
            case Dropped(frames, error):
                self._dropped(frames, error)

    def _handle_snapshot(self, news: SnapshotNews) -> None:
        match news:
            case SnapshotArrived():
                self._take_snapshot(news)
            case SnapshotFailed(epoch, error):
                self._snapshot_failed(epoch, error)
            case SnapshotDelayed(epoch, error):
                if epoch == self._sync.epoch:
                    self._report_failure(error)
            case SnapshotsAt(ref):
                self._requests.snapshots = ref
                self._requests.send()

    def _handle_order(self, order: BookOrder) -> None:
        match order:
            case Greet(listener):
                self._listeners.greet(listener)
            case Deepen(depth):
                self._deepen(depth)
            case RefreshEvery(seconds):
                self._timers.shorten_refresh(seconds)
            case RefreshNow():
                self._carry_out(self._sync.refresh())
            case GiveUp(error):
                self._carry_out(self._sync.close(BookState.FAILED, error))

    # The stream.

    def _take_frames(self, message: Frames) -> None:
        """Apply frames in their order. This is the hot path."""
        epoch, recv_time = message.epoch, message.recv_time
        sync, sequencing, symbol = self._sync, self._market.sequencing, self._symbol
        late, skipped, now = self._cell.timing.late, int(self._update_is_owed), self.dispatcher.time
        recorder = self._recorder
        for frame in message.frames:
            try:
                diff = binance.read_diff(frame, sequencing, symbol)
            except MalformedFrameError as error:
                if recorder is not None:
                    recorder.unread()
                effects = sync.fault(epoch, as_value(error))
            else:
                if recorder is not None:
                    recorder.diff(frame, diff)
                effects = sync.diff(epoch, diff, recv_time)
            if len(effects) == 1 and type(effects[0]) is Publish:
                if now() - recv_time > late:
                    skipped += 1
                    self._update_is_owed = True
                else:
                    self._notify_update()
            elif effects:
                self._carry_out(effects)
        self._finish_read(recv_time, skipped)

    def _finish_read(self, recv_time: float, skipped: int) -> None:
        """Do what is to be done once for all frames of a read.

        Args:
            recv_time: time of the read in seconds since the epoch.
            skipped: number of updates that came too late, those that are still owed included.
        """
        if self._recorder is not None:
            self._recorder.flush(recv_time)
        if self._requests.awaits_first_diff and self._sync.buffered:
            self._requests.first_diff()
        if self._update_is_owed:
            # Listeners are called with the latest update, however late it is, but not while a later one may follow:
            # the last of the frames that wait brings it, whether it is an update or not.
            skipped -= 1
            if self.mailbox.waiting_frames == 0:
                self._notify_update()
        if skipped:
            self._listeners.count_skipped(skipped)

    def _notify_update(self) -> None:
        self._update_is_owed = False
        self._listeners.notify_update()

    def _stream_down(self, epoch: int, error: DepthActorsError) -> None:
        if self._recorder is not None:
            self._recorder.stream_down(epoch, str(error))
        before = self._sync.state
        self._carry_out(self._sync.stream_down(epoch, error))
        if self._sync.state is before and self._sync.epoch is None and not before.over:
            # The state did not change, so no event of the book has brought the error to the listeners.
            self._listeners.notify_error(error)

    def _frames_lost(self, epoch: int, count: int) -> None:
        self._sync.counters.lost_frames += count
        if self._recorder is not None:
            self._recorder.lost(count, "no room in the mailbox of the book")
        words = (
            "%s: %d frames found no room, the book begins anew: the machine is too slow, or code in C keeps the "
            "interpreter's lock"
        )
        logger.notice(("room", self._cell.spec.key), words, self._cell.spec.title, count)
        self._carry_out(self._sync.fault(epoch, ExchangeError(f"{count} frames found no room in the mailbox")))

    def _dropped(self, frames: int, error: BacklogError) -> None:
        """Begin anew: some of the waiting frames were dropped."""
        self._sync.counters.lost_frames += frames
        self._sync.counters.drops += 1
        if self._recorder is not None:
            self._recorder.lost(frames, "too much waited for the books of the process")
        epoch = self._sync.epoch
        if epoch is not None:
            self._carry_out(self._sync.fault(epoch, error))

    def _buffered_bytes(self) -> int:
        return self._sync.buffered_bytes

    # Snapshots.

    def _take_snapshot(self, message: SnapshotArrived) -> None:
        if self._recorder is not None:
            self._recorder.snapshot(message.body, message.snapshot.last_update_id, message.recv_time)
        self._requests.arrived()
        self._carry_out(self._sync.snapshot(message.epoch, message.snapshot, message.recv_time), again=True)
        self._requests.used()
        self._timers.set_doubt_check()

    def _snapshot_failed(self, epoch: int, error: DepthActorsError) -> None:
        if isinstance(error, UnknownSymbolError):
            self._carry_out(self._sync.unlisted(epoch, error))
            if self._sync.state is BookState.FAILED:
                self._report(BookGivenUp(self._cell))
                return
        if epoch != self._sync.epoch:
            return
        self._report_failure(error)
        self._requests.failed()

    def _report_failure(self, error: DepthActorsError) -> None:
        """Notify the listeners that there is no snapshot yet; only once until one arrives."""
        if not self._requests.failing:
            self._requests.failing = True
            self._listeners.notify_error(error)

    def _snapshot_refused(self, error: DepthActorsError) -> None:
        if self._sync.state is not BookState.LIVE:
            self._was_refused = True
            words = "%s: no snapshot that fits, without which the book is not live; requested again: %s"
            logger.notice(self._refusal, words, self._cell.spec.title, error)
        self._listeners.notify_error(error)

    def _end_refusals(self) -> None:
        if self._was_refused and self._sync.state is BookState.LIVE:
            self._was_refused = False
            logger.over(self._refusal, "%s: a snapshot fits", self._cell.spec.title)

    @property
    def _refusal(self) -> tuple[str, str]:
        """The cause of the notice, one for all books that wait for the same server."""
        return ("refused", self._market.rest_url)

    # Effects.

    def _carry_out(self, effects: Sequence[Effect], *, again: bool = False) -> None:
        """Publish the book, and do what the state machine returned.

        Args:
            effects: the effects that the state machine returned.
            again: whether a snapshot has just arrived, so that a request among the effects repeats it.
        """
        changed = self._sync.state is not self._cell.state
        self._publish(effects)
        for effect in effects:
            match effect:
                case Publish():
                    self._notify_update()
                case RequestSnapshot(_, priority):
                    self._requests.plan(priority, again=again)
                case Ahead():
                    self._timers.set_ahead_check()
                case Audited(update_id, differences):
                    logger.debug("= %s audited at update %d: %d levels differ", self._symbol, update_id, differences)
                case StateChanged():
                    self._end_refusals()
                    self._listeners.notify_state(effect)
                    self._end_recording(effect)
                case Resync(error):
                    self._listeners.notify_resync(error, changed=changed)
                case SnapshotRefused(error):
                    self._snapshot_refused(error)
                case Silent(error):
                    self._timers.watch_stream()
                    self._report(StreamSilent(self._cell, error, self._sync.counters.diffs))

    def _publish(self, effects: Sequence[Effect]) -> None:
        """Show the book and its state to readers, and watch the stream that it comes from."""
        for effect in effects:
            if type(effect) is StateChanged:
                # Before the state, for a reader that waits for the state and then asks for the error.
                self._cell.error = effect.error
        self._cell.publish(self._sync.book, self._sync.state)
        self._timers.watch_connection()

    def _end_recording(self, change: StateChanged) -> None:
        if self._recorder is not None and change.state.over:
            self._recorder.end("it is not followed any more" if change.error is None else str(change.error))

    def _report(self, message: BookGivenUp | StreamSilent) -> None:
        if self.parent is not None:
            tell(self.parent, message)

    # The book.

    def _new_book(self, snapshot: Snapshot, now: float) -> OrderBook:
        return OrderBook(
            self._symbol,
            snapshot,
            depth=self._depth,
            max_levels=_LEVELS_KEPT * snapshot.limit,
            recv_time=now,
        )

    def _deepen(self, depth: int) -> None:
        if depth > self._depth:
            self._depth = depth
            self._requests.deepen(depth)
            self._carry_out(self._sync.deepen(depth))
        else:
            self._cell.publish(self._sync.book, self._sync.state)
