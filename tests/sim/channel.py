"""A channel between two simulated processes: pickled messages both ways, in order, each direction bounded in bytes."""

from __future__ import annotations

import pickle
from collections import deque
from typing import TYPE_CHECKING, Any

from depthactors.dispatcher.current import about_to_wait
from depthactors.dispatcher.task import Task
from depthactors.errors import LineError
from tests.sim.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from depthactors.dispatcher.simulated import SimulatedDispatcher

_SLICE = 1.0
"""Seconds of one wait for room, as in `depthactors.shards.channel`."""


class Pipe(Task):
    """One direction of a channel, and the thread that receives at its end.

    What was sent before the end arrives before it. Bytes take room until they are received.

    Attributes:
        received: number of messages that were received.
    """

    def __init__(self, reader: SimulatedDispatcher, name: str, draws: Random, capacity: int) -> None:
        """Begin empty; nothing is received before `open`.

        Args:
            reader: the process at the receiving end.
            name: the name in the trace.
            draws: the latencies.
            capacity: bytes for which there is room; a longer message has to be alone.
        """
        super().__init__(reader, name)
        self.sent = self.received = 0
        self._line: Line[bytes | None] = Line(reader.simulation, draws, self._arrived)
        self._capacity = capacity
        self._bytes = self._bytes_read = 0
        self._arrivals: deque[bytes | None] = deque()
        self._senders: deque[object] = deque()
        self._on_message: Callable[[Any], None] | None = None
        self._on_end: Callable[[BaseException], None] | None = None
        self.is_over = False

    def open(self, on_message: Callable[[Any], None], on_end: Callable[[BaseException], None]) -> None:
        """Receive from now on; arguments as for `shards.process.Process.start`."""
        self._on_message, self._on_end = on_message, on_end
        self.schedule()

    def send(self, data: bytes, patience: int | None) -> bool:
        """Send a message once there is room for it; returns whether it was sent.

        It was not if the channel is at its end, or if nothing was received for `patience` seconds.
        """
        ticket, waited = object(), 0
        self._senders.append(ticket)
        try:
            while not self._lets_in(ticket, len(data)):
                before = self._bytes_read
                about_to_wait(lambda: self._lets_in(ticket, len(data)), _SLICE)
                # Who is not the first waits for a lock, which costs no patience.
                waited = waited + 1 if before == self._bytes_read and self._senders[0] is ticket else 0
                if patience is not None and waited >= patience:
                    return False
            if self.is_over:
                return False
            self.sent += 1
            self._bytes += len(data)
            self._line.send(data)
            return True
        finally:
            self._senders.remove(ticket)

    def _lets_in(self, ticket: object, size: int) -> bool:
        is_free = not self._bytes or self._bytes + size <= self._capacity
        return self.is_over or (is_free and self._senders[0] is ticket)

    def end(self) -> None:
        """End it behind what is under way. Twice is harmless."""
        if not self.is_over:
            self.is_over = True
            self._line.send(None)

    def stall(self, seconds: float) -> None:
        """Let nothing arrive for `seconds`."""
        self._line.hold(seconds)

    def _arrived(self, pieces: list[bytes | None]) -> None:
        self._arrivals += pieces
        self.schedule()

    # The receiving thread.

    @property
    def has_work(self) -> bool:
        """Whether a message waits to be received."""
        return bool(self._arrivals) and self._on_message is not None

    def take_turn(self) -> None:
        """Receive a message, or the end."""
        if not self.has_work:
            return
        data = self._arrivals.popleft()
        try:
            self._receive(data)
        except BaseException as error:  # noqa: BLE001 - as the receiving thread of a process
            self._on_message = None
            assert self._on_end is not None
            self._on_end(error)

    def _receive(self, data: bytes | None) -> None:
        assert self._on_message is not None
        if data is None:
            msg = "the other process is gone"
            raise LineError(msg)
        self.received += 1
        self._bytes -= len(data)
        self._bytes_read += len(data)
        self._on_message(pickle.loads(data))

    def fail(self, error: BaseException) -> None:
        """Raise: nothing can leave `take_turn` but a bug of this file."""
        raise error
