"""The book actor: one symbol's frames in, effects out, questions answered, listeners told."""

from __future__ import annotations

import random
import time
from math import inf
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
    StreamDown,
    StreamUp,
)
from depthactors.actors.mailbox import Frames, Tick, tell
from depthactors.actors.questions import Best, DepthTo, Full, Status, Top
from depthactors.actors.snapshot_messages import SnapshotArrived, SnapshotDelayed, SnapshotFailed, SnapshotsAt
from depthactors.actors.snapshot_requests import SnapshotRequests
from depthactors.actors.supervisor_messages import BookGivenUp, StreamSilent
from depthactors.book import BookState, OrderBook
from depthactors.errors import (
    ActorDiedError,
    ExchangeError,
    MalformedFrameError,
    UnknownSymbolError,
    UsageError,
    as_value,
)
from depthactors.pacing import SilenceWatch
from depthactors.sync import (
    Ahead,
    Audited,
    Publish,
    Refused,
    RequestSnapshot,
    Resync,
    Silent,
    StateChanged,
    Synchronizer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pykka

    from depthactors.actors.cell import BookCell
    from depthactors.binance import Snapshot
    from depthactors.book import BookView
    from depthactors.book.numerals import Number
    from depthactors.errors import BacklogError, DepthActorsError
    from depthactors.sync import Effect

logger = reporting.logger(__name__)

_REFRESH_SPREAD: Final = 0.2
"""Share of the refresh interval over which the books of an engine spread their refreshes."""
_LEVELS_KEPT: Final = 3
"""Times the snapshot's size: a side grown beyond that forgets its worst levels."""


class BookActor(EngineActor):
    """Keeps one book. Everything here runs in the actor's thread, `__init__` aside."""

    def __init__(
        self,
        name: str,
        cell: BookCell,
        snapshots: pykka.ActorRef[Any],
        supervisor: pykka.ActorRef[Any],
    ) -> None:
        """Take over the cell, with the last good book that a predecessor may have left in it."""
        super().__init__(name, supervisor)
        spec = cell.spec
        self._cell = cell
        self._market, self._symbol, self._depth = spec.market, spec.symbol, spec.depth
        self._sync = Synchronizer(spec.market.sequencing, self._new_book, book=cell.last_good(), counters=cell.counters)
        self._requests = SnapshotRequests(cell, self._sync, self.mailbox, self.actor_ref, snapshots)
        self._listeners = BookListeners(cell)
        # One that hardly ever trades costs no more weight than its refreshes.
        self._quiet = SilenceWatch(cell.timing.quiet_limit, longest=spec.refresh_interval or inf)
        self._refresh_serial = 0
        self._watched_epoch: int | None = None
        self._watches = 0
        self._doubted_epoch: int | None = None
        cell.ref = self.actor_ref
        cell.answer = self.handle
        cell.buffered_bytes = self._buffered_bytes
        cell.publish(self._sync.book, self._sync.state)

    def begin(self) -> None:
        """Set the timer for refreshes, and greet the listeners that a predecessor did not greet before it died."""
        self._set_refresh_timer()
        self._listeners.greet_all()

    def handle(self, message: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - the list of messages, a line each
        """Handle what comes from sockets, snapshots, listeners and askers."""
        match message:
            case Frames():
                return self._take_frames(message)
            case Top(levels):
                return self._view(levels)
            case Best():
                return self._view(1)
            case Full():
                return self._view(None)
            case DepthTo(side, price):
                return self._view(None).to_price(side, price)
            case Status():
                return self._cell.status()
            case StreamUp(epoch, beside):
                return self._carry_out(self._sync.stream_up(epoch, beside))
            case StreamDown(epoch, error):
                return self._stream_down(epoch, error)
            case FramesLost(epoch, count):
                return self._frames_lost(epoch, count)
            case SnapshotArrived():
                return self._take_snapshot(message)
            case SnapshotFailed(epoch, error):
                return self._snapshot_failed(epoch, error)
            case SnapshotDelayed(epoch, error):
                return self._tell_failure(error) if epoch == self._sync.epoch else None
            case SnapshotsAt(ref):
                self._requests.snapshots = ref
                return self._requests.send()
            case Tick("snapshot", serial):
                return self._requests.due(serial)
            case Tick("ahead", held):
                return self._look_ahead(held)
            case Tick("refresh", serial):
                return self._refresh(serial)
            case Tick("doubt", epoch):
                return self._look_at_doubt(epoch)
            case Tick("quiet", watch):
                return self._look_for_silence(watch)
            case Greet(listener):
                return self._listeners.greet(listener)
            case Deepen(depth):
                return self._deepen(depth)
            case Dropped(frames, error):
                return self._dropped(frames, error)
            case RefreshEvery(seconds):
                return self._refresh_every(seconds)
            case GiveUp(error):
                return self._carry_out(self._sync.close(BookState.FAILED, error))
        msg = f"expected a question to a book (Top, Best, Full, DepthTo, Status), was {type(message).__name__}"
        raise UsageError(msg)

    def release(self, error: BaseException | None) -> None:
        """Label the book as over; as stale if the actor dies, for its successor to mend."""
        if error is None:
            self._carry_out(self._sync.close(BookState.STOPPED))
            return
        if self._sync.state is BookState.FAILED:
            return
        book, previous = self._cell.last_good(), self._cell.state
        self._cell.publish(book, BookState.SYNCING if book is None else BookState.STALE)
        cause = ActorDiedError(f"{self._symbol}: the book's actor died: {type(error).__name__}: {error}")
        self._cell.error = cause
        self._listeners.notify_event(BookEvent(self._symbol, previous, self._cell.state, cause))

    # Frames.

    def _take_frames(self, message: Frames) -> None:
        """Apply each frame in order; the hot path."""
        epoch, recv_time = message.epoch, message.recv_time
        sync, sequencing, symbol = self._sync, self._market.sequencing, self._symbol
        late, held_back = self._cell.timing.late, 0
        for frame in message.frames:
            try:
                diff = binance.read_diff(frame, sequencing, symbol)
            except MalformedFrameError as error:
                effects = sync.fault(epoch, as_value(error))
            else:
                effects = sync.diff(epoch, diff, recv_time)
            if len(effects) == 1 and type(effects[0]) is Publish:
                if time.time() - recv_time > late:
                    held_back += 1
                else:
                    self._listeners.notify_update()
            elif effects:
                self._carry_out(effects)
        if self._requests.awaits_first_diff and sync.buffered:
            self._requests.first_diff()
        if held_back:
            self._tell_latest(held_back)

    def _frames_lost(self, epoch: int, count: int) -> None:
        self._sync.counters.lost_frames += count
        words = "%s: %d frames found no room, the book begins anew: a callback or the machine is too slow"
        logger.notice(("room", self._cell.spec.key), words, self._cell.spec.title, count)
        self._carry_out(self._sync.fault(epoch, ExchangeError(f"{count} frames found no room in the mailbox")))

    def _dropped(self, frames: int, error: BacklogError) -> None:
        """Begin anew with what comes from now on: of what came before, some is gone."""
        self._sync.counters.lost_frames += frames
        self._sync.counters.drops += 1
        epoch = self._sync.epoch
        if epoch is not None:
            self._carry_out(self._sync.fault(epoch, error))

    def _buffered_bytes(self) -> int:
        return self._sync.buffered_bytes

    def _tell_latest(self, held_back: int) -> None:
        """Make up for updates that nobody was told of, since callbacks are behind."""
        if self.mailbox.waiting_frames == 0:
            # The latest there is: listeners hear of it, however late it is.
            held_back -= 1
            self._listeners.notify_update()
        self._listeners.count_skipped(held_back)

    # Effects.

    def _carry_out(self, effects: Sequence[Effect], *, again: bool = False) -> None:
        """Do what the machine wants; `again` where a request would repeat one that was just answered."""
        sync = self._sync
        changed = sync.state is not self._cell.state
        self._show(effects)
        for effect in effects:
            match effect:
                case Publish():
                    self._listeners.notify_update()
                case RequestSnapshot(_, priority):
                    self._requests.plan(priority, again=again)
                case Ahead():
                    self.mailbox.after(self._cell.timing.ahead_deadline, Tick("ahead", sync.held))
                case Audited(update_id, differences):
                    logger.debug("= %s audited at update %d: %d levels differ", self._symbol, update_id, differences)
                case StateChanged():
                    self._listeners.notify_state(effect)
                case Resync(error):
                    self._listeners.notify_resync(error, changed=changed)
                case Refused(error):
                    self._listeners.notify_error(error)
                case Silent(error):
                    self._watch_for_silence()
                    self._report(StreamSilent(self._cell, error))

    def _show(self, effects: Sequence[Effect]) -> None:
        """Let readers see what is believed now, and watch the stream that it comes from."""
        sync = self._sync
        for effect in effects:
            if type(effect) is StateChanged:
                # Before whoever waits for the state can ask why.
                self._cell.error = effect.error
        self._cell.publish(sync.book, sync.state)
        if sync.epoch != self._watched_epoch:
            self._watched_epoch = sync.epoch
            self._watch_for_silence()

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

    def _set_refresh_timer(self) -> None:
        interval = self._cell.spec.refresh_interval
        if interval:
            spread = 1 - _REFRESH_SPREAD * random.random()  # noqa: S311 - spreads load, guards nothing
            self._refresh_serial += 1
            self.mailbox.after(interval * spread, Tick("refresh", self._refresh_serial))

    def _refresh_every(self, seconds: float) -> None:
        self._quiet.shorten(seconds)
        self._set_refresh_timer()

    def _refresh(self, serial: int) -> None:
        """Fetch a fresh snapshot, if this is the alarm that was set last."""
        if serial == self._refresh_serial:
            self._set_refresh_timer()
            self._carry_out(self._sync.refresh())

    def _look_ahead(self, held: int) -> None:
        """Decide about a snapshot that the stream has not reached: the same one still, if none was held since."""
        if held != self._sync.held:
            return
        if self.mailbox.waiting_frames:
            # It is this actor that has not reached it.
            self.mailbox.after(self._cell.timing.ahead_deadline, Tick("ahead", held))
        else:
            self._carry_out(self._sync.overdue())

    def _watch_for_silence(self) -> None:
        """Watch a stream that is another one from now on."""
        self._quiet.begin(self._sync.counters.diffs, time.monotonic())
        self._watches += 1
        # Not at the same moment as the thousand others that came up with the same connection.
        first_look = self._quiet.pause * random.random()  # noqa: S311 - spreads load, guards nothing
        self.mailbox.after(first_look, Tick("quiet", self._watches))

    def _look_for_silence(self, watch: int) -> None:
        """Ask for a snapshot if the stream has brought nothing for long: it may be quiet, or not served at all."""
        if watch != self._watches:
            return
        diffs, now = self._sync.counters.diffs, time.monotonic()
        if not self._sync.in_sequence:
            # Nothing is believed yet that could be doubted.
            self._quiet.begin(diffs, now)
        elif self._quiet.look(diffs, now) and (effects := self._sync.refresh()):
            self._quiet.asked(now)
            self._carry_out(effects)
        self.mailbox.after(self._quiet.pause, Tick("quiet", watch))

    def _take_snapshot(self, message: SnapshotArrived) -> None:
        self._requests.arrived()
        self._carry_out(self._sync.snapshot(message.epoch, message.snapshot, message.recv_time), again=True)
        self._requests.used()
        self._look_at_doubt_soon()

    def _look_at_doubt_soon(self) -> None:
        """Ask for a second snapshot before a silence would, once a connection: until then nobody sees a quiet book."""
        epoch = self._sync.epoch
        if self._sync.doubted and epoch is not None and epoch != self._doubted_epoch:
            self._doubted_epoch = epoch
            self.mailbox.after(self._cell.timing.ahead_deadline, Tick("doubt", epoch))

    def _look_at_doubt(self, epoch: int) -> None:
        if epoch == self._sync.epoch and self._sync.doubted:
            self._carry_out(self._sync.refresh())

    def _snapshot_failed(self, epoch: int, error: DepthActorsError) -> None:
        if isinstance(error, UnknownSymbolError):
            self._carry_out(self._sync.unlisted(epoch, error))
            if self._sync.state is BookState.FAILED:
                self._report(BookGivenUp(self._cell))
                return
        if epoch != self._sync.epoch:
            return
        self._tell_failure(error)
        self._requests.failed()

    def _tell_failure(self, error: DepthActorsError) -> None:
        """Tell that there is no snapshot yet, once until one arrives."""
        if not self._requests.failing:
            self._requests.failing = True
            self._listeners.notify_error(error)

    def _report(self, message: BookGivenUp | StreamSilent) -> None:
        if self.parent is not None:
            tell(self.parent, message)

    def _stream_down(self, epoch: int, error: DepthActorsError) -> None:
        before = self._sync.state
        self._carry_out(self._sync.stream_down(epoch, error))
        if self._sync.state is before and self._sync.epoch is None and not before.over:
            # The book was not live anyway; why it is not getting there is news.
            self._listeners.notify_error(error)

    # Questions.

    def _view(self, levels: int | None) -> BookView[Number]:
        view = self._cell.view(levels, self._number)
        assert view is not None, "nobody else writes the book while its own actor reads it"
        return view

    @property
    def _number(self) -> type[Number]:
        return self._cell.spec.number
