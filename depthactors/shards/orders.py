"""What the actor of a worker process is sent, in the engine's process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to the process."""

    message: Any


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a question to the process; its answer goes to a future.

    Attributes:
        request: a function that makes the question out of the number that its answer will repeat.
        future: the future; it gets an `ActorDeadError` if the process ends first.
    """

    request: Callable[[int], Any]
    future: pykka.Future[Any]

    def refuse(self, error: pykka.ActorDeadError) -> None:
        """Answer with an error."""
        self.future.set_exception((type(error), error, None))
