"""The watch over a run queue: when a call has held it up for too long, another thread takes the queue over."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Protocol

from depthactors import reporting
from depthactors.dispatcher.threads import start_thread, thread_name

if TYPE_CHECKING:
    from depthactors.dispatcher.pool_thread import PoolThread

logger = reporting.logger(__name__)

PATIENCE: Final = 0.015
"""Seconds that a call may hold up the run queue; well beyond the interpreter's switch interval of 5 ms."""
_TICK: Final = 0.005
"""Seconds between two checks whether a call holds up the queue."""
_LOOK: Final = 0.25
"""Seconds between two checks whether an actor holds up the queue: one message takes longer only by a bug."""
_PAUSE: Final = 1.0
"""Seconds until the watch goes on after an exception."""
_CALM: Final = 20
"""Checks without a user's function under way, after which the watch sleeps until one is called."""


class WatchedPool(Protocol):
    """The pool whose run queue is watched. Thread: any."""

    name: str

    @property
    def runner(self) -> PoolThread | None:
        """The member with the run queue."""

    @property
    def others_are_ready(self) -> bool:
        """Whether a task or a timer waits for the queue."""

    def take_over(self, member: PoolThread) -> bool:
        """Give the queue of this member to another one; return whether there was one."""


class QueueWatch:
    """Has a pool give its run queue to another thread, in a thread of its own.

    Thread: any may call the methods, signal handlers too.

    Attributes:
        thread: the watching thread, `None` before `start`.
        is_asleep: whether `wake` has to be called before a user's function is called.
        takeovers: number of times that another thread took over the queue because a call held it up.
        false_takeovers: number of these after which the call came back at once: it was the machine that was slow.
    """

    def __init__(self, pool: WatchedPool) -> None:
        """Start nothing yet."""
        # Made in `start`: a thread that was made before a fork cannot be started after it.
        self.thread: threading.Thread | None = None
        self.is_asleep = False
        self.takeovers = self.false_takeovers = 0
        self._pool = pool
        self._news: SimpleQueue[None] = SimpleQueue()
        self._is_closed = False

    def start(self) -> None:
        """Start the thread.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        thread = threading.Thread(target=self._watch, name=thread_name(f"{self._pool.name}-watch"), daemon=True)
        start_thread(thread, thread.name)
        self.thread = thread

    def wake(self) -> None:
        """Look every few milliseconds from now on: a user's function is about to be called."""
        self._news.put(None)

    def close(self) -> None:
        """Have the thread end; returns at once."""
        self._is_closed = True
        self._news.put(None)

    def came_back(self, member: PoolThread) -> None:
        """Note that the call returned for which a member lost the queue. Thread: that of the member."""
        if time.monotonic() - member.lost_at < _TICK:
            self.false_takeovers += 1
        member.lost_at = 0.0

    def _watch(self) -> None:
        while not self._is_closed:
            try:
                self._look_until_closed()
            except BaseException:
                # What a profiler or the host program raises in this thread. Without a watch, one call could stop all.
                logger.exception("! %s: the watch over the run queue was interrupted", self._pool.name)
                time.sleep(_PAUSE)

    def _look_until_closed(self) -> None:
        seen: object = None
        while not self._is_closed:
            self.is_asleep = True
            with suppress(Empty):
                self._news.get(timeout=_LOOK)
                self.is_asleep = False
                self._look_until_calm()
            member = self._pool.runner
            task = None if member is None else member.task
            now = None if member is None or task is None else (member, member.turns, task.steps)
            if member is not None and now is not None and now == seen:
                self._pool.take_over(member)
            seen = now

    def _look_until_calm(self) -> None:
        """Look every few milliseconds whether the same call still holds up the queue."""
        calm = late = 0
        seen: object = None
        while calm < _CALM and not self._is_closed:
            begin = time.monotonic()
            time.sleep(_TICK)
            is_busy_machine = time.monotonic() - begin > 2 * _TICK
            member = self._pool.runner
            task = None if member is None else member.task
            if member is None or task is None or not task.is_foreign:
                calm, late = calm + 1, 0
                continue
            calm = 0
            now = (member, member.turns, task.steps)
            if now != seen:
                seen, late = now, 0
            elif not is_busy_machine:
                # Where this thread itself comes late, the call may be waiting for the processor too.
                late += 1
            if late * _TICK >= PATIENCE and self._pool.others_are_ready:
                member.lost_at = time.monotonic()
                if self._pool.take_over(member):
                    self.takeovers += 1
                else:
                    member.lost_at = 0.0
