"""The successor of a connection, before it takes over: what it brought that the book does not have yet."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from depthactors.sync.rules import Verdict, classify_next

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.markets import Sequencing
    from depthactors.wire import Diff


class Standby:
    """A connection whose diffs come beside those of the one that is listened to.

    Both bring the same updates, one a little sooner. What is kept is an unbroken run of those that the
    book does not have; mostly it is empty.

    Attributes:
        epoch: of the connection.
    """

    def __init__(self, epoch: int, limit: int, sequencing: Sequencing) -> None:
        """Begin empty, for at most `limit` diffs; beyond them the oldest goes, so that a gap will show."""
        self.epoch = epoch
        self._run: deque[tuple[Diff, float]] = deque(maxlen=limit)
        self._sequencing = sequencing

    def __len__(self) -> int:
        """Return how many diffs are kept."""
        return len(self._run)

    def take(self, diff: Diff, recv_time: float, last_id: int) -> None:
        """Keep a diff, unless the book, at `last_id`, has it; and let go of what the book has by now."""
        run = self._run
        while run and run[0][0].last_id <= last_id:
            run.popleft()
        if diff.last_id <= last_id:
            return
        if run:
            verdict = classify_next(diff, run[-1][0].last_id, self._sequencing)
            if verdict is Verdict.STALE:
                return
            if verdict is Verdict.GAP:
                run.clear()
        run.append((diff, recv_time))

    def clear(self) -> None:
        """Let go of all: something is missing behind it."""
        self._run.clear()

    def drain(self) -> Iterable[tuple[Diff, float]]:
        """Return what is kept, in order, with the times at which it came, and let go of it."""
        run = list(self._run)
        self._run.clear()
        return run
