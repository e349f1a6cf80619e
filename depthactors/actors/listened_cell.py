"""The part of a cell that does not depend on where its book is: listeners, counters, the wait for a live book."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from depthactors.actors.book_event import BookEvent
from depthactors.actors.callbacks import call
from depthactors.actors.cell import BookCell
from depthactors.actors.questions import Best, DepthTo, Full, Status, Top, no_question
from depthactors.book import BookState
from depthactors.dispatcher.gate import Gate
from depthactors.dispatcher.lane import Lane
from depthactors.sync import Counters

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from depthactors.actors.book_spec import BookSpec
    from depthactors.actors.cell import Function, Listener
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.errors import CallbackError, DepthActorsError
    from depthactors.pacing import Timing


def _ignore(_error: DepthActorsError) -> None:
    """Report nothing: there is no `on_error`."""


class ListenedCell(BookCell):
    """The base of all cells; methods and attributes as for `BookCell`."""

    def __init__(self, spec: BookSpec, timing: Timing, dispatcher: Dispatcher) -> None:
        """Begin without an actor and without a book."""
        self.spec = spec
        self.timing = timing
        self.dispatcher = dispatcher
        self.lane = Lane(dispatcher, spec.title)
        self.ref: pykka.ActorRef[Any] | None = None
        self.settled = Gate()
        self.error: DepthActorsError | None = None
        self.counters = Counters()
        self.listeners: tuple[Listener, ...] = ()
        # Reentrant: a signal handler may add or remove a listener in the middle of a change.
        self._changing = threading.RLock()
        self._changes: list[Callable[[], None]] = []
        self._is_changing = False
        self._skipped = self._failures = 0
        self.restarts = 0
        self.followers = 0
        self.report: Callable[[DepthActorsError], object] = _ignore

    @property
    def is_over(self) -> bool:
        """Whether the book is `STOPPED` or `FAILED`."""
        return self.state.over

    def read(self, question: Any) -> Any:
        """Return the answer to a question without a message, or `None` if only the actor can answer. Thread: any.

        Raises:
            UsageError: not a question to a book.
        """
        number = self.spec.number
        match question:
            case Top(levels):
                return self.view(levels, number)
            case Best():
                return self.view(1, number)
            case Full():
                return self.view(None, number)
            case DepthTo(side, price):
                whole = self.view(None, number)
                return None if whole is None else whole.to_price(side, price)
            case Status():
                return self.status()
        raise no_question(question)

    def add(self, listener: Listener, *, first: bool = False) -> None:
        """Have a listener called from now on, by the present actor and later ones. Thread: any."""

        def added() -> None:
            self.listeners = (listener, *self.listeners) if first else (*self.listeners, listener)

        listener.cell = self
        listener.timing = self.timing
        self._change(added)

    def remove(self, listener: Listener) -> None:
        """Close a listener; a running call goes on. May be called twice. Thread: any."""

        def removed() -> None:
            if listener in self.listeners:
                self.listeners = tuple(each for each in self.listeners if each is not listener)
                self._skipped += listener.skipped
                self._failures += listener.failures

        listener.close()
        self._change(removed)

    def _change(self, change: Callable[[], None]) -> None:
        """Change the listeners. Changes are made one after the other, so that none overwrites another.

        A change by a signal handler in the middle of another change is made after the handler has returned.
        """
        self._changes.append(change)
        with self._changing:
            while self._changes and not self._is_changing:
                self._is_changing = True
                try:
                    while self._changes:
                        self._changes.pop(0)()
                finally:
                    self._is_changing = False

    def callback_failed(self, listener: Listener, which: Function, failure: CallbackError) -> None:
        """Report the first exception of each function of a listener, to its own `event` and to `on_error`.

        An exception of `event` is reported to `on_error` only. Thread: that in which the function was called.
        """
        if which in listener.raised:
            return
        listener.raised[which] = failure
        self.report(failure)
        if which == "event" or listener.event is None or listener.closed:
            return
        event = BookEvent(self.spec.symbol, self.state, self.state, failure)
        if (again := call(listener.event, event, self.spec.title)) is not None:
            self.counters.callback_errors += 1
            self.callback_failed(listener, "event", again)

    def counted(self) -> Counters:
        """Return the counters with those of all present and former listeners added. Thread: any."""
        with self._changing:
            return replace(
                self.counters,
                coalesced=self.counters.coalesced + self._skipped + sum(each.skipped for each in self.listeners),
                callback_errors=self.counters.callback_errors
                + self._failures
                + sum(each.failures for each in self.listeners),
            )

    def _settle(self, state: BookState) -> None:
        """Open or shut the gate for threads that wait for a live book."""
        if state is BookState.LIVE or state.over:
            self.settled.set()
        else:
            self.settled.clear()

    def detach(self, error: DepthActorsError) -> None:
        """Stop in a forked process: the engine's threads do not exist there, and may have held the old locks."""
        self.settled = Gate()
        self._changing = threading.RLock()
        self._is_changing = False
        self.error = error
        self.become(BookState.STOPPED)
