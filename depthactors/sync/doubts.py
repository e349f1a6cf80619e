"""What speaks against a book or its snapshots, and how often it was said: what is remembered beside the phase.

The exchange is contradicted for a while, since its answers come from copies that lag and its connections overlap; what
it says again and again is believed in the end. Each rule about that is a method here, so that a cause is classified
before it is looked up in the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from depthactors.errors import ExchangeError
from depthactors.sync.causes import Fault

if TYPE_CHECKING:
    from depthactors.binance import Diff
    from depthactors.book import OrderBook
    from depthactors.sync.buffer import DiffBuffer
    from depthactors.sync.sequencing import Follower

STALE_LIMIT: Final = 100
"""Old diffs in a row until the book is doubted: more than two connections overlap by."""
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
UNLISTED_AFTER: Final = 3
"""Answers in a row, without a diff between them, that a book which was live is not listed, until they are believed."""


@dataclass(slots=True)
class Doubts:
    """The memory of one book.

    Attributes:
        was_live: the book was LIVE at least once.
        unheard: what is shown differs from what was shown before, and the stream has not brought anything yet.
        was_cut: a side that was believed to be whole proved to be none.
        first_look: nothing was compared with the base in use yet.
        unmet: the snapshot that a silent stream was not seen to reach; the next one is compared with it.
        held: how many snapshots were kept for the stream to reach them.
        unlisted_at: the number of diffs when the exchange last answered that the symbol is not listed.
    """

    was_live: bool = False
    unheard: bool = False
    was_cut: bool = False
    first_look: bool = False
    unmet: OrderBook | None = None
    held: int = 0
    unlisted_at: int = 0
    _held_at: int = 0
    _stale_since: int = 0
    _stale_run: int = 0
    _behind: int = 0
    _emptied: int = 0
    _unlisted: int = 0

    def doubted(self, follower: Follower) -> bool:
        """Return whether a book in sequence is not believed; the stream's first diff ends that."""
        self.unheard = self.unheard and not follower.confirmed
        return self.unheard

    def hold(self, diffs: int) -> None:
        """Note that a snapshot is kept, after that number of diffs, until the stream reaches it."""
        self.held += 1
        self._held_at = diffs

    def heard_since_held(self, diffs: int) -> bool:
        """Return whether the stream has brought anything since a snapshot was kept."""
        return diffs > self._held_at

    def contradicts(
        self, diff: Diff, follower: Follower | None, buffer: DiffBuffer, *, news: int, last_id: int
    ) -> Fault | None:
        """Take a stale diff: return a fault if it cannot be a repetition.

        Args:
            diff: the diff.
            follower: the book that is followed, if any.
            buffer: the diffs that wait, if no book is followed.
            news: the number of diffs so far that were not stale.
            last_id: the id up to which all is known.
        """
        if self._stale_since != news:
            self._stale_since, self._stale_run = news, 0
        self._stale_run += 1
        limit, heard_at = _repeatable(follower, buffer)
        first = None
        if diff.event_time > heard_at > 0:
            # A repetition has the time of what it repeats. The diff is the first of the new chain.
            first = diff
            words = f"was U={diff.first_id} u={diff.last_id} with a newer time: the ids begin anew"
        elif self._stale_run >= limit:
            words = f"was older for {limit} events in a row"
        else:
            return None
        self._stale_run = 0
        return Fault(ExchangeError(f"expected news after update {last_id}, {words}"), first)

    def is_behind(self, snapshot_id: int, shown: OrderBook | None, buffer: DiffBuffer) -> bool:
        """Return whether a snapshot would take readers back: the exchange's copy lags, a newer one will come.

        Unless the stream itself runs at lower ids, and later than what was shown, or repeatedly: then the ids began
        anew.
        """
        if shown is None or max(snapshot_id, buffer.last_id) >= shown.last_update_id:
            return False
        self._behind += bool(buffer)
        return self._behind < RESTARTED_AFTER and not buffer.event_time > shown.event_time > 0

    def based(self) -> None:
        """Note that a new base is in use."""
        self._behind = 0

    def refuses_empty(self) -> bool:
        """Take a snapshot without levels that the stream has: return whether to ask again rather than to believe it."""
        if self._emptied < EMPTIED_AFTER:
            self._emptied += 1
            return True
        return False

    def compared(self) -> None:
        """Note that a snapshot is not refused for being empty."""
        self._emptied = 0

    def listed(self) -> None:
        """Note that the exchange lists the symbol."""
        self._unlisted = 0

    def is_unlisted(self, diffs: int) -> bool:
        """Take the answer that the symbol is not listed, after that number of diffs: return whether to believe it.

        A stream that brings diffs is proof of the contrary. Where it brought none since the last such answer, one is
        enough for a book that was never live; one that was live takes several in a row.
        """
        heard = diffs > self.unlisted_at
        self._unlisted = 1 if heard else self._unlisted + 1
        self.unlisted_at = diffs
        return not heard and (not self.was_live or self._unlisted >= UNLISTED_AFTER)


def _repeatable(follower: Follower | None, buffer: DiffBuffer) -> tuple[int, int]:
    """Return how many old diffs in a row are too many, and up to which event time one is a repetition; 0: unknown.

    After a handover the successor may bring for a while what its predecessor brought before it.
    """
    if follower is None:
        return STALE_LIMIT, buffer.event_time
    event_time = follower.book.event_time
    if follower.joined:
        return STALE_LIMIT_JOINED, event_time
    return STALE_LIMIT, event_time and event_time + OVERLAP_MS
