"""What a lane and its listeners see of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from depthactors.dispatcher.ending import Ending


class TakesTurns(Protocol):
    """A listener that is called in a lane."""

    def take_turn(self) -> None:
        """Call at most one of the user's functions. Thread: the lane's."""


class GivesTurns(Protocol):
    """A lane, of whichever kind."""

    def give_turn(self, listener: TakesTurns) -> None:
        """Give a listener a turn behind those that wait already. Any thread; returns at once."""


class Pinned(GivesTurns, Protocol):
    """A lane that calls in one and the same thread."""

    @property
    def thread(self) -> Ending:
        """The thread: it ends after `close`, once the call that is under way returns."""

    @property
    def is_current(self) -> bool:
        """Whether a function that this lane calls is the caller."""

    def start(self) -> None:
        """Start to give turns.

        Raises:
            LifecycleError: the system has no thread to give.
        """

    def close(self) -> None:
        """Begin no further call; a call that is under way goes on. Any thread, signal handlers too; returns at once."""
