"""The streams of one book, and who reads them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from depthactors.book import BookState, BookView
from depthactors.book.delta import BookDelta, apply
from depthactors.serve.orders import Code, OrderError
from depthactors.serve.stream import Stream
from depthactors.serve.stream_name import StreamName

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_event import BookEvent
    from depthactors.serve.stream_name import Numbers
    from depthactors.sharing.listing import SharedBook

MOST_STREAMS: Final = 64
"""Streams of one book: each number of levels is one that is made at each update."""


class Feed:
    """Takes what a book says and makes the messages of its streams.

    Thread: any; what the book says comes from one at a time.

    Attributes:
        book: the book.
    """

    def __init__(self, book: SharedBook, view: BookView[Any], reason: str | None) -> None:
        """Begin with a view, and why it is not live, if that is known."""
        self.book = book
        self._view = view
        self._reason = reason
        # Stream, and the functions that wake its readers.
        self._streams: dict[StreamName, tuple[Stream, set[Callable[[], None]]]] = {}
        self._lock = threading.Lock()

    @property
    def view(self) -> BookView[Any]:
        """The latest view."""
        return self._view

    @property
    def reason(self) -> str | None:
        """Why it is not live, if that is known."""
        return self._reason

    @property
    def is_read(self) -> bool:
        """Whether a stream has a reader."""
        return bool(self._streams)

    def join(self, levels: int, numbers: Numbers, wake: Callable[[], None]) -> Stream:
        """Return a stream, whose reader is woken at each message until it leaves.

        Raises:
            OrderError: more levels than the book has, or too many streams.
        """
        book = self.book
        if levels > book.depth:
            words = f"expected at most {book.depth} levels of {book.symbol} ({book.market}), was {levels}"
            raise OrderError(Code.TOO_MANY_LEVELS, words)
        name = StreamName(book.market, book.symbol, book.speed_ms, levels, numbers)
        with self._lock:
            if name not in self._streams:
                if len(self._streams) >= MOST_STREAMS:
                    others = ", ".join(sorted({str(each.levels) for each in self._streams}, key=int))
                    words = f"expected one of the numbers of levels that others read, was {levels}: {others}"
                    raise OrderError(Code.TOO_MANY_STREAMS, words)
                stream = Stream(name)
                stream.put(self._view.best(levels, self._view.number), self._reason, conflated=False)
                self._streams[name] = stream, set()
            stream, readers = self._streams[name]
            readers.add(wake)
        return stream

    def leave(self, stream: Stream, wake: Callable[[], None]) -> None:
        """Wake a reader no more; a stream without readers is given up."""
        with self._lock:
            _, readers = self._streams[stream.name]
            readers.discard(wake)
            if not readers:
                del self._streams[stream.name]

    def messages(self, stream: Stream, number: int) -> tuple[list[bytes], int]:
        """Return the messages that follow a number, and the number of the last one."""
        with self._lock:
            return stream.since(number), stream.number

    def changed(self, delta: BookDelta[Any]) -> None:
        """Take what changed in the book."""
        view = apply(None if delta.is_snapshot else self._view, delta)
        self._put(view, None if view.state is BookState.LIVE else self._reason, conflated=delta.conflated)

    def happened(self, event: BookEvent) -> None:
        """Take a change of the book's state, or an error."""
        reason = None if event.state is BookState.LIVE or event.error is None else str(event.error)
        self.turned(event.state, reason)

    def turned(self, state: BookState, reason: str | None) -> None:
        """Take a state of the same levels."""
        view = self._view
        self._put(view if view.state is state else with_state(view, state), reason, conflated=False)

    def _put(self, view: BookView[Any], reason: str | None, *, conflated: bool) -> None:
        with self._lock:
            self._view, self._reason = view, reason
            woken = [
                wake
                for stream, readers in self._streams.values()
                if stream.put(view.best(stream.name.levels, view.number), reason, conflated=conflated)
                for wake in readers
            ]
        for wake in woken:
            wake()


def with_state(view: BookView[Any], state: BookState) -> BookView[Any]:
    """Return the same view in another state."""
    return BookView(
        view.symbol,
        state,
        last_update_id=view.last_update_id,
        event_time=view.event_time,
        recv_time=view.recv_time,
        age=view.age,
        bids=view.exact("bid"),
        asks=view.exact("ask"),
        number=view.number,
        decimals=view.decimals,
    )
