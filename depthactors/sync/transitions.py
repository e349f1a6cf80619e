"""What each transition does to a book: the actions of the table, and the state that they work on.

A new base (first snapshot, resync, refresh) is always built beside the book that readers see and
takes its place only when it stands at the same update id or later; until then the old book stays.

A snapshot is believed when the stream meets it: a diff joins it, or ends at its id. Only where the
stream brings nothing at all is it believed alone, unless it differs from the last good book, and
doubted again if the first diff is older.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from depthactors.book import BookState
from depthactors.errors import AuditError, BookIntegrityError, DepthActorsError, ExchangeError, SnapshotError
from depthactors.sync.buffer import DiffBuffer
from depthactors.sync.effects import (
    Ahead,
    Audited,
    Effect,
    Priority,
    Publish,
    Refused,
    RequestSnapshot,
    Resync,
    StateChanged,
)
from depthactors.sync.sequencing import Verdict
from depthactors.sync.table import TABLE, Action, Input, SyncState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depthactors.binance import Diff
    from depthactors.book import OrderBook
    from depthactors.markets import Sequencing
    from depthactors.sync.counters import Counters
    from depthactors.sync.sequencing import Follower

_PUBLISH: Final[tuple[Effect, ...]] = (Publish(),)
NOTHING: Final[tuple[Effect, ...]] = ()
STALE_LIMIT: Final = 100
"""Old diffs in a row until it is the book that is doubted: more than two connections overlap by."""
STALE_LIMIT_JOINED: Final = 10
"""The same on a connection that the book has joined: it can only repeat itself, and a venue that repeats an event does
not repeat so many in a row."""
OVERLAP_MS: Final = 5_000
"""Milliseconds for which a successor connection may bring what its predecessor brought, with times of its own: some
times the second or two for which both run."""
RESTARTED_AFTER: Final = 3
"""Snapshots in a row, each with diffs behind it, that are older than what was shown, until they are believed."""
EMPTIED_AFTER: Final = 2
"""Snapshots in a row without the levels of a book that is in step with its stream, until one more is believed."""


class Given(NamedTuple):
    """What an input brought along; each action takes what it needs."""

    diff: Diff | None = None
    error: DepthActorsError | None = None
    now: float = 0.0


_GIVEN_NOTHING: Final = Given()


class Transitions:
    """One book, its buffer and its state, changed by one action at a time.

    Attributes:
        book: the last good book, or `None` before the first and after a crossed one.
        state: what may be believed of it.
        phase: where it stands with its stream.
        epoch: the connection it listens to; inputs of others are dropped and counted.
        counters: what happened so far.
        held: how many snapshots were kept for the stream to reach them.
    """

    def __init__(self, sequencing: Sequencing, buffer_limit: int, book: OrderBook | None, counters: Counters) -> None:
        """Begin without a stream."""
        self.book = book
        self.state = BookState.SYNCING if book is None else BookState.STALE
        self.phase = SyncState.DISCONNECTED
        self.epoch: int | None = None
        self.counters = counters
        self.held = 0
        self._sequencing = sequencing
        self._buffer = DiffBuffer(buffer_limit, sequencing)
        self._following: Follower | None = None
        self._candidate: Follower | None = None
        self._held_at = 0
        self._unmet: OrderBook | None = None
        self._doubted = False
        self._behind = 0
        self._stale_since = 0
        self._stale_run = 0
        self._refill_below = 0.0
        self._was_cut = False
        self._first_look = False
        self._emptied = 0
        self._urgent = False
        self._was_live = book is not None
        self._final = BookState.STOPPED

    def _step(self, cause: Input, given: Given = _GIVEN_NOTHING) -> Sequence[Effect]:
        """Look the transition up, carry out its action, and tell if what may be believed changed."""
        self.phase, action = TABLE[self.phase, cause]
        return self._relabel(self._ACTIONS[action](self, given), given.error)

    def _relabel(self, effects: Sequence[Effect], error: DepthActorsError | None) -> Sequence[Effect]:
        """Prepend a `StateChanged` when the public state is not what it was."""
        previous, self.state = self.state, self._label()
        if self.state is previous:
            return effects
        if self.state is BookState.LIVE:
            self._was_live = True
        elif error is None:
            error = next((effect.error for effect in effects if isinstance(effect, Resync)), None)
        return [StateChanged(previous, self.state, error), *effects]

    def _label(self) -> BookState:
        if self.phase is SyncState.CLOSED:
            return self._final
        if self.book is None:
            return BookState.SYNCING
        following = self._following
        if following is None or not self.book.sound:
            return BookState.STALE
        self._doubted = self._doubted and not following.confirmed
        return BookState.STALE if self._doubted else BookState.LIVE

    def _ignore(self, _given: Given) -> Sequence[Effect]:
        return NOTHING

    def _begin(self, _given: Given) -> Sequence[Effect]:
        self._unfollow()
        return [self._request()]

    def _suspend(self, _given: Given) -> Sequence[Effect]:
        self._unfollow()
        return NOTHING

    def _drop(self, given: Given) -> Sequence[Effect]:
        diff, counters = given.diff, self.counters
        assert diff is not None
        counters.stale += 1
        news = counters.diffs - counters.stale
        if self._stale_since != news:
            self._stale_since, self._stale_run = news, 0
        self._stale_run += 1
        limit, heard_at = self._heard()
        last = max(self._shown_id, self._buffer.last_id)
        if diff.event_time > heard_at > 0:
            # A repetition has the time of what it repeats. The diff is the first of the new chain.
            words = f"expected news after update {last}, was an older id with a newer time: the ids begin anew"
            error = ExchangeError(f"{words} at U={diff.first_id} u={diff.last_id}")
        elif self._stale_run >= limit:
            error = ExchangeError(f"expected news after update {last}, was older for {limit} events in a row")
            diff = None
        else:
            return NOTHING
        self._stale_run = 0
        counters.faults += 1
        return self._step(Input.FAULT, Given(diff, error))

    def _heard(self) -> tuple[int, int]:
        """Return how many old diffs in a row are too many, and up to which event time one is a repetition; 0: unknown.

        After a handover the successor may bring for a while what its predecessor brought before it.
        """
        following = self._following
        if following is None:
            return STALE_LIMIT, self._buffer.event_time
        event_time = following.book.event_time
        if following.joined:
            return STALE_LIMIT_JOINED, event_time
        return STALE_LIMIT, event_time and event_time + OVERLAP_MS

    def _keep(self, given: Given) -> Sequence[Effect]:
        assert given.diff is not None
        self.counters.buffer_overflows += self._buffer.append(given.diff)
        return NOTHING

    def _apply(self, given: Given) -> Sequence[Effect]:
        assert self._following is not None
        assert given.diff is not None
        self._following.take(given.diff, given.now)
        self.counters.applied += 1
        return self._after_apply(self._following.book)

    def _apply_and_buffer(self, given: Given) -> Sequence[Effect]:
        self._keep(given)
        return self._apply(given)

    def _apply_to_both(self, given: Given) -> Sequence[Effect]:
        candidate = self._candidate
        assert candidate is not None
        assert given.diff is not None
        effects = self._apply(given)
        if self.phase is not SyncState.ALIGNING:
            return effects
        if candidate.judge(given.diff, self._sequencing) is not Verdict.STALE:
            candidate.take(given.diff, given.now)
        if self._shown_id >= candidate.book.last_update_id:
            return [*effects, *self._step(Input.MET)]
        return effects

    def _resync(self, given: Given) -> Sequence[Effect]:
        """Give up the chain; the event that showed the gap is the first of the next one."""
        diff, error, base = given.diff, given.error, self._following or self._candidate
        if error is None:
            assert diff is not None
            self.counters.gaps += 1
            before = base.book.last_update_id if base is not None else self._buffer.last_id
            error = ExchangeError(f"expected a diff after update {before}, was U={diff.first_id} u={diff.last_id}")
        self._unfollow()
        if diff is not None:
            self._buffer.append(diff)
        # Without a base a snapshot is under way already; it serves the new chain, or is too old for it.
        return [Resync(error)] if base is None else [Resync(error), self._request()]

    def _ask_again(self, _given: Given) -> Sequence[Effect]:
        self._candidate = None
        return [self._request()]

    def _ask_refresh(self, _given: Given) -> Sequence[Effect]:
        self._buffer.clear()
        return [self._request()]

    def _hold(self, _given: Given) -> Sequence[Effect]:
        self._buffer.clear()
        self.held += 1
        self._held_at = self.counters.diffs
        return [Ahead()]

    def _adopt(self, _given: Given) -> Sequence[Effect]:
        candidate = self._candidate
        assert candidate is not None
        if self.book is not None and self.book.last_update_id == candidate.book.last_update_id:
            candidate.book.take_times(self.book)
        # One that was only doubted comes back as it was.
        self.counters.resyncs += self._was_live and candidate.book is not self.book
        self._first_look = True
        return self._after_apply(self._take_candidate())

    def _join(self, given: Given) -> Sequence[Effect]:
        assert self._candidate is not None
        assert given.diff is not None
        self._candidate.take(given.diff, given.now)
        self.counters.applied += 1
        return self._adopt(given)

    def _doubt(self, given: Given) -> Sequence[Effect]:
        """Take the book that was believed without a diff for a snapshot that is ahead of the stream."""
        following = self._following
        self._unfollow()
        self._candidate = following
        return [*self._drop(given), *self._hold(given)]

    def _rejoin(self, _given: Given) -> Sequence[Effect]:
        assert self._following is not None
        self._following.joined = False
        return NOTHING

    def _rejoin_and_ask(self, given: Given) -> Sequence[Effect]:
        self._rejoin(given)
        return self._ask_refresh(given)

    def _swap(self, _given: Given) -> Sequence[Effect]:
        following, candidate = self._following, self._candidate
        assert following is not None
        assert candidate is not None
        old, new, was_live = following.book, candidate.book, self.state is BookState.LIVE
        self._first_look = False
        if new.emptied(old) and self._emptied < EMPTIED_AFTER:
            return self._refuse_empty(new)
        self._emptied = 0
        self.counters.refreshes += 1
        effects: list[Effect] = []
        if not (old.crossed or new.crossed):
            differences = old.differences(new)
            self.counters.audits += 1
            self.counters.audit_differences += differences
            effects.append(Audited(old.last_update_id, differences))
            if differences or new.emptied(old):
                self._was_cut |= old.believed
                words = f"differs in {differences} levels" if differences else "shows no level of a side that has some"
                error = AuditError(f"a fresh snapshot {words} at update {old.last_update_id}")
                return [*effects, *self._step(Input.FAULT, Given(error=error))]
            self._was_cut |= new.settle(old, was_cut=self._was_cut)
        new.take_times(old)
        candidate.confirmed |= following.confirmed
        candidate.joined |= following.joined and old.last_update_id == new.last_update_id
        # Nothing is missing that the exchange has: whatever the doubt was, it is over.
        self._doubted = False
        effects += self._after_apply(self._take_candidate())
        if was_live and self._label() is BookState.LIVE:
            # Readers have seen this update: the same levels at the same id.
            effects = [effect for effect in effects if type(effect) is not Publish]
        return effects

    def _refuse_empty(self, new: OrderBook) -> Sequence[Effect]:
        """Ask again rather than believe that a book which is in step with its stream has no levels any more."""
        self._candidate = None
        self._emptied += 1
        self.counters.snapshots_refused += 1
        words = f"expected levels in the snapshot at update {new.last_update_id}, as the stream has them, was empty"
        return [Refused(SnapshotError(words)), *self._step(Input.REFRESH_DUE)]

    def _close(self, _given: Given) -> Sequence[Effect]:
        self._unfollow()
        return NOTHING

    _ACTIONS: ClassVar[dict[Action, Callable[[Transitions, Given], Sequence[Effect]]]] = {
        Action.IGNORE: _ignore,
        Action.BEGIN: _begin,
        Action.SUSPEND: _suspend,
        Action.DROP: _drop,
        Action.BUFFER: _keep,
        Action.APPLY: _apply,
        Action.APPLY_AND_BUFFER: _apply_and_buffer,
        Action.APPLY_TO_BOTH: _apply_to_both,
        Action.RESYNC: _resync,
        Action.ASK_AGAIN: _ask_again,
        Action.ASK_REFRESH: _ask_refresh,
        Action.ADOPT: _adopt,
        Action.JOIN: _join,
        Action.DOUBT: _doubt,
        Action.REJOIN: _rejoin,
        Action.REJOIN_AND_ASK: _rejoin_and_ask,
        Action.HOLD: _hold,
        Action.SWAP: _swap,
        Action.CLOSE: _close,
    }

    # Parts of the actions.

    def _after_apply(self, book: OrderBook) -> Sequence[Effect]:
        """Look at the book after an event: still uncrossed, still deep enough?"""
        if book.crossed:
            error = BookIntegrityError(
                f"expected bid <= ask, was {book.best_bid} / {book.best_ask} at update {book.last_update_id}"
            )
            # No good book is left to show: this one is wrong and the one before is gone.
            self.book = None
            self.counters.faults += 1
            return self._step(Input.FAULT, Given(error=error))
        if book.spare >= self._refill_below and self.state is BookState.LIVE:
            return _PUBLISH
        # First of all, so that the change of state has its cause.
        effects = list(self._relabel(_PUBLISH, None if book.sound else ExchangeError(_why_thin(book))))
        if book.spare < self._refill_below:
            if self.phase is SyncState.FOLLOWING:
                effects += self._step(Input.REFRESH_DUE)
            elif self.phase is SyncState.REFRESHING and not book.sound and not self._urgent:
                # The refresh under way has become a repair: let it overtake.
                effects.append(self._request())
        return effects

    def _take_candidate(self) -> OrderBook:
        """Follow the new base from here on."""
        candidate = self._candidate
        assert candidate is not None
        self._following, self._candidate = candidate, None
        self.book = candidate.book
        self._buffer.clear()
        # Half of what a fresh snapshot has to spare may go before the next one is asked for; with nothing to spare,
        # or a side that is to be looked at again, it is asked for at once.
        self._refill_below = candidate.book.spare / 2 if 0 < candidate.book.spare < float("inf") else 0.5
        self._urgent = False
        self._behind = 0
        return candidate.book

    def _unfollow(self) -> None:
        self._following = None
        self._candidate = None
        self._unmet = None
        self._buffer.clear()

    @property
    def _shown_id(self) -> int:
        return self.book.last_update_id if self.book is not None else 0

    def _request(self) -> RequestSnapshot:
        assert self.epoch is not None
        if self._following is not None and self.book is not None and self.book.sound:
            priority = Priority.REFRESH
        else:
            priority = Priority.RESYNC if self._was_live else Priority.NEW
        self._urgent = priority is not Priority.REFRESH
        return RequestSnapshot(self.epoch, priority)


def _why_thin(book: OrderBook) -> str:
    """Say what the promise lacks."""
    words = (
        f"expected {book.depth} vouched-for levels a side, was {book.trusted_bids} bids and {book.trusted_asks} asks"
    )
    if not book.cut:
        return words
    granted = f"{book.bids.granted} and {book.asks.granted}"
    return f"{words}: of {book.bids.asked} levels asked for the venue granted {granted}, which may not be all there are"
