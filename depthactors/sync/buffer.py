"""Diffs that wait: those of a connection for a snapshot, those of its successor for the end of the connection."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from depthactors.errors import BookIntegrityError
from depthactors.sync.sequencing import Verdict, classify_first, classify_next

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.binance import Diff
    from depthactors.markets import Sequencing
    from depthactors.sync.sequencing import Follower

MAX_LEVELS: Final = 200_000
"""The most levels of all diffs of a run, a few tens of megabytes: a full run of ordinary diffs has fewer."""

_NUMBER: Final = 32
"""Bytes of a price or a quantity in a list: a float has 24, and its place in the list 8."""


class DiffBuffer:
    """A bounded, unbroken run of diffs. When it is full the oldest are dropped: only a newer snapshot can fit then."""

    def __init__(self, limit: int, sequencing: Sequencing, max_levels: int = MAX_LEVELS) -> None:
        """Begin empty, for at most `limit` diffs, and `max_levels` levels unless the newest alone has more."""
        self._diffs: list[Diff] = []
        self._levels = 0
        self._limit, self._max_levels = limit, max_levels
        self._sequencing = sequencing

    def __len__(self) -> int:
        """Return the number of diffs."""
        return len(self._diffs)

    def __iter__(self) -> Iterator[Diff]:
        """Iterate over the diffs in order."""
        return iter(self._diffs)

    @property
    def size(self) -> int:
        """The approximate size of the diffs in bytes."""
        return self._levels * _NUMBER

    @property
    def last_id(self) -> int:
        """The id at which the run ends, 0 when it is empty."""
        return self._diffs[-1].last_id if self._diffs else 0

    @property
    def event_time(self) -> int:
        """The exchange's time of the last diff, milliseconds since the epoch; 0 when the run is empty."""
        return self._diffs[-1].event_time if self._diffs else 0

    def judge(self, diff: Diff) -> Verdict:
        """Return how `diff` relates to the end of the run; any diff can begin an empty run."""
        return classify_next(diff, self.last_id, self._sequencing) if self._diffs else Verdict.NEXT

    def append(self, diff: Diff) -> int:
        """Add a diff that was judged to follow; return how many of the oldest were dropped to make room."""
        self._diffs.append(diff)
        self._levels += _levels_of(diff)
        gone = 0
        while len(self._diffs) > self._limit or (self._levels > self._max_levels and len(self._diffs) > 1):
            self._drop_oldest()
            gone += 1
        return gone

    def forget(self, last_id: int) -> None:
        """Drop the diffs that end at this id or before."""
        while self._diffs and self._diffs[0].last_id <= last_id:
            self._drop_oldest()

    def clear(self) -> None:
        """Drop all diffs."""
        self._diffs.clear()
        self._levels = 0

    def joins(self, snapshot_id: int) -> bool:
        """Return whether no diff is missing between a snapshot with this id and the run."""
        first = self._diffs[0] if self._diffs else None
        return first is None or classify_first(first, snapshot_id, self._sequencing) is not Verdict.GAP

    def replay(self, follower: Follower, recv_time: float) -> int:
        """Apply the diffs that the book does not have yet, and return their number; O(levels of all diffs)."""
        applied = 0
        for diff in self._diffs:
            if follower.judge(diff, self._sequencing) is not Verdict.STALE:
                follower.take(diff, recv_time)
                applied += 1
        return applied

    def check(self) -> None:
        """Verify that each diff follows the one before.

        Raises:
            BookIntegrityError: the run is broken; the message has the two diffs.
        """
        for one, other in pairwise(self._diffs):
            if classify_next(other, one.last_id, self._sequencing) is not Verdict.NEXT:
                msg = f"expected a run of diffs, was {one} before {other}"
                raise BookIntegrityError(msg)

    def _drop_oldest(self) -> None:
        self._levels -= _levels_of(self._diffs.pop(0))


class Standby:
    """The successor of a connection, while both bring diffs.

    Both bring the same updates, one of them a little sooner. An unbroken run of the diffs that the book does not have
    is kept; it is empty most of the time.

    Attributes:
        epoch: the successor's number.
        run: the diffs that are kept.
        recv_time: the time at which the last of them arrived, seconds since the epoch.
    """

    def __init__(self, epoch: int, limit: int, sequencing: Sequencing) -> None:
        """Begin empty, for at most `limit` diffs; beyond them the oldest is dropped, so that a gap will be noticed."""
        self.epoch = epoch
        self.run = DiffBuffer(limit, sequencing)
        self.recv_time = 0.0

    def take(self, diff: Diff, recv_time: float, last_id: int) -> None:
        """Keep a diff, unless the book, at `last_id`, has it; drop the diffs that the book has by now."""
        self.run.forget(last_id)
        if diff.last_id <= last_id:
            return
        verdict = self.run.judge(diff)
        if verdict is Verdict.STALE:
            return
        if verdict is Verdict.GAP:
            self.run.clear()
        self.run.append(diff)
        self.recv_time = recv_time


def _levels_of(diff: Diff) -> int:
    return len(diff.bids) + len(diff.asks)
