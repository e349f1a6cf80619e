"""The cell of a book, where readers find the book, and its listeners. Both outlive the book's actor.

The supervisor makes a cell for each book. The book's actor writes it; handles in any thread read it. When the actor is
replaced, the new actor goes on with the same cell. The book of a `LocalCell` is in this process, that of a `RemoteCell`
in a worker process.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from depthactors.pacing import USUAL

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.book_spec import BookSpec
    from depthactors.book import BookState, BookView, OrderBook
    from depthactors.book.numerals import NumberT
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.dispatcher.gate import Gate
    from depthactors.dispatcher.lane import Lane
    from depthactors.errors import CallbackError, DepthActorsError
    from depthactors.pacing import Timing
    from depthactors.status import BookStatus
    from depthactors.sync import Counters

Function: TypeAlias = Literal["update", "event"]


class Lease:
    """The share that one subscription has in a book.

    Thread: the supervisor's ends it.
    """

    __slots__ = ("_closed",)

    def __init__(self) -> None:
        """Begin the subscription."""
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Whether the subscription has ended."""
        return self._closed

    def close(self) -> bool:
        """End the subscription; return `False` if it had ended before, since an interrupted caller may try again."""
        first, self._closed = not self._closed, True
        return first


class Listener:
    """Two functions that the book's actor calls in its own turn, so neither may block.

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
        failures: number of calls of the user's functions that raised, if they are called outside the book's turn.
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
        """Let no further call begin; a running call goes on. Thread: any, signal handlers included."""
        self.closed = True


class BookCell(Protocol):
    """A followed book, as its readers and its supervisor know it.

    Attributes:
        spec: the specification of the book.
        dispatcher: the dispatcher that runs the book's actor; it is the clock of the book.
        lane: the lane in which users' functions are called with the book.
        timing: durations for the actor and the listeners.
        ref: the present actor; another one after a replacement.
        settled: open while the book is live or over, so while there is nothing to wait for.
        error: reason why the book is not live, `None` if there is none.
        counters: counts of what happened to the book.
        listeners: the listeners; `add` and `remove` replace the tuple.
        restarts: number of times that the actor was replaced.
        followers: number of subscriptions that share the book; only the supervisor uses it.
        report: function that reports an error to `on_error`; any thread may call it, and it returns at once.
    """

    spec: BookSpec
    timing: Timing
    dispatcher: Dispatcher
    lane: Lane
    ref: pykka.ActorRef[Any] | None
    settled: Gate
    error: DepthActorsError | None
    counters: Counters
    listeners: tuple[Listener, ...]
    restarts: int
    followers: int
    report: Callable[[DepthActorsError], object]

    @property
    @abstractmethod
    def state(self) -> BookState:
        """The state that the actor has reported; `state_of` also checks whether the actor is late."""

    @property
    @abstractmethod
    def is_over(self) -> bool:
        """Whether the book is `STOPPED` or `FAILED`."""

    @abstractmethod
    def state_of(self, depth: int) -> BookState:
        """Return the present state of the best `depth` levels. Thread: any."""

    @abstractmethod
    def become(self, state: BookState) -> None:
        """Show the latest good book in this state. Thread: the actor's, or the supervisor's if the actor is dead."""

    @abstractmethod
    def view(self, count: int | None, number: type[NumberT], depth: int = 0) -> BookView[NumberT] | None:
        """Return a copy of the best `count` levels without a message, or `None` if only the actor can make one.

        A live book that does not promise `depth` levels yet is stale in the copy. Thread: any.
        """

    @abstractmethod
    def shown(self, depth: int) -> OrderBook | BookView[Any] | None:
        """Return the book for a listener if it is live and promises `depth` levels. Thread: the actor's."""

    @abstractmethod
    def read(self, question: Any) -> Any:
        """Return the answer to a question without a message, or `None` if only the actor can answer. Thread: any.

        Raises:
            UsageError: not a question to a book.
        """

    @abstractmethod
    def status(self) -> BookStatus:
        """Return the status of the book without a message. Thread: any."""

    @abstractmethod
    def add(self, listener: Listener, *, first: bool = False) -> None:
        """Have a listener called from now on; before the others if `first`. Thread: any."""

    @abstractmethod
    def remove(self, listener: Listener) -> None:
        """Close a listener; a running call goes on. May be called twice. Thread: any."""

    @abstractmethod
    def callback_failed(self, listener: Listener, which: Function, failure: CallbackError) -> None:
        """Report the first exception of each function of a listener. Thread: that in which the function was called."""

    @abstractmethod
    def counted(self) -> Counters:
        """Return the counters with those of all present and former listeners added. Thread: any."""

    @abstractmethod
    def detach(self, error: DepthActorsError) -> None:
        """Stop in a forked process, where the engine's threads do not exist."""
