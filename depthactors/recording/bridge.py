"""Whether a snapshot and the diffs of a stream meet, by their ids alone."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from depthactors.recording.restart import AHEAD, Restart
from depthactors.sync.sequencing import Verdict, classify_first, classify_next

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.markets import Sequencing
    from depthactors.recording.lines import Ids

ItemT = TypeVar("ItemT")


class Bridge(Generic[ItemT]):
    """Keeps an unbroken run of diffs until a snapshot comes that they continue.

    When the run is full the oldest diffs are dropped: only a newer snapshot can fit then. Each diff has an item, and
    the items of the diffs that continue the snapshot are kept: the frames themselves, for a file that begins here.

    Attributes:
        snapshot_id: the id of the snapshot that the stream has not reached yet, or that it continues.
        bridged: whether the run continues the snapshot.
        last_id: the last id of the run, or of the former one if it is empty.
        size: the size of all items of the run.
        dropped: the number of items that were dropped because the run was full.
    """

    __slots__ = (
        "_limit", "_restart", "_restart_behind", "_run", "_sequencing", "_taken",
        "bridged", "dropped", "last_id", "size", "snapshot_id",
    )  # fmt: skip

    def __init__(self, sequencing: Sequencing, limit: int) -> None:
        """Begin without a diff, for items of `limit` bytes, or whatever unit their sizes have, together."""
        self._sequencing = sequencing
        self._limit = limit
        self._run: deque[tuple[Ids | None, ItemT, int]] = deque()
        self.snapshot_id: int | None = None
        self.bridged = False
        self.size = self.dropped = self.last_id = 0
        self._restart, self._restart_behind = Restart(), Restart(AHEAD)
        self._taken = 0

    @property
    def wants_snapshot(self) -> bool:
        """Whether there is none that could fit."""
        return self.snapshot_id is None

    @property
    def first_id(self) -> int:
        """The first id of the run, 0 if it is empty."""
        return next((ids.first_id for ids, _, _ in self._run if ids is not None), 0)

    def __iter__(self) -> Iterator[tuple[Ids | None, ItemT]]:
        """Iterate over ids and items of the run, in order."""
        return ((ids, item) for ids, item, _ in self._run)

    def diff(self, ids: Ids, item: ItemT, size: int) -> bool:
        """Take a diff, and return whether a snapshot and the diffs meet now."""
        self._taken += 1
        if self.snapshot_id is not None:
            verdict = classify_first(ids, self.snapshot_id, self._sequencing)
            if verdict is Verdict.STALE and not self._restart_behind.is_shown_by(ids, self._taken):
                return False
            self.bridged = verdict is Verdict.BRIDGE
            if not self.bridged:
                self.snapshot_id = None
            self._clear()
        elif self._run:
            verdict = classify_next(ids, self.last_id, self._sequencing)
            if verdict is Verdict.STALE and not self._restart.is_shown_by(ids, self._taken):
                return False
            if verdict is not Verdict.NEXT:
                self._clear()
        self._append(ids, item, size)
        return self.bridged

    def other(self, item: ItemT, size: int) -> None:
        """Take a frame without ids, which belongs behind the diff before it; without one it is dropped."""
        if self._run:
            self._append(None, item, size)

    def snapshot(self, last_update_id: int) -> bool:
        """Take a snapshot, and return whether the diffs continue it; if it is too old, another one is wanted."""
        if self.snapshot_id is not None and last_update_id < self.snapshot_id:
            # From a cache of the exchange.
            return False
        while self._run and self._is_before(self._run[0][0], last_update_id):
            self._drop_oldest()
        first = self._run[0][0] if self._run else None
        if first is not None and classify_first(first, last_update_id, self._sequencing) is Verdict.GAP:
            self.snapshot_id = None
            return False
        self.snapshot_id = last_update_id
        self.bridged = first is not None
        return self.bridged

    def reopen(self) -> None:
        """Keep the run, and want another snapshot."""
        self.snapshot_id, self.bridged = None, False

    def _is_before(self, ids: Ids | None, last_update_id: int) -> bool:
        return ids is None or classify_first(ids, last_update_id, self._sequencing) is Verdict.STALE

    def _append(self, ids: Ids | None, item: ItemT, size: int) -> None:
        self._run.append((ids, item, size))
        if ids is not None:
            self.last_id = ids.last_id
        self.size += size
        while self.size > self._limit and len(self._run) > 1:
            self._drop_oldest()
            self.dropped += 1
        while self._run[0][0] is None and len(self._run) > 1:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self.size -= self._run.popleft()[2]

    def _clear(self) -> None:
        self._run.clear()
        self.size = 0
