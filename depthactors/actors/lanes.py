"""Lanes: threads in which users' functions are called, one at a time. Only a lane may block."""

from __future__ import annotations

import threading
from collections import deque
from queue import SimpleQueue
from typing import Protocol

from depthactors import reporting
from depthactors.actors.threads import start_thread, thread_name

logger = reporting.logger(__name__)


class TakesTurns(Protocol):
    """What a lane serves."""

    def take_turn(self) -> None:
        """Call at most one of the user's functions; the lane's thread."""


class Lane:
    """One thread that gives listeners their turns in the order in which they asked for them.

    Attributes:
        thread: a daemon; it ends after `close`, once the call that is under way returns.
    """

    def __init__(self, name: str = "callbacks") -> None:
        """Start nothing yet."""
        self.thread = threading.Thread(target=self._run, name=thread_name(name), daemon=True)
        # Without a lock: a signal handler may close the lane in the middle of anything.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._asking: deque[TakesTurns] = deque()
        self._closed = False

    def start(self) -> None:
        """Start the thread.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        start_thread(self.thread, self.thread.name)

    def give_turn(self, listener: TakesTurns) -> None:
        """Give a listener a turn behind all those that asked before it. Any thread; returns at once."""
        self._asking.append(listener)
        # One that is there will be taken after this listener was put: the lane looks at all who ask then.
        if self._wake.empty():
            self._wake.put(None)

    def close(self) -> None:
        """Call nobody any more; a call that is under way goes on. Any thread, signal handlers too; returns at once."""
        self._closed = True
        self._wake.put(None)

    @property
    def is_current(self) -> bool:
        """Whether this is the lane's own thread, so whether a callback asks."""
        return self.thread is threading.current_thread()

    def _run(self) -> None:
        while not self._closed:
            try:
                self._give_turns()
                self._wake.get()
            except BaseException:
                # What a callback raises does not come here: want of memory, or what a profiler of the program raises.
                # Without this thread nobody would be called any more, and a wake-up that is lost is made up for.
                logger.exception("! %s a turn failed", self.thread.name)

    def _give_turns(self) -> None:
        while self._asking and not self._closed:
            try:
                self._asking[0].take_turn()
            finally:
                self._asking.popleft()
