"""The synchronizer: one book driven by what happens to it, answering with effects.

Theory of operation. Each method takes one thing that happened, classifies it against what is held,
and steps: the transition is looked up in `table.TABLE` and its action, in `transitions`, is carried
out on the book. What the outside has to do comes back as a list of effects, in the order in which
they are to be carried out. No thread, no clock, no socket: `now` is an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors.book import BookState
from depthactors.errors import BookIntegrityError, SilentStreamError, SnapshotError, StreamError
from depthactors.sync.buffer import Standby
from depthactors.sync.counters import Counters
from depthactors.sync.effects import Publish, Refused, Resync, Silent
from depthactors.sync.sequencing import Follower, Verdict
from depthactors.sync.table import Input, SyncState
from depthactors.sync.transitions import NOTHING, RESTARTED_AFTER, Given, Transitions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depthactors.binance import Diff, Snapshot
    from depthactors.book import OrderBook
    from depthactors.errors import DepthActorsError
    from depthactors.markets import Sequencing
    from depthactors.sync.effects import Effect, RequestSnapshot

BUFFER_LIMIT: Final = 1000
"""Diffs kept while a snapshot is awaited: 100 s at the fastest stream, far more than one ever lags."""

_UNLISTED_AFTER: Final = 3
"""Answers in a row, and no diff between them, that a book which was live is not listed, until they are believed."""

_INPUT_OF: Final = {
    Verdict.STALE: Input.DIFF_STALE,
    Verdict.BRIDGE: Input.DIFF_NEXT,
    Verdict.NEXT: Input.DIFF_NEXT,
    Verdict.GAP: Input.DIFF_GAP,
}


_SYNCING: Final = frozenset({SyncState.BUFFERING, SyncState.BRIDGING})
_AHEAD: Final = frozenset({SyncState.BRIDGING, SyncState.ALIGNING})


class Synchronizer(Transitions):
    """Keep one book right."""

    def __init__(
        self,
        sequencing: Sequencing,
        new_book: Callable[[Snapshot, float], OrderBook],
        *,
        buffer_limit: int = BUFFER_LIMIT,
        book: OrderBook | None = None,
        counters: Counters | None = None,
    ) -> None:
        """Begin without a stream.

        Args:
            sequencing: the market's rule.
            new_book: makes a book of a snapshot and the time it arrived.
            buffer_limit: diffs kept while a snapshot is awaited; beyond it the oldest goes, so that
                only a newer snapshot can fit.
            book: the last good one of a predecessor, shown as stale meanwhile.
            counters: to count on with, a predecessor's.
        """
        super().__init__(sequencing, buffer_limit, book, counters if counters is not None else Counters())
        self._new_book = new_book
        self._buffer_limit = buffer_limit
        self._standby: Standby | None = None
        self._unlisted = 0
        self._unlisted_at = self.counters.diffs

    def stream_up(self, epoch: int, beside: int | None = None) -> Sequence[Effect]:
        """Note that a connection brings every diff from now on.

        Args:
            epoch: of the connection; later ones are larger.
            beside: the connection that it is the successor of, and which still brings every diff too: the
                successor takes over when that one ends.
        """
        if self.phase is SyncState.CLOSED:
            return self._step(Input.STREAM_UP)
        effects: list[Effect] = []
        if self.epoch is not None:
            if epoch <= self.epoch:
                # Subscribed to once more, or a predecessor that is as good as over.
                return NOTHING
            if beside == self.epoch:
                self._standby = Standby(epoch, self._buffer_limit, self._sequencing)
                return NOTHING
            error = StreamError(f"connection {self.epoch} ended without a word")
            self._standby = None
            effects += self._step(Input.STREAM_DOWN, Given(error=error))
        self.epoch = epoch
        return [*effects, *self._step(Input.STREAM_UP)]

    def stream_down(self, epoch: int, error: DepthActorsError) -> Sequence[Effect]:
        """Note that the connection ended; whatever else it brings is late. Its successor takes over, if any."""
        standby = self._standby
        if standby is not None and epoch == standby.epoch:
            self._standby = None
            return NOTHING
        if epoch != self.epoch:
            self.counters.late += 1
            return NOTHING
        if standby is not None:
            return self._hand_over(standby)
        self.epoch = None
        return self._step(Input.STREAM_DOWN, Given(error=error))

    def diff(self, epoch: int, diff: Diff, recv_time: float) -> Sequence[Effect]:
        """Take one checked depth event; O(levels) when it is applied."""
        counters = self.counters
        if epoch != self.epoch:
            standby = self._standby
            if standby is not None and epoch == standby.epoch:
                counters.overlapped += 1
                standby.take(diff, recv_time, self._reached_id)
            else:
                counters.late += 1
            return NOTHING
        counters.diffs += 1
        follower = self._following
        if follower is not None:
            book = follower.book
            if follower.joined and diff.previous_id == book.last_update_id and self.phase is SyncState.FOLLOWING:
                # The common case, without the rules and the look-up that would say the same.
                book.apply(diff, recv_time)
                counters.applied += 1
                return self._after_apply(book)
            verdict = follower.judge(diff, self._sequencing)
        elif self.phase is SyncState.BRIDGING:
            follower = self._candidate
            assert follower is not None
            verdict = follower.judge(diff, self._sequencing)
        else:
            verdict = self._buffer.judge(diff)
        if verdict is Verdict.STALE and follower is not None and not follower.confirmed:
            if diff.last_id == follower.book.last_update_id:
                return self._confirm(follower)
            return self._step(Input.DIFF_BEHIND, Given(diff, None, recv_time))
        return self._step(_INPUT_OF[verdict], Given(diff, None, recv_time))

    def fault(self, epoch: int, error: DepthActorsError) -> Sequence[Effect]:
        """Note that something of this book's stream was lost or unreadable: what follows cannot be trusted."""
        if self._standby is not None and epoch == self._standby.epoch:
            # Should it matter, ids will show it.
            self._standby.run.clear()
            return NOTHING
        if epoch != self.epoch:
            self.counters.late += 1
            return NOTHING
        self.counters.faults += 1
        return self._step(Input.FAULT, Given(error=error))

    def snapshot(self, epoch: int, snapshot: Snapshot, now: float) -> Sequence[Effect]:
        """Take a snapshot that was requested; O(levels and buffered diffs)."""
        self.counters.snapshots += 1
        if epoch != self.epoch:
            self.counters.late += 1
            return NOTHING
        self._unlisted = 0
        if self.phase not in {SyncState.BUFFERING, SyncState.REFRESHING}:
            self.counters.snapshots_unwanted += 1
            return NOTHING
        found = self._classify_snapshot(snapshot.last_update_id)
        if found is Input.SNAPSHOT_OLD:
            self.counters.snapshots_too_old += 1
            return self._step(found)
        book = self._new_book(snapshot, now)
        if book.short and self.phase is SyncState.BUFFERING:
            book.look(self.book, quiet=not self._buffer, was_cut=self._was_cut)
        candidate = Follower(book)
        applied = self._buffer.replay(candidate, now)
        candidate.confirmed = found is Input.SNAPSHOT_FITS and len(self._buffer) > 0
        if candidate.book.crossed:
            error = BookIntegrityError(f"expected a snapshot with bid <= ask, was {candidate.book!r}")
            return [Resync(error), self._request()]
        if self.phase is SyncState.BUFFERING:
            self.counters.applied += applied
            self.counters.stale += len(self._buffer) - applied
            if not candidate.confirmed and self.book is not None and self.book.differences(candidate.book):
                # It moved while nobody heard its stream, or this is none of it: the stream, or a second one, will tell.
                self._doubted = True
        silent = self._silence_since_unmet(candidate)
        self._candidate = candidate
        return [*self._step(found), *silent]

    def unlisted(self, epoch: int, error: DepthActorsError) -> Sequence[Effect]:
        """Take the answer that the exchange does not list the symbol; the machine fails, or doubts the answer.

        A stream that brings diffs is proof of the contrary. Where it brought none since the last such answer, a book
        that was never live is given up at once, one that was after several in a row.
        """
        if epoch != self.epoch:
            self.counters.late += 1
            return NOTHING
        heard = self.counters.diffs > self._unlisted_at
        self._unlisted = 1 if heard else self._unlisted + 1
        self._unlisted_at = self.counters.diffs
        if heard or (self._was_live and self._unlisted < _UNLISTED_AFTER):
            return NOTHING
        return self.close(BookState.FAILED, error)

    def refresh(self) -> Sequence[Effect]:
        """Ask for a new base, if the book is in sequence; the old one stays in use meanwhile."""
        return self._step(Input.REFRESH_DUE)

    def overdue(self) -> Sequence[Effect]:
        """Decide about a snapshot that the stream has not reached for long.

        Where it shows the levels of the book that is followed, only its id was ahead (chained ids have holes),
        and it is taken. Where the stream went on and did not meet it, it was none of this book. Where
        the stream brought nothing, it shows a book that is followed to miss something, and to one that is
        not followed a second snapshot tells whether all is just quiet: if that one differs, all is not.
        """
        if self._candidate is None:
            return NOTHING
        found, following = self._candidate.book, self._following
        differences = following.book.differences(found) if following is not None else 0
        if following is not None and (following.book.matches(found) or found.emptied(following.book)):
            # Of one without a level it is decided there.
            return self._step(Input.MET)
        effects: list[Effect] = []
        if self.counters.diffs > self._held_at or (following is not None and not differences):
            self.counters.snapshots_refused += 1
            words = f"expected the stream to meet update {found.last_update_id} of a snapshot, did not"
            effects.append(Refused(SnapshotError(words)))
        elif following is not None:
            silent = self._fall_silent(found, differences)
            return [*self._step(Input.FAULT, Given(error=silent.error)), silent]
        else:
            self._unmet = found
        return [*effects, *self._step(Input.SNAPSHOT_OLD)]

    def _silence_since_unmet(self, candidate: Follower) -> Sequence[Effect]:
        """Report that the book moved between two snapshots in a row, and the stream brought nothing."""
        unmet, self._unmet = self._unmet, None
        if unmet is None or self.counters.diffs > self._held_at:
            return NOTHING
        differences = unmet.differences(candidate.book)
        return [self._fall_silent(candidate.book, differences)] if differences else NOTHING

    def _fall_silent(self, found: OrderBook, differences: int) -> Silent:
        """Doubt whatever is shown until the stream brings something."""
        self.counters.faults += 1
        self._doubted = True
        words = f"expected the stream to reach update {found.last_update_id}, was silent"
        return Silent(SilentStreamError(f"{words}, with {differences} levels that differ"))

    def deepen(self, depth: int) -> Sequence[Effect]:
        """Promise `depth` levels from now on; a book too thin for it is stale until it is refreshed."""
        if self._candidate is not None:
            self._candidate.book.promise(depth)
        if self.book is None:
            return NOTHING
        self.book.promise(depth)
        return self._after_apply(self.book) if self._following is not None else NOTHING

    def close(self, state: BookState, error: DepthActorsError | None = None) -> Sequence[Effect]:
        """End in `STOPPED` or `FAILED`; the last good book stays readable."""
        if self.phase is not SyncState.CLOSED:
            self._final = state
        self.epoch = self._standby = None
        return self._step(Input.CLOSE, Given(error=error))

    def wanted(self) -> RequestSnapshot | None:
        """Return the request that is still unanswered, for asking again after a failure."""
        if self.phase in {SyncState.BUFFERING, SyncState.REFRESHING}:
            return self._request()
        return None

    @property
    def granted_less(self) -> bool:
        """Whether the book in use is of a snapshot with fewer levels than were asked for: a larger one is of no use."""
        return self._following is not None and self._following.book.cut

    @property
    def agreements(self) -> int | None:
        """How many snapshots in a row agreed on a short side that may be whole; `None` if the last one did not."""
        book = self.book
        if book is None or not book.short or self._following is None:
            return None
        agreed = max(side.agreements for side in (book.bids, book.asks) if side.short)
        return agreed if agreed or self._first_look else None

    @property
    def in_sequence(self) -> bool:
        """Whether the book is followed, live or not."""
        return self._following is not None

    @property
    def doubted(self) -> bool:
        """Whether the book is followed and not believed, as its stream has brought nothing and it moved before that."""
        return self._following is not None and self._doubted

    @property
    def buffered(self) -> int:
        """How many diffs wait for a snapshot."""
        return len(self._buffer)

    @property
    def buffered_bytes(self) -> int:
        """About how many bytes they take; any thread."""
        return self._buffer.size

    def check(self) -> None:
        """Verify every invariant of the machine and of its books; O(n log n).

        Raises:
            BookIntegrityError: names the invariant that is broken.
        """
        in_sequence = self.phase in {SyncState.FOLLOWING, SyncState.REFRESHING, SyncState.ALIGNING}
        faults = [
            # Only a connected book is kept current, and only beside a connection is another one a successor.
            ((self.epoch is None) == (in_sequence or self.phase in _SYNCING), "epoch and phase disagree"),
            (self._standby is not None and self.epoch in {None, self._standby.epoch}, "successor of nothing"),
            # A book is followed exactly while it is in sequence, and it is the one readers see.
            ((self._following is not None) != in_sequence, "followed book and phase disagree"),
            (self._following is not None and self._following.book is not self.book, "readers see another book"),
            # A new base is held only while it is ahead.
            ((self._candidate is not None) != (self.phase in _AHEAD), "candidate and phase disagree"),
            (self.state is not self._label(), "state is not what the phase says"),
        ]
        for broken, words in faults:
            if broken:
                msg = f"{words}: phase={self.phase} state={self.state} epoch={self.epoch} book={self.book!r}"
                raise BookIntegrityError(msg)
        self._buffer.check()
        if self.book is not None:
            self.book.check()

    def _confirm(self, follower: Follower) -> Sequence[Effect]:
        """Take it that the stream is this book's, since it came to the very update that the snapshot shows."""
        self.counters.stale += 1
        follower.confirmed = True
        if self.phase is SyncState.BRIDGING:
            return self._step(Input.MET)
        effects = self._relabel(NOTHING, None)
        # Whether anybody was told of this update depends on whether the book was live.
        return [*effects, Publish()] if effects else NOTHING

    def _hand_over(self, standby: Standby) -> Sequence[Effect]:
        """Go on with the successor, from where its predecessor ended; ids tell whether anything is missing."""
        self._standby, self.epoch = None, standby.epoch
        self.counters.handovers += 1
        effects = list(self._step(Input.HANDOVER))
        for diff in standby.run:
            # One update is told for all of them.
            effects = [effect for effect in effects if type(effect) is not Publish]
            effects += self.diff(standby.epoch, diff, standby.recv_time)
        return effects

    @property
    def _reached_id(self) -> int:
        """Up to where the stream was heard, whether a book has it or a buffer."""
        base = self._following or self._candidate
        return base.book.last_update_id if base is not None else self._buffer.last_id

    def _classify_snapshot(self, snapshot_id: int) -> Input:
        if not self._buffer.joins(snapshot_id):
            return Input.SNAPSHOT_OLD
        if self.phase is SyncState.REFRESHING:
            if snapshot_id > self._shown_id:
                return Input.SNAPSHOT_AHEAD
            behind = not self._buffer and snapshot_id < self._shown_id
            return Input.SNAPSHOT_OLD if behind else Input.SNAPSHOT_FITS
        if self._is_behind(snapshot_id):
            return Input.SNAPSHOT_OLD
        ahead = self._buffer and snapshot_id > self._buffer.last_id
        return Input.SNAPSHOT_AHEAD if ahead else Input.SNAPSHOT_FITS

    def _is_behind(self, snapshot_id: int) -> bool:
        """Return whether a snapshot would take readers back: the exchange's copy lags, a newer one will come.

        Unless the stream itself runs at lower ids, and later than what was shown, or time and again: then the ids
        began anew.
        """
        buffer, shown = self._buffer, self.book
        if shown is None or max(snapshot_id, buffer.last_id) >= shown.last_update_id:
            return False
        self._behind += bool(buffer)
        return self._behind < RESTARTED_AFTER and not buffer.event_time > shown.event_time > 0
