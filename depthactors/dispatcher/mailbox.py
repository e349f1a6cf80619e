"""The inbox of an actor: timers that are due, then control messages, then data; and a bound for data.

Pykka's own inbox is a `queue.Queue`: it has no bound and no priorities, and it has a lock, which a signal handler that
sends a message may find held by the thread that it interrupted. Lists have none, and an empty deque would take 700
bytes: a thousand books have some thousands of queues, most of them empty.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import pykka

from depthactors import reporting
from depthactors.dispatcher.task import Task
from depthactors.private_names import Envelope

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.dispatcher.ending import Ending
    from depthactors.dispatcher.life import Life

logger = reporting.logger(__name__)

FRAME_LIMIT: Final = 5_000
"""Number of frames that may wait for one actor: minutes of the fastest stream."""
BYTE_LIMIT: Final = 32 * 1024 * 1024
"""Bytes that these frames may have together, far more than usual ones have."""
TURN_LIMIT: Final = 32
"""Messages, or frames, that an actor handles in one turn at most."""
TURN_BYTE_LIMIT: Final = 1024 * 1024
"""Bytes of frames after which a turn ends, ten times as many as usual frames have. Of the largest frames, each of which
takes a third of a second, an actor handles one in a turn."""


_Entry: TypeAlias = tuple[float, Any, list[tuple[int, int]]]
"""A data message: when it was put, the message, and its numbers of frames and bytes, in a list with one item.
`list.pop` is safe between threads, so only one gets the item: the actor's thread with the message, or one that drops
frames."""


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


class _Timed:
    """The owner of the timers of a mailbox, so that the timers of a dead actor do not keep its mailbox in memory."""

    __slots__ = ("mailbox",)

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox: Mailbox | None = mailbox

    def put_due(self, message: Any) -> None:
        if self.mailbox is not None:
            self.mailbox.put_due(message)


class Mailbox(Task):
    """An inbox for pykka's actor (`put`, `empty`), with a queue for data and with timers.

    Thread: any may put; only the actor may set timers.

    Attributes:
        life: the actor's life, from its start on.
        helpers: threads that the actor owns; they end with it.
        children: living actors whose parent is this actor, in the order of their starts.
        inherited: threads of dead children that are still ending.
        death: exception that killed the actor; `None` while it lives and if it was stopped.
        root: the actor itself if it is a supervisor, to finish its work after its death (`actors.watch`).
    """

    def __init__(self, frame_limit: int = FRAME_LIMIT, byte_limit: int = BYTE_LIMIT) -> None:
        """Begin empty; nothing is handled before `open`.

        Args:
            frame_limit: number of frames that may wait.
            byte_limit: bytes that these frames may have together.
        """
        super().__init__(_UNATTACHED, "mailbox")
        self.life: Life | None = None
        self.helpers: tuple[Ending, ...] = ()
        self.children: dict[pykka.ActorRef[Any], None] = {}
        self.inherited: set[Ending] = set()
        self.death: BaseException | None = None
        self.root: object | None = None
        self._frame_limit, self._byte_limit = frame_limit, byte_limit
        self._handle: Callable[[Any, Any], None] | None = None
        self._crash: Callable[[BaseException], None] | None = None
        self._refuse: Callable[[Envelope[Any]], None] | None = None
        self._timed = _Timed(self)
        self._due: list[Any] = []
        self._due_was_last = False
        self._control: list[Envelope[Any]] = []
        self._data: list[_Entry] = []
        # What came in is counted under a lock: a connection and its successor may bring frames at the same time. What
        # went out is counted by the actor alone, without a lock.
        self._frames_in = self._bytes_in = 0
        self._frames_out = self._bytes_out = 0
        self._counting = threading.Lock()
        # Only the supervisor drops frames.
        self._frames_dropped = self._bytes_dropped = 0

    # The actor's side.

    def attach(self, dispatcher: Dispatcher, name: str) -> None:
        """Belong to a dispatcher, which gives the actor its turns after `open`."""
        self.dispatcher, self.name = dispatcher, name

    def open(self, life: Life, handle: Callable[[Any, Any], None], crash: Callable[[BaseException], None]) -> None:
        """Begin to hand messages to the actor, in the dispatcher's threads.

        Args:
            life: the actor's life.
            handle: called with each message and, for an `ask`, the future for its answer; raises nothing.
            crash: called with an exception that `handle` did raise.
        """
        self.life, self._crash, self._handle = life, crash, handle
        self.schedule(urgent=True)

    def close(self, refuse: Callable[[Envelope[Any]], None]) -> None:
        """Refuse the control messages that wait, and drop the data; likewise what is put later.

        Thread: the actor's, at its end.

        Args:
            refuse: called once with each message, in this thread or in a thread that puts a message later.
        """
        self._handle = self._crash = None
        self._refuse = refuse
        self._due.clear()
        self._data.clear()
        self._timed.mailbox = None
        self._refuse_all(refuse)

    @property
    def has_work(self) -> bool:
        """Whether a message waits for a living actor."""
        return self._handle is not None and not self.empty()

    def take_turn(self) -> None:
        """Hand messages to the actor: at most `TURN_LIMIT` messages or frames, none after `TURN_BYTE_LIMIT` bytes."""
        left, room = TURN_LIMIT, TURN_BYTE_LIMIT
        while left > 0 and room > 0 and (handle := self._handle) is not None:
            if self._due and not (self._due_was_last and self._control):
                # A control message is handled between two timers, so timers cannot delay a `stop`.
                self._due_was_last = True
                left -= 1
                self.steps += 1
                handle(self._due.pop(0), None)
                continue
            self._due_was_last = False
            if self._control:
                left -= 1
                self.steps += 1
                envelope = self._control.pop(0)
                handle(envelope.message, envelope.reply_to)
                continue
            try:
                put_at, message, sizes = self._data.pop(0)
            except IndexError:
                return
            try:
                frames, size = sizes.pop()
            except IndexError:
                # `drop_frames` took it first.
                frames = size = 0
            if frames > left or (size > room and frames > 1):
                message, frames, size = self._split(put_at, message, size, left, room)
            self._frames_out += frames
            self._bytes_out += size
            left -= frames or 1
            room -= size
            self.steps += 1
            handle(message, None)

    def _split(self, put_at: float, message: Frames, size: int, most: int, room: int) -> tuple[Frames, int, int]:
        """Leave all but the first frames of a message for the next turn; return the first, with their sizes."""
        frames = message.frames
        most = min(most, len(frames) - 1)
        count = first_size = 0
        while count < most and first_size < room:
            first_size += len(frames[count])
            count += 1
        rest = replace(message, frames=frames[count:])
        self._data.insert(0, (put_at, rest, [(len(frames) - count, size - first_size)]))
        return replace(message, frames=frames[:count]), count, first_size

    def fail(self, error: BaseException) -> None:
        """Let the actor die of an exception that left its handler."""
        crash = self._crash
        if crash is not None:
            crash(error)

    def after(self, seconds: float, message: Any) -> None:
        """Set a timer: the actor gets `message` in `seconds`, before the messages that wait then."""
        self.dispatcher.after(seconds, self._timed, message)

    def now(self) -> float:
        """Return the dispatcher's monotonic time."""
        return self.dispatcher.monotonic()

    def random(self) -> float:
        """Return a random number in [0, 1), to spread load; not for security."""
        return self.dispatcher.random()

    def put_due(self, message: Any) -> None:
        """Add the message of a timer that is due. Thread: the dispatcher's."""
        if self._refuse is None:
            self._due.append(message)
            self.schedule(urgent=True)

    # The senders' side.

    def put(self, envelope: Envelope[Any], /) -> None:
        """Add a message; called by pykka for `tell`, `ask` and `stop`."""
        try:
            self._control.append(envelope)
        finally:
            # Also if Ctrl-C comes between the two: the message would wait for the next one.
            if self._handle is not None:
                self.schedule(urgent=True)
        if self._refuse is not None:
            # The actor may have looked into the mailbox for the last time before this message was put.
            self._refuse_all(self._refuse)

    def ask(self, message: Any, reply_to: Any) -> None:
        """Add a message whose answer goes to `reply_to`. Pykka's `ask` makes the future itself."""
        self.put(Envelope(message, reply_to=reply_to))

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

    # What waits.

    @property
    def waiting_frames(self) -> int:
        """Number of frames that wait; none after the end."""
        return 0 if self._refuse is not None else self._frames_in - self._frames_out - self._frames_dropped

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the frames that wait; none after the end."""
        return 0 if self._refuse is not None else self._bytes_in - self._bytes_out - self._bytes_dropped

    def drop_frames(self) -> int:
        """Drop all frames that wait, and return their number. Thread: the supervisor's, which then sends `Dropped`.

        The actor gets the messages without their frames, or with some of them if it is just taking one.
        """
        before = self._frames_dropped
        for _, message, sizes in self._data.copy():
            try:
                frames, size = sizes.pop()
            except IndexError:
                # The actor is taking it, or its frames were dropped before.
                continue
            if frames:
                message.frames.clear()
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
        return self.dispatcher.monotonic() - waiting_since

    def empty(self) -> bool:
        """Return whether no message waits; timers that are not due do not count."""
        return not self._control and not self._data and not self._due

    # What ends with the actor.

    @property
    def endings(self) -> tuple[Ending, ...]:
        """The actor's life and its threads, which end when the actor is stopped."""
        return self.helpers if self.life is None else (self.life, *self.helpers)

    def inherit(self, threads: tuple[Ending, ...]) -> None:
        """Keep the threads of a child that ends, so that a stop can wait for them. Thread: the child's."""
        self.inherited.difference_update([each for each in tuple(self.inherited) if not each.is_alive()])
        self.inherited.update(each for each in threads if each.is_alive())

    def _put_in_order(self, message: Any, frames: int, size: int) -> None:
        self._data.append((self.dispatcher.monotonic(), message, [(frames, size)]))
        if self._handle is not None:
            self.schedule()
        elif self._refuse is not None:
            self._data.clear()

    def _refuse_all(self, refuse: Callable[[Envelope[Any]], None]) -> None:
        while True:
            try:
                envelope = self._control.pop(0)
            except IndexError:
                return
            refuse(envelope)


class _Unattached:
    """The dispatcher of a mailbox before `attach`."""

    @staticmethod
    def monotonic() -> float:
        return 0.0


_UNATTACHED: Final = cast("Dispatcher", _Unattached())


def mailbox_of(ref: pykka.ActorRef[Any]) -> Mailbox:
    """Return the mailbox of an actor of a dispatcher."""
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
