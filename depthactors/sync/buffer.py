"""Diffs that wait: of a connection for a snapshot, of its successor for the end of its predecessor."""

from __future__ import annotations

from collections import deque
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
"""Levels that the diffs of a run may have together, a few tens of megabytes: a full run of ordinary ones has fewer."""

_NUMBER: Final = 32
"""Bytes of a price or a quantity in a list, about: a float has 24, and a list 8 for its place."""


class DiffBuffer:
    """A bounded, unbroken run of diffs. When it is full the oldest go: only a newer snapshot can fit then."""

    def __init__(self, limit: int, sequencing: Sequencing, max_levels: int = MAX_LEVELS) -> None:
        """Begin empty, for at most `limit` diffs, and `max_levels` levels unless the newest alone has more."""
        self._diffs: deque[Diff] = deque()
        self._levels = 0
        self._limit, self._max_levels = limit, max_levels
        self._sequencing = sequencing

    def __len__(self) -> int:
        """Return how many diffs wait."""
        return len(self._diffs)

    def __iter__(self) -> Iterator[Diff]:
        """Go through them in order."""
        return iter(self._diffs)

    @property
    def size(self) -> int:
        """About how many bytes they take."""
        return self._levels * _NUMBER

    @property
    def last_id(self) -> int:
        """Where the run ends, 0 when it is empty."""
        return self._diffs[-1].last_id if self._diffs else 0

    @property
    def event_time(self) -> int:
        """The exchange's time of the last one, milliseconds since the epoch, 0 when there is none."""
        return self._diffs[-1].event_time if self._diffs else 0

    def judge(self, diff: Diff) -> Verdict:
        """Return how `diff` stands to the end of the run; anything can begin an empty one."""
        return classify_next(diff, self.last_id, self._sequencing) if self._diffs else Verdict.NEXT

    def append(self, diff: Diff) -> int:
        """Add a diff that was judged to follow; returns how many of the oldest went, to make room."""
        self._diffs.append(diff)
        self._levels += _levels_of(diff)
        gone = 0
        while len(self._diffs) > self._limit or (self._levels > self._max_levels and len(self._diffs) > 1):
            self._drop_oldest()
            gone += 1
        return gone

    def forget(self, last_id: int) -> None:
        """Let go of what ends at this id or before."""
        while self._diffs and self._diffs[0].last_id <= last_id:
            self._drop_oldest()

    def clear(self) -> None:
        """Let go of all."""
        self._diffs.clear()
        self._levels = 0

    def joins(self, snapshot_id: int) -> bool:
        """Return whether the run continues a snapshot with this id, or begins after nothing that is missing."""
        first = self._diffs[0] if self._diffs else None
        return first is None or classify_first(first, snapshot_id, self._sequencing) is not Verdict.GAP

    def replay(self, follower: Follower, recv_time: float) -> int:
        """Apply what the book does not have yet; returns how many diffs that were. O(levels of all)."""
        applied = 0
        for diff in self._diffs:
            if follower.judge(diff, self._sequencing) is not Verdict.STALE:
                follower.take(diff, recv_time)
                applied += 1
        return applied

    def check(self) -> None:
        """Verify that each diff follows the one before.

        Raises:
            BookIntegrityError: names the two that do not.
        """
        for one, other in pairwise(self._diffs):
            if classify_next(other, one.last_id, self._sequencing) is not Verdict.NEXT:
                msg = f"expected a run of diffs, was {one} before {other}"
                raise BookIntegrityError(msg)

    def _drop_oldest(self) -> None:
        self._levels -= _levels_of(self._diffs.popleft())


class Standby:
    """A connection whose diffs come beside those of the one that is listened to.

    Both bring the same updates, one a little sooner. What is kept is an unbroken run of those that the
    book does not have; mostly it is empty.

    Attributes:
        epoch: of the connection.
        run: what is kept.
        recv_time: when the last of it came.
    """

    def __init__(self, epoch: int, limit: int, sequencing: Sequencing) -> None:
        """Begin empty, for at most `limit` diffs; beyond them the oldest goes, so that a gap will show."""
        self.epoch = epoch
        self.run = DiffBuffer(limit, sequencing)
        self.recv_time = 0.0

    def take(self, diff: Diff, recv_time: float, last_id: int) -> None:
        """Keep a diff, unless the book, at `last_id`, has it; and let go of what the book has by now."""
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
