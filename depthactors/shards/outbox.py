"""What a worker process has to say, sent by a thread of its own: no book waits for the other process.

Updates are merged: however often a book changed since the last time, it is named once. Nothing else is ever left out;
it is little, and where the engine's process takes none of it for long the line ends, and the worker with it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.actors.base import thread_name
from depthactors.errors import LifecycleError, LineError
from depthactors.shards.messages import Answer, Updated

if TYPE_CHECKING:
    from depthactors.shards.line import Line

logger = reporting.logger(__name__)

_PAUSE: Final = 0.001
"""Seconds from one message about updates to the next: what changes meanwhile is in that one."""


class Outbox:
    """Sends to the engine's process. Any thread puts; starting and ending is for the one that owns it."""

    def __init__(self, line: Line) -> None:
        """Send over this line, once started."""
        self._line = line
        self._waiting: deque[Any] = deque()
        self._updated: set[int] = set()
        self._naming = threading.Lock()
        self._resume = 0.0
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=thread_name("outbox"), daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, message: Any) -> None:
        """Have a message sent, in order."""
        self._waiting.append(message)
        self._wake.put(True)

    def updated(self, number: int) -> None:
        """Have it said that a book was updated, soon."""
        with self._naming:
            if number in self._updated:
                return
            self._updated.add(number)
        self._wake.put(True)

    def end(self, timeout: float) -> None:
        """Send what waits, and end the thread."""
        self._wake.put(False)
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            going = True
            while going:
                going = self._next()
                self._send(updates=not going or time.monotonic() >= self._resume)
        except LineError as error:
            # The receiving thread sees it too, and ends the worker.
            logger.debug("= nothing can be sent any more: %s", error)

    def _next(self) -> bool:
        """Wait until something is to be sent; returns whether that is not the last."""
        try:
            return self._wake.get(timeout=max(0.0, self._resume - time.monotonic()) if self._updated else None)
        except Empty:
            return True

    def _send(self, *, updates: bool) -> None:
        while self._waiting:
            self._say(self._waiting.popleft())
        if updates and self._updated:
            with self._naming:
                # Another set from here on: a book that changes now is named in the next message.
                updated, self._updated = self._updated, set()
            self._resume = time.monotonic() + _PAUSE
            self._line.send(Updated(tuple(updated)))

    def _say(self, message: Any) -> None:
        try:
            self._line.send(message)
        except LineError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a foreign class does when it is copied
            logger.warning("! a message could not be sent: %s: %s", type(error).__name__, error)
            if isinstance(message, Answer):
                words = f"expected an answer that can be sent, was {type(message.value).__name__}: {error}"
                self._line.send(Answer(message.request, error=LifecycleError(words)))
