"""What outlives a book actor: the place where readers find the book, whoever keeps it.

The supervisor makes one cell a symbol. The book actor of the moment writes it; handles in any
thread read it. When the actor is replaced, its successor writes on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from depthactors.actors.book_event import BookEvent
from depthactors.actors.callbacks import call
from depthactors.actors.gate import Gate
from depthactors.actors.mailbox import mailbox_of
from depthactors.book import BookState, BookView
from depthactors.book.view import capture
from depthactors.pacing import USUAL, Timing
from depthactors.status import BookStatus
from depthactors.sync import Counters

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from depthactors.actors.book_spec import BookSpec
    from depthactors.book import OrderBook
    from depthactors.book.numerals import NumberT
    from depthactors.errors import CallbackError, DepthActorsError

_Copy = TypeVar("_Copy")
Function: TypeAlias = Literal["update", "event"]

_TRIES: Final = 20
"""Optimistic copies before an actor is asked; each torn one means that an update fell into it."""


def _unheard(_error: DepthActorsError) -> None:
    """Report to nobody, as long as nobody is to hear of errors."""


class Lease:
    """One subscription's share in a book; only the supervisor's thread ends it."""

    __slots__ = ("_ended",)

    def __init__(self) -> None:
        """Begin."""
        self._ended = False

    def end(self) -> bool:
        """End it; returns whether it had not ended before: whoever is interrupted may ask again."""
        first, self._ended = not self._ended, True
        return first


class Listener:
    """Two functions that the book's actor calls in its own thread, so neither may block.

    If a book ends after its actor died, the `Notifier` calls `event`. For functions that may block there is
    `QueuedListener`.

    Attributes:
        update: called with the live book, or with a view of `depth` levels if the book is in another process; `None`
            for a listener that does not want updates.
        event: called with a `BookEvent`; `None` for a listener that does not want events.
        depth: number of levels that the book must promise before `update` is called.
        greeted: whether the actor has handled the `Greet` message of this listener.
        notified: whether the book has had an event since the listener was added.
        closed: whether the listener is closed; it is not called again, not even by a loop that has begun.
        skipped: number of updates that the listener was not called with, because it was late.
        failures: number of calls of the user's functions that raised, if they are made outside the book's thread.
        raised: first exception of each function.
        cell: cell of the book, set when the listener is added there.
    """

    in_turn = True
    """Whether the book waits while the functions run."""
    timing = USUAL
    """Durations of the book's engine, set when the listener is added to a cell."""
    skipped = 0
    failures = 0

    def __init__(
        self,
        update: Callable[[OrderBook | BookView[Any]], object] | None,
        event: Callable[[BookEvent], object] | None,
        depth: int = 0,
    ) -> None:
        """Take the functions; see the class."""
        self.update = update
        self.event = event
        self.depth = depth
        self.greeted = self.notified = False
        self.closed = False
        self.raised: dict[Function, CallbackError] = {}
        self.cell: BookCell | None = None

    def close(self) -> None:
        """Let no further call begin; a running call goes on. Any thread, signal handlers included."""
        self.closed = True


class BookCell:
    """One followed book, as readers and the supervisor know it.

    Attributes:
        spec: what was asked for.
        timing: the durations that its actor and its listeners work by.
        ref: the present actor; changes when it is replaced.
        current: the book that readers see and what may be believed of it, always set together.
        settled: set while waiting is of no use: the book is live, or over.
        error: why it is not live, where there is a why.
        counters: what happened to the book, whoever kept it.
        listeners: who is told; `add` and `remove` replace the tuple.
        restarts: how often the actor was replaced.
        followers: how many subscriptions share it; only the supervisor counts.
        buffered_bytes: how much of the stream waits for a snapshot; the actor's, for any thread.
        report: takes errors that `on_error` is to hear of; any thread, returns at once.
        answer: answers a question in the actor's own thread, where asking would deadlock.
    """

    def __init__(self, spec: BookSpec, timing: Timing = USUAL) -> None:
        """Begin without an actor and without a book."""
        self.spec = spec
        self.timing = timing
        self.ref: pykka.ActorRef[Any] | None = None
        self.current: tuple[OrderBook | None, BookState] = (None, BookState.SYNCING)
        self.settled = Gate()
        self.error: DepthActorsError | None = None
        self.counters = Counters()
        self.listeners: tuple[Listener, ...] = ()
        # Reentrant: a signal handler may begin or end a subscription in the middle of a change.
        self._changing = threading.RLock()
        self._changes: deque[Callable[[], None]] = deque()
        self._is_changing = False
        self._skipped = self._failures = 0
        self.restarts = 0
        self.followers = 0
        self.buffered_bytes: Callable[[], int] | None = None
        self.report: Callable[[DepthActorsError], object] = _unheard
        self.answer: Callable[[Any], Any] | None = None

    @property
    def state(self) -> BookState:
        """What its actor says may be believed of the book; `state_of` also asks whether the actor gets on."""
        return self.current[1]

    @property
    def is_over(self) -> bool:
        """Whether the book is followed no longer, and never will be again."""
        return self.state.over

    def lag(self) -> float:
        """Seconds for which the oldest frames or news of the stream have waited for the book's actor. Any thread."""
        return mailbox_of(self.ref).lag() if self.ref is not None else 0.0

    def backlog(self) -> int:
        """Bytes that wait for the book's actor, or in it for a snapshot; about. Any thread."""
        waiting = mailbox_of(self.ref).waiting_bytes if self.ref is not None else 0
        return waiting + (self.buffered_bytes() if self.buffered_bytes is not None else 0)

    def state_of(self, depth: int) -> BookState:
        """What may be believed of the best `depth` levels at this moment. Any thread, O(1)."""
        book, state = self.current
        if state is BookState.LIVE and book is not None:
            promised = book.sound and book.depth >= depth
            if not promised or self.lag() > self.timing.lag_limit:
                return BookState.STALE
        return state

    def add(self, listener: Listener, *, first: bool = False) -> None:
        """Let a listener be told by whoever keeps the book, now or later; before the others if `first`. Any thread."""

        def added() -> None:
            self.listeners = (listener, *self.listeners) if first else (*self.listeners, listener)

        listener.cell = self
        listener.timing = self.timing
        self._change(added)

    def remove(self, listener: Listener) -> None:
        """Close a listener and undo `add`; a call that is under way goes on. Any thread; twice is harmless."""

        def removed() -> None:
            if listener in self.listeners:
                self.listeners = tuple(each for each in self.listeners if each is not listener)
                self._skipped += listener.skipped
                self._failures += listener.failures

        listener.close()
        self._change(removed)

    def _change(self, change: Callable[[], None]) -> None:
        """Make a change of the listeners, one after the other: one in the middle of another would be lost with it.

        What a signal handler changes in the middle of a change is made when the handler has returned.
        """
        self._changes.append(change)
        with self._changing:
            while self._changes and not self._is_changing:
                self._is_changing = True
                try:
                    while self._changes:
                        self._changes.popleft()()
                finally:
                    self._is_changing = False

    def callback_failed(self, listener: Listener, which: Function, failure: CallbackError) -> None:
        """Notify the listener's own `event`, and `on_error`, the first time that one of its functions raises.

        The thread that called it. What `event` raises at this is no news for `event`: that goes to `on_error` alone.
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
        """Return the counters with those of the listeners' mailboxes, of former listeners too. Any thread."""
        with self._changing:
            return replace(
                self.counters,
                coalesced=self.counters.coalesced + self._skipped + sum(each.skipped for each in self.listeners),
                callback_errors=self.counters.callback_errors
                + self._failures
                + sum(each.failures for each in self.listeners),
            )

    def publish(self, book: OrderBook | None, state: BookState) -> None:
        """Show readers this book in this state; the actor's thread, or the supervisor's without one."""
        self.current = (book, state)
        if state in {BookState.SYNCING, BookState.STALE}:
            self.settled.clear()
        else:
            self.settled.set()

    def forsake(self, error: DepthActorsError) -> None:
        """End in a fork, where the actor's thread does not exist, and may have held the old locks."""
        self.settled = Gate()
        self._changing = threading.RLock()
        self._is_changing = False
        self.error = error
        self.publish(self.last_good(), BookState.STOPPED)

    def status(self) -> BookStatus:
        """Tell how the book does, without asking its actor, which may be stuck. Any thread, O(1)."""
        spec, (book, _) = self.spec, self.current
        return BookStatus(
            symbol=spec.symbol,
            market=spec.market.name,
            speed_ms=spec.speed_ms,
            state=self.state_of(spec.depth),
            error=None if self.error is None else str(self.error),
            last_update_id=book.last_update_id if book else 0,
            depth=spec.depth,
            age=max(0.0, time.time() - book.recv_time) if book else 0.0,
            lag=self.lag(),
            trusted_bids=book.trusted_bids if book else 0,
            trusted_asks=book.trusted_asks if book else 0,
            waiting_frames=mailbox_of(self.ref).waiting_frames if self.ref is not None else 0,
            restarts=self.restarts,
            counters=self.counted(),
        )

    def last_good(self) -> OrderBook | None:
        """Return the book a successor may show as stale: none that its keeper left half applied."""
        book, _ = self.current
        return book if book is not None and book.version % 2 == 0 else None

    def view(self, count: int | None, number: type[NumberT], depth: int = 0) -> BookView[NumberT] | None:
        """Copy the best `count` levels without a message; any thread.

        A live book that does not promise `depth` levels yet is stale in it, as is one whose actor is
        behind its stream by more than `Timing.lag_limit`.

        Returns `None` when the book changed under each of several tries.
        """

        def copy() -> BookView[NumberT] | None:
            book, state = self.current
            if state is BookState.LIVE and self.lag() > self.timing.lag_limit:
                state = BookState.STALE
            if book is None:
                return BookView(self.spec.symbol, state, number=number)
            return capture(book, count, state, number, time.time(), depth)

        return _first(copy)

    def shown(self, depth: int) -> OrderBook | BookView[Any] | None:
        """Return the live book that promises `depth` levels, for a listener; the actor's thread."""
        book, state = self.current
        return book if state is BookState.LIVE and book is not None and book.depth >= depth else None


def _first(copy: Callable[[], _Copy | None]) -> _Copy | None:
    """Return the first copy that no update fell into, if any of several is one."""
    for attempt in range(_TRIES):
        copied = copy()
        if copied is not None:
            return copied
        if attempt:
            # Give up the rest of this thread's turn: the writer needs it to finish its update.
            time.sleep(0)
    return None
