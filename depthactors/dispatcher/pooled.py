"""A dispatcher with a few threads: one runs the queue, and another takes over when a user's function holds it up.

Two threads that both ran tasks would only wait for each other: the interpreter runs one at a time. So one thread has
the run queue. When a lane has not come back for a while and others are ready, `dispatcher.queue_watch` has another
thread take over the queue, and the lane is slow: from then on it runs in the threads that do not have the queue, until
it is quick again. At most `MOST_SLOW` threads run slow lanes; beyond that, slow lanes wait for each other, and the
thread with the queue calls no user's function at all, so that no book is ever late because a callback blocks. For each
actor that waits there is a thread more, which the limit does not count and which ends with the wait.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.dispatcher.current import register, unregister
from depthactors.dispatcher.dispatcher import Dispatcher
from depthactors.dispatcher.pinned_lane import PinnedLane
from depthactors.dispatcher.pool_thread import PoolThread
from depthactors.dispatcher.queue_watch import QueueWatch
from depthactors.dispatcher.threads import start_thread
from depthactors.dispatcher.timers import Timers
from depthactors.errors import LifecycleError

if TYPE_CHECKING:
    from depthactors.dispatcher.dispatcher import Runnable, TakesTimers
    from depthactors.dispatcher.ending import Ending

logger = reporting.logger(__name__)

MOST_SLOW: Final = 64
"""Number of threads in which slow lanes run at the same time."""
_QUICK: Final = 0.005
"""Seconds that a turn of a slow lane takes at most if it is quick again."""
_QUICK_TURNS: Final = 20
"""Quick turns in a row after which a lane is no longer slow."""
_IDLE: Final = 10.0
"""Seconds after which a thread without anything to do ends."""
_CLOSING_WAIT: Final = 0.02
"""Seconds between two checks whether the last actors have ended."""
_NO_THREAD_PAUSE: Final = 1.0
"""Seconds between two attempts to start a thread for a slow lane, while the system has none to give."""
_LONGEST_WAIT: Final = 3600.0
"""Seconds of one wait. A timer may be set for any time, but no system waits for an arbitrary time."""


class _Starting:
    """The timer for another attempt to start a thread for a slow task."""

    def __init__(self, dispatcher: PooledDispatcher) -> None:
        self._dispatcher = dispatcher

    def put_due(self, message: Any) -> None:
        del message
        self._dispatcher.start_waiting()


class PooledDispatcher(Dispatcher):
    """Runs the tasks of one engine.

    Its threads are daemons. They start with `start`, and end after `close`; those without work end after a while.

    Attributes:
        name: part of the names of the threads.
        watch: the watch over the run queue.
        most_threads: the largest number of threads so far.
    """

    def __init__(self, name: str = "dispatcher", *, most_slow: int = MOST_SLOW) -> None:
        """Start nothing yet.

        Args:
            name: part of the names of the threads.
            most_slow: number of threads in which slow lanes run.
        """
        self.name = name
        self.most_threads = 0
        self.watch = QueueWatch(self)
        # Faster than methods.
        self.monotonic = time.monotonic  # type: ignore[method-assign]
        self.time = time.time  # type: ignore[method-assign]
        self.random = random.random  # type: ignore[method-assign]
        self._most_slow = most_slow
        # Queues without locks: a signal handler may send a message while its thread puts or gets.
        self._urgent: deque[Runnable] = deque()
        self._ready: deque[Runnable] = deque()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._is_idle = False
        self._new_timers: deque[tuple[float, TakesTimers, Any]] = deque()
        # Only the thread with the queue has the timers; two for a moment, when it changes.
        self._timers = Timers()
        self._firing = threading.Lock()
        self._wakes_at = 0.0
        # Held for moments, when the queue or a slow task is given to a thread; never by a user's thread.
        # Reentrant: a signal handler may close the dispatcher while its thread is in `start`.
        self._changing = threading.RLock()
        self._runner: PoolThread | None = None
        self._members: set[PoolThread] = set()
        self._parked: list[PoolThread] = []
        self._slow: deque[Runnable] = deque()
        self._is_closed = False

    # What tasks use.

    def monotonic(self) -> float:
        """Return the system's monotonic time."""
        return time.monotonic()

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def random(self) -> float:
        """Return a random number in [0, 1)."""
        return random.random()  # noqa: S311 - spreads load, guards nothing

    def put(self, task: Runnable, *, urgent: bool = False) -> None:
        """Queue a task."""
        try:
            (self._urgent if urgent else self._ready).append(task)
        finally:
            # Also if Ctrl-C comes in between: without its wake-up the task would wait for the next one.
            if self._is_idle:
                self._wake_up()

    def put_next(self, task: Runnable) -> None:
        """Queue a task right behind the running one."""
        try:
            self._ready.appendleft(task)
        finally:
            if self._is_idle:
                self._wake_up()

    def pinned_lane(self, name: str) -> PinnedLane:
        """Return a new lane with a thread of its own, which is none of the dispatcher's."""
        return PinnedLane(name)

    def after(self, seconds: float, target: TakesTimers, message: Any) -> None:
        """Set a timer."""
        at = time.monotonic() + seconds
        self._new_timers.append((at, target, message))
        if self._is_idle and at < self._wakes_at:
            self._wake_up()

    def _wake_up(self) -> None:
        if self._wake.empty():
            self._wake.put(None)

    # Its life.

    def start(self) -> None:
        """Start two threads, one to run the queue and one to watch it.

        Raises:
            LifecycleError: the system has no thread to give; then none is started.
        """
        self.watch.start()
        try:
            with self._changing:
                self._new_member(None)
        except LifecycleError:
            self.close()
            raise

    def close(self) -> None:
        """Have the threads end: the one with the queue when no task waits, the others after the call under way."""
        self._is_closed = True
        self.watch.close()
        self._wake.put(None)
        with self._changing:
            while self._parked:
                member = self._parked.pop()
                member.is_over = True
                member.wake.release()

    @property
    def threads(self) -> tuple[threading.Thread, ...]:  # type: ignore[override]
        """The threads that run now."""
        members = tuple(member.thread for member in tuple(self._members))
        return members if self.watch.thread is None else (*members, self.watch.thread)

    # The threads with the queue, and without.

    def work(self, member: PoolThread) -> None:
        """Run the queue or slow tasks until there is nothing to do. Thread: that of the member."""
        register(member)
        try:
            while True:
                if member.given is None:
                    self._run_queue(member)
                else:
                    self._run_given(member, member.given)
                if not self._next(member):
                    return
        finally:
            unregister()
            # It may end by an exception from outside; the queue must not.
            self._forget(member)
            if self._runner is member and not self._is_closed:
                self.take_over(member)

    def _forget(self, member: PoolThread) -> None:
        with self._changing:
            self._members.discard(member)
            with suppress(ValueError):
                self._parked.remove(member)

    def _run_queue(self, member: PoolThread) -> None:
        while self._runner is member:
            try:
                if not self._run_next(member):
                    break
            except BaseException:
                # What a profiler or the host program raises in this thread. The queue goes on.
                logger.exception("! %s: the thread with the run queue was interrupted", self.name)
                self._queue_again(member)
        # A wake-up that this thread has taken may have been for its successor.
        self._wake.put(None)

    def _queue_again(self, member: PoolThread) -> None:
        """Queue the task that a member was interrupted in."""
        if (task := member.task) is not None:
            member.task = None
            self.put(task)

    def _run_next(self, member: PoolThread) -> bool:
        """Run one task, or wait for one; return whether to go on."""
        if self._new_timers or self._timers.next_at <= time.monotonic():
            self._fire()
        try:
            task = self._urgent.popleft() if self._urgent else self._ready.popleft()
        except IndexError:
            if self._is_closed and not self._others_are_in_actors(member):
                return False
            self._wait()
            return True
        member.task = task
        if task.is_foreign:
            if task.is_slow or not self._may_block:
                self._give(task)
                member.task = None
                return True
            if self.watch.is_asleep:
                self.watch.wake()
        member.turns += 1
        task.run()
        member.task = None
        if member.lost_at:
            self.watch.came_back(member)
        return True

    def _wait(self) -> None:
        """Wait for a task or a timer."""
        self._wakes_at = self._timers.next_at
        self._is_idle = True
        try:
            if self._urgent or self._ready or self._new_timers:
                return
            longest = _CLOSING_WAIT if self._is_closed else _LONGEST_WAIT
            wait = min(max(0.0, self._wakes_at - time.monotonic()), longest)
            with suppress(Empty):
                self._wake.get(timeout=wait)
        finally:
            self._is_idle = False

    def _others_are_in_actors(self, member: PoolThread) -> bool:
        """Return whether an actor waits in another thread: it may have to be run once more, to end."""
        others = tuple(self._members)
        tasks = [each.task for each in others if each is not member]
        return any(task is not None and not task.is_foreign for task in tasks)

    def _fire(self) -> None:
        """Give the messages of all timers that are due to their mailboxes."""
        if not self._firing.acquire(blocking=False):
            return
        try:
            while self._new_timers:
                self._timers.add(*self._new_timers.popleft())
            for target, message in self._timers.due(time.monotonic()):
                target.put_due(message)
        finally:
            self._firing.release()

    def _run_given(self, member: PoolThread, task: Runnable) -> None:
        try:
            self._run_slow(member, task)
        except BaseException:
            # As in `_run_queue`.
            logger.exception("! %s: a thread with a slow task was interrupted", self.name)
            self._queue_again(member)

    def _run_slow(self, member: PoolThread, task: Runnable) -> None:
        begin = time.monotonic()
        member.task = task
        task.run()
        member.task = None
        if time.monotonic() - begin > _QUICK:
            task.quick_turns = 0
        else:
            task.quick_turns += 1
            if task.quick_turns >= _QUICK_TURNS:
                task.is_slow = False

    def _next(self, member: PoolThread) -> bool:
        """Wait for what the thread is to do next; return `False` if it is to end."""
        with self._changing:
            if len(self._members) > self._most_slow + 1:
                # There are more because an actor has waited.
                self._members.discard(member)
                return False
            if self._slow:
                member.given = self._slow.popleft()
                return True
            if not self._is_closed:
                self._parked.append(member)
            else:
                self._members.discard(member)
                return False
        woken = member.wake.acquire(timeout=_IDLE)
        with self._changing:
            if member in self._parked:
                self._parked.remove(member)
            elif not member.is_over:
                # It was given something.
                return woken or member.wake.acquire()
            self._members.discard(member)
            return False

    # Giving the queue to another member.

    @property
    def _may_block(self) -> bool:
        """Whether a thread is left that could take over if a call held up the queue."""
        return bool(self._parked) or len(self._members) <= self._most_slow

    def leave_queue(self, member: PoolThread) -> None:
        """Give the queue to another thread, because the task of this one is about to wait. Thread: that of the member.

        Raises:
            LifecycleError: there is no thread for that.
        """
        if self._runner is not member:
            return
        if not self.take_over(member):
            msg = f"{self.name}: no thread is left that could go on while this callback waits"
            raise LifecycleError(msg)

    def take_over(self, member: PoolThread) -> bool:
        """Give the queue of this member to another one; return whether there was one."""
        with self._changing:
            if self._runner is not member:
                return True
            task = member.task
            try:
                # An actor may always wait: the order to stop a process, say, must not fail because callbacks block.
                if not self._start_member(None, is_bounded=task is None or task.is_foreign):
                    return False
            except LifecycleError as error:
                logger.warning("! %s", error)
                return False
            if task is not None and task.is_foreign:
                task.is_slow, task.quick_turns = True, 0
        return True

    def _give(self, task: Runnable) -> None:
        """Have a slow task run by a thread without the queue, as soon as there is one."""
        with self._changing:
            try:
                is_given = self._start_member(task)
            except LifecycleError as error:
                logger.warning("! %s", error)
                is_given = False
                self.after(_NO_THREAD_PAUSE, _Starting(self), None)
            if not is_given:
                self._slow.append(task)

    def start_waiting(self) -> None:
        """Start a thread for a slow task that waits because there was none. Thread: the one with the queue."""
        with self._changing:
            task = self._slow.popleft() if self._slow else None
        if task is not None:
            self._give(task)

    def _start_member(self, given: Runnable | None, *, is_bounded: bool = True) -> bool:
        """Give a task, or the queue, to a parked or a new thread; `False` if there may be no more. The lock is held.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        if self._parked:
            member = self._parked.pop()
            member.given = given
            if given is None:
                self._runner = member
            member.wake.release()
            return True
        if is_bounded and len(self._members) >= self._most_slow + (given is None):
            return False
        self._new_member(given)
        return True

    def _new_member(self, given: Runnable | None) -> None:
        member, runner = PoolThread(self, given), self._runner
        # Before the thread starts: it compares itself with `_runner`, and counts the members.
        self._members.add(member)
        if given is None:
            self._runner = member
        try:
            start_thread(member.thread, self.name)
        except LifecycleError:
            self._members.discard(member)
            self._runner = runner
            raise
        self.most_threads = max(self.most_threads, len(self._members))

    def describe(self, thread: Ending) -> str:
        """Return the name of a thread, and of the task that it runs."""
        for member in tuple(self._members):
            if member.thread is thread and (task := member.task) is not None:
                return f"{member.thread.name}, in {task.name}"
        return thread.name

    @property
    def runner(self) -> PoolThread | None:
        """The member with the run queue."""
        return self._runner

    @property
    def others_are_ready(self) -> bool:
        """Whether a task or a timer waits for the queue."""
        return bool(self._urgent or self._ready) or self._timers.next_at <= time.monotonic()
