"""An actor's inbox: control before data, data bounded, and messages to oneself at a later time.

Pykka's own inbox is a `queue.Queue`: unbounded, first come first served, and with a lock that a signal
handler which sends might find taken by its own thread. Here a `SimpleQueue`, which has none, carries the
wake-ups and two deques the messages; at 100 busy books it also saves a twentieth of the time a frame
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
"""Frames that may wait for one actor: minutes of the fastest stream, and a bound for a stuck callback."""
BYTE_LIMIT: Final = 32 * 1024 * 1024
"""Bytes that those frames may have together: far more than ordinary ones have."""
_LONGEST_WAIT: Final = 3600.0
"""Seconds: a timer may be set for any time, but no system waits for ever so long at once."""


_Entry: TypeAlias = tuple[float, Envelope[Any], list[tuple[int, int]]]
"""When a message in order was put, the message, and its numbers of frames and bytes, in a list whose `pop` is one step:
either the actor takes them, with the message, or `drop_frames` does."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Raw frames of one stream, in order, that one read brought at `recv_time` (seconds since the epoch)."""

    epoch: int
    frames: list[bytes]
    recv_time: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time for the work called `name`; `serial` tells a timer that was set again since."""

    name: str
    serial: int = 0


class Mailbox:
    """What pykka asks of an inbox (`put`, `get`, `empty`), and a lane for frames.

    Any thread puts; only the actor's own thread gets and sets timers.

    Attributes:
        thread: the actor's thread, set when it is started.
        helpers: further threads that the actor owns; they end with it.
        children: actors with a running thread whose parent this one is.
        inherited: threads of children that have ended, which are ending yet.
        death: what killed the actor, `None` while it lives and if it was stopped.
        root: the actor itself, if it is a supervisor: `actors.watch` finishes what it left undone.
    """

    def __init__(self, frame_limit: int = FRAME_LIMIT, byte_limit: int = BYTE_LIMIT) -> None:
        """Begin empty."""
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
        # Two counters instead of one: the actor writes one of them without a lock. The other has one for
        # the moments when a connection and its successor both bring frames.
        self._frames_in = self._bytes_in = 0
        self._frames_out = self._bytes_out = 0
        self._counting = threading.Lock()
        # A third one for what was dropped, which one thread only does.
        self._frames_dropped = self._bytes_dropped = 0
        self._timers: list[tuple[float, int, Any]] = []
        self._timer_was_last = False
        self._serial = count()

    def put(self, envelope: Envelope[Any], /) -> None:
        """Add a message; called by pykka for `tell`, `ask` and `stop`."""
        try:
            self._control.append(envelope)
        finally:
            # Ctrl-C between the two would leave the message behind the next one's wake-up, and the last one for ever.
            self._wake.put(None)
        if self._refuse is not None:
            # The actor's thread may have looked for the last time before this was put.
            self._refuse_all(self._refuse)

    def ask(self, message: Any, reply_to: Any) -> None:
        """Add a message whose answer goes to `reply_to`; as pykka's `ask`, which keeps the future to itself."""
        self.put(Envelope(message, reply_to=reply_to))

    def close(self, refuse: Callable[[Envelope[Any]], None]) -> None:
        """Give to `refuse` what was put and is not handled any more, now and later; the actor's thread, at its end.

        Args:
            refuse: called once for each message, in the thread that ends or in one that still puts.
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
        """Add a message that must stay in order with the frames around it."""
        self._put_in_order(message, 0, 0)

    def has_room(self, frames: list[bytes]) -> bool:
        """Return whether these too may wait; the reader thread asks before it puts them."""
        if self.waiting_bytes + sum(map(len, frames)) > self._byte_limit:
            return False
        return self.waiting_frames + len(frames) <= self._frame_limit

    def put_frames(self, message: Frames) -> None:
        """Add frames behind all that was put in order before; for reader threads."""
        frames, size = len(message.frames), sum(map(len, message.frames))
        with self._counting:
            self._frames_in += frames
            self._bytes_in += size
        self._put_in_order(message, frames, size)

    @property
    def waiting_frames(self) -> int:
        """Frames put and not yet got."""
        return self._frames_in - self._frames_out - self._frames_dropped

    @property
    def waiting_bytes(self) -> int:
        """Bytes of these."""
        return self._bytes_in - self._bytes_out - self._bytes_dropped

    def drop_frames(self) -> int:
        """Drop all frames that wait; returns how many. The supervisor's thread, which then sends `Dropped`.

        The actor gets the messages without their frames, or with some if it has just begun with one.
        """
        before = self._frames_dropped
        for _, envelope, sizes in self._data.copy():
            try:
                frames, size = sizes.pop()
            except IndexError:
                # The actor has it now, or they were dropped before.
                continue
            if frames:
                envelope.message.frames.clear()
                self._frames_dropped += frames
                self._bytes_dropped += size
        return self._frames_dropped - before

    def lag(self) -> float:
        """Seconds for which the oldest of what is kept in order has waited, 0 if nothing waits. Any thread."""
        try:
            waiting_since = self._data[0][0]
        except IndexError:
            # Taken in between, perhaps.
            return 0.0
        return time.monotonic() - waiting_since

    def get(self) -> Envelope[Any]:
        """Wait for the next message: a timer that is due, else control, else data.

        Between two timers control has its turn, so that no timer can keep a `stop` away.
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
        """Keep the threads of a child that ends, so that a stop can wait for them. The child's thread."""
        self.inherited.difference_update([each for each in tuple(self.inherited) if not each.is_alive()])
        self.inherited.update(each for each in threads if each.is_alive())

    def empty(self) -> bool:
        """Return whether nothing waits, timers aside."""
        return not self._control and not self._data

    def after(self, seconds: float, message: Any) -> None:
        """Deliver `message` to this actor itself in `seconds`, ahead of what waits then."""
        heappush(self._timers, (time.monotonic() + seconds, next(self._serial), message))

    def _put_in_order(self, message: Any, frames: int, size: int) -> None:
        self._data.append((time.monotonic(), Envelope(message), [(frames, size)]))
        self._wake.put(None)

    def _next(self) -> Envelope[Any]:
        # Each wake-up was put after its message, and only one thread gets: one of the two has it.
        if self._control:
            return self._control.popleft()
        _, envelope, sizes = self._data.popleft()
        try:
            frames, size = sizes.pop()
        except IndexError:
            # `drop_frames` came first.
            return envelope
        self._frames_out += frames
        self._bytes_out += size
        return envelope


def mailbox_of(ref: pykka.ActorRef[Any]) -> Mailbox:
    """Return the mailbox of an actor of ours."""
    return cast("Mailbox", ref.actor_inbox)


def tell(ref: pykka.ActorRef[Any], message: Any) -> bool:
    """Send a message to an actor that may have ended; returns whether it was taken.

    Between the death of an actor and its replacement messages to it are lost, as in any actor system;
    epochs and the replacement's own requests make up for it.
    """
    try:
        ref.tell(message)
    except pykka.ActorDeadError:
        logger.debug("= %s is gone, %s not delivered", ref, type(message).__name__)
        return False
    return True
