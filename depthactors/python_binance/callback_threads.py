"""The threads in which a manager calls back: one for all streams, or one for each book."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal, TypeAlias

from depthactors.engine import inside
from depthactors.engine.lifecycle import join
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from depthactors.dispatcher.turns import Pinned
    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.engine.handle import BookHandle

Threads: TypeAlias = Literal["manager", "book"]


class CallbackThreads:
    """The lanes of one manager. Thread: any."""

    def __init__(self, threads: Threads, engine: DepthEngine) -> None:
        """Start nothing yet.

        Args:
            threads: one lane for the `manager`, or one for each `book`.
            engine: the manager's engine, whose dispatcher has the lanes.

        Raises:
            UsageError: `threads` is neither `manager` nor `book`.
        """
        if threads not in {"manager", "book"}:
            msg = f"expected threads='manager' or 'book', was {threads!r}"
            raise UsageError(msg)
        self._engine = engine
        self._lane = inside.dispatcher_of(engine).pinned_lane("callbacks") if threads == "manager" else None
        self._books: dict[int, _BookLane] = {}
        self._all: list[Pinned] = [] if self._lane is None else [self._lane]
        self._closed = False
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start the manager's one thread, if it has one.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        if self._lane is not None:
            self._lane.start()

    def lane_for(self, handle: BookHandle) -> Pinned:
        """Return the lane for a subscription; `leave` gives it back.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        if self._lane is not None:
            return self._lane
        with self._lock:
            book = self._books.get(id(inside.cell_of(handle)))
            is_new = book is None
            if book is None:
                lane = inside.dispatcher_of(self._engine).pinned_lane(f"callbacks-{handle.symbol}")
                book = self._books[id(inside.cell_of(handle))] = _BookLane(lane)
            # Known before it is started, so that `leave` finds it if Ctrl-C comes in between.
            book.handles.add(handle)
            if is_new:
                self._all = [each for each in self._all if each.thread.is_alive()] + [book.lane]
                book.lane.start()
                if self._closed:
                    book.lane.close()
            return book.lane

    def leave(self, handle: BookHandle) -> None:
        """End a subscription; the last one of a book closes its lane. Twice is harmless."""
        with self._lock:
            book = self._books.get(id(inside.cell_of(handle)))
            if book is not None:
                book.handles.discard(handle)
                if not book.handles:
                    book.lane.close()
                    del self._books[id(inside.cell_of(handle))]

    def close(self) -> None:
        """Begin no further call. Signal handlers may call this too."""
        self._closed = True
        for lane in tuple(self._all):
            lane.close()

    def join(self, timeout: float) -> bool:
        """Wait until closed lanes have ended, and the calls under way with them; return whether all have ended."""
        clock = inside.dispatcher_of(self._engine)
        return not join([lane.thread for lane in tuple(self._all)], clock.monotonic() + timeout, clock=clock)

    @property
    def is_current(self) -> bool:
        """Whether the calling thread is in a callback of the manager."""
        return any(lane.is_current for lane in tuple(self._all))


class _BookLane:
    __slots__ = ("handles", "lane")

    def __init__(self, lane: Pinned) -> None:
        self.lane = lane
        self.handles: set[BookHandle] = set()
