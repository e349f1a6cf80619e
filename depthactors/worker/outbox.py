"""What a worker process has to say, sent by a thread of its own: no book waits for the other process.

The engine's process may take nothing for long: it is stopped, or C code there keeps the interpreter's lock. That is no
reason to end. What can be said later, or not at all, is bounded meanwhile:

- updates: each book is named once, however often it changed;
- signs of life: the latest;
- changes of a book: the latest few of each book, so that what it is now is always among them;
- answers, of which nobody asks for many at a time: all of them;
- the rest, log records for the most part: those beyond `ROOM` are counted, and left out.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.actors.threads import thread_name
from depthactors.errors import LifecycleError, LineError
from depthactors.shards.messages import Alive, Answer, Changed, LeftOut, Refused, Updated

if TYPE_CHECKING:
    from depthactors.shards.channel import Line

logger = reporting.logger(__name__)

_PAUSE: Final = 0.001
"""Seconds from one message about updates to the next: what changes meanwhile is in that one."""
ROOM: Final = 2_000
"""Messages that may wait until others are left out."""
CHANGES: Final = 16
"""Changes of one book that may wait until the oldest of them is left out."""
_KEPT: Final = (Answer, Refused)
"""Messages that somebody waits for."""


class Outbox:
    """Sends to the engine's process. Any thread puts; starting and ending is for the one that owns it.

    Attributes:
        left_out: messages that were not sent since too many waited.
    """

    def __init__(self, line: Line) -> None:
        """Send over this line, once started."""
        self.left_out = 0
        self._line = line
        self._waiting: deque[Any] = deque()
        self._alive: Alive | None = None
        self._changes: dict[int, list[Changed]] = {}
        self._updated: set[int] = set()
        # Held for moments, by whoever puts and by the thread that takes.
        self._putting = threading.Lock()
        self._left_out_said = 0
        self._resume = 0.0
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=thread_name("outbox"), daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, message: Any) -> None:
        """Have a message sent, in order; one that is not urgent is left out if too many wait."""
        with self._putting:
            taken = self._taken(message)
        if taken:
            self._wake.put(True)

    def updated(self, number: int) -> None:
        """Have it said that a book was updated, soon."""
        with self._putting:
            if number in self._updated:
                return
            self._updated.add(number)
        self._wake.put(True)

    def withdraw(self, message: Any) -> None:
        """Have a message not sent after all, if it waits yet."""
        with self._putting, suppress(ValueError):
            self._waiting.remove(message)

    def end(self, timeout: float) -> None:
        """Send what waits, and end the thread."""
        self._wake.put(False)
        self._thread.join(timeout)

    def _taken(self, message: Any) -> bool:
        """Keep a message until it is sent; returns whether the thread is to be woken for it."""
        match message:
            case Alive():
                is_news, self._alive = self._alive is None, message
                return is_news
            case Changed(number):
                changes = self._changes.setdefault(number, [])
                changes.append(message)
                if len(changes) == 1:
                    # Its place among the others; what it stands for is looked up when it is sent.
                    self._waiting.append(changes)
                    return True
                if len(changes) > CHANGES:
                    del changes[0]
                    self.left_out += 1
                return False
        if len(self._waiting) >= ROOM and not isinstance(message, _KEPT):
            self.left_out += 1
            return False
        self._waiting.append(message)
        return True

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
        while (message := self._first()) is not None:
            self._say(message)
        if self.left_out > self._left_out_said:
            self._left_out_said = self.left_out
            self._line.send(LeftOut(self.left_out))
        if updates and self._updated:
            with self._putting:
                # Another set from here on: a book that changes now is named in the next message.
                updated, self._updated = self._updated, set()
            self._resume = time.monotonic() + _PAUSE
            self._line.send(Updated(tuple(updated)))

    def _first(self) -> Any:
        """Take what is to be sent next, `None` if nothing waits."""
        with self._putting:
            if self._alive is not None:
                alive, self._alive = self._alive, None
                return alive
            if not self._waiting:
                return None
            message = self._waiting[0]
            if isinstance(message, list):
                changed = message.pop(0)
                if not message:
                    self._waiting.popleft()
                    del self._changes[changed.number]
                return changed
            return self._waiting.popleft()

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
