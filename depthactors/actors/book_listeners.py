"""Telling the listeners of a book, in its actor's thread. What they raise is logged, counted, and harms nobody."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING

from depthactors import reporting
from depthactors.actors.book_event import BookEvent
from depthactors.actors.callbacks import call
from depthactors.actors.ends import report_end
from depthactors.book import BookState
from depthactors.errors import SlowCallbackError
from depthactors.reporting import about, without

if TYPE_CHECKING:
    from depthactors.actors.cell import BookCell, Function, Listener
    from depthactors.errors import DepthActorsError
    from depthactors.sync import StateChanged

logger = reporting.logger(__name__)


class Telling:
    """The listeners of one cell, called one after the other."""

    def __init__(self, cell: BookCell) -> None:
        """Tell of this cell's book."""
        self._cell = cell
        self._symbol = cell.spec.symbol
        self._owner = cell.spec.title
        self._backlog_told_at = -inf
        self._resync_told = False
        # Who heard the latest event: a greeting would tell it once more.
        self._told: tuple[Listener, ...] = ()

    def update(self) -> None:
        """Show the live book; a book that is not live is not shown."""
        for listener in self._cell.listeners:
            self._show(listener)

    def state(self, change: StateChanged) -> None:
        """Tell that something else may be believed from now on."""
        self._resync_told = False
        why = f" ({without(self._symbol, change.error)})" if change.error else ""
        logger.info("= %s %s -> %s%s", self._symbol, change.previous, change.state, why)
        if change.state is BookState.FAILED:
            report_end(self._cell.spec, change.error)
        self.event(BookEvent(self._symbol, change.previous, change.state, change.error))

    def error(self, error: DepthActorsError) -> None:
        """Tell of an error that changes nothing in what may be believed."""
        logger.warning("! %s", about(self._symbol, error))
        self._cell.error = error
        state = self._cell.state
        self.event(BookEvent(self._symbol, state, state, error))

    def resync(self, error: DepthActorsError, *, changed: bool) -> None:
        """Tell that the chain broke: once until something else may be believed, however often it breaks till then.

        Args:
            error: what broke.
            changed: whether listeners hear of it anyway, by a change of state.
        """
        if self._resync_told:
            logger.debug("~ %s", about(self._symbol, error))
            return
        self._resync_told = True
        logger.warning("~ %s", about(self._symbol, error))
        if not changed:
            state = self._cell.state
            self.event(BookEvent(self._symbol, state, state, error))

    def event(self, event: BookEvent) -> None:
        """Tell everybody who listens to events."""
        self._told = self._cell.listeners
        for listener in self._told:
            if listener.event is not None:
                self._call(listener, "event", event)

    def greet_all(self) -> None:
        """Greet each listener that was not greeted yet: its greeting went to a predecessor that had died."""
        for listener in self._cell.listeners:
            self.greet(listener)

    def greet(self, listener: Listener) -> None:
        """Call a new listener, once, with the book or why it is not live: there may be no more to say for long."""
        if listener.greeted:
            return
        listener.greeted = True
        state = self._cell.state
        if state is BookState.LIVE:
            self._show(listener)
        elif self._cell.error is not None and listener.event is not None and listener not in self._told:
            self._call(listener, "event", BookEvent(self._symbol, state, state, self._cell.error))

    def left_out(self, updates: int) -> None:
        """Count updates that nobody was told of, since callbacks are behind, and say so once in a while."""
        listeners = [listener for listener in self._cell.listeners if listener.update is not None]
        if not updates or not listeners:
            return
        self._cell.counters.coalesced += updates
        if not any(listener.in_turn for listener in listeners):
            # The book waits for none of them; it is the machine that is too slow.
            return
        now = time.monotonic()
        if now - self._backlog_told_at > self._cell.timing.notice_pause:
            self._backlog_told_at = now
            self.error(SlowCallbackError("callbacks are behind, they are told only the latest update"))

    def _show(self, listener: Listener) -> None:
        # One that was promised more than the book holds so far is told when it holds that.
        if listener.update is not None and (book := self._cell.shown(listener.depth)) is not None:
            self._call(listener, "update", book)

    def _call(self, listener: Listener, which: Function, argument: object) -> None:
        # Right before the call: the one before may have closed it.
        if listener.closed:
            return
        callback = listener.event if which == "event" else listener.update
        assert callback is not None, "whoever calls has looked"
        if (failure := call(callback, argument, self._owner)) is not None:
            self._cell.counters.callback_errors += 1
            self._cell.callback_failed(listener, which, failure)
