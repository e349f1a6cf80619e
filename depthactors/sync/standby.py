"""The successor of a connection, before it takes over: what it brought that the book does not have yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.sync.buffer import DiffBuffer
from depthactors.sync.rules import Verdict

if TYPE_CHECKING:
    from depthactors.binance import Diff
    from depthactors.markets import Sequencing


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
