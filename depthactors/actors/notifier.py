"""Calling users' functions about errors that belong to no book, and about the end of books whose actor is dead.

They are called in a thread of their own, because a callback may block: then only the calls behind it wait.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthactors import reporting
from depthactors.actors.callbacks import call
from depthactors.actors.threads import start_thread, thread_name
from depthactors.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.cell import BookCell, Listener
    from depthactors.errors import DepthActorsError

logger = reporting.logger(__name__)

ERROR_ROOM: Final = 1_000
"""Number of waiting calls from which on errors are dropped."""
EVENT_ROOM: Final = 10_000
"""Number of waiting calls from which on events are dropped. A subscription has one such event in its life, and errors
must not take its place."""


class _Call(NamedTuple):
    callback: Callable[[Any], object]
    argument: object
    listener: Listener | None = None

    @property
    def is_wanted(self) -> bool:
        return self.listener is None or not self.listener.closed


class Notifier:
    """Calls the functions of users one after the other, in a daemon thread that runs only while calls wait.

    Thread: any, signal handlers included; every method returns at once.

    Attributes:
        undelivered: number of calls that were dropped, because there was no room or the engine had stopped.
    """

    def __init__(self, on_error: Callable[[DepthActorsError], None] | None = None) -> None:
        """Take the user's function for errors. No thread is started yet."""
        self.undelivered = 0
        self._on_error = on_error
        self._waiting: deque[_Call] = deque()
        self._thread: threading.Thread | None = None
        self._ending = False
        self._closed = False
        # Reentrant: a signal handler may interrupt the thread that holds it.
        self._changing = threading.RLock()

    @property
    def thread(self) -> threading.Thread | None:
        """The latest thread, which may have ended; `None` before the first one."""
        return self._thread

    def report_error(self, error: DepthActorsError) -> None:
        """Have `on_error` called with an error."""
        if self._on_error is not None:
            self._put(_Call(self._on_error, error), ERROR_ROOM)

    def report_event(self, cell: BookCell, event: BookEvent) -> None:
        """Have the listeners of a book called with an event, in place of the book's actor, which is gone."""
        for listener in cell.listeners:
            if listener.event is None:
                continue
            if listener.in_turn:
                self._put(_Call(listener.event, event, listener), EVENT_ROOM)
            else:
                # The listener has a queue and a thread of its own.
                listener.event(event)

    def wake(self) -> None:
        """Start the thread if calls wait without one, because the system could not start it before."""
        try:
            with self._changing:
                if self._waiting and not self._is_running:
                    thread = threading.Thread(target=self._run, name=thread_name("notifier"), daemon=True)
                    start_thread(thread, "notifier")
                    self._thread, self._ending = thread, False
        except LifecycleError as error:
            logger.warning("! users cannot be notified of errors and events yet: %s", error)

    def close(self) -> None:
        """Accept no more calls; the waiting ones are made."""
        self._closed = True

    def abort(self) -> None:
        """Accept no more calls and drop the waiting ones; a running call goes on."""
        self._closed = True
        with self._changing:
            self.undelivered += len(self._waiting)
            self._waiting.clear()

    @property
    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and not self._ending

    def _put(self, item: _Call, room: int) -> None:
        with self._changing:
            accepted = not self._closed and len(self._waiting) < room
            if accepted:
                self._waiting.append(item)
            else:
                self.undelivered += 1
        if accepted:
            self.wake()
        elif not self._closed and self.undelivered == 1:
            logger.warning("! errors and events for the user are dropped: a callback does not return")

    def _run(self) -> None:
        while (item := self._next()) is not None:
            if item.is_wanted:
                self._call(item)

    @staticmethod
    def _call(item: _Call) -> None:
        cell = None if item.listener is None else item.listener.cell
        if cell is None or item.listener is None:
            # An exception of `on_error` is not reported to `on_error`.
            call(item.callback, item.argument)
        elif (failure := call(item.callback, item.argument, cell.spec.title)) is not None:
            cell.callback_failed(item.listener, "event", failure)

    def _next(self) -> _Call | None:
        """Return the next call, or `None` if the thread has to end: the next call then starts another one."""
        with self._changing:
            item = self._waiting.popleft() if self._waiting else None
            self._ending = item is None
            return item
