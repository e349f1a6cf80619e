"""A lane with a thread of its own, for a program that is to be called from one and the same thread."""

from __future__ import annotations

import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING

from depthactors import reporting
from depthactors.dispatcher.threads import start_thread, thread_name

if TYPE_CHECKING:
    from depthactors.dispatcher.turns import TakesTurns

logger = reporting.logger(__name__)


class PinnedLane:
    """A thread that gives listeners their turns, in the order of the calls of `give_turn`.

    Attributes:
        thread: a daemon; it ends after `close`, once the call that is under way returns.
    """

    def __init__(self, name: str = "callbacks") -> None:
        """Start nothing yet."""
        self.thread = threading.Thread(target=self._run, name=thread_name(name), daemon=True)
        # Queues without a lock of their own: a signal handler may close the lane while its thread puts or gets.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._waiting: deque[TakesTurns] = deque()
        self._closed = False

    def start(self) -> None:
        """Start the thread.

        Raises:
            LifecycleError: the system cannot start another thread.
        """
        start_thread(self.thread, self.thread.name)

    def give_turn(self, listener: TakesTurns) -> None:
        """Give a listener a turn, behind the waiting ones. Thread: any; returns at once."""
        self._waiting.append(listener)
        # A wake-up in the queue is taken after this listener was put, and the lane then serves all that wait.
        if self._wake.empty():
            self._wake.put(None)

    def close(self) -> None:
        """Begin no further call; a running call goes on. Thread: any, signal handlers too; returns at once."""
        self._closed = True
        self._wake.put(None)

    @property
    def is_current(self) -> bool:
        """Whether the caller is a function that this lane is calling: it runs in the lane's thread."""
        return self.thread is threading.current_thread()

    def _run(self) -> None:
        while not self._closed:
            try:
                self._give_turns()
                self._wake.get()
            except BaseException:
                # No exception of a callback gets here, but lack of memory does, or what a profiler raises. The thread
                # goes on, because without it no listener would be called, and looks at all that wait: no wake-up is
                # lost.
                logger.exception("! %s: a turn failed", self.thread.name)

    def _give_turns(self) -> None:
        while self._waiting and not self._closed:
            try:
                self._waiting[0].take_turn()
            finally:
                self._waiting.popleft()
