"""The book actor: one symbol's frames in, effects out, questions answered, listeners told."""

from __future__ import annotations

import logging
import random
import time
from math import inf
from typing import TYPE_CHECKING, Any, Final

from depthactors import wire
from depthactors.actors.base import EngineActor, call, tell
from depthactors.actors.messages import (
    Best,
    BookEvent,
    BookGivenUp,
    Deepen,
    DepthTo,
    Frames,
    FramesLost,
    Full,
    GiveUp,
    Greet,
    Ping,
    SnapshotArrived,
    SnapshotDelayed,
    SnapshotFailed,
    SnapshotsAt,
    SnapshotWanted,
    Status,
    StreamDown,
    StreamSilent,
    StreamUp,
    Tick,
    Top,
)
from depthactors.book import BookState, OrderBook
from depthactors.errors import (
    ActorDiedError,
    ExchangeError,
    MalformedFrameError,
    SlowCallbackError,
    UnknownSymbolError,
    UsageError,
)
from depthactors.pacing import Backoff
from depthactors.sync import (
    Ahead,
    Priority,
    Publish,
    Refused,
    RequestSnapshot,
    Resync,
    Silent,
    StateChanged,
    Synchronizer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    import pykka

    from depthactors.actors.cell import BookCell
    from depthactors.actors.messages import Listener
    from depthactors.book import BookView
    from depthactors.errors import DepthActorsError
    from depthactors.sync import Effect
    from depthactors.wire import Snapshot

logger = logging.getLogger(__name__)

_LATE: Final = 0.25
"""Seconds that a frame may have waited for listeners to be called for it; later ones wait for the latest state."""
_BACKLOG_PAUSE: Final = 60.0
"""Seconds for which it is not told again that callbacks are behind; it is counted all the time."""
_SNAPSHOT_BACKOFF: Final = Backoff(first=0.5, factor=2.0, cap=8.0)
_REQUESTS_IN_A_ROW: Final = 5.0
"""Seconds: a request so soon after another waits its backoff, whatever the reason for either."""
_FIRST_DIFF_PATIENCE: Final = 0.25
"""Seconds beyond the stream's interval that the first diff is awaited before a snapshot is asked for, which may lag
the stream: one from before the first diff that was kept would fit nothing that follows. A quiet book's is as good
without."""
_SNAPSHOT_SHOULD_LAST: Final = 60.0
"""Seconds in which the price should not reach the end of what a snapshot vouches for."""
_USED_UP: Final = 0.6
"""Share of the levels beyond the promise: a new snapshot is asked for when about half of them are left."""
_WIDEST: Final = 1_000
"""Levels, beyond which a wider snapshot costs more weight than the sooner next one. A book that lost its place asks
for what its promise needs and no more: after a lost connection hundreds do at once."""
_REQUEST_DEADLINE: Final = 60.0
"""Seconds after which an unanswered request is sent again; waiting for weight may take longer."""
_AHEAD_DEADLINE: Final = 5.0
"""Seconds for the stream to reach a snapshot that is ahead of it; the slowest stream tells once a second."""
_QUIET_LIMIT: Final = 15.0
"""Seconds without a diff after which a snapshot is asked whether the book is just quiet. Doubled for a book that
was, so that one that hardly ever trades costs no more weight than its refreshes."""
_REFRESH_SPREAD: Final = 0.2
"""Share of the refresh interval over which the books of an engine spread their refreshes."""
_REQUESTS_AFTER_USE: Final = 2
"""Requests in a row that a book keeps on its account when one was of use: a second's wait at most."""
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
        self._snapshots = snapshots
        self._market, self._symbol, self._depth = spec.market, spec.symbol, spec.depth
        self._limit = self._wide = spec.market.snapshot_limit(spec.depth)
        self._sync = Synchronizer(spec.market.sequencing, self._new_book, book=cell.last_good(), counters=cell.counters)
        self._requests = 0
        self._requested_at = 0.0
        self._request_serial = 0
        self._awaits_first_diff = False
        self._backlog_told_at = -inf
        self._arrived_at = 0.0
        self._failure_told = False
        self._quiet_limit = _QUIET_LIMIT
        self._heard_of = 0
        cell.ref = self.actor_ref
        cell.answer = self.handle
        cell.publish(self._sync.book, self._sync.state)

    def begin(self) -> None:
        """Set the timers."""
        self._set_refresh_timer()
        self.mailbox.after(self._quiet_limit, Tick("quiet"))

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
                self._sync.counters.lost_frames += count
                lost = ExchangeError(f"{count} frames found no room in the mailbox")
                return self._carry_out(self._sync.fault(epoch, lost))
            case SnapshotArrived(epoch, snapshot, recv_time):
                self._failure_told = False
                self._arrived_at = time.monotonic()
                self._carry_out(self._sync.snapshot(epoch, snapshot, recv_time), again=True)
                return self._relax()
            case SnapshotFailed(epoch, error):
                return self._snapshot_failed(epoch, error)
            case SnapshotDelayed(epoch, error):
                return self._tell_failure(error) if epoch == self._sync.epoch else None
            case SnapshotsAt(ref):
                self._snapshots = ref
                return self._send_request()
            case Tick("snapshot", serial):
                return self._send_request() if serial == self._request_serial else None
            case Tick("ahead", snapshots):
                # The same one still, if none came since.
                still = snapshots == self._sync.counters.snapshots
                return self._carry_out(self._sync.overdue()) if still else None
            case Tick("refresh"):
                self._set_refresh_timer()
                return self._carry_out(self._sync.refresh())
            case Tick("quiet"):
                return self._look_for_silence()
            case Greet(listener):
                return self._greet(listener)
            case Ping():
                return None
            case Deepen(depth):
                return self._deepen(depth)
            case GiveUp(error):
                return self._carry_out(self._sync.close(BookState.FAILED, error))
        msg = f"expected a question to a book (Top, Best, Full, DepthTo, Status), was {message!r}"
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
        self._tell_event(BookEvent(self._symbol, previous, self._cell.state, cause))

    # Frames.

    def _take_frames(self, message: Frames) -> None:
        """Apply each frame in order; the hot path."""
        epoch, recv_time = message.epoch, message.recv_time
        sync, sequencing, symbol = self._sync, self._market.sequencing, self._symbol
        held_back = 0
        for frame in message.frames:
            try:
                diff = wire.parse_diff(wire.payload_of(wire.decode(frame)), sequencing, symbol)
            except MalformedFrameError as error:
                effects = sync.fault(epoch, error)
            else:
                effects = sync.diff(epoch, diff, recv_time)
            if len(effects) == 1 and type(effects[0]) is Publish:
                if time.time() - recv_time > _LATE:
                    held_back += 1
                else:
                    self._tell_update()
            elif effects:
                self._carry_out(effects)
        if self._awaits_first_diff and sync.buffered:
            self._request()
        self._tell_latest(held_back)

    def _tell_latest(self, held_back: int) -> None:
        """Make up for updates that nobody was told of, since callbacks are behind: once in a while, the latest."""
        if not held_back:
            return
        if self.mailbox.waiting_frames == 0:
            # The latest there is: listeners hear of it, however late it is.
            held_back -= 1
            self._tell_update()
        self._sync.counters.coalesced += held_back
        now = time.monotonic()
        if now - self._backlog_told_at > _BACKLOG_PAUSE:
            self._backlog_told_at = now
            self._tell_error(SlowCallbackError("callbacks are behind, they are told only the latest update"))

    # Effects.

    def _carry_out(self, effects: Iterable[Effect], *, again: bool = False) -> None:  # noqa: C901 - a line an effect
        """Do what the machine wants; `again` where a request would repeat one that was just answered."""
        sync = self._sync
        changed = sync.state is not self._cell.state
        self._cell.publish(sync.book, sync.state)
        for effect in effects:
            match effect:
                case Publish():
                    self._tell_update()
                case RequestSnapshot(_, priority):
                    self._plan_request(priority, again=again)
                case Ahead():
                    self.mailbox.after(_AHEAD_DEADLINE, Tick("ahead", sync.counters.snapshots))
                case StateChanged():
                    self._tell_state(effect)
                case Resync(error):
                    logger.warning("~ %s %s", self._symbol, error)
                    if not changed:
                        # No change of state tells of it, so this does.
                        self._tell_event(BookEvent(self._symbol, sync.state, sync.state, error))
                case Refused(error):
                    self._tell_error(error)
                case Silent(error):
                    self._quiet_limit = _QUIET_LIMIT
                    if self.parent is not None:
                        tell(self.parent, StreamSilent(self._cell, error))

    def _tell_state(self, change: StateChanged) -> None:
        self._cell.error = change.error
        why = f" ({change.error})" if change.error else ""
        logger.info("= %s %s -> %s%s", self._symbol, change.previous, change.state, why)
        self._tell_event(BookEvent(self._symbol, change.previous, change.state, change.error))

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
            self._limit = self._wide = self._market.snapshot_limit(depth)
            self._carry_out(self._sync.deepen(depth))
        else:
            self._cell.publish(self._sync.book, self._sync.state)

    def _set_refresh_timer(self) -> None:
        interval = self._cell.spec.refresh_interval
        if interval:
            spread = 1 - _REFRESH_SPREAD * random.random()  # noqa: S311 - spreads load, guards nothing
            self.mailbox.after(interval * spread, Tick("refresh"))

    def _look_for_silence(self) -> None:
        """Ask for a snapshot if the stream has brought nothing for long: it may be quiet, or not served at all."""
        heard_of = self._sync.counters.diffs
        if heard_of == self._heard_of:
            self._quiet_limit = min(2 * self._quiet_limit, self._cell.spec.refresh_interval or inf)
            self._carry_out(self._sync.refresh())
        self._heard_of = heard_of
        self.mailbox.after(self._quiet_limit, Tick("quiet"))

    # Snapshots.

    def _plan_request(self, priority: Priority, *, again: bool) -> None:
        """Ask for a snapshot at its time: when diffs are buffered from before it."""
        patience = _FIRST_DIFF_PATIENCE + self._cell.spec.speed_ms / 1_000
        if priority is Priority.REFRESH:
            self._widen()
        if again or self._failure_told:
            self._request()
        elif self._sync.in_sequence:
            # Nothing failed: it is time for a refresh, or the price is about to leave the trusted range, or left it.
            self._send_request_in(patience if priority is Priority.REFRESH else 0.0)
        elif self._sync.buffered:
            self._request()
        else:
            self._awaits_first_diff = True
            self._send_request_in(patience)

    def _relax(self) -> None:
        """Let the next request wait for less when the last one was of use."""
        if self._sync.wanted() is None:
            self._requests = min(self._requests, _REQUESTS_AFTER_USE)

    def _widen(self) -> None:
        """Refresh with more levels if the last snapshot's were used up before they were a minute old, else with few."""
        book = self._sync.book
        young = time.monotonic() - self._arrived_at < _SNAPSHOT_SHOULD_LAST
        if book is None or not young or book.spare >= _USED_UP * (self._wide - self._depth):
            self._wide = self._limit
            return
        wider = min((size for size in self._market.limits if size > self._wide), default=self._wide)
        if wider <= _WIDEST:
            self._wide = wider

    def _request(self) -> None:
        """Ask for a snapshot now, or after a growing wait when the last request was just before."""
        self._awaits_first_diff = False
        now = time.monotonic()
        self._requests = self._requests + 1 if now - self._requested_at < _REQUESTS_IN_A_ROW else 0
        if self._requests == 0:
            self._send_request()
            return
        wait = _SNAPSHOT_BACKOFF.wait(0, self._requests, random.random()) or 0.0  # noqa: S311 - as above
        self._requested_at = now + wait
        self._send_request_in(wait)

    def _send_request(self) -> None:
        self._awaits_first_diff = False
        wanted = self._sync.wanted()
        if wanted is None:
            return
        self._requested_at = max(self._requested_at, time.monotonic())
        limit = self._wide if self._sync.in_sequence else self._limit
        request = SnapshotWanted(self._market, self._symbol, limit, wanted.epoch, wanted.priority, self.actor_ref)
        tell(self._snapshots, request)
        # Should it be lost with a dying actor: sent again, it keeps its place in the queue.
        self._send_request_in(_REQUEST_DEADLINE)

    def _send_request_in(self, seconds: float) -> None:
        """Set the one timer for requests; an earlier one is void."""
        self._request_serial += 1
        self.mailbox.after(seconds, Tick("snapshot", self._request_serial))

    def _snapshot_failed(self, epoch: int, error: DepthActorsError) -> None:
        if isinstance(error, UnknownSymbolError):
            self._carry_out(self._sync.close(BookState.FAILED, error))
            if self.parent is not None:
                tell(self.parent, BookGivenUp(self._cell))
            return
        if epoch != self._sync.epoch:
            return
        self._tell_failure(error)
        self._requested_at = time.monotonic()
        self._request()

    def _tell_failure(self, error: DepthActorsError) -> None:
        """Tell that there is no snapshot yet, once until one arrives."""
        if not self._failure_told:
            self._failure_told = True
            self._tell_error(error)

    def _stream_down(self, epoch: int, error: DepthActorsError) -> None:
        before = self._sync.state
        self._carry_out(self._sync.stream_down(epoch, error))
        if self._sync.state is before and self._sync.epoch is None:
            # The book was not live anyway; why it is not getting there is news.
            self._tell_error(error)

    # Listeners.

    def _greet(self, listener: Listener) -> None:
        """Tell a new listener where the book stands, which may be all there is to tell for long."""
        book, state = self._cell.current
        if state is BookState.LIVE and book is not None:
            self._update(listener, book)
        elif state is BookState.FAILED and listener.event is not None:
            self._call(listener.event, BookEvent(self._symbol, state, state, self._cell.error))

    def _tell_update(self) -> None:
        """Call the listeners with the live book; a raising one is logged and counted, and harms nobody."""
        book, state = self._cell.current
        if state is not BookState.LIVE or book is None:
            return
        for listener in self._cell.listeners:
            self._update(listener, book)

    def _update(self, listener: Listener, book: OrderBook) -> None:
        # One that was promised more than the book holds so far is told when it holds that.
        if listener.update is not None and book.depth >= listener.depth:
            self._call(listener.update, book)

    def _tell_event(self, event: BookEvent) -> None:
        for listener in self._cell.listeners:
            if listener.event is not None:
                self._call(listener.event, event)

    def _tell_error(self, error: DepthActorsError) -> None:
        logger.warning("! %s %s", self._symbol, error)
        self._cell.error = error
        self._tell_event(BookEvent(self._symbol, self._sync.state, self._sync.state, error))

    def _call(self, callback: Callable[[Any], None], argument: object) -> None:
        self._sync.counters.callback_errors += not call(callback, argument)

    # Questions.

    def _view(self, levels: int | None) -> BookView:
        view = self._cell.view(levels, self._number)
        assert view is not None, "nobody else writes the book while its own actor reads it"
        return view

    @property
    def _number(self) -> type[float | Decimal]:
        return self._cell.spec.number
