"""Doubts: the memory of a synchronizer beside its phase, and its rules for answers that contradict the book.

The exchange's answers come from copies that lag, and its connections overlap. So an answer that contradicts the book is
not believed at first, and believed when it comes repeatedly. Each such rule is a method here, so that a cause is
classified before it is looked up in the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from depthactors.errors import ExchangeError
from depthactors.sync.causes import ChainFault

if TYPE_CHECKING:
    from typing import Self

    from depthactors.binance import Diff
    from depthactors.book import OrderBook
    from depthactors.sync.buffer import DiffBuffer
    from depthactors.sync.sequencing import Follower

STALE_LIMIT: Final = 100
"""Old diffs in a row until the book is doubted: more than come when two connections overlap."""
STALE_LIMIT_JOINED: Final = 10
"""The same once the book has applied a diff of the connection: then only a repeated event is old, and no exchange
repeats this number of events in a row."""
OVERLAP_MS: Final = 5_000
"""Milliseconds for which a successor connection may repeat its predecessor's updates with other event times. Both run
together for a second or two; this is several times as long."""
RESTARTED_AFTER: Final = 3
"""Number of snapshots in a row, older than the book and each with buffered diffs, after which they are believed."""
EMPTIED_AFTER: Final = 2
"""Empty snapshots in a row of a book that has levels and is in sequence, after which the next one is believed."""
LAGGING_AFTER: Final = 3
"""Snapshots in a row that are too old for the stream, after which that is reported, and again after as many more."""
UNLISTED_AFTER: Final = 3
"""Answers in a row, without a diff between them, that the symbol is not listed, until they are believed for a book
that was live."""


class Former(NamedTuple):
    """What a process that is gone has shown of a book whose levels were not handed over.

    Attributes:
        last_update_id: the id of the last update; 0 if it has shown none.
        event_time: the time of its event, milliseconds since the epoch; 0 if unknown.
    """

    last_update_id: int = 0
    event_time: int = 0


NEVER_SHOWN: Final = Former()


@dataclass(slots=True)
class Doubts:
    """The memory about one book.

    Attributes:
        former: what another process has shown before this one.
        was_live: the book was LIVE at least once, or a predecessor has shown one.
        unheard: the book changed while its stream brought nothing, and the stream has not brought anything since.
        was_cut: a side that was believed to be whole was found to be cut.
        first_look: no snapshot was compared with the present base yet.
        unmet: the snapshot that a silent stream has not reached; the next snapshot is compared with it.
        held: the number of snapshots that were kept until the stream would reach them.
        unlisted_at: the number of diffs when the exchange last answered that the symbol is not listed.
    """

    former: Former = NEVER_SHOWN
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
    _lagging: int = 0
    _emptied: int = 0
    _unlisted: int = 0

    @classmethod
    def after(cls, book: OrderBook | None, former: Former, diffs: int) -> Self:
        """Return the memory to begin with.

        Args:
            book: the last good book of a predecessor in this process.
            former: what a predecessor in another process has shown.
            diffs: the number of diffs so far.
        """
        return cls(former=former, was_live=book is not None or former != NEVER_SHOWN, unlisted_at=diffs)

    def doubted(self, follower: Follower) -> bool:
        """Return whether a book in sequence is not believed, since its stream has not been seen at its id."""
        return self.unheard and not follower.confirmed

    def followed(self, follower: Follower) -> None:
        """Note the book in sequence; once its stream has been seen at its id, the doubt is over for good."""
        self.unheard = self.doubted(follower)

    def hold(self, diffs: int) -> None:
        """Note that a snapshot is kept until the stream reaches it; `diffs` is the number of diffs so far."""
        self.held += 1
        self._held_at = diffs

    def heard_since_held(self, diffs: int) -> bool:
        """Return whether the stream has brought anything since a snapshot was kept."""
        return diffs > self._held_at

    def contradicts(
        self, diff: Diff, follower: Follower | None, buffer: DiffBuffer, *, fresh: int, last_id: int
    ) -> ChainFault | None:
        """Take a stale diff: return a fault if it cannot be a repetition.

        Args:
            diff: the diff.
            follower: the book that is followed, if any.
            buffer: the diffs that wait, if no book is followed.
            fresh: the number of diffs so far that were not stale.
            last_id: the id up to which all is known.
        """
        if self._stale_since != fresh:
            self._stale_since, self._stale_run = fresh, 0
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
        return ChainFault(ExchangeError(f"expected a diff after update {last_id}, {words}"), first)

    def is_behind(self, snapshot_id: int, shown: OrderBook | None, buffer: DiffBuffer) -> bool:
        """Return whether a snapshot is older than the book: the exchange's copy lags, and a newer one will come.

        It is not behind if the stream itself has lower ids, with later times than the book or repeatedly: then the ids
        began anew.
        """
        before = self.former if shown is None else shown
        if max(snapshot_id, buffer.last_id) >= before.last_update_id:
            return False
        self._behind += bool(buffer)
        return self._behind < RESTARTED_AFTER and not buffer.event_time > before.event_time > 0

    def has_changed(self, found: OrderBook, shown: OrderBook | None) -> bool:
        """Return whether a snapshot's book is another one than was shown last; `False` if none was shown."""
        if shown is not None:
            return shown.differences(found) > 0
        return self.former.last_update_id not in {0, found.last_update_id}

    def based(self) -> None:
        """Note that a new base is in use."""
        self._behind = 0

    def lagging(self, *, old: bool) -> int:
        """Count a snapshot, old or not; return how many in a row were too old, if that is to be reported, else 0."""
        self._lagging = self._lagging + 1 if old else 0
        return 0 if self._lagging % LAGGING_AFTER else self._lagging

    def refuses_empty(self) -> bool:
        """Return whether to request another snapshot instead of believing an empty one, and count the empty one."""
        if self._emptied < EMPTIED_AFTER:
            self._emptied += 1
            return True
        return False

    def compared(self) -> None:
        """Note that a snapshot was not refused as an empty one."""
        self._emptied = 0

    def listed(self) -> None:
        """Note that the exchange lists the symbol."""
        self._unlisted = 0

    def is_unlisted(self, diffs: int) -> bool:
        """Return whether to believe the answer that the symbol is not listed; `diffs` is the number of diffs so far.

        A stream that brings diffs proves the contrary. If it has brought none since the last such answer, one answer is
        enough for a book that was never live; a book that was live takes several in a row.
        """
        heard = diffs > self.unlisted_at
        self._unlisted = 1 if heard else self._unlisted + 1
        self.unlisted_at = diffs
        return not heard and (not self.was_live or self._unlisted >= UNLISTED_AFTER)


def _repeatable(follower: Follower | None, buffer: DiffBuffer) -> tuple[int, int]:
    """Return how many old diffs in a row are too many, and the latest event time of a repetition, 0 if unknown.

    After a handover the successor may bring for a while the updates that its predecessor brought.
    """
    if follower is None:
        return STALE_LIMIT, buffer.event_time
    event_time = follower.book.event_time
    if follower.joined:
        return STALE_LIMIT_JOINED, event_time
    return STALE_LIMIT, event_time and event_time + OVERLAP_MS
