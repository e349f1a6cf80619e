"""The handle of a subscription: one book, also after the replacement of its actor."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, overload

import pykka

from depthactors.actors.book_messages import Greet
from depthactors.actors.cell import Lease
from depthactors.actors.questions import Best, DepthTo, Full, Status, Top
from depthactors.actors.wakeup import Wakeup
from depthactors.book import BookState, BookView
from depthactors.book.numerals import NumberT_co
from depthactors.dispatcher.current import current_task, sleep
from depthactors.dispatcher.mailbox import tell
from depthactors.engine.pickling import refuse_pickle
from depthactors.errors import LifecycleError, NotLiveError, UsageError
from depthactors.pacing.seconds import checked_timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from depthactors.actors.cell import BookCell, Listener
    from depthactors.book.numerals import Level
    from depthactors.dispatcher.gate import Gate
    from depthactors.errors import DepthActorsError
    from depthactors.status import BookStatus

_LOOK_AGAIN: Final = 0.25
"""Seconds after which a waiting thread reads the book again without having been woken: there is no event when the actor
of the book is late, or when the book promises enough levels again."""


class BookHandle(Generic[NumberT_co]):
    """One subscription to one book. It survives the replacement of the book's actor.

    Generic in the number type of its views: `BookHandle` is `BookHandle[float]`.

    Thread: any.
    """

    def __init__(self, cell: BookCell, depth: int, unsubscribe: Callable[[BookHandle[Any]], None]) -> None:
        """Take a cell; `DepthEngine.subscribe` calls this."""
        self._depth = depth
        self._number: type[Any] = cell.spec.number
        self._unsubscribe = unsubscribe
        self._cell = cell
        self._listener: Listener | None = None
        self._lease = Lease()

    def __repr__(self) -> str:
        return f"<BookHandle {self._cell.spec.title} {self.speed_ms} ms {self.state}>"

    def _repr_html_(self) -> str | None:
        """Return the best levels as a table, for a notebook."""
        view = self._cell.view(self._depth, self._number, self._depth)
        return None if view is None else view._repr_html_()

    def __reduce__(self) -> NoReturn:
        """Raise an error that says what another process can have."""
        refuse_pickle("BookHandle", "send a view, or read the book elsewhere with DepthReader(name)")

    @property
    def symbol(self) -> str:
        """Symbol, in upper case."""
        return self._cell.spec.symbol

    @property
    def market(self) -> str:
        """Name of the market."""
        return self._cell.spec.market.name

    @property
    def speed_ms(self) -> int:
        """Update interval of the book's stream, in milliseconds."""
        return self._cell.spec.speed_ms

    @property
    def depth(self) -> int:
        """Number of the best levels a side that are promised to this subscription."""
        return self._depth

    @property
    def state(self) -> BookState:
        """State of the book: what may be believed of it at this moment."""
        return self._cell.state_of(self._depth)

    @property
    def error(self) -> DepthActorsError | None:
        """The book's last error, else the first one that a callback of this subscription raised, else `None`."""
        if self._cell.error is not None or self._listener is None:
            return self._cell.error
        return next(iter(self._listener.raised.values()), None)

    @property
    def ref(self) -> pykka.ActorRef[Any]:
        """Reference of the book's present actor, for `ref.ask(Top(5))`; another one after a restart."""
        ref = self._cell.ref
        assert ref is not None, "the supervisor starts the actor before it hands out the cell"
        return ref

    def view(self) -> BookView[NumberT_co]:
        """Return the best `depth` levels of both sides, of one update id; no message, no lock, O(depth).

        If the book changes during several copies in a row, its actor is asked.
        """
        view: BookView[NumberT_co] | None = self._cell.view(self._depth, self._number, self._depth)
        return view if view is not None else self.ask(Top(self._depth))

    def wait(self, after: BookView[Any] | None = None, timeout: float = 1.0) -> BookView[NumberT_co]:
        """Wait for a view of another update or state than `after`, and return it; without `after`, any view.

        After `timeout` seconds the latest view is returned, even if it is that of `after`. A thread that waits is woken
        by the book; what comes while nobody waits is not kept.

        Raises:
            DepthActorsError: the error for which the book was given up, once a view has shown that it was.
            LifecycleError: the book is not followed any more, and a view has shown that.
            UsageError: a timeout that is no number of seconds, or `after` is no view.
        """
        if after is not None and not isinstance(after, BookView):
            msg = f"expected a view as after, was {after!r}"
            raise UsageError(msg)
        known = None if after is None else (after.last_update_id, after.state)
        timeout, now = checked_timeout(timeout), self._cell.dispatcher.monotonic
        deadline = now() + timeout
        with self._woken() as gate:
            while True:
                gate.clear()
                view = self.view()
                if (view.last_update_id, view.state) != known:
                    return view
                self._is_live()
                left = deadline - now()
                if left <= 0:
                    return view
                gate.wait(min(left, _LOOK_AGAIN))

    def updates(self, timeout: float = 30.0) -> Iterator[BookView[NumberT_co]]:
        """Iterate over views of the live book in the calling thread: the present one, then the latest at each update.

            for view in handle.updates():
                print(view.best_bid, view.best_ask)

        There is no queue: a loop that is slower than the updates gets the latest one. The loop ends when the book is
        unsubscribed or the engine is stopped.

        Args:
            timeout: seconds for which the loop waits while the book is not live; a quiet book may be quiet for ever.

        Raises:
            NotLiveError: the book was not live for `timeout` seconds; the message says why, if that is known.
            DepthActorsError: the error for which the book was given up.
            LifecycleError: the book was over before the loop, or this is a fork of the engine's process.
            UsageError: a timeout that is no number of seconds.
        """
        timeout = checked_timeout(timeout)
        if self._is_over:
            raise self._over()
        return self._updates(timeout)

    def _updates(self, timeout: float) -> Iterator[BookView[NumberT_co]]:
        now = self._cell.dispatcher.monotonic
        seen, deadline = None, now() + timeout
        with self._woken() as gate:
            while not self._is_over:
                gate.clear()
                view = self.view()
                if view.state is BookState.LIVE:
                    if view.last_update_id != seen:
                        seen = view.last_update_id
                        yield view
                    deadline = now() + timeout
                elif view.state is BookState.FAILED:
                    self._is_live()
                elif now() >= deadline:
                    raise self._not_live(timeout)
                gate.wait(_LOOK_AGAIN)
        if isinstance(self._cell.error, LifecycleError):
            # A fork within the loop: nothing in its program has ended the book.
            raise self._over()

    @property
    def _is_over(self) -> bool:
        """Whether this subscription or the engine has ended."""
        return self._lease.is_closed or self._cell.state is BookState.STOPPED

    @contextmanager
    def _woken(self) -> Iterator[Gate]:
        """Have a gate opened at each update and event."""
        wakeup = Wakeup()
        self._cell.add(wakeup)
        # A worker process reports updates once there is a listener.
        tell(self.ref, Greet(wakeup))
        try:
            yield wakeup.gate
        finally:
            self._cell.remove(wakeup)

    def status(self, timeout: float = 5.0) -> BookStatus:
        """Return counters, errors and, if the book is recorded, its recording; after its end, what is known of it.

        Raises:
            pykka.Timeout: no answer in `timeout` seconds.
            BusyError: too many orders wait in the book's worker process.
            UsageError: a timeout that is no number of seconds.
        """
        try:
            return self.ask(Status(), timeout)
        except LifecycleError:
            return self._cell.status()

    @overload
    def ask(self, message: Top | Best | Full, timeout: float = ...) -> BookView[NumberT_co]: ...
    @overload
    def ask(self, message: DepthTo, timeout: float = ...) -> tuple[Level[NumberT_co], ...]: ...
    @overload
    def ask(self, message: Status, timeout: float = ...) -> BookStatus: ...
    def ask(self, message: Any, timeout: float = 5.0) -> Any:
        """Ask the book's actor and wait for the answer; some 60 microseconds.

        The answer is what the book has now, whatever its state, which a view tells: call `wait_live` first for a book
        that is `LIVE`.
        If the actor dies meanwhile, its replacement is asked. In a thread of an engine, so in a callback, the answer
        is read from the book instead where that is possible.

        Raises:
            pykka.Timeout: no answer in `timeout` seconds.
            LifecycleError: the book was unsubscribed, its actor was given up, or the engine was stopped.
            BusyError: too many orders wait in the book's worker process.
            UsageError: the message is no question to a book, or `timeout` is no number of seconds.
        """
        timeout, now = checked_timeout(timeout), self._cell.dispatcher.monotonic
        deadline = now() + timeout
        while True:
            if self._cell.state is BookState.STOPPED:
                raise self._over()
            if current_task() is not None and (read := self._cell.read(message)) is not None:
                return read
            try:
                return self.ref.ask(message, timeout=max(0.0, deadline - now()))
            except pykka.ActorDeadError:
                if self._cell.state is BookState.FAILED:
                    msg = f"{self.symbol}: the book was given up: {self._cell.error}"
                    raise LifecycleError(msg) from self._cell.error
                if now() >= deadline:
                    msg = f"{timeout} seconds"
                    raise pykka.Timeout(msg) from None
                # Its replacement is on the way.
                sleep(0.001)

    def wait_live(self, timeout: float = 30.0) -> Self:
        """Wait until the book is live.

        Raises:
            NotLiveError: it was not live within `timeout` seconds; the message says why, if that is known.
            DepthActorsError: the error for which the book was given up, such as `UnknownSymbolError`.
            LifecycleError: it was unsubscribed meanwhile.
            UsageError: a timeout that is no number of seconds.
        """
        timeout, now = checked_timeout(timeout), self._cell.dispatcher.monotonic
        deadline = now() + timeout
        while True:
            settled = self._cell.settled.wait(max(0.0, deadline - now()))
            if self._is_live():
                return self
            left = deadline - now()
            if left <= 0:
                raise self._not_live(timeout)
            if settled:
                # It is live, but not as deep yet, or its actor is late: there is no event for the end of that.
                sleep(min(0.01, left))

    def close(self) -> None:
        """End this subscription, as `DepthEngine.unsubscribe` does."""
        self._unsubscribe(self)

    def _is_live(self) -> bool:
        """Return whether the book is live, and raise the reason if it never will be."""
        state, error = self.state, self._cell.error
        if state is BookState.FAILED and error is not None:
            raise error.with_traceback(None)
        if state is BookState.STOPPED:
            raise self._over()
        return state is BookState.LIVE

    def _not_live(self, timeout: float) -> NotLiveError:
        why = f" ({self._cell.error})" if self._cell.error is not None else ""
        return NotLiveError(f"{self.symbol}: expected LIVE within {timeout:g} s, was {self.state}{why}")

    def _over(self) -> LifecycleError:
        """Return what a question about a stopped book raises."""
        why = self._cell.error or "it was unsubscribed, or the engine was stopped"
        return LifecycleError(f"{self.symbol}: the book is not followed any more: {why}")

    def _listen(self, listener: Listener) -> None:
        """Have a listener notified from now on, first of the book as it is.

        A handle has one listener. The caller ends the subscription if this fails, by Ctrl-C for example.
        """
        self._listener = listener
        self._cell.add(listener)
        tell(self.ref, Greet(listener))

    def _silence(self) -> None:
        """Prevent further calls of the listener; a call that is running is not waited for.

        That call may be waiting for this thread.
        """
        if self._listener is not None:
            self._cell.remove(self._listener)
