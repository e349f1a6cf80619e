"""A dispatcher that a test drives by hand: in the test's own thread, at a time that the test sets."""

from __future__ import annotations

from collections import deque

from depthactors.dispatcher.current import register, unregister
from depthactors.dispatcher.dispatcher import Dispatcher
from depthactors.dispatcher.timers import Timers


class SteppedDispatcher(Dispatcher):
    """Runs tasks when it is told to, in the thread that tells it.

    Attributes:
        now: the monotonic time; the time since the epoch is `EPOCH` later.
        chance: what `random` returns.
        task: the task that runs now.
        left: number of times that a task was about to wait.
    """

    EPOCH = 1_700_000_000.0

    def __init__(self):
        self.now, self.chance, self.task, self.left = 0.0, 0.5, None, 0
        self.urgent, self.ready = deque(), deque()
        self._timers = Timers()

    def monotonic(self):
        return self.now

    def time(self):
        return self.EPOCH + self.now

    def random(self):
        return self.chance

    def put(self, task, *, urgent=False):
        (self.urgent if urgent else self.ready).append(task)

    def put_next(self, task):
        self.ready.appendleft(task)

    def pinned_lane(self, name):
        raise NotImplementedError

    def after(self, seconds, target, message):
        self._timers.add(self.now + seconds, target, message)

    def let_others_run(self, _is_over, timeout):
        self.left += 1
        return timeout

    def step(self):
        """Run the next task; return whether there was one."""
        for target, message in self._timers.due(self.now):
            target.put_due(message)
        if not (self.urgent or self.ready):
            return False
        self.task = self.urgent.popleft() if self.urgent else self.ready.popleft()
        register(self)
        try:
            self.task.run()
        finally:
            unregister()
            self.task = None
        return True

    def run(self, most=100_000):
        """Run tasks until none is ready; fail if they do not end."""
        for _ in range(most):
            if not self.step():
                return
        msg = f"tasks are still ready after {most} turns"
        raise AssertionError(msg)

    def pass_time(self, seconds):
        """Let time pass, from timer to timer, and run what is ready at each."""
        until = self.now + seconds
        self.run()
        while self._timers.next_at <= until:
            self.now = max(self.now, self._timers.next_at)
            self.run()
        self.now = until
