"""The messages of a worker process, sent by a thread of its own: no book waits for the engine's process.

The engine's process may read nothing for a while: it is stopped, or C code there keeps the interpreter's lock. The
worker goes on, and what waits is bounded (`worker.unsent`).
"""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Protocol

from depthactors import reporting
from depthactors.dispatcher.threads import thread_name
from depthactors.errors import LifecycleError, LineError
from depthactors.shards.messages import Answer, BooksUpdated
from depthactors.worker.unsent import Unsent

if TYPE_CHECKING:
    from depthactors.shards.channel import Channel

logger = reporting.logger(__name__)

PAUSE: Final = 0.001
"""Seconds from one message about updates to the next, which has all that changed meanwhile."""


class Outbox(Protocol):
    """The way of a worker's reports to the engine's process. Thread: any."""

    def put(self, message: Any) -> None:
        """Send a message after those before it; it may be left out if too many wait."""

    def put_updated(self, book_id: int) -> None:
        """Report soon that a book was updated."""

    def withdraw(self, message: Any) -> None:
        """Do not send a message that still waits."""

    def stop(self, timeout: float) -> None:
        """Send what waits, within `timeout` seconds, and nothing after it."""


class WorkerOutbox:
    """Sends to the engine's process.

    Thread: any puts; the worker's main thread starts and stops.
    """

    def __init__(self, channel: Channel) -> None:
        """Send over this channel, once started."""
        self._channel = channel
        self._unsent = Unsent()
        # Held for moments only, by the threads that put and by the sending thread.
        self._putting = threading.Lock()
        self._resume = 0.0
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=thread_name("outbox"), daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, message: Any) -> None:
        """Send a message after those before it; it may be left out if too many wait."""
        with self._putting:
            is_news = self._unsent.put(message)
        if is_news:
            self._wake.put(True)

    def put_updated(self, book_id: int) -> None:
        """Report soon that a book was updated."""
        with self._putting:
            if book_id in self._unsent.updated:
                return
            self._unsent.updated.add(book_id)
        self._wake.put(True)

    def withdraw(self, message: Any) -> None:
        """Do not send a message that still waits."""
        with self._putting:
            self._unsent.withdraw(message)

    def stop(self, timeout: float) -> None:
        """Send what waits, and wait for the end of the thread."""
        self._wake.put(False)
        self._thread.join(timeout)

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
            return self._wake.get(timeout=max(0.0, self._resume - time.monotonic()) if self._unsent.updated else None)
        except Empty:
            return True

    def _send(self, *, updates: bool) -> None:
        while (message := self._take(updates=updates)) is not None:
            if isinstance(message, BooksUpdated):
                updates, self._resume = False, time.monotonic() + PAUSE
            self._send_one(message)

    def _take(self, *, updates: bool) -> Any:
        with self._putting:
            return self._unsent.take(updates=updates)

    def _send_one(self, message: Any) -> None:
        try:
            self._channel.send(message)
        except LineError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a foreign class does when it is copied
            logger.warning("! a message could not be sent: %s: %s", type(error).__name__, error)
            if isinstance(message, Answer):
                words = f"expected an answer that can be sent, was {type(message.value).__name__}: {error}"
                self._channel.send(Answer(message.request_id, error=LifecycleError(words)))
