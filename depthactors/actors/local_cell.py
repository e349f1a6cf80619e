"""The cell of a book in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from depthactors.actors.listened_cell import ListenedCell
from depthactors.book import BookState, BookView
from depthactors.book.view import capture
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.dispatcher.threads import give_way
from depthactors.status import BookStatus
from depthactors.sync import NEVER_SHOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_recorder import BookRecorder
    from depthactors.actors.book_spec import BookSpec
    from depthactors.book import OrderBook
    from depthactors.book.numerals import NumberT
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.pacing import Timing

_Copy = TypeVar("_Copy")

_TRIES: Final = 20
"""Number of copies to try before the actor is asked. A copy fails if the book changes meanwhile."""


class LocalCell(ListenedCell):
    """A `BookCell` whose book is in this process.

    Attributes:
        current: book that readers see, and its state, always set together.
        buffered_bytes: function that returns the bytes of the stream that wait for a snapshot; any thread may call it.
        recorder: takes what the book receives, for its recording; `None` if it is not recorded. Set by the supervisor.
        former: what a process that kept the book before this one has shown of it.
        is_ending: whether the supervisor has stopped the actor: nothing brings the book up to date any more, though the
            actor may not have ended yet. Set by the supervisor.
    """

    def __init__(self, spec: BookSpec, timing: Timing, dispatcher: Dispatcher) -> None:
        """Begin without an actor and without a book."""
        super().__init__(spec, timing, dispatcher)
        self.current: tuple[OrderBook | None, BookState] = (None, BookState.SYNCING)
        self.buffered_bytes: Callable[[], int] | None = None
        self.recorder: BookRecorder | None = None
        self.former = NEVER_SHOWN
        self.is_ending = False

    @property
    def state(self) -> BookState:
        """The state that the actor has reported; `state_of` also checks whether the actor is late."""
        return self.current[1]

    def publish(self, book: OrderBook | None, state: BookState) -> None:
        """Show readers this book in this state. Thread: the actor's."""
        self.current = (book, state)
        self._settle(state)

    def become(self, state: BookState) -> None:
        """Show the latest good book in this state. Thread: the actor's, or the supervisor's if the actor is dead."""
        self.publish(self.last_good(), state)

    def state_of(self, depth: int) -> BookState:
        """Return the present state of the best `depth` levels. Thread: any; O(1)."""
        book, state = self.current
        if state is BookState.LIVE and book is not None:
            promised = book.sound and book.depth >= depth
            if not promised or self._is_late:
                return BookState.STALE
        return state

    def view(self, count: int | None, number: type[NumberT], depth: int = 0) -> BookView[NumberT] | None:
        """Return a copy of the best `count` levels without a message, or `None` if all of several tries fail.

        A live book is stale in the copy if it does not promise `depth` levels yet, or if its actor is late by more than
        `Timing.lag_limit`, or ending. Thread: any.
        """

        def copy() -> BookView[NumberT] | None:
            book, state = self.current
            if state is BookState.LIVE and self._is_late:
                state = BookState.STALE
            if book is None:
                return BookView(self.spec.symbol, state, number=number)
            return capture(book, count, state, number, self.dispatcher.time(), depth)

        return _first(copy)

    def shown(self, depth: int) -> OrderBook | BookView[Any] | None:
        """Return the book for a listener if it is live and promises `depth` levels. Thread: the actor's."""
        book, state = self.current
        return book if state is BookState.LIVE and book is not None and book.depth >= depth else None

    def last_good(self) -> OrderBook | None:
        """Return the book unless the dead actor has left it half changed; a new actor may show it as stale."""
        book, _ = self.current
        return book if book is not None and book.version % 2 == 0 else None

    def status(self) -> BookStatus:
        """Return the status without asking the actor, which may be stuck. Thread: any; O(1)."""
        spec, (book, _) = self.spec, self.current
        return BookStatus(
            symbol=spec.symbol,
            market=spec.market.name,
            speed_ms=spec.speed_ms,
            state=self.state_of(spec.depth),
            error=None if self.error is None else str(self.error),
            last_update_id=book.last_update_id if book else 0,
            depth=spec.depth,
            age=max(0.0, self.dispatcher.time() - book.recv_time) if book else 0.0,
            lag=self.lag(),
            trusted_bids=book.trusted_bids if book else 0,
            trusted_asks=book.trusted_asks if book else 0,
            waiting_frames=mailbox_of(self.ref).waiting_frames if self.ref is not None else 0,
            restarts=self.restarts,
            counters=self.counted(),
            recording=None if self.recorder is None else self.recorder.writer.status(),
        )

    def lag(self) -> float:
        """Return the seconds for which the stream's oldest message has waited for the actor. Thread: any."""
        return mailbox_of(self.ref).lag() if self.ref is not None else 0.0

    @property
    def _is_late(self) -> bool:
        """Whether the actor does not keep the book up to date, whatever state it has reported. Thread: any."""
        return self.is_ending or self.lag() > self.timing.lag_limit

    def backlog(self) -> int:
        """Return the approximate bytes that wait for the actor, or in it for a snapshot. Thread: any."""
        waiting = mailbox_of(self.ref).waiting_bytes if self.ref is not None else 0
        return waiting + (self.buffered_bytes() if self.buffered_bytes is not None else 0)


def _first(copy: Callable[[], _Copy | None]) -> _Copy | None:
    """Return the first copy that succeeds, `None` if none of several does."""
    for attempt in range(_TRIES):
        copied = copy()
        if copied is not None:
            return copied
        if attempt:
            # The actor's thread has to finish the change.
            give_way()
    return None
