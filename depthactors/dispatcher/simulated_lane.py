"""What stands for a lane with a thread of its own in a simulation: a task whose turns are drawn like all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.dispatcher.lane import Lane
from depthactors.dispatcher.life import Life

if TYPE_CHECKING:
    from depthactors.dispatcher.dispatcher import Dispatcher


class SimulatedLane(Lane):
    """Gives listeners their turns.

    Thread: the simulation's.

    Attributes:
        thread: stands for the thread; it ends after `close`, once the call that is under way returns.
    """

    def __init__(self, dispatcher: Dispatcher, name: str) -> None:
        """Begin with nobody to call."""
        super().__init__(dispatcher, name)
        self.thread = Life(name)

    @property
    def has_work(self) -> bool:
        """Whether a listener waits for its turn, or the lane for its end."""
        return super().has_work or (self._is_closed and self.thread.is_alive())

    def start(self) -> None:
        """Do nothing: turns that were given before are drawn when the simulation runs."""

    def close(self) -> None:
        """Begin no further call; a call that is under way goes on."""
        super().close()
        self.schedule()

    def take_turn(self) -> None:
        """Give some of the turns; the last one after `close` ends the lane."""
        super().take_turn()
        if self._is_closed:
            self.thread.end()
