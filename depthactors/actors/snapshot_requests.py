"""The requests of a book for snapshots: the time of each, and its number of levels.

- A snapshot may be older than the stream, so it is requested when diffs are buffered that are older than it.
- After a snapshot that was of no use the next request waits, longer each time. A refresh does not wait.
- Levels cost weight. A book that lost its place requests only the levels that it promises; a book whose price moves
  fast is refreshed with more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from depthactors.actors.snapshot_messages import SnapshotWanted
from depthactors.dispatcher.mailbox import tell
from depthactors.sync import Priority

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.local_cell import LocalCell
    from depthactors.book import OrderBook
    from depthactors.dispatcher.mailbox import Mailbox
    from depthactors.sync import Synchronizer

_AFTER_USE: Final = 2
"""Requests in a row that still count after one of them was of use: the next one waits two seconds at most."""
_USED_UP: Final = 0.6
"""Share of the levels beyond the promise: with fewer left, a refresh asks for more levels than the latest one."""
_WIDEST: Final = 1_000
"""Levels. A wider snapshot costs more weight than another one of this size a little later."""


@dataclass(frozen=True, slots=True)
class RequestDue:
    """The timer for the next request; void unless `serial` is the latest timer's."""

    serial: int


class SnapshotRequests:
    """The requests of one book.

    Thread: the book actor's.

    Attributes:
        snapshots: actor that fetches snapshots.
        awaits_first_diff: whether a request waits until the stream brings a diff; then call `first_diff`.
        failing: whether the latest request brought no snapshot.
    """

    def __init__(
        self,
        cell: LocalCell,
        sync: Synchronizer,
        mailbox: Mailbox,
        owner: pykka.ActorRef[Any],
        snapshots: pykka.ActorRef[Any],
    ) -> None:
        """Request nothing yet.

        Args:
            cell: the book's cell, with its `BookSpec` and durations.
            sync: state machine of the book, which knows whether a snapshot is needed.
            mailbox: mailbox of the book's actor, for the timer.
            owner: the book's actor, which receives the snapshots.
            snapshots: actor that fetches snapshots.
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
        self._short_bases = 0
        self._base: OrderBook | None = None
        self._is_waiting = False
        self._waits_as_short = False
        self._requested_at = 0.0
        self._sent_at = 0.0
        self._arrived_at = 0.0
        self._serial = 0
        self.deepen(cell.spec.depth)

    def deepen(self, depth: int) -> None:
        """Request enough levels for a promise of `depth` levels from now on."""
        self._depth = depth
        self._limit = self._wide = self._spec.market.snapshot_limit(depth)

    def plan(self, priority: Priority, *, again: bool) -> None:
        """Request a snapshot at the right time.

        Args:
            priority: why the book needs a snapshot.
            again: whether the snapshot that arrived just now was of no use.
        """
        patience = self._cell.timing.snapshot_patience + self._spec.speed_ms / 1_000
        if priority is Priority.REFRESH:
            self._choose_width()
        if again or self.failing or self._sync.granted_less:
            self._send_soon()
        elif self._sync.in_sequence:
            # A refresh is due, or the price is about to leave the trusted range, or has left it.
            self._send_in(patience if priority is Priority.REFRESH else 0.0)
        elif self._sync.buffered:
            self._send_soon()
        else:
            self.awaits_first_diff = True
            self._send_in(patience)

    def first_diff(self) -> None:
        """Send the request that has waited for the stream's first diff."""
        self._send_soon()

    def arrived(self) -> None:
        """Note that a snapshot has arrived; call it before the snapshot is used."""
        self.failing = False
        self._arrived_at = self._mailbox.now()

    def used(self) -> None:
        """Shorten the wait of the next request if the snapshot was of use; call it after the snapshot was used."""
        if not self._sync.waits_for_snapshot:
            self._in_a_row = min(self._in_a_row, _AFTER_USE)

    def failed(self) -> None:
        """Repeat the request after a wait."""
        self._requested_at = self._mailbox.now()
        self._send_soon()

    def due(self, serial: int) -> None:
        """Send the request of the timer, unless the timer was set again since."""
        if serial == self._serial:
            self.send()

    def send(self) -> None:
        """Send a request at once if the book needs a snapshot."""
        self.awaits_first_diff = self._is_waiting = self._waits_as_short = False
        wanted = self._sync.request_again()
        if wanted is None:
            return
        self._sent_at = self._mailbox.now()
        self._requested_at = max(self._requested_at, self._sent_at)
        limit = self._wide if self._sync.in_sequence else self._limit
        spec = self._spec
        request = SnapshotWanted(spec.market, spec.symbol, limit, wanted.epoch, wanted.priority, self._owner)
        tell(self.snapshots, request)
        # The request may be lost with a dying actor. If it is sent again, it keeps its place in the queue.
        self._send_in(self._cell.timing.snapshot_deadline)

    def _send_soon(self) -> None:
        """Send at once, or after a growing wait if the latest request was just before or brought fewer levels."""
        self.awaits_first_diff = False
        now, timing = self._mailbox.now(), self._cell.timing
        is_new_short = self._count_short_base()
        if self._waits_as_short and not self._sync.granted_less:
            # The book begins anew; that the exchange granted fewer levels before is no reason to wait.
            self._is_waiting = self._waits_as_short = False
            self._requested_at = self._sent_at
        if self._is_waiting:
            # The stream ended and came back during the wait; nothing was sent meanwhile.
            self._send_in(max(0.0, self._requested_at - now))
            return
        self._in_a_row = self._in_a_row + 1 if now - self._requested_at < timing.snapshot_pause else 0
        if is_new_short:
            # The snapshot was of use, so the failures before it do not count any more.
            self._in_a_row = 1
        elif self._in_a_row == 0:
            self.send()
            return
        backoff, number = timing.snapshot_backoff, self._in_a_row
        if is_new_short:
            backoff, number = timing.short_backoff, self._short_bases
        wait = backoff.wait(0, number, self._mailbox.random()) or 0.0
        self._requested_at = now + wait
        self._is_waiting, self._waits_as_short = True, is_new_short
        self._send_in(wait)

    def _count_short_base(self) -> bool:
        """Return whether the book has a new base with fewer levels than were requested and promised; count these."""
        sync = self._sync
        base = sync.book if sync.in_sequence else None
        if base is self._base:
            return False
        self._base = base
        if base is None or base.sound or not sync.granted_less:
            self._short_bases = 0
            return False
        # Bases that agree with each other are of use; only those count.
        self._short_bases = 1 + (self._short_bases if sync.agreements is None else sync.agreements)
        return True

    def _send_in(self, seconds: float) -> None:
        """Set the timer; an earlier setting is void."""
        self._serial += 1
        self._mailbox.after(seconds, RequestDue(self._serial))

    def _choose_width(self) -> None:
        """Refresh with more levels if the latest snapshot's were used up too soon, otherwise with the usual number."""
        book = self._sync.book
        if self._sync.granted_less:
            # The exchange would not send more. The same number shows whether these are all levels that there are.
            self._wide = self._limit
            return
        is_young = self._mailbox.now() - self._arrived_at < self._cell.timing.snapshot_life
        if book is None or not is_young or book.spare >= _USED_UP * (self._wide - self._depth):
            self._wide = self._limit
            return
        wider = min((size for size in self._spec.market.limits if size > self._wide), default=self._wide)
        if wider <= _WIDEST:
            self._wide = wider
