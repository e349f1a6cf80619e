"""A listener for a thread that waits for the next update or event of a book."""

from __future__ import annotations

from typing import Any

from depthactors.actors.cell import Listener
from depthactors.dispatcher.gate import Gate


class Wakeup(Listener):
    """Opens a gate at each update and each event; the waiting thread shuts it, and then reads the book.

    Attributes:
        gate: the gate.
    """

    in_turn = False

    def __init__(self) -> None:
        """Begin with the gate shut."""
        super().__init__(self._wake, self._wake)
        self.gate = Gate()

    def _wake(self, _: Any) -> None:
        self.gate.set()
