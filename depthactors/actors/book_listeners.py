"""Notifying the listeners of a book, in its actor's turn."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from depthactors import reporting
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_failure import report_failure
from depthactors.actors.callbacks import call
from depthactors.book import BookState
from depthactors.errors import SlowCallbackError
from depthactors.reporting import about, without

if TYPE_CHECKING:
    from depthactors.actors.cell import BookCell, Function, Listener
    from depthactors.errors import DepthActorsError
    from depthactors.sync import StateChanged

logger = reporting.logger(__name__)

_TOO_SLOW: Final = "updates are late, and only the latest one is passed on: the machine is too slow"


class BookListeners:
    """The listeners of one book, called one after the other.

    An exception of a listener is logged and counted, and has no other effect.
    Thread: the book actor's.
    """

    def __init__(self, cell: BookCell) -> None:
        """Notify the listeners of `cell`."""
        self._cell = cell
        self._symbol = cell.spec.symbol
        self._title = cell.spec.title
        self._warned_at = -inf
        self._resync_reported = False

    def notify_update(self) -> None:
        """Call each listener with the book if it is live."""
        for listener in self._cell.listeners:
            self._show(listener)

    def notify_state(self, change: StateChanged) -> None:
        """Log a change of the book's state, and call each listener with it."""
        self._resync_reported = False
        why = f" ({without(self._symbol, change.error)})" if change.error else ""
        logger.info("= %s %s -> %s%s", self._symbol, change.previous, change.state, why)
        if change.state is BookState.FAILED:
            report_failure(self._cell.spec, change.error)
        self.notify_event(BookEvent(self._symbol, change.previous, change.state, change.error))

    def notify_error(self, error: DepthActorsError) -> None:
        """Log an error that does not change the book's state, and call each listener with it."""
        logger.warning("! %s", about(self._symbol, error))
        self._cell.error = error
        state = self._cell.state
        self.notify_event(BookEvent(self._symbol, state, state, error))

    def notify_resync(self, error: DepthActorsError, *, changed: bool) -> None:
        """Log that the book begins anew, and call each listener; only once until the book's state changes.

        Args:
            error: why the book begins anew.
            changed: whether its state changed, too; then `notify_state` calls the listeners.
        """
        if self._resync_reported:
            logger.debug("~ %s", about(self._symbol, error))
            return
        self._resync_reported = True
        logger.warning("~ %s", about(self._symbol, error))
        if not changed:
            state = self._cell.state
            self.notify_event(BookEvent(self._symbol, state, state, error))

    def notify_event(self, event: BookEvent) -> None:
        """Call each listener that wants events."""
        for listener in self._cell.listeners:
            listener.notified = True
            if listener.event is not None:
                self._call(listener, "event", event)

    def greet_all(self) -> None:
        """Greet the listeners whose greeting was lost with the book's former actor."""
        for listener in self._cell.listeners:
            self.greet(listener)

    def greet(self, listener: Listener) -> None:
        """Call a new listener, once, with the live book, or with the reason why it is not live.

        Without it the listener of a quiet book would not be called for a long time.
        """
        if listener.greeted:
            return
        listener.greeted = True
        state, error = self._cell.state, self._cell.error
        if state is BookState.LIVE:
            self._show(listener)
        elif error is not None and listener.event is not None and not listener.notified:
            self._call(listener, "event", BookEvent(self._symbol, state, state, error))

    def count_skipped(self, updates: int) -> None:
        """Count updates that no listener was called with because they came too late, and report it once in a while.

        Functions of users are called in lanes, so they delay no book: the machine is too slow.
        """
        listeners = [listener for listener in self._cell.listeners if listener.update is not None]
        if not updates or not listeners:
            return
        self._cell.counters.coalesced += updates
        if not any(listener.in_turn for listener in listeners):
            # Nobody sees the late updates but a function of a user, which `QueuedListener` reports if it is late, too.
            return
        now = self._cell.dispatcher.monotonic()
        if now - self._warned_at > self._cell.timing.notice_pause:
            self._warned_at = now
            self.notify_error(SlowCallbackError(_TOO_SLOW))

    def _show(self, listener: Listener) -> None:
        # A listener that needs more levels than the book has is called as soon as the book has them.
        if listener.update is not None and (book := self._cell.shown(listener.depth)) is not None:
            # A greeting that is still on its way would show the same update again.
            listener.greeted = True
            self._call(listener, "update", book)

    def _call(self, listener: Listener, which: Function, argument: object) -> None:
        # The listener that was called before may have closed this one.
        if listener.closed:
            return
        function = listener.event if which == "event" else listener.update
        assert function is not None, "the caller has checked"
        if (failure := call(function, argument, self._title)) is not None:
            self._cell.counters.callback_errors += 1
            self._cell.callback_failed(listener, which, failure)
