"""The synchronizer: one book driven by what happens to it, answering with effects.

Theory of operation. Each method takes one thing that happened, classifies it against what is held,
and steps: the transition is looked up in `table.TABLE` and its action, in `transitions`, is carried
out on the book. What the outside has to do comes back as a list of effects, in the order in which
they are to be carried out. No thread, no clock, no socket: `now` is an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors.errors import BookIntegrityError, ExchangeError
from depthactors.sync.effects import Resync
from depthactors.sync.follower import Follower
from depthactors.sync.rules import Verdict
from depthactors.sync.table import Input, SyncState
from depthactors.sync.transitions import NOTHING, Given, Transitions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depthactors.book import BookState, OrderBook
    from depthactors.errors import DepthActorsError
    from depthactors.markets import Sequencing
    from depthactors.sync.effects import Effect, RequestSnapshot
    from depthactors.wire import Diff, Snapshot

BUFFER_LIMIT: Final = 1000
"""Diffs kept while a snapshot is awaited: 100 s at the fastest stream, far more than one ever lags."""

_RESTARTED_AFTER: Final = 3
"""Snapshots in a row, each with diffs behind it, that are older than what was shown, until they are believed."""

_INPUT_OF: Final = {
    Verdict.STALE: Input.DIFF_STALE,
    Verdict.BRIDGE: Input.DIFF_NEXT,
    Verdict.NEXT: Input.DIFF_NEXT,
    Verdict.GAP: Input.DIFF_GAP,
}


class Synchronizer(Transitions):
    """Keep one book right."""

    def __init__(
        self,
        sequencing: Sequencing,
        new_book: Callable[[Snapshot, float], OrderBook],
        *,
        depth: int = 0,
        buffer_limit: int = BUFFER_LIMIT,
        book: OrderBook | None = None,
    ) -> None:
        """Begin without a stream.

        Args:
            sequencing: the market's rule.
            new_book: makes a book of a snapshot and the time it arrived.
            depth: how many levels a side an audit compares.
            buffer_limit: diffs kept while a snapshot is awaited; beyond it the oldest goes, so that
                only a newer snapshot can fit.
            book: the last good one of a predecessor, shown as stale meanwhile.
        """
        super().__init__(sequencing, depth, buffer_limit, book)
        self._new_book = new_book

    def stream_up(self, epoch: int) -> Sequence[Effect]:
        """Begin on a connection from which every diff will come from now on."""
        if self.phase is not SyncState.CLOSED:
            self.epoch = epoch
        return self._step(Input.STREAM_UP)

    def stream_down(self, epoch: int, error: DepthActorsError) -> Sequence[Effect]:
        """Note that the connection ended; whatever else it brings is late."""
        if epoch != self.epoch:
            self.counters.late += 1
            return NOTHING
        self.epoch = None
        return self._step(Input.STREAM_DOWN, Given(error=error))

    def diff(self, epoch: int, diff: Diff, recv_time: float) -> Sequence[Effect]:
        """Take one checked depth event; O(levels) when it is applied."""
        counters = self.counters
        if epoch != self.epoch:
            counters.late += 1
            return NOTHING
        counters.diffs += 1
        follower = self._following
        if follower is not None:
            verdict = follower.judge(diff, self._sequencing)
            if verdict is Verdict.NEXT and self.phase is SyncState.FOLLOWING:
                # The common case, without the look-up that would say the same.
                follower.book.apply(diff, recv_time)
                counters.applied += 1
                return self._after_apply(follower.book)
        else:
            verdict = self._buffer.judge(diff)
        return self._step(_INPUT_OF[verdict], Given(diff, None, recv_time))

    def fault(self, epoch: int, error: DepthActorsError) -> Sequence[Effect]:
        """Note that something of this book's stream was lost or unreadable: what follows cannot be trusted."""
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
        if self.phase not in {SyncState.BUFFERING, SyncState.REFRESHING}:
            self.counters.snapshots_unwanted += 1
            return NOTHING
        found = self._classify_snapshot(snapshot.last_update_id)
        if found is Input.SNAPSHOT_OLD:
            self.counters.snapshots_too_old += 1
            return self._step(found)
        candidate = Follower(self._new_book(snapshot, now))
        applied = self._buffer.replay(candidate, now)
        if candidate.book.crossed:
            error = BookIntegrityError(f"expected a snapshot with bid <= ask, was {candidate.book!r}")
            return [Resync(error), self._request()]
        if found is Input.SNAPSHOT_FITS and self.phase is SyncState.BUFFERING:
            self.counters.applied += applied
            self.counters.stale += len(self._buffer) - applied
        self._candidate = candidate
        return self._step(found)

    def refresh(self) -> Sequence[Effect]:
        """Ask for a new base, if the book is in sequence; the old one stays in use meanwhile."""
        return self._step(Input.REFRESH_DUE)

    def overdue(self) -> Sequence[Effect]:
        """Decide about a new base that the stream has not reached for long.

        Where it shows the same levels, only its id was ahead (chained ids have holes), and it is
        taken. Where it does not, the stream keeps something back.
        """
        if self.phase is not SyncState.ALIGNING or self.book is None or self._candidate is None:
            return NOTHING
        differences = self.book.differences(self._candidate.book, self._depth)
        if not differences:
            return self._step(Input.MET)
        self.counters.faults += 1
        error = ExchangeError(
            f"expected the stream to reach update {self._candidate.book.last_update_id}, was at {self._shown_id}, "
            f"with {differences} levels that differ"
        )
        return self._step(Input.FAULT, Given(error=error))

    def deepen(self, depth: int) -> Sequence[Effect]:
        """Promise `depth` levels from now on; a book too thin for it is stale until it is refreshed."""
        self._depth = depth
        if self.book is None:
            return NOTHING
        self.book.promise(depth)
        return self._after_apply(self.book) if self._following is not None else NOTHING

    def close(self, state: BookState, error: DepthActorsError | None = None) -> Sequence[Effect]:
        """End in `STOPPED` or `FAILED`; the last good book stays readable."""
        if self.phase is not SyncState.CLOSED:
            self._final = state
        self.epoch = None
        return self._step(Input.CLOSE, Given(error=error))

    def wanted(self) -> RequestSnapshot | None:
        """Return the request that is still unanswered, for asking again after a failure."""
        if self.phase in {SyncState.BUFFERING, SyncState.REFRESHING}:
            return self._request()
        return None

    @property
    def buffered(self) -> int:
        """How many diffs wait for a snapshot."""
        return len(self._buffer)

    @property
    def buffer_overflows(self) -> int:
        """How many diffs found the buffer full."""
        return self._buffer.overflows

    def check(self) -> None:
        """Verify every invariant of the machine and of its books; O(n log n).

        Raises:
            BookIntegrityError: names the invariant that is broken.
        """
        in_sequence = self.phase in {SyncState.FOLLOWING, SyncState.REFRESHING, SyncState.ALIGNING}
        faults = [
            # Only a connected book is kept current.
            ((self.epoch is None) == (in_sequence or self.phase is SyncState.BUFFERING), "epoch and phase disagree"),
            # A book is followed exactly while it is in sequence, and it is the one readers see.
            ((self._following is not None) != in_sequence, "followed book and phase disagree"),
            (self._following is not None and self._following.book is not self.book, "readers see another book"),
            # A new base is held only while it is ahead.
            ((self._candidate is not None) != (self.phase is SyncState.ALIGNING), "candidate and phase disagree"),
            (self.state is not self._label(), "state is not what the phase says"),
        ]
        for broken, words in faults:
            if broken:
                msg = f"{words}: phase={self.phase} state={self.state} epoch={self.epoch} book={self.book!r}"
                raise BookIntegrityError(msg)
        self._buffer.check()
        if self.book is not None:
            self.book.check()

    def _classify_snapshot(self, snapshot_id: int) -> Input:
        if not self._buffer.joins(snapshot_id):
            return Input.SNAPSHOT_OLD
        if self.phase is SyncState.REFRESHING:
            if snapshot_id > self._shown_id:
                return Input.SNAPSHOT_AHEAD
            behind = not self._buffer and snapshot_id < self._shown_id
        else:
            behind = self._is_behind(snapshot_id)
        return Input.SNAPSHOT_OLD if behind else Input.SNAPSHOT_FITS

    def _is_behind(self, snapshot_id: int) -> bool:
        """Tell a snapshot that would take readers back: the exchange's copy lags, a newer one will come.

        Unless the stream itself runs at lower ids, time and again: then the exchange began anew.
        """
        if max(snapshot_id, self._buffer.last_id) >= self._shown_id:
            return False
        self._behind += bool(self._buffer)
        return self._behind < _RESTARTED_AFTER
