"""The inbox of an actor: control messages before data, a bound for data, and timers.

Pykka's own inbox is a `queue.Queue`: it has no bound and no priorities, and it has a lock, which a signal handler that
sends a message may find held by the thread that it interrupted. Here a `SimpleQueue`, which has no such lock, carries
the wake-ups, and two deques carry the messages. With 100 busy books this also saves a twentieth of the time for a frame
(`python -m tests.bench pipe`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import pykka

from depthactors import reporting
from depthactors.private_names import Envelope

if TYPE_CHECKING:
    from collections.abc import Callable

logger = reporting.logger(__name__)

FRAME_LIMIT: Final = 5_000
"""Number of frames that may wait for one actor: minutes of the fastest stream."""
BYTE_LIMIT: Final = 32 * 1024 * 1024
"""Bytes that these frames may have together, far more than usual ones have."""
_LONGEST_WAIT: Final = 3600.0
"""Seconds of one wait. A timer may be set for any time, but no system waits for an arbitrary time."""


_Entry: TypeAlias = tuple[float, Envelope[Any], list[tuple[int, int]]]
"""A data message: when it was put, the message, and its numbers of frames and bytes, in a list with one item.
`pop` is one step, so only one thread gets the item: the actor's with the message, or a thread that drops frames."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Raw frames of one stream, in their order, that arrived in one read.

    Attributes:
        epoch: number of the connection.
        frames: the frames.
        recv_time: time of the read in seconds since the epoch.
    """

    epoch: int
    frames: list[bytes]
    recv_time: float


class Mailbox:
    """An inbox for pykka's actor (`put`, `get`, `empty`), with a queue for data and timers.

    Thread: any may put; only the actor's may get and set timers.

    Attributes:
        thread: the actor's thread, set when it is started.
        helpers: other threads that the actor owns; they end with it.
        children: actors with a running thread whose parent is this actor.
        inherited: threads of dead children that are still ending.
        death: exception that killed the actor; `None` while it lives and if it was stopped.
        root: the actor itself if it is a supervisor, for `actors.watch` to finish its work after its death.
    """

    def __init__(self, frame_limit: int = FRAME_LIMIT, byte_limit: int = BYTE_LIMIT) -> None:
        """Begin empty.

        Args:
            frame_limit: number of frames that may wait.
            byte_limit: bytes that these frames may have together.
        """
        self.thread: threading.Thread | None = None
        self.helpers: tuple[threading.Thread, ...] = ()
        self.children: set[pykka.ActorRef[Any]] = set()
        self.inherited: set[threading.Thread] = set()
        self.death: BaseException | None = None
        self.root: object | None = None
        self._frame_limit, self._byte_limit = frame_limit, byte_limit
        self._refuse: Callable[[Envelope[Any]], None] | None = None
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._control: deque[Envelope[Any]] = deque()
        self._data: deque[_Entry] = deque()
        # Only the actor's thread writes the counters of what is out, so they need no lock. Those of what is in have
        # one: a connection and its successor may bring frames at the same time.
        self._frames_in = self._bytes_in = 0
        self._frames_out = self._bytes_out = 0
        self._counting = threading.Lock()
        # Only the supervisor's thread drops frames.
        self._frames_dropped = self._bytes_dropped = 0
        self._timers: list[tuple[float, int, Any]] = []
        self._timer_was_last = False
        self._serial = count()

    def put(self, envelope: Envelope[Any], /) -> None:
        """Add a message; called by pykka for `tell`, `ask` and `stop`."""
        try:
            self._control.append(envelope)
        finally:
            # Also if Ctrl-C comes between the two: without its wake-up the message would wait for the next one.
            self._wake.put(None)
        if self._refuse is not None:
            # The actor may have looked into the mailbox for the last time before this message was put.
            self._refuse_all(self._refuse)

    def ask(self, message: Any, reply_to: Any) -> None:
        """Add a message whose answer goes to `reply_to`. Pykka's `ask` makes the future itself."""
        self.put(Envelope(message, reply_to=reply_to))

    def close(self, refuse: Callable[[Envelope[Any]], None]) -> None:
        """Refuse the messages that wait, and all later ones. Thread: the actor's, at its end.

        Args:
            refuse: called once with each message, in this thread or in a thread that puts a message later.
        """
        self._refuse = refuse
        self._refuse_all(refuse)

    def _refuse_all(self, refuse: Callable[[Envelope[Any]], None]) -> None:
        while True:
            try:
                envelope = self._control.popleft()
            except IndexError:
                return
            refuse(envelope)

    def put_ordered(self, message: Any) -> None:
        """Add a data message, which is handled after the frames that were put before it."""
        self._put_in_order(message, 0, 0)

    def has_room(self, frames: list[bytes]) -> bool:
        """Return whether there is room for these frames; a reader thread calls it before `put_frames`."""
        if self.waiting_bytes + sum(map(len, frames)) > self._byte_limit:
            return False
        return self.waiting_frames + len(frames) <= self._frame_limit

    def put_frames(self, message: Frames) -> None:
        """Add frames behind the data that waits. Thread: a reader's."""
        frames, size = len(message.frames), sum(map(len, message.frames))
        with self._counting:
            self._frames_in += frames
            self._bytes_in += size
        self._put_in_order(message, frames, size)

    @property
    def waiting_frames(self) -> int:
        """Number of frames that wait."""
        return self._frames_in - self._frames_out - self._frames_dropped

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the frames that wait."""
        return self._bytes_in - self._bytes_out - self._bytes_dropped

    def drop_frames(self) -> int:
        """Drop all frames that wait, and return their number. Thread: the supervisor's, which then sends `Dropped`.

        The actor gets the messages without their frames, or with some of them if it is just taking one.
        """
        before = self._frames_dropped
        for _, envelope, sizes in self._data.copy():
            try:
                frames, size = sizes.pop()
            except IndexError:
                # The actor is taking it, or its frames were dropped before.
                continue
            if frames:
                envelope.message.frames.clear()
                self._frames_dropped += frames
                self._bytes_dropped += size
        return self._frames_dropped - before

    def lag(self) -> float:
        """Return the seconds for which the oldest data has waited, 0 if none waits. Thread: any."""
        try:
            waiting_since = self._data[0][0]
        except IndexError:
            # There is none, or the actor has just taken it.
            return 0.0
        return time.monotonic() - waiting_since

    def get(self) -> Envelope[Any]:
        """Wait for the next message: a timer that is due, then control, then data.

        A control message is handled between two timers, so timers cannot delay a `stop`.
        """
        while True:
            if not self._timers:
                self._wake.get()
                return self._next()
            wait = self._timers[0][0] - time.monotonic()
            if wait <= 0 and not (self._timer_was_last and self._control):
                self._timer_was_last = True
                return Envelope(heappop(self._timers)[2])
            self._timer_was_last = False
            try:
                self._wake.get(timeout=min(max(0.0, wait), _LONGEST_WAIT))
            except Empty:
                continue
            return self._next()

    @property
    def threads(self) -> tuple[threading.Thread, ...]:
        """The threads that end when the actor is stopped."""
        return self.helpers if self.thread is None else (self.thread, *self.helpers)

    def inherit(self, threads: tuple[threading.Thread, ...]) -> None:
        """Keep the threads of a child that ends, so that a stop can wait for them. Thread: the child's."""
        self.inherited.difference_update([each for each in tuple(self.inherited) if not each.is_alive()])
        self.inherited.update(each for each in threads if each.is_alive())

    def empty(self) -> bool:
        """Return whether no message waits; timers do not count."""
        return not self._control and not self._data

    def after(self, seconds: float, message: Any) -> None:
        """Set a timer: the actor gets `message` in `seconds`, before the messages that wait then."""
        heappush(self._timers, (time.monotonic() + seconds, next(self._serial), message))

    def _put_in_order(self, message: Any, frames: int, size: int) -> None:
        self._data.append((time.monotonic(), Envelope(message), [(frames, size)]))
        self._wake.put(None)

    def _next(self) -> Envelope[Any]:
        # Each message has a wake-up that was put after it, so one of the two queues is not empty.
        if self._control:
            return self._control.popleft()
        _, envelope, sizes = self._data.popleft()
        try:
            frames, size = sizes.pop()
        except IndexError:
            # `drop_frames` took it first.
            return envelope
        self._frames_out += frames
        self._bytes_out += size
        return envelope


def mailbox_of(ref: pykka.ActorRef[Any]) -> Mailbox:
    """Return the mailbox of an `EngineActor`."""
    return cast("Mailbox", ref.actor_inbox)


def tell(ref: pykka.ActorRef[Any], message: Any) -> bool:
    """Send a message to an actor that may be dead, and return whether it was alive.

    Messages to an actor are lost between its death and its replacement. Epochs, and requests of the replacement, make
    up for that.
    """
    try:
        ref.tell(message)
    except pykka.ActorDeadError:
        logger.debug("= %s is gone, %s not delivered", ref, type(message).__name__)
        return False
    return True
