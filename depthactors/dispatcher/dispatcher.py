"""What a dispatcher does for actors: turns, timers, the time and random numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from depthactors.dispatcher.ending import Ending


class Runnable(Protocol):
    """What a dispatcher runs, as it sees it; see `dispatcher.task`."""

    name: str
    steps: int
    is_slow: bool
    quick_turns: int

    @property
    def is_foreign(self) -> bool:
        """Whether it runs functions of users, which may block."""

    def run(self) -> None:
        """Take a turn."""


class TakesTimers(Protocol):
    """What a timer belongs to: a mailbox."""

    def put_due(self, message: Any) -> None:
        """Take the message of a timer that is due. Thread: the dispatcher's."""


class Dispatcher(ABC):
    """Runs the tasks that have something to do, each in one thread at a time, and is their clock.

    Thread: any may call each method.
    """

    threads: tuple[Ending, ...] = ()
    """The threads that run now; none in a simulation."""

    def start(self) -> None:  # noqa: B027 - only some have threads
        """Start to run what is put.

        Raises:
            LifecycleError: the system has no thread to give; then none is started.
        """

    def close(self) -> None:  # noqa: B027
        """End when no task waits; returns at once."""

    def describe(self, thread: Ending) -> str:
        """Return the name of a thread, and of the task that it runs if it is one of the dispatcher's."""
        return thread.name

    @abstractmethod
    def monotonic(self) -> float:
        """Return seconds that never go back, for waits and deadlines."""

    @abstractmethod
    def time(self) -> float:
        """Return seconds since the epoch."""

    @abstractmethod
    def random(self) -> float:
        """Return a random number from 0 to 1, for what spreads load; it guards nothing."""

    @abstractmethod
    def put(self, task: Runnable, *, urgent: bool = False) -> None:
        """Queue a task: behind the others; before those that are not urgent if `urgent`."""

    @abstractmethod
    def put_next(self, task: Runnable) -> None:
        """Queue a task right behind the one that runs now."""

    @abstractmethod
    def after(self, seconds: float, target: TakesTimers, message: Any) -> None:
        """Set a timer: `target` gets the message in `seconds`."""
