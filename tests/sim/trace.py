"""The turns of a run: the last ones in words, and a digest of all."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any
from zlib import crc32

from depthactors.dispatcher.mailbox import Frames, Mailbox

if TYPE_CHECKING:
    from depthactors.dispatcher.dispatcher import Runnable
    from depthactors.dispatcher.simulated import Simulation

_KEPT = 60


class Trace:
    """Notes each turn: its time, its task, and the message that is handled first."""

    def __init__(self, simulation: Simulation) -> None:
        """Begin to note."""
        self._simulation = simulation
        self._last: deque[str] = deque(maxlen=_KEPT)
        self.digest = 0
        simulation.on_turn = self._note

    @property
    def lines(self) -> list[str]:
        """The last turns, a line each."""
        return list(self._last)

    def note(self, words: str) -> None:
        """Note something else than a turn."""
        line = f"{self._simulation.monotonic():.6f} {words}"
        self._last.append(line)
        self.digest = crc32(line.encode(), self.digest)

    def _note(self, task: Runnable) -> None:
        self.note(f"{task.name} {_first(task)}" if isinstance(task, Mailbox) else task.name)


def _first(mailbox: Mailbox) -> str:
    """Return the kind of the message that comes next."""
    message: Any = None
    if mailbox._due:
        message = mailbox._due[0]
    elif mailbox._control:
        message = mailbox._control[0].message
    elif mailbox._data:
        message = mailbox._data[0][1]
    return f"{len(message.frames)} frames" if isinstance(message, Frames) else type(message).__name__
