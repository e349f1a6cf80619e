"""The cell of a book that this process keeps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from depthactors.actors.listened_cell import ListenedCell
from depthactors.actors.mailbox import mailbox_of
from depthactors.book import BookState, BookView
from depthactors.book.view import capture
from depthactors.pacing import USUAL, Timing
from depthactors.status import BookStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_spec import BookSpec
    from depthactors.book import OrderBook
    from depthactors.book.numerals import NumberT

_Copy = TypeVar("_Copy")

_TRIES: Final = 20
"""Optimistic copies before the actor is asked; each torn copy means that an update fell into it."""


class LocalCell(ListenedCell):
    """A `BookCell` whose book is in this process.

    Attributes:
        current: the book that readers see and its state, always set together.
        buffered_bytes: a function that returns the bytes of the stream that wait for a snapshot; any thread calls it.
    """

    def __init__(self, spec: BookSpec, timing: Timing = USUAL) -> None:
        """Begin without an actor and without a book."""
        super().__init__(spec, timing)
        self.current: tuple[OrderBook | None, BookState] = (None, BookState.SYNCING)
        self.buffered_bytes: Callable[[], int] | None = None

    @property
    def state(self) -> BookState:
        """The state that its actor has reported; `state_of` also looks whether the actor keeps up."""
        return self.current[1]

    def publish(self, book: OrderBook | None, state: BookState) -> None:
        """Show readers this book in this state. Thread: the actor's."""
        self.current = (book, state)
        self._settle(state)

    def become(self, state: BookState) -> None:
        """Show the latest good book in this state. Thread: the actor's, or the supervisor's if the actor is dead."""
        self.publish(self.last_good(), state)

    def state_of(self, depth: int) -> BookState:
        """What may be believed of the best `depth` levels at this moment. Any thread, O(1)."""
        book, state = self.current
        if state is BookState.LIVE and book is not None:
            promised = book.sound and book.depth >= depth
            if not promised or self.lag() > self.timing.lag_limit:
                return BookState.STALE
        return state

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

    def last_good(self) -> OrderBook | None:
        """Return the book a successor may show as stale: none that its keeper left half applied."""
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
            age=max(0.0, time.time() - book.recv_time) if book else 0.0,
            lag=self.lag(),
            trusted_bids=book.trusted_bids if book else 0,
            trusted_asks=book.trusted_asks if book else 0,
            waiting_frames=mailbox_of(self.ref).waiting_frames if self.ref is not None else 0,
            restarts=self.restarts,
            counters=self.counted(),
        )

    def lag(self) -> float:
        """Seconds for which the oldest frames or news of the stream have waited for the book's actor. Any thread."""
        return mailbox_of(self.ref).lag() if self.ref is not None else 0.0

    def backlog(self) -> int:
        """Bytes that wait for the book's actor, or in it for a snapshot; about. Any thread."""
        waiting = mailbox_of(self.ref).waiting_bytes if self.ref is not None else 0
        return waiting + (self.buffered_bytes() if self.buffered_bytes is not None else 0)


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
