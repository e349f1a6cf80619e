"""The actions of the transitions in the table, and the book, the buffer and the memory that they work on.

An action takes the phase and the cause that its row of the table names, and returns the phase that the row leads to; a
type checker proves it. An action may find something, such as a crossed book: that is the cause of the next step.

A new base (first snapshot, resync, refresh) is always built beside the book that readers see and takes its place only
when it stands at the same update id or later; until then the old book stays.

A snapshot is believed when the stream meets it: a diff joins it, or ends at its id. If the stream brings nothing at
all, a snapshot is believed alone, unless it differs from the last good book; it is doubted again if the first diff is
older.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from depthactors.book import BookState
from depthactors.errors import AuditError, BookIntegrityError, ExchangeError, SnapshotError
from depthactors.sync.buffer import DiffBuffer
from depthactors.sync.causes import ChainFault, Met, RefreshNeeded, error_of
from depthactors.sync.effects import (
    Ahead,
    Audited,
    Priority,
    Publish,
    RequestSnapshot,
    Resync,
    SnapshotRefused,
    StateChanged,
)
from depthactors.sync.phases import (
    Aligning,
    Bridging,
    Buffering,
    Closed,
    Disconnected,
    Followed,
    FollowedT,
    Following,
    Phase,
    PhaseT,
    Refreshing,
)
from depthactors.sync.sequencing import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from depthactors.book import OrderBook
    from depthactors.errors import DepthActorsError
    from depthactors.markets import Sequencing
    from depthactors.sync.causes import (
        Cause,
        Close,
        ConnectionDown,
        ConnectionUp,
        DiffBehind,
        DiffConfirms,
        DiffGap,
        DiffNext,
        Handover,
        SnapshotAhead,
        SnapshotCrossed,
        SnapshotFits,
        SnapshotOld,
    )
    from depthactors.sync.counters import Counters
    from depthactors.sync.doubts import Doubts
    from depthactors.sync.effects import Effect
    from depthactors.sync.phases import Connected
    from depthactors.sync.sequencing import Follower

NOTHING: Final[tuple[Effect, ...]] = ()
PUBLISH: Final[tuple[Effect, ...]] = (Publish(),)

PhaseT_co = TypeVar("PhaseT_co", bound=Phase, covariant=True)


class Done(NamedTuple, Generic[PhaseT_co]):
    """The result of an action.

    Attributes:
        phase: the phase from now on.
        effects: the effects that the caller has to carry out.
        then: the cause of the next step, if the action found one.
        error: the reason for a change of the public state, if the cause does not have it.
    """

    phase: PhaseT_co
    effects: Sequence[Effect] = NOTHING
    then: Cause | None = None
    error: DepthActorsError | None = None


class Row(NamedTuple):
    """A transition: the class of the phase that it leads to, and the action that leads there."""

    after: type[Any]
    action: Callable[[Transitions, Any, Any], Done[Phase]]


Table: TypeAlias = "Mapping[tuple[type[Any], type[Any]], Row]"
"""Rows by the classes of a phase and of a cause."""


class Transitions:
    """One book, changed by one transition at a time.

    Attributes:
        book: the last good book, or `None` before the first and after a crossed one.
        state: the public state: whether the book may be believed.
        phase: the phase that the book is in.
        buffer: the diffs that wait for a snapshot.
        doubts: the memory beside the phase.
        counters: the counters of the book.
    """

    def __init__(
        self,
        table: Table,
        sequencing: Sequencing,
        buffer_limit: int,
        book: OrderBook | None,
        doubts: Doubts,
        counters: Counters,
    ) -> None:
        """Begin without a stream, perhaps with the last good book of a predecessor."""
        self.book = book
        self.state = BookState.SYNCING if book is None else BookState.STALE
        self.phase: Phase = Disconnected()
        self.buffer = DiffBuffer(buffer_limit, sequencing)
        self.doubts = doubts
        self.counters = counters
        self._table = table
        self._sequencing = sequencing

    def step(self, cause: Cause) -> Sequence[Effect]:
        """Look up the transition and carry out its action; the effects report a change of the public state."""
        effects: list[Effect] = []
        following: Cause | None = cause
        while following is not None:
            cause = following
            done = self._table[type(self.phase), type(cause)].action(self, self.phase, cause)
            self.phase, following = done.phase, done.then
            if isinstance(following, ChainFault):
                # The change is reported after the fault's own step, with its error.
                effects += done.effects
            else:
                effects += self._relabelled(done.effects, done.error or error_of(cause))
        return effects

    def label(self, phase: Phase) -> BookState:
        """Return what may be believed of the book in a phase."""
        if isinstance(phase, Closed):
            return phase.final
        if self.book is None:
            return BookState.SYNCING
        if not isinstance(phase, Followed) or not self.book.sound:
            return BookState.STALE
        return BookState.STALE if self.doubts.doubted(phase.follower) else BookState.LIVE

    def request(self, phase: Connected) -> RequestSnapshot:
        """Return the request for a snapshot in a phase."""
        if isinstance(phase, Followed) and phase.follower.book.sound:
            return RequestSnapshot(phase.epoch, Priority.REFRESH)
        return RequestSnapshot(phase.epoch, Priority.RESYNC if self.doubts.was_live else Priority.NEW)

    def request_again(self) -> RequestSnapshot | None:
        """Return the request that is still unanswered, `None` if there is none; its priority is the present need."""
        if isinstance(self.phase, Buffering):
            return self.request(self.phase)
        if isinstance(self.phase, Refreshing):
            request = self.request(self.phase)
            self.phase = replace(self.phase, urgent=request.priority is not Priority.REFRESH)
            return request
        return None

    def _relabelled(self, effects: Sequence[Effect], error: DepthActorsError | None) -> Sequence[Effect]:
        """Prepend a `StateChanged` when the public state is not what it was."""
        previous, self.state = self.state, self.label(self.phase)
        if isinstance(self.phase, Followed):
            self.doubts.followed(self.phase.follower)
        if self.state is previous:
            return effects
        if self.state is BookState.LIVE:
            self.doubts.was_live = True
        elif error is None:
            error = next((effect.error for effect in effects if isinstance(effect, Resync)), None)
        return [StateChanged(previous, self.state, error), *effects]

    # The actions, as the rows of the table name them.

    def ignore(self, phase: PhaseT, _cause: Cause) -> Done[PhaseT]:
        """Stay."""
        return Done(phase)

    def begin(self, _phase: Disconnected, cause: ConnectionUp) -> Done[Buffering]:
        """Buffer what comes, and ask for a snapshot."""
        self._forget_chain()
        return self._asking(Buffering(cause.epoch))

    def suspend(self, _phase: Connected, _cause: ConnectionDown) -> Done[Disconnected]:
        """Keep the last good book and nothing else."""
        self._forget_chain()
        return Done(Disconnected())

    def keep(self, phase: Buffering, cause: DiffNext) -> Done[Buffering]:
        """Buffer a diff."""
        self.counters.buffer_overflows += self.buffer.append(cause.diff)
        return Done(phase)

    def apply(self, phase: Following, cause: DiffNext) -> Done[Following]:
        """Apply a diff."""
        self._take(phase.follower, cause)
        return self.assessed(phase)

    def apply_and_keep(self, phase: Refreshing, cause: DiffNext) -> Done[Refreshing]:
        """Apply a diff, and buffer it for the new base."""
        self.counters.buffer_overflows += self.buffer.append(cause.diff)
        self._take(phase.follower, cause)
        return self.assessed(phase)

    def apply_to_both(self, phase: Aligning, cause: DiffNext) -> Done[Aligning]:
        """Apply a diff to the book, and to the new base if the base does not have it; both come to the same id."""
        self._take(phase.follower, cause)
        done = self.assessed(phase)
        if done.then is not None:
            return done
        candidate = phase.candidate
        if candidate.judge(cause.diff, self._sequencing) is not Verdict.STALE:
            candidate.take(cause.diff, cause.recv_time)
        met = phase.follower.book.last_update_id >= candidate.book.last_update_id
        return done._replace(then=Met()) if met else done

    def confirm(self, phase: FollowedT, _cause: DiffConfirms) -> Done[FollowedT]:
        """Believe the book: the stream has brought exactly the update that the snapshot shows."""
        phase.follower.confirmed = True
        # Whether this update was published depends on whether the book was live.
        return Done(phase, NOTHING if self.label(phase) is self.state else PUBLISH)

    def resync_after_gap(self, phase: Connected, cause: DiffGap) -> Done[Buffering]:
        """Give up the chain; the event that showed the gap is the first of the next one."""
        self.counters.gaps += 1
        diff, last_id = cause.diff, self.reached_id
        error = ExchangeError(f"expected a diff after update {last_id}, was U={diff.first_id} u={diff.last_id}")
        return self.resync(phase, ChainFault(error, diff))

    def resync(self, phase: Connected, cause: ChainFault) -> Done[Buffering]:
        """Give up the chain, and ask for a snapshot."""
        self._forget_chain()
        if cause.first is not None:
            self.buffer.append(cause.first)
        after = Buffering(phase.epoch)
        if isinstance(phase, Buffering):
            # A snapshot is under way already; it serves the new chain, or is too old for it.
            return Done(after, [Resync(cause.error)])
        return Done(after, [Resync(cause.error), self.request(after)])

    def refuse(self, phase: Buffering, cause: SnapshotCrossed) -> Done[Buffering]:
        """Ask for another snapshot."""
        return self._asking(phase, SnapshotRefused(cause.error))

    def refuse_refresh(self, phase: Refreshing, cause: SnapshotCrossed) -> Done[Refreshing]:
        """Ask for another snapshot, and go on with the book."""
        return self._refreshing(phase.epoch, phase.follower, SnapshotRefused(cause.error))

    def ask_again(self, phase: Buffering | Bridging, _cause: SnapshotOld) -> Done[Buffering]:
        """Ask for a newer snapshot; what is buffered stays."""
        return self._asking(Buffering(phase.epoch))

    def ask_successor(self, _phase: Buffering, cause: Handover) -> Done[Buffering]:
        """Ask for a snapshot for the successor: an answer for its predecessor would be late."""
        return self._asking(Buffering(cause.epoch))

    def refresh_again(self, phase: Refreshing | Aligning, _cause: SnapshotOld) -> Done[Refreshing]:
        """Ask for a newer snapshot; what is buffered stays."""
        return self._refreshing(phase.epoch, phase.follower)

    def refresh(self, phase: Following, _cause: RefreshNeeded) -> Done[Refreshing]:
        """Ask for a new base, and buffer the diffs for it from now on."""
        self.buffer.clear()
        return self._refreshing(phase.epoch, phase.follower)

    def rejoin(self, phase: FollowedT, cause: Handover) -> Done[FollowedT]:
        """Go on with the successor: the rule for the first diff holds for its first diff."""
        phase.follower.joined = False
        return Done(replace(phase, epoch=cause.epoch))

    def rejoin_and_refresh(self, phase: Refreshing, cause: Handover) -> Done[Refreshing]:
        """Go on with the successor, and ask for the new base once more."""
        self.buffer.clear()
        phase.follower.joined = False
        return self._refreshing(cause.epoch, phase.follower)

    def wait(self, phase: Bridging, cause: Handover) -> Done[Bridging]:
        """Go on with the successor, whose diffs may meet the base."""
        return Done(replace(phase, epoch=cause.epoch))

    def hold(self, phase: Buffering, cause: SnapshotAhead) -> Done[Bridging]:
        """Keep a base until the stream meets it."""
        return Done(Bridging(phase.epoch, cause.candidate), self._held())

    def hold_beside(self, phase: Refreshing, cause: SnapshotAhead) -> Done[Aligning]:
        """Keep a new base until the stream meets it, and go on with the book."""
        return Done(Aligning(phase.epoch, phase.follower, cause.candidate), self._held())

    def doubt(self, phase: Followed, _cause: DiffBehind) -> Done[Bridging]:
        """Treat the book, which was believed without a diff, as a snapshot that is ahead of the stream."""
        self._forget_chain()
        return Done(Bridging(phase.epoch, phase.follower), self._held())

    def adopt(self, phase: Buffering, cause: SnapshotFits) -> Done[Following]:
        """Follow a base that the stream has reached."""
        return self._adopted(phase.epoch, cause.candidate)

    def adopt_met(self, phase: Bridging, _cause: DiffConfirms) -> Done[Following]:
        """Follow the base that the stream met."""
        phase.candidate.confirmed = True
        return self._adopted(phase.epoch, phase.candidate)

    def join(self, phase: Bridging, cause: DiffNext) -> Done[Following]:
        """Follow the base that a diff joins."""
        self._take(phase.candidate, cause)
        return self._adopted(phase.epoch, phase.candidate)

    def swap(self, phase: Refreshing, cause: SnapshotFits) -> Done[Following]:
        """Put a new base in the place of the book, at the same update id."""
        return self._swapped(phase.epoch, phase.follower, cause.candidate)

    def swap_met(self, phase: Aligning, _cause: Met) -> Done[Following]:
        """Put the new base that the stream met in the place of the book."""
        return self._swapped(phase.epoch, phase.follower, phase.candidate)

    def assess(self, phase: FollowedT, _cause: Cause) -> Done[FollowedT]:
        """Check whether the book keeps its promise."""
        return self.assessed(phase)

    def close(self, _phase: Phase, cause: Close) -> Done[Closed]:
        """End; the last good book stays readable."""
        self._forget_chain()
        return Done(Closed(cause.final))

    # Parts of the actions.

    @property
    def reached_id(self) -> int:
        """The id up to which the stream has brought updates, to a book or to the buffer."""
        phase = self.phase
        if isinstance(phase, Followed):
            return phase.follower.book.last_update_id
        return phase.candidate.book.last_update_id if isinstance(phase, Bridging) else self.buffer.last_id

    def assessed(self, phase: FollowedT) -> Done[FollowedT]:
        """Check a changed book: it may be crossed, or not deep enough any more."""
        book = phase.follower.book
        if book.crossed:
            words = f"expected bid <= ask, was {book.best_bid} / {book.best_ask} at update {book.last_update_id}"
            # No good book is left: this one is wrong, and the one before was overwritten.
            self.book = None
            self.counters.faults += 1
            return Done(phase, NOTHING, ChainFault(BookIntegrityError(words)))
        if book.spare >= phase.follower.refill_below and self.state is BookState.LIVE:
            return Done(phase, PUBLISH)
        error = None if book.sound else ExchangeError(_why_thin(book))
        if book.spare < phase.follower.refill_below:
            match phase:
                case Following():
                    return Done(phase, PUBLISH, RefreshNeeded(), error)
                case Refreshing(urgent=False) if not book.sound:
                    # The refresh has become a repair: its request becomes more urgent.
                    return Done(replace(phase, urgent=True), [*PUBLISH, self.request(phase)], None, error)
        return Done(phase, PUBLISH, None, error)

    def _take(self, follower: Follower, cause: DiffNext) -> None:
        follower.take(cause.diff, cause.recv_time)
        self.counters.applied += 1

    def _asking(self, phase: Buffering, *effects: Effect) -> Done[Buffering]:
        return Done(phase, [*effects, self.request(phase)])

    def _refreshing(self, epoch: int, follower: Follower, *effects: Effect) -> Done[Refreshing]:
        request = self.request(Following(epoch, follower))
        return Done(Refreshing(epoch, follower, request.priority is not Priority.REFRESH), [*effects, request])

    def _held(self) -> Sequence[Effect]:
        self.buffer.clear()
        self.doubts.hold(self.counters.diffs)
        return [Ahead()]

    def _forget_chain(self) -> None:
        self.doubts.unmet = None
        self.buffer.clear()

    def _adopted(self, epoch: int, candidate: Follower) -> Done[Following]:
        if self.book is not None and self.book.last_update_id == candidate.book.last_update_id:
            candidate.book.take_times(self.book)
        # A book that was only doubted is the same as before.
        self.counters.resyncs += self.doubts.was_live and candidate.book is not self.book
        self.doubts.first_look = True
        return self.assessed(self._based(epoch, candidate))

    def _based(self, epoch: int, candidate: Follower) -> Following:
        """Make a new base the book."""
        self.book = candidate.book
        self.buffer.clear()
        self.doubts.based()
        candidate.watch_depth()
        return Following(epoch, candidate)

    def _swapped(self, epoch: int, follower: Follower, candidate: Follower) -> Done[Following]:
        old, new, doubts = follower.book, candidate.book, self.doubts
        before = Following(epoch, follower)
        doubts.first_look = False
        if new.emptied(old) and doubts.refuses_empty():
            # A book in sequence hardly loses all its levels at once.
            self.counters.snapshots_refused += 1
            words = f"expected levels in the snapshot at update {new.last_update_id}, as the stream has them, was empty"
            return Done(before, [SnapshotRefused(SnapshotError(words))], RefreshNeeded())
        doubts.compared()
        self.counters.refreshes += 1
        effects: list[Effect] = []
        if not (old.crossed or new.crossed):
            differences = old.differences(new)
            self.counters.audits += 1
            self.counters.audit_differences += differences
            effects.append(Audited(old.last_update_id, differences))
            if differences or new.emptied(old):
                doubts.was_cut |= old.believed
                words = f"differs in {differences} levels" if differences else "shows no level of a side that has some"
                error = AuditError(f"a fresh snapshot {words} at update {old.last_update_id}")
                return Done(before, effects, ChainFault(error))
            doubts.was_cut |= new.settle(old, was_cut=doubts.was_cut)
        new.take_times(old)
        candidate.confirmed |= follower.confirmed
        candidate.joined |= follower.joined and old.last_update_id == new.last_update_id
        # The comparison has shown that nothing is missing: any doubt is over.
        doubts.unheard = False
        was_live = self.state is BookState.LIVE
        done = self.assessed(self._based(epoch, candidate))
        shown = done.effects
        if was_live and not isinstance(done.then, ChainFault) and self.label(done.phase) is BookState.LIVE:
            # Readers have seen the same levels at the same id.
            shown = [effect for effect in shown if type(effect) is not Publish]
        return done._replace(effects=[*effects, *shown])


def _why_thin(book: OrderBook) -> str:
    """Return what the book lacks of its promise, in words."""
    words = (
        f"expected {book.depth} vouched-for levels a side, was {book.trusted_bids} bids and {book.trusted_asks} asks"
    )
    if not book.cut:
        return words
    granted = f"the exchange granted {book.bids.granted} and {book.asks.granted}"
    return f"{words}: of {book.bids.asked} levels asked for {granted}, which may not be all there are"
