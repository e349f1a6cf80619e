"""A thread of a pool: it runs the queue, or slow tasks, or waits for either."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from depthactors.dispatcher.threads import thread_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.dispatcher.dispatcher import Runnable


class Pool(Protocol):
    """The owner of the thread."""

    name: str

    def work(self, member: PoolThread) -> None:
        """Run the queue or slow tasks until there is nothing to do. Thread: that of the member."""

    def leave_queue(self, member: PoolThread) -> None:
        """Give the queue to another thread, or raise `LifecycleError`. Thread: that of the member."""


class PoolThread:
    """A thread of the pool: a member.

    Attributes:
        task: the task that it runs, `None` between two tasks.
        turns: number of turns that it has begun with the run queue.
        given: a slow task to run next; `None` for the run queue.
        is_over: whether it is to end, because nothing is left to do.
        lost_at: time at which another member took over the queue, because a call held this one up; 0 if none did.
        wake: a lock that is held while there is nothing to do; its release wakes the thread.
        thread: the thread itself, a daemon.
    """

    def __init__(self, pool: Pool, given: Runnable | None) -> None:
        """Make a thread that is not started."""
        self.task: Runnable | None = None
        self.turns = 0
        self.given = given
        self.is_over = False
        self.lost_at = 0.0
        self.wake = threading.Lock()
        self.wake.acquire()
        self._pool = pool
        self.thread = threading.Thread(target=pool.work, args=(self,), name=thread_name(pool.name), daemon=True)

    def let_others_run(self, is_over: Callable[[], bool], timeout: float | None) -> float | None:
        """Give the queue to another thread, if this one has it: its own task is about to wait.

        Raises:
            LifecycleError: there is no thread for that.
        """
        del is_over
        self._pool.leave_queue(self)
        return timeout
