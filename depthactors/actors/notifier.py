"""Calling users' functions about errors that belong to no book, and about the end of books whose actor is dead.

They are called in a lane of their own, because a callback may block: then only the calls behind it wait.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthactors import reporting
from depthactors.actors.callbacks import call
from depthactors.dispatcher.lane import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.cell import BookCell, Listener
    from depthactors.dispatcher.dispatcher import Dispatcher
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
    """Calls the functions of users one after the other, in a lane.

    Thread: any, signal handlers included; every method returns at once.

    Attributes:
        undelivered: number of calls that were dropped, because there was no room or the engine had stopped.
    """

    def __init__(self, dispatcher: Dispatcher, on_error: Callable[[DepthActorsError], None] | None = None) -> None:
        """Take the user's function for errors; nothing is called before the dispatcher has started."""
        self.undelivered = 0
        self._on_error = on_error
        self._waiting: deque[_Call] = deque()
        self._lane = Lane(dispatcher, "notifier")
        self._is_closed = False

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
                # The listener has a queue and a lane of its own.
                listener.event(event)

    def close(self) -> None:
        """Accept no more calls; the waiting ones are made."""
        self._is_closed = True

    def abort(self) -> None:
        """Accept no more calls and drop the waiting ones; a running call goes on."""
        self._is_closed = True
        self._lane.close()
        self.undelivered += len(self._waiting)
        self._waiting.clear()

    def _put(self, item: _Call, room: int) -> None:
        if not self._is_closed and len(self._waiting) < room:
            self._waiting.append(item)
            self._lane.give_turn(self)
            return
        self.undelivered += 1
        if not self._is_closed and self.undelivered == 1:
            logger.warning("! errors and events for the user are dropped: a callback does not return")

    def take_turn(self) -> None:
        """Make the call that has waited longest. Thread: the lane's."""
        try:
            item = self._waiting.popleft()
        except IndexError:
            # The waiting calls were dropped.
            return
        if not item.is_wanted:
            return
        cell = None if item.listener is None else item.listener.cell
        if cell is None or item.listener is None:
            # An exception of `on_error` is not reported to `on_error`.
            call(item.callback, item.argument)
        elif (failure := call(item.callback, item.argument, cell.spec.title)) is not None:
            cell.callback_failed(item.listener, "event", failure)
