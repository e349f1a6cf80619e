"""A task: a mailbox or a lane, which a dispatcher runs one turn after the other."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from depthactors.dispatcher.dispatcher import Dispatcher


class Task(ABC):
    """Waits in the run queue when it has something to do. One thread at a time runs it.

    Thread: any may call `schedule`, signal handlers too; the dispatcher's calls `run`.

    Attributes:
        name: the name in the log.
        dispatcher: the dispatcher that runs it.
        steps: number of messages or calls that it has begun.
        is_slow: whether it held up the run queue; it then runs in another thread until it is quick again.
        quick_turns: number of quick turns in a row since then.
    """

    is_foreign: ClassVar[bool] = False
    """Whether it calls functions of users, which may block."""

    def __init__(self, dispatcher: Dispatcher, name: str) -> None:
        """Begin with nothing to do."""
        self.dispatcher = dispatcher
        self.name = name
        self.steps = 0
        self.is_slow = False
        self.quick_turns = 0
        # A second entry in the queue is harmless, so this flag needs no lock.
        self._is_queued = False
        self._running = threading.Lock()

    @property
    @abstractmethod
    def has_work(self) -> bool:
        """Whether there is something to do."""

    @abstractmethod
    def take_turn(self) -> None:
        """Do a bounded part of what is to be done."""

    @abstractmethod
    def fail(self, error: BaseException) -> None:
        """Handle an exception that left `take_turn`: a bug, lack of memory, or what the host program raised here."""

    def schedule(self, *, urgent: bool = False) -> None:
        """Queue the task, unless it is queued; call it after there is something to do."""
        if self._is_queued:
            return
        try:
            self._is_queued = True
            self.dispatcher.put(self, urgent=urgent)
        except BaseException:
            # Ctrl-C in this thread: the flag alone would keep the task out of the queue for ever.
            self._is_queued = False
            raise

    def schedule_next(self) -> None:
        """Queue the task right behind the running one, unless it is queued."""
        if self._is_queued:
            return
        try:
            self._is_queued = True
            self.dispatcher.put_next(self)
        except BaseException:
            self._is_queued = False
            raise

    def run(self) -> None:
        """Take a turn, and queue the task again if it has more to do."""
        # Before the turn: what comes from now on queues the task again.
        self._is_queued = False
        if not self._running.acquire(blocking=False):
            # Another thread is in it. It looks for more to do after this moment.
            return
        try:
            self.take_turn()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the other tasks go on
            self.fail(error)
        finally:
            self._running.release()
        if self.has_work:
            self.schedule()
