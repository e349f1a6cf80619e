"""Messages between actors of the engine's process, where books are in worker processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from depthactors.dispatcher.life import Life

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.errors import DepthActorsError


class TakesAnswer(Protocol):
    """Takes the answer of a process."""

    def set(self, value: Any = None) -> None:
        """Take the answer."""

    def set_exception(self, exc_info: Any = None) -> None:
        """Take the reason why there is none."""


class Closing(Life):
    """Takes the answer to the order to close a book: its life ends with it, whatever the answer is."""

    def set(self, value: Any = None) -> None:
        """End."""
        del value
        self.end()

    def set_exception(self, exc_info: Any = None) -> None:
        """End: a process that is gone keeps no book."""
        del exc_info
        self.end()


# To the actor of a worker process.


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to the process."""

    message: Any


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request to the process; its answer goes to a future.

    Attributes:
        new_request: a function that makes the message, given its `request_id`.
        future: a future of pykka, or what else takes the answer; it gets an `ActorDeadError` if the process ends first.
    """

    new_request: Callable[[int], Any]
    future: TakesAnswer

    def refuse(self, error: BaseException) -> None:
        """Answer with an error."""
        self.future.set_exception((type(error), error, None))


# To a remote book actor.


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The worker keeps the book no longer: its process ended, or the book moves. Another worker opens the book."""

    error: DepthActorsError


# To the supervisor.


@dataclass(frozen=True, slots=True)
class Rebalance:
    """Spread the books evenly; answered with the number of books that move.

    Attributes:
        processes: the number of workers from now on; `None` for the present number.
    """

    processes: int | None
