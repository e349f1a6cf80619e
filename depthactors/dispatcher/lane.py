"""Lanes: where users' functions are called, one at a time and in order. Only a lane may block."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from depthactors import reporting
from depthactors.dispatcher.current import current_task
from depthactors.dispatcher.task import Task

if TYPE_CHECKING:
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.dispatcher.turns import TakesTurns

logger = reporting.logger(__name__)

_CALLS_A_TURN: Final = 32
"""Calls of one lane before other tasks have their turn."""


class Lane(Task):
    """Gives listeners their turns, in the order of the calls of `give_turn`, in one of the dispatcher's threads.

    A quick lane runs right behind the task that gave the turn, in the same thread. A lane that blocks keeps a thread of
    its own until it is quick again.

    Thread: any may call the methods, signal handlers too; all return at once.
    """

    is_foreign: ClassVar[bool] = True

    def __init__(self, dispatcher: Dispatcher, name: str = "callbacks") -> None:
        """Begin without a listener."""
        super().__init__(dispatcher, name)
        self._waiting: list[TakesTurns] = []
        self._is_closed = False

    @property
    def has_work(self) -> bool:
        """Whether a listener waits for its turn."""
        return bool(self._waiting) and not self._is_closed

    @property
    def is_current(self) -> bool:
        """Whether the caller is a function that this lane is calling."""
        return current_task() is self

    @property
    def waiting(self) -> int:
        """The number of turns that were given and are not over."""
        return len(self._waiting)

    def give_turn(self, listener: TakesTurns) -> None:
        """Give a listener a turn, behind the waiting ones."""
        self._waiting.append(listener)
        self.schedule_next()

    def close(self) -> None:
        """Begin no further call; a call that is under way goes on."""
        self._is_closed = True

    def take_turn(self) -> None:
        """Give some of the turns."""
        for _ in range(_CALLS_A_TURN):
            if self._is_closed or not self._waiting:
                return
            self.steps += 1
            try:
                self._waiting[0].take_turn()
            finally:
                del self._waiting[0]

    def fail(self, error: BaseException) -> None:
        """Go on with the next turn: no listener would be called without the lane."""
        logger.error("! %s: a turn failed", self.name, exc_info=error)
