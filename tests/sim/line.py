"""One direction of a simulated connection."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.sim.scheduler import Scheduler

_PieceT = TypeVar("_PieceT")

_BASE, _SPREAD = 0.001, 0.02
"""Seconds of a latency: at least, and on top of it at most, usually much less."""
_BUSY = 0.1
"""Share of the reads before which the reader was busy..."""
_BUSY_FOR = 0.05
"""... for this many seconds at most."""
_ROUNDING = 1e-9


class Line(Generic[_PieceT]):
    """What one side sends arrives at the other in order, each piece after a latency.

    A read takes everything that has arrived. Now and then the reader was busy, so that this is several pieces.
    """

    def __init__(self, scheduler: Scheduler, draws: Random, read: Callable[[list[_PieceT]], None]) -> None:
        """Begin empty.

        Args:
            scheduler: the time.
            draws: the latencies of this line.
            read: called with the pieces of each read, at least one.
        """
        self._scheduler, self._draw, self._deliver = scheduler, draws.random, read
        self._under_way: deque[tuple[float, _PieceT]] = deque()
        self._last = self._held_until = self._late_until = self._late_by = 0.0
        self._reading = self._is_closed = False

    def send(self, piece: _PieceT) -> None:
        """Send a piece; after `close` it is lost."""
        if self._is_closed:
            return
        now = self._scheduler.monotonic()
        at = now + self.latency() + (self._late_by if now < self._late_until else 0.0)
        self._last = max(self._last, at)
        self._under_way.append((self._last, piece))
        if not self._reading:
            self._read_at(self._last)

    def latency(self) -> float:
        """Draw a latency, in seconds."""
        return _BASE + _SPREAD * self._draw() ** 4

    def hold(self, seconds: float) -> None:
        """Let the reader read nothing for `seconds`, then everything at once."""
        self._held_until = max(self._held_until, self._scheduler.monotonic() + seconds)

    def delay(self, seconds: float, by: float) -> None:
        """Let what is sent within the next `seconds` arrive later."""
        self._late_until, self._late_by = self._scheduler.monotonic() + seconds, by

    @property
    def is_held(self) -> bool:
        """Whether the reader reads nothing now."""
        return self._scheduler.monotonic() < self._held_until

    def arrived(self) -> list[_PieceT]:
        """Take what has arrived and was not read."""
        now = self._scheduler.monotonic() + _ROUNDING
        pieces = []
        while self._under_way and self._under_way[0][0] <= now:
            pieces.append(self._under_way.popleft()[1])
        return pieces

    def put_back(self, pieces: list[_PieceT]) -> None:
        """Let pieces of the present read be read again, first."""
        now = self._scheduler.monotonic()
        self._under_way.extendleft((now, piece) for piece in reversed(pieces))

    def close(self) -> None:
        """Lose what is under way; `read` is not called again."""
        self._is_closed = True
        self._under_way.clear()

    def _read_at(self, when: float) -> None:
        self._reading = True
        if self._draw() < _BUSY:
            when += _BUSY_FOR * self._draw()
        self._scheduler.after(when - self._scheduler.monotonic(), self._read)

    def _read(self) -> None:
        self._reading = False
        if self._is_closed:
            return
        if self.is_held:
            self._read_at(self._held_until)
            return
        if pieces := self.arrived():
            self._deliver(pieces)
        if self._under_way and not self._reading:
            self._read_at(max(self._under_way[0][0], self._scheduler.monotonic()))
