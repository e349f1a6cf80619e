"""The synchronizer keeps one book right: it takes what happens to the book, and returns effects.

Theory of operation. Each method takes one event, compares it with the book and the buffer, and makes it a cause. The
transition for the cause is looked up in `table.TABLE`, and its action, in `transitions`, changes the book. What the
caller has to do is returned as a list of effects, in the order in which they are to be carried out. No thread, no
clock, no socket: the time is an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors.book import BookState
from depthactors.errors import BookIntegrityError, SilentStreamError, SnapshotError, StreamError
from depthactors.sync.buffer import Standby
from depthactors.sync.causes import (
    ChainFault,
    Changed,
    Close,
    ConnectionDown,
    ConnectionUp,
    DiffBehind,
    DiffConfirms,
    DiffGap,
    DiffNext,
    DiffStale,
    Handover,
    Met,
    RefreshNeeded,
    SnapshotAhead,
    SnapshotCrossed,
    SnapshotFits,
    SnapshotOld,
)
from depthactors.sync.counters import Counters
from depthactors.sync.doubts import NEVER_SHOWN, Doubts, Former
from depthactors.sync.effects import Publish, Silent, SnapshotRefused
from depthactors.sync.phases import (
    Aligning,
    Bridging,
    Buffering,
    Followed,
    Following,
    Refreshing,
    SyncState,
    Unconnected,
)
from depthactors.sync.sequencing import Follower, Verdict
from depthactors.sync.table import TABLE
from depthactors.sync.transitions import NOTHING, PUBLISH, Transitions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depthactors.binance import Diff, Snapshot
    from depthactors.book import OrderBook
    from depthactors.errors import DepthActorsError
    from depthactors.markets import Sequencing
    from depthactors.sync.causes import Cause
    from depthactors.sync.effects import Effect, RequestSnapshot

BUFFER_LIMIT: Final = 1000
"""Diffs kept while a snapshot is awaited: 100 s at the fastest stream, far more than a snapshot ever lags."""


class Synchronizer:
    """Keep one book right.

    Attributes:
        counters: the counters of the book.
    """

    def __init__(
        self,
        sequencing: Sequencing,
        new_book: Callable[[Snapshot, float], OrderBook],
        *,
        buffer_limit: int = BUFFER_LIMIT,
        book: OrderBook | None = None,
        former: Former = NEVER_SHOWN,
        counters: Counters | None = None,
    ) -> None:
        """Begin without a stream.

        Args:
            sequencing: the market's sequencing rule.
            new_book: makes a book of a snapshot and the time at which it arrived.
            buffer_limit: the number of diffs that are kept while a snapshot is awaited; beyond it the oldest is
                dropped, so that only a newer snapshot can fit.
            book: the last good book of a predecessor, which is shown as stale meanwhile.
            former: what a predecessor in another process has shown; a book is not live again before its stream confirms
                that it goes on from there.
            counters: the counters of a predecessor, which are continued.
        """
        self.counters = counters if counters is not None else Counters()
        self._sequencing = sequencing
        self._new_book = new_book
        self._buffer_limit = buffer_limit
        doubts = Doubts.after(book, former, self.counters.diffs)
        self._transitions = Transitions(TABLE, sequencing, buffer_limit, book, doubts, self.counters)
        self._doubts = doubts
        self._buffer = self._transitions.buffer
        self._standby: Standby | None = None
        # An older connection that brings every diff, too: a stream may move to it from a newer one.
        self._older: int | None = None

    def stream_up(self, epoch: int, predecessor: int | None = None) -> Sequence[Effect]:
        """Note that a connection brings every diff from now on.

        Args:
            epoch: the connection's number; later connections have larger numbers.
            predecessor: the connection that this one is to succeed, and which still brings every diff, too: this one
                takes over when that one ends.
        """
        effects: list[Effect] = []
        current = self.epoch
        if current is not None:
            if epoch <= current:
                # The same subscription again, or an older connection, which is used if the present one ends.
                if epoch < current:
                    self._older = epoch
                return NOTHING
            if predecessor == current:
                self._standby = Standby(epoch, self._buffer_limit, self._sequencing)
                return NOTHING
            self._standby = None
            effects += self._step(ConnectionDown(StreamError(f"connection {current} ended without notice")))
        return [*effects, *self._step(ConnectionUp(epoch))]

    def stream_down(self, epoch: int, error: DepthActorsError) -> Sequence[Effect]:
        """Note that the connection ended; its successor takes over, if there is one. Its later messages are dropped."""
        standby = self._standby
        if standby is not None and epoch == standby.epoch:
            self._standby = None
            return NOTHING
        older = self._older
        if epoch == older:
            self._older = None
        if epoch != self.epoch:
            self.counters.late += 1
            return NOTHING
        if standby is not None:
            return self._hand_over(standby)
        effects = self._step(ConnectionDown(error))
        if older is None:
            return effects
        self._older = None
        return [*effects, *self._step(ConnectionUp(older))]

    def diff(self, epoch: int, diff: Diff, recv_time: float) -> Sequence[Effect]:
        """Take one checked depth event; O(levels) when it is applied."""
        counters, transitions = self.counters, self._transitions
        phase = transitions.phase
        if type(phase) is Following and phase.epoch == epoch:
            # The common case: the rules and the table would lead to the same.
            follower = phase.follower
            book = follower.book
            if follower.joined and diff.previous_id == book.last_update_id:
                counters.diffs += 1
                book.apply(diff, recv_time)
                counters.applied += 1
                if transitions.state is BookState.LIVE and book.spare >= follower.refill_below and not book.crossed:
                    return PUBLISH
                return self._step(Changed())
        if isinstance(phase, Unconnected) or phase.epoch != epoch:
            return self._take_beside(epoch, diff, recv_time)
        counters.diffs += 1
        if isinstance(phase, Buffering):
            base, verdict = None, self._buffer.judge(diff)
        else:
            base = phase.candidate if isinstance(phase, Bridging) else phase.follower
            verdict = base.judge(diff, self._sequencing)
        if verdict is Verdict.STALE:
            return self._take_stale(diff, base)
        return self._step(DiffGap(diff) if verdict is Verdict.GAP else DiffNext(diff, recv_time))

    def fault(self, epoch: int, error: DepthActorsError) -> Sequence[Effect]:
        """Note that a part of this book's stream was lost or unreadable, so that the next diffs cannot be trusted."""
        if self._standby is not None and epoch == self._standby.epoch:
            # If a diff of it is missing later, the ids show the gap.
            self._standby.run.clear()
            return NOTHING
        if epoch != self.epoch:
            self.counters.late += 1
            return NOTHING
        self.counters.faults += 1
        return self._step(ChainFault(error))

    def snapshot(self, epoch: int, snapshot: Snapshot, now: float) -> Sequence[Effect]:
        """Take a snapshot that was requested; O(levels and buffered diffs)."""
        self.counters.snapshots += 1
        if epoch != self.epoch:
            self.counters.late += 1
            return NOTHING
        self._doubts.listed()
        phase = self._transitions.phase
        if not isinstance(phase, Buffering | Refreshing):
            self.counters.snapshots_unwanted += 1
            return NOTHING
        found = self._classify_snapshot(phase, snapshot.last_update_id)
        lagging = self._doubts.lagging(old=found is SnapshotOld)
        if found is SnapshotOld:
            self.counters.snapshots_too_old += 1
            report = [SnapshotRefused(self._lag_error(snapshot, lagging))] if lagging else NOTHING
            return [*report, *self._step(SnapshotOld())]
        fits = found is SnapshotFits
        book = self._new_book(snapshot, now)
        if book.short and isinstance(phase, Buffering):
            # Without a book before, also what other connections have brought shows that there is a market.
            quiet = not self._buffer and (self.book is not None or not self.counters.diffs)
            book.look(self.book, quiet=quiet, was_cut=self._doubts.was_cut)
        candidate = Follower(book)
        applied = self._buffer.replay(candidate, now)
        candidate.confirmed = fits and len(self._buffer) > 0
        if book.crossed:
            self.counters.snapshots_refused += 1
            error = BookIntegrityError(f"expected a snapshot with bid <= ask, was {book!r}")
            return self._step(SnapshotCrossed(error))
        if isinstance(phase, Buffering):
            self.counters.applied += applied
            self.counters.stale += len(self._buffer) - applied
            if not candidate.confirmed and self._doubts.has_changed(book, self.book):
                # The book changed without its stream, or the snapshot is another book's: the next diff will show.
                self._doubts.unheard = True
        silent = self._silence_since_unmet(book)
        return [*self._step(SnapshotFits(candidate) if fits else SnapshotAhead(candidate)), *silent]

    def unlisted(self, epoch: int, error: DepthActorsError) -> Sequence[Effect]:
        """Take the answer that the exchange does not list the symbol: the book fails if the answer is believed."""
        if epoch != self.epoch:
            self.counters.late += 1
            return NOTHING
        return self.close(BookState.FAILED, error) if self._doubts.is_unlisted(self.counters.diffs) else NOTHING

    def refresh(self) -> Sequence[Effect]:
        """Ask for a new base, if the book is in sequence; the old one stays in use meanwhile."""
        return self._step(RefreshNeeded())

    def overdue(self) -> Sequence[Effect]:
        """Decide about a snapshot that the stream has not reached for long.

        If it has the levels of the book in sequence, only its id was ahead (chained ids have holes), and it is used. If
        the stream went on and did not meet it, it was not this book's. If the stream brought nothing, a book in
        sequence has missed something; without a book in sequence, or with one that vouches for too little, a second
        snapshot is compared: if it differs, the stream is silent, else the book is only quiet.
        """
        phase, heard = self._transitions.phase, self._doubts.heard_since_held(self.counters.diffs)
        if isinstance(phase, Aligning):
            return self._overdue_beside(phase.candidate.book, phase.follower.book, heard=heard)
        if isinstance(phase, Bridging):
            found = phase.candidate.book
            if heard:
                return self._refuse(found)
            self._doubts.unmet = found
            return self._step(SnapshotOld())
        return NOTHING

    def deepen(self, depth: int) -> Sequence[Effect]:
        """Promise `depth` levels from now on; a book with fewer vouched-for levels is stale until it is refreshed."""
        phase = self._transitions.phase
        if isinstance(phase, Bridging | Aligning):
            phase.candidate.book.promise(depth)
        if self.book is None:
            return NOTHING
        self.book.promise(depth)
        return self._step(Changed()) if self.in_sequence else NOTHING

    def close(self, state: BookState, error: DepthActorsError | None = None) -> Sequence[Effect]:
        """End in `STOPPED` or `FAILED`; the last good book stays readable."""
        self._standby = self._older = None
        return self._step(Close(state, error))

    def request_again(self) -> RequestSnapshot | None:
        """Return the request that is still unanswered, to send it again; its priority is the present need."""
        return self._transitions.request_again()

    @property
    def waits_for_snapshot(self) -> bool:
        """Whether a request is still unanswered."""
        return isinstance(self._transitions.phase, Buffering | Refreshing)

    @property
    def book(self) -> OrderBook | None:
        """The last good book, or `None` before the first and after a crossed one."""
        return self._transitions.book

    @property
    def state(self) -> BookState:
        """What may be believed of the book."""
        return self._transitions.state

    @property
    def phase(self) -> SyncState:
        """The phase that the book is in."""
        return self._transitions.phase.state

    @property
    def epoch(self) -> int | None:
        """The number of the present connection, `None` without one; messages of others are dropped and counted."""
        phase = self._transitions.phase
        return None if isinstance(phase, Unconnected) else phase.epoch

    @property
    def held(self) -> int:
        """The number of snapshots so far that were kept until the stream would reach them."""
        return self._doubts.held

    @property
    def granted_less(self) -> bool:
        """Whether the book's snapshot had fewer levels than were requested, so that a larger request is useless."""
        follower = self._follower
        return follower is not None and follower.book.cut

    @property
    def agreements(self) -> int | None:
        """Number of snapshots in a row that agreed on a short side that may be whole; `None` if the last did not."""
        follower = self._follower
        if follower is None or not follower.book.short:
            return None
        agreed = max(side.agreements for side in (follower.book.bids, follower.book.asks) if side.short)
        return agreed if agreed or self._doubts.first_look else None

    @property
    def in_sequence(self) -> bool:
        """Whether each diff is applied to the book, live or not."""
        return self._follower is not None

    @property
    def doubted(self) -> bool:
        """Whether the book is in sequence and not believed: it has changed while its stream brought nothing."""
        return self._follower is not None and self._doubts.doubted(self._follower)

    @property
    def buffered(self) -> int:
        """The number of diffs that wait for a snapshot."""
        return len(self._buffer)

    @property
    def buffered_bytes(self) -> int:
        """The approximate size of these diffs in bytes.

        Thread: any.
        """
        return self._buffer.size

    def check(self) -> None:
        """Verify every invariant of the machine and of its books; O(n log n).

        Raises:
            BookIntegrityError: an invariant is broken; the message names it.
        """
        follower, phase = self._follower, self._transitions.phase
        faults = [
            # A successor needs a connection before it.
            (self._standby is not None and self.epoch in {None, self._standby.epoch}, "successor of nothing"),
            # Readers see the book that is in sequence.
            (follower is not None and follower.book is not self.book, "readers see another book"),
            (self.state is not self._transitions.label(phase), "state is not what the phase says"),
        ]
        for broken, words in faults:
            if broken:
                msg = f"{words}: phase={phase} state={self.state} book={self.book!r}"
                raise BookIntegrityError(msg)
        self._buffer.check()
        if self.book is not None:
            self.book.check()

    def _step(self, cause: Cause) -> Sequence[Effect]:
        return self._transitions.step(cause)

    @property
    def _follower(self) -> Follower | None:
        phase = self._transitions.phase
        return phase.follower if isinstance(phase, Followed) else None

    @property
    def _known_id(self) -> int:
        """The id up to which the stream has brought updates, or the book has them."""
        return max(self.book.last_update_id if self.book is not None else 0, self._buffer.last_id)

    def _take_beside(self, epoch: int, diff: Diff, recv_time: float) -> Sequence[Effect]:
        """Take a diff of another connection than the present one: of its successor, or of an older one."""
        standby = self._standby
        if standby is not None and epoch == standby.epoch:
            self.counters.overlapped += 1
            standby.take(diff, recv_time, self._transitions.reached_id)
        else:
            self.counters.late += 1
        return NOTHING

    def _take_stale(self, diff: Diff, base: Follower | None) -> Sequence[Effect]:
        """Take a diff that the book, the base or the buffer has: a repetition, or a sign that the ids began anew."""
        counters, follower = self.counters, self._follower
        counters.stale += 1
        if base is not None and not base.confirmed:
            if diff.last_id == base.book.last_update_id:
                return self._step(DiffConfirms())
            if follower is not None:
                return self._step(DiffBehind())
        fresh = counters.diffs - counters.stale
        fault = self._doubts.contradicts(diff, follower, self._buffer, fresh=fresh, last_id=self._known_id)
        if fault is not None:
            counters.faults += 1
            return self._step(fault)
        return self._step(DiffBehind() if self.phase is SyncState.BRIDGING else DiffStale())

    def _hand_over(self, standby: Standby) -> Sequence[Effect]:
        """Go on with the successor from where its predecessor ended; the ids show whether anything is missing."""
        self._standby = None
        self.counters.handovers += 1
        effects = list(self._step(Handover(standby.epoch)))
        published = 0
        for diff in standby.run:
            # One update is published for all of them.
            effects = [effect for effect in effects if type(effect) is not Publish]
            further = self.diff(standby.epoch, diff, standby.recv_time)
            published += any(type(effect) is Publish for effect in further)
            effects += further
        self.counters.coalesced += max(0, published - 1)
        return effects

    def _overdue_beside(self, found: OrderBook, book: OrderBook, *, heard: bool) -> Sequence[Effect]:
        """Decide about a snapshot beside a book in sequence, as `overdue`; `heard` is whether the stream went on."""
        differences = book.differences(found)
        if book.matches(found) or found.emptied(book):
            # Whether an empty snapshot is believed is decided there.
            return self._step(Met())
        if not heard and differences:
            silent = self._fall_silent(found, differences)
            return [*self._step(ChainFault(silent.error)), silent]
        if not heard and not book.sound:
            # A base that vouches for next to nothing differs from no snapshot; the next snapshot may.
            effects = self._step(ChainFault(SnapshotError(self._unmet_words(found))))
            self._doubts.unmet = found
            return effects
        return self._refuse(found)

    def _refuse(self, found: OrderBook) -> Sequence[Effect]:
        """Drop a snapshot that the stream did not meet, and request another one."""
        self.counters.snapshots_refused += 1
        return [SnapshotRefused(SnapshotError(self._unmet_words(found))), *self._step(SnapshotOld())]

    @staticmethod
    def _unmet_words(found: OrderBook) -> str:
        return f"expected the stream to meet update {found.last_update_id} of a snapshot, did not"

    def _lag_error(self, snapshot: Snapshot, in_a_row: int) -> SnapshotError:
        """Return the error for a snapshot that is too old, as several before it."""
        words = f"expected a snapshot near update {self._known_id}, where the stream is, was {snapshot.last_update_id}"
        return SnapshotError(f"{words}: {in_a_row} in a row are too old")

    def _silence_since_unmet(self, book: OrderBook) -> Sequence[Effect]:
        """Report a silent stream if the book changed between two snapshots in a row, and the stream brought nothing."""
        unmet, self._doubts.unmet = self._doubts.unmet, None
        if unmet is None or self._doubts.heard_since_held(self.counters.diffs):
            return NOTHING
        differences = unmet.differences(book)
        return [self._fall_silent(book, differences)] if differences else NOTHING

    def _fall_silent(self, found: OrderBook, differences: int) -> Silent:
        """Doubt the book until the stream brings something."""
        self.counters.faults += 1
        self._doubts.unheard = True
        words = f"expected the stream to reach update {found.last_update_id}, was silent"
        return Silent(SilentStreamError(f"{words}, with {differences} levels that differ"))

    def _classify_snapshot(
        self, phase: Buffering | Refreshing, snapshot_id: int
    ) -> type[SnapshotOld | SnapshotFits | SnapshotAhead]:
        if not self._buffer.joins(snapshot_id):
            return SnapshotOld
        if isinstance(phase, Refreshing):
            shown_id = phase.follower.book.last_update_id
            if snapshot_id > shown_id:
                return SnapshotAhead
            return SnapshotOld if not self._buffer and snapshot_id < shown_id else SnapshotFits
        if self._doubts.is_behind(snapshot_id, self.book, self._buffer):
            return SnapshotOld
        return SnapshotAhead if self._buffer and snapshot_id > self._buffer.last_id else SnapshotFits
