"""When a book asks for a snapshot, and for how many levels. Runs in the book actor's thread.

A snapshot may lag the stream, so it is asked for when diffs are buffered from before it. One that was of
no use is followed by the next after a growing wait; a refresh waits for nothing. Levels cost weight: a
book that lost its place asks for what its promise needs, and one whose price runs away refreshes with more.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final

from depthactors.actors.mailbox import Tick, tell
from depthactors.actors.snapshot_messages import SnapshotWanted
from depthactors.sync import Priority

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.cell import BookCell
    from depthactors.actors.mailbox import Mailbox
    from depthactors.book import OrderBook
    from depthactors.sync import Synchronizer

_AFTER_USE: Final = 2
"""Requests in a row that a book keeps on its account when one was of use: a second's wait at most."""
_USED_UP: Final = 0.6
"""Share of the levels beyond the promise: a new snapshot is asked for when about half of them are left."""
_WIDEST: Final = 1_000
"""Levels, beyond which a wider snapshot costs more weight than the sooner next one."""


class SnapshotRequests:
    """The requests of one book.

    Attributes:
        snapshots: whom to ask.
        awaits_first_diff: a request is held back until the stream has brought something; tell `first_diff`.
        failing: the last request brought no snapshot.
    """

    def __init__(
        self,
        cell: BookCell,
        sync: Synchronizer,
        mailbox: Mailbox,
        owner: pykka.ActorRef[Any],
        snapshots: pykka.ActorRef[Any],
    ) -> None:
        """Ask for nothing yet.

        Args:
            cell: the book's; it has the durations.
            sync: knows what is wanted.
            mailbox: of the book's actor, for timers.
            owner: the book's actor, which is answered.
            snapshots: whom to ask.
        """
        self.snapshots = snapshots
        self.awaits_first_diff = False
        self.failing = False
        self._cell = cell
        self._spec = cell.spec
        self._sync = sync
        self._mailbox = mailbox
        self._owner = owner
        self._in_a_row = 0
        self._looks = 0
        self._base: OrderBook | None = None
        self._is_waiting = False
        self._waits_for_cap = False
        self._asked_at = 0.0
        self._sent_at = 0.0
        self._arrived_at = 0.0
        self._serial = 0
        self.deepen(cell.spec.depth)

    def deepen(self, depth: int) -> None:
        """Ask for what a promise of `depth` levels needs from now on."""
        self._depth = depth
        self._limit = self._wide = self._spec.market.snapshot_limit(depth)

    def plan(self, priority: Priority, *, again: bool) -> None:
        """Ask at the right time; `again` where this repeats a request that was just answered to no use."""
        patience = self._cell.timing.snapshot_patience + self._spec.speed_ms / 1_000
        if priority is Priority.REFRESH:
            self._widen()
        if again or self.failing or self._sync.granted_less:
            self._soon()
        elif self._sync.in_sequence:
            # It is time for a refresh, or the price is about to leave the trusted range, or it has left it.
            self._send_in(patience if priority is Priority.REFRESH else 0.0)
        elif self._sync.buffered:
            self._soon()
        else:
            self.awaits_first_diff = True
            self._send_in(patience)

    def first_diff(self) -> None:
        """Ask now: the stream has begun to bring diffs."""
        self._soon()

    def arrived(self) -> None:
        """Note that a snapshot came, before it is put to use."""
        self.failing = False
        self._arrived_at = time.monotonic()

    def used(self) -> None:
        """Let the next request wait for less, if what came was of use."""
        if self._sync.wanted() is None:
            self._in_a_row = min(self._in_a_row, _AFTER_USE)

    def failed(self) -> None:
        """Ask again after a wait."""
        self._asked_at = time.monotonic()
        self._soon()

    def due(self, serial: int) -> None:
        """Ask, if this is the alarm that was set last."""
        if serial == self._serial:
            self.send()

    def send(self) -> None:
        """Ask now for what is still unanswered."""
        self.awaits_first_diff = self._is_waiting = self._waits_for_cap = False
        wanted = self._sync.wanted()
        if wanted is None:
            return
        self._sent_at = time.monotonic()
        self._asked_at = max(self._asked_at, self._sent_at)
        limit = self._wide if self._sync.in_sequence else self._limit
        spec = self._spec
        request = SnapshotWanted(spec.market, spec.symbol, limit, wanted.epoch, wanted.priority, self._owner)
        tell(self.snapshots, request)
        # Should it be lost with a dying actor: sent again, it keeps its place in the queue.
        self._send_in(self._cell.timing.snapshot_deadline)

    def _soon(self) -> None:
        """Ask now, or after a growing wait when the last request was just before, or found the venue to grant less."""
        self.awaits_first_diff = False
        now, timing = time.monotonic(), self._cell.timing
        was_granted_less = self._look()
        if self._waits_for_cap and not self._sync.granted_less:
            # The book begins anew: whether the venue granted less before is no reason to wait.
            self._is_waiting = self._waits_for_cap = False
            self._asked_at = self._sent_at
        if self._is_waiting:
            # The stream ended before the wait did, and is there again: nothing was asked meanwhile.
            self._send_in(max(0.0, self._asked_at - now))
            return
        self._in_a_row = self._in_a_row + 1 if now - self._asked_at < timing.snapshot_pause else 0
        if was_granted_less:
            # It brought a base: what brought none before it is over, and whatever fails after it has waits of its own.
            self._in_a_row = 1
        elif self._in_a_row == 0:
            self.send()
            return
        backoff, in_a_row = timing.snapshot_backoff, self._in_a_row
        if was_granted_less:
            backoff, in_a_row = timing.short_backoff, self._looks
        wait = backoff.wait(0, in_a_row, random.random()) or 0.0  # noqa: S311 - spreads load, guards nothing
        self._asked_at = now + wait
        self._is_waiting, self._waits_for_cap = True, was_granted_less
        self._send_in(wait)

    def _look(self) -> bool:
        """Tell, once of each base, whether it has too few levels for the promise since the venue granted less."""
        sync = self._sync
        base = sync.book if sync.in_sequence else None
        if base is self._base:
            return False
        self._base = base
        if base is None or base.sound or not sync.granted_less:
            self._looks = 0
            return False
        # Those that agree are of use: the wait counts no others.
        self._looks = 1 + (self._looks if sync.agreements is None else sync.agreements)
        return True

    def _send_in(self, seconds: float) -> None:
        """Set the one alarm for requests; an earlier one is void."""
        self._serial += 1
        self._mailbox.after(seconds, Tick("snapshot", self._serial))

    def _widen(self) -> None:
        """Refresh with more levels if the last snapshot's were used up before they were a minute old, else with few."""
        book = self._sync.book
        if self._sync.granted_less:
            # A larger one would cost more and bring no more; the same size tells whether it was all there is.
            self._wide = self._limit
            return
        young = time.monotonic() - self._arrived_at < self._cell.timing.snapshot_life
        if book is None or not young or book.spare >= _USED_UP * (self._wide - self._depth):
            self._wide = self._limit
            return
        wider = min((size for size in self._spec.market.limits if size > self._wide), default=self._wide)
        if wider <= _WIDEST:
            self._wide = wider
