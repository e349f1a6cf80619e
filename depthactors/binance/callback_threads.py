"""The threads in which a manager calls back: one for all its streams, or one a book."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal, TypeAlias

from depthactors.actors.lanes import Lane
from depthactors.errors import UsageError
from depthactors.lifecycle import join

if TYPE_CHECKING:
    from depthactors.handle import BookHandle

Threads: TypeAlias = Literal["manager", "book"]


class CallbackThreads:
    """The lanes of one manager. Any thread may call any method."""

    def __init__(self, threads: Threads) -> None:
        """Start nothing yet.

        Raises:
            UsageError: neither `manager` nor `book`.
        """
        if threads not in {"manager", "book"}:
            msg = f"expected threads='manager' or 'book', was {threads!r}"
            raise UsageError(msg)
        self._lane = Lane() if threads == "manager" else None
        self._books: dict[int, _BookLane] = {}
        self._all: list[Lane] = [] if self._lane is None else [self._lane]
        self._closed = False
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start the manager's one thread, if it has one.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        if self._lane is not None:
            self._lane.start()

    def lane_for(self, handle: BookHandle) -> Lane:
        """Return the lane for a new stream, which is given back by `leave`.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        if self._lane is not None:
            return self._lane
        with self._lock:
            book = self._books.get(id(handle.cell))
            if book is None:
                lane = Lane(f"callbacks-{handle.symbol}")
                lane.start()
                book = self._books[id(handle.cell)] = _BookLane(lane)
                self._all = [each for each in self._all if each.thread.is_alive()] + [lane]
                if self._closed:
                    lane.close()
            book.streams += 1
            return book.lane

    def leave(self, handle: BookHandle) -> None:
        """Note that a stream has ended; with the last one of a book its lane does."""
        with self._lock:
            book = self._books.get(id(handle.cell))
            if book is not None:
                book.streams -= 1
                if book.streams == 0:
                    del self._books[id(handle.cell)]
                    book.lane.close()

    def close(self) -> None:
        """Begin no further call; signal handlers may call this too."""
        self._closed = True
        for lane in tuple(self._all):
            lane.close()

    def join(self, timeout: float) -> bool:
        """Wait for the ends of closed lanes, for the call that is under way too; returns whether all have ended."""
        return not join([lane.thread for lane in tuple(self._all)], time.monotonic() + timeout)

    @property
    def is_current(self) -> bool:
        """Whether a callback of the manager asks."""
        return any(lane.is_current for lane in tuple(self._all))


class _BookLane:
    __slots__ = ("lane", "streams")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.streams = 0
