"""The interface of a dispatcher: turns, timers, the time and random numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from depthactors.dispatcher.ending import Ending
    from depthactors.dispatcher.turns import Pinned


class Runnable(Protocol):
    """A task, as a dispatcher sees it: a mailbox or a lane; attributes as for `dispatcher.task.Task`."""

    name: str
    steps: int
    is_slow: bool
    quick_turns: int
    is_foreign: ClassVar[bool]

    def run(self) -> None:
        """Take a turn."""


class TakesTimers(Protocol):
    """The owner of a timer: a mailbox."""

    def put_due(self, message: Any) -> None:
        """Take the message of a timer that is due. Thread: the dispatcher's."""


class Dispatcher(ABC):
    """Runs the tasks that have work, each in one thread at a time, and is their clock.

    Thread: any may call each method.
    """

    threads: tuple[Ending, ...] = ()
    """The threads that run now; none in a simulation."""
    ends_by: float = inf
    """The monotonic time by which all actors must have ended; infinite before the stop."""

    def start(self) -> None:  # noqa: B027 - only some have threads
        """Begin to run tasks.

        Raises:
            LifecycleError: the system has no thread to give; then none is started.
        """

    def close(self) -> None:  # noqa: B027
        """End the threads once no task waits; returns at once."""

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
        """Return a random number in [0, 1), to spread load; not for security."""

    @abstractmethod
    def put(self, task: Runnable, *, urgent: bool = False) -> None:
        """Queue a task behind the others, or before all tasks that are not urgent if `urgent`."""

    @abstractmethod
    def put_next(self, task: Runnable) -> None:
        """Queue a task right behind the running one."""

    @abstractmethod
    def pinned_lane(self, name: str) -> Pinned:
        """Return a new lane that calls in a thread of its own; it has to be started."""

    @abstractmethod
    def after(self, seconds: float, target: TakesTimers, message: Any) -> None:
        """Set a timer: `target` gets the message in `seconds`."""
