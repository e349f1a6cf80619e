"""The threads in which a manager calls back: one for all its streams, or one a book."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal, TypeAlias

from depthactors.actors.lanes import Lane
from depthactors.engine.lifecycle import join
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from depthactors.engine.handle import BookHandle

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
        """Return the lane for a subscription, which is given back by `leave`.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        if self._lane is not None:
            return self._lane
        with self._lock:
            book = self._books.get(id(handle.cell))
            is_new = book is None
            if book is None:
                book = self._books[id(handle.cell)] = _BookLane(Lane(f"callbacks-{handle.symbol}"))
            # First known, then started: whoever is interrupted here leaves it as well.
            book.handles.add(handle)
            if is_new:
                self._all = [each for each in self._all if each.thread.is_alive()] + [book.lane]
                book.lane.start()
                if self._closed:
                    book.lane.close()
            return book.lane

    def leave(self, handle: BookHandle) -> None:
        """Note that a subscription has ended; with the last one of a book its lane does. Twice is harmless."""
        with self._lock:
            book = self._books.get(id(handle.cell))
            if book is not None:
                book.handles.discard(handle)
                if not book.handles:
                    book.lane.close()
                    del self._books[id(handle.cell)]

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
    __slots__ = ("handles", "lane")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.handles: set[BookHandle] = set()
