"""Telling users what belongs to no book's thread: errors of no book, and the end of books whose actor is gone.

In a thread of its own, for a callback may block: then those behind it wait, and nobody else does.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthactors import reporting
from depthactors.actors.base import start_thread, thread_name
from depthactors.actors.callbacks import call
from depthactors.errors import LifecycleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.cell import BookCell, Listener
    from depthactors.errors import DepthActorsError

logger = reporting.logger(__name__)

ERROR_ROOM: Final = 1_000
"""Calls that may wait for an error still to be put behind them."""
EVENT_ROOM: Final = 10_000
"""The same for an event, of which a subscription has one in its life: errors cannot take its place."""


class _Call(NamedTuple):
    callback: Callable[[Any], object]
    argument: object
    listener: Listener | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the listener was not closed meanwhile."""
        return self.listener is None or not self.listener.closed


class Teller:
    """Calls users one after the other, in a daemon thread that there is while somebody is to be called.

    Attributes:
        untold: calls that were not made, as no room was left or the engine had stopped.
    """

    def __init__(self, on_error: Callable[[DepthActorsError], None] | None = None) -> None:
        """Begin without a thread; `on_error` is who hears of errors."""
        self.untold = 0
        self._on_error = on_error
        self._waiting: deque[_Call] = deque()
        self._thread: threading.Thread | None = None
        self._ending = False
        self._closed = False
        # Reentrant: a signal handler may come while its own thread has it.
        self._changing = threading.RLock()

    @property
    def thread(self) -> threading.Thread | None:
        """The latest thread, `None` before the first; it may be over."""
        return self._thread

    def error(self, error: DepthActorsError) -> None:
        """Have `on_error` told. Any thread; returns at once."""
        if self._on_error is not None:
            self._put(_Call(self._on_error, error), ERROR_ROOM)

    def event(self, cell: BookCell, event: BookEvent) -> None:
        """Have the listeners of a book told that has no actor to do it. Any thread; returns at once."""
        for listener in cell.listeners:
            if listener.event is None:
                continue
            if listener.in_turn:
                self._put(_Call(listener.event, event, listener), EVENT_ROOM)
            else:
                # It has a mailbox and a thread of its own, and need not wait for the others.
                listener.event(event)

    def wake(self) -> None:
        """See to it that there is a thread if somebody waits; for when the system had none to give. Any thread."""
        try:
            with self._changing:
                if self._waiting and not self._is_running:
                    thread = threading.Thread(target=self._run, name=thread_name("teller"), daemon=True)
                    start_thread(thread, "teller")
                    self._thread, self._ending = thread, False
        except LifecycleError as error:
            logger.warning("! errors and events wait to be told: %s", error)

    def close(self) -> None:
        """Take no more; those who wait are told still. Any thread, signal handlers too."""
        self._closed = True

    def drop(self) -> None:
        """Take no more and tell nobody else; a call that is under way goes on. Any thread, signal handlers too."""
        self._closed = True
        with self._changing:
            self.untold += len(self._waiting)
            self._waiting.clear()

    @property
    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and not self._ending

    def _put(self, item: _Call, room: int) -> None:
        with self._changing:
            taken = not self._closed and len(self._waiting) < room
            if taken:
                self._waiting.append(item)
            else:
                self.untold += 1
        if taken:
            self.wake()
        elif not self._closed and self.untold == 1:
            logger.warning("! too many errors and events wait to be told: a callback does not return")

    def _run(self) -> None:
        while (item := self._next()) is not None:
            if item.is_wanted:
                self._call(item)

    @staticmethod
    def _call(item: _Call) -> None:
        cell = None if item.listener is None else item.listener.cell
        if cell is None or item.listener is None:
            # What `on_error` raises is not reported to itself.
            call(item.callback, item.argument)
        elif (failure := call(item.callback, item.argument, cell.spec.title)) is not None:
            cell.callback_failed(item.listener, "event", failure)

    def _next(self) -> _Call | None:
        """Take the next call; without one the thread is over, and the next call has another."""
        item: _Call | None
        with self._changing:
            try:
                item = self._waiting.popleft()
            except IndexError:
                item = None
            self._ending = item is None
            return item
