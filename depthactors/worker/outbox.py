"""The messages of a worker process, sent by a thread of its own: no book waits for the engine's process.

The engine's process may read nothing for a while: it is stopped, or C code there keeps the interpreter's lock. The
worker goes on, and what waits is bounded:

- updates: each book is named once, however often it changed;
- signs of life: the latest;
- events of a book: the latest `CHANGES` of each book, so the present state is always among them;
- answers and refusals: all, since few are requested at a time;
- the rest, mostly log records: those beyond `ROOM` are counted, and left out.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.dispatcher.threads import thread_name
from depthactors.errors import LifecycleError, LineError
from depthactors.shards.messages import Alive, Answer, BookChanged, BookRefused, BooksUpdated, LeftOut

if TYPE_CHECKING:
    from depthactors.shards.channel import Channel

logger = reporting.logger(__name__)

_PAUSE: Final = 0.001
"""Seconds from one message about updates to the next, which has all that changed meanwhile."""
ROOM: Final = 2_000
"""Messages that may wait before others are left out."""
CHANGES: Final = 16
"""Events of one book that may wait before the oldest of them is left out."""
_KEPT: Final = (Answer, BookRefused)
"""Messages that are never left out: the other process waits for them."""


class WorkerOutbox:
    """Sends to the engine's process.

    Thread: any puts; the worker's main thread starts and stops.

    Attributes:
        left_out: number of messages that were not sent since too many waited.
    """

    def __init__(self, channel: Channel) -> None:
        """Send over this channel, once started."""
        self.left_out = 0
        self._channel = channel
        self._waiting: deque[Any] = deque()
        self._alive: Alive | None = None
        self._changes: dict[int, list[BookChanged]] = {}
        self._updated: set[int] = set()
        # Held for moments only, by the threads that put and by the sending thread.
        self._putting = threading.Lock()
        self._left_out_sent = 0
        self._resume = 0.0
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=thread_name("outbox"), daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, message: Any) -> None:
        """Send a message after those before it; it may be left out if too many wait."""
        with self._putting:
            taken = self._taken(message)
        if taken:
            self._wake.put(True)

    def put_updated(self, number: int) -> None:
        """Report soon that a book was updated."""
        with self._putting:
            if number in self._updated:
                return
            self._updated.add(number)
        self._wake.put(True)

    def withdraw(self, message: Any) -> None:
        """Do not send a message that still waits."""
        with self._putting, suppress(ValueError):
            self._waiting.remove(message)

    def stop(self, timeout: float) -> None:
        """Send what waits, and wait for the end of the thread."""
        self._wake.put(False)
        self._thread.join(timeout)

    def _taken(self, message: Any) -> bool:
        """Keep a message until it is sent; returns whether to wake the thread."""
        match message:
            case Alive():
                is_news, self._alive = self._alive is None, message
                return is_news
            case BookChanged(number):
                changes = self._changes.setdefault(number, [])
                changes.append(message)
                if len(changes) == 1:
                    # The list takes the place of its events among the other messages.
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
            # The receiving thread finds the same, and ends the worker.
            logger.debug("= nothing can be sent any more: %s", error)

    def _next(self) -> bool:
        """Wait until there is something to send; returns whether the thread is to go on after that."""
        try:
            return self._wake.get(timeout=max(0.0, self._resume - time.monotonic()) if self._updated else None)
        except Empty:
            return True

    def _send(self, *, updates: bool) -> None:
        while (message := self._first()) is not None:
            self._send_one(message)
        if self.left_out > self._left_out_sent:
            self._left_out_sent = self.left_out
            self._channel.send(LeftOut(self.left_out))
        if updates and self._updated:
            with self._putting:
                # A book that changes from here on is named in the next message.
                updated, self._updated = self._updated, set()
            self._resume = time.monotonic() + _PAUSE
            self._channel.send(BooksUpdated(tuple(updated)))

    def _first(self) -> Any:
        """Take the message to send next, `None` if none waits."""
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

    def _send_one(self, message: Any) -> None:
        try:
            self._channel.send(message)
        except LineError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a foreign class does when it is copied
            logger.warning("! a message could not be sent: %s: %s", type(error).__name__, error)
            if isinstance(message, Answer):
                words = f"expected an answer that can be sent, was {type(message.value).__name__}: {error}"
                self._channel.send(Answer(message.request, error=LifecycleError(words)))
