"""A listener with a queue: its functions are called in a lane, so they may block."""

from __future__ import annotations

import threading
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthactors import reporting
from depthactors.actors.book_event import BookEvent
from depthactors.actors.callbacks import call, name_of
from depthactors.actors.cell import Listener
from depthactors.errors import SlowCallbackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.book import BookView, OrderBook
    from depthactors.dispatcher.clock import Clock
    from depthactors.dispatcher.turns import GivesTurns

logger = reporting.logger(__name__)

UPDATE_ROOM: Final = 256
"""Number of updates that may wait, however young they are: a burst after a reconnect.

It is what a quick book brings while the interpreter lets another thread run, twice its switch interval of 5 ms: with
less room, updates are skipped that nobody has kept waiting.
"""
EVENT_ROOM: Final = 1_000
"""Number of events that may wait; a book has a few an hour."""


class _Entry(NamedTuple):
    put_at: float
    is_event: bool
    argument: Any


class QueuedListener(Listener):
    """Puts updates and events into a queue in the book's turn, and calls a user's functions with them in a lane.

    The functions are called with every update as long as they keep up, and with the latest update only if they are late
    by `Timing.late` or `UPDATE_ROOM` updates. They are called with every event, in order with the updates. The book
    does not wait for them.

    Attributes:
        events_lost: number of events that were dropped, the oldest ones first, because there was no room.
    """

    in_turn = False

    def __init__(
        self,
        lane: GivesTurns,
        clock: Clock,
        name: str,
        *,
        capture: Callable[[OrderBook | BookView], Any],
        update: Callable[[Any], object] | None,
        event: Callable[[Any], object] | None,
        depth: int = 0,
        messages: Callable[[BookEvent], Iterable[Any]] = lambda event: (event,),
        reports_late: bool = False,
    ) -> None:
        """Take the functions; nothing waits yet.

        Args:
            lane: the lane in which `update` and `event` are called.
            clock: the clock by which an update is late.
            name: name of the book, for the log.
            capture: returns an immutable copy of the book, for `update`; called in the book's turn.
            update: the user's function for updates, or `None`.
            event: the user's function for events, or `None`.
            depth: number of levels that the book must promise before `update` is called.
            reports_late: whether `event` is called with a `SlowCallbackError`, once in a while, when updates are late.
            messages: returns the arguments of `event` for a `BookEvent`, one for each call; called in the book's turn.
        """
        super().__init__(
            None if update is None else self._put_update, None if event is None else self._put_event, depth
        )
        self.events_lost = 0
        self._lane = lane
        self._now = clock.monotonic
        self._name = name
        self._capture = capture
        self._messages = messages
        self._reports_late = reports_late and event is not None
        self._functions = (update, event)
        self._waiting: list[_Entry] = []
        self._updates = 0
        # Number of turns that the lane still has to give; at least the number of entries.
        self._turns = 0
        self._lock = threading.Lock()
        self._warned_at = -inf
        # Time of the first skipped update since the latest turn; `inf` after the notice.
        self._late_since: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits; the latest call may not have returned yet."""
        return not self._waiting

    def take_turn(self) -> None:
        """Call a function with what has waited longest, if anything waits. Thread: the lane's."""
        with self._lock:
            self._turns -= 1
            self._late_since = None
            entry = self._next()
        if entry is None or self.closed:
            return
        function = self._functions[entry.is_event]
        assert function is not None, "nothing is put for a missing function"
        failure = call(function, entry.argument, self._title())
        if failure is not None:
            self.failures += 1
            if self.cell is not None:
                self.cell.callback_failed(self, "event" if entry.is_event else "update", failure)

    def _put_update(self, book: OrderBook | BookView) -> None:
        if self.closed:
            return
        # Without the lock, because it may take long, and the lane must not wait for it.
        entry = _Entry(self._now(), False, self._capture(book))
        with self._lock:
            skipped = self._updates if self._is_late(entry.put_at) else 0
            stuck = False
            if skipped:
                if self._late_since is None:
                    self._late_since = entry.put_at
                if stuck := entry.put_at - self._late_since > self.timing.stuck:
                    self._late_since = inf
                self._waiting = [each for each in self._waiting if each.is_event]
                self._updates = 0
                self.skipped += skipped
            self._updates += 1
            self._put(entry)
        if (
            skipped
            and self._warn("is late, and is called with the latest update only", entry.put_at)
            and self._reports_late
        ):
            self._report_late()
        if stuck:
            name = self._function_name()
            words = "%s: the callback %s sees no data: a call before it has not returned for %.0f s"
            logger.notice(("stuck", name), words, self._title(), name, self.timing.stuck)

    def _put_event(self, event: BookEvent) -> None:
        for message in self._messages(event):
            self._put_message(message)

    def _put_message(self, message: Any) -> None:
        if self.closed:
            return
        entry = _Entry(self._now(), True, message)
        with self._lock:
            full = len(self._waiting) - self._updates >= EVENT_ROOM
            if full:
                oldest = next(each for each in self._waiting if each.is_event)
                self._waiting.remove(oldest)
                self.events_lost += 1
            self._put(entry)
        if full:
            self._warn("does not return; the oldest events that wait for it are dropped", entry.put_at)

    def _put(self, entry: _Entry) -> None:
        """Add an entry, and request a turn unless a dropped entry has left one. The lock is held."""
        self._waiting.append(entry)
        if self._turns < len(self._waiting):
            self._turns += 1
            self._lane.give_turn(self)

    def _next(self) -> _Entry | None:
        """Return the oldest entry; skip late updates that another update follows. The lock is held."""
        now = self._now()
        while self._waiting:
            entry = self._waiting.pop(0)
            if entry.is_event:
                return entry
            self._updates -= 1
            if not self._updates or now - entry.put_at <= self.timing.late:
                return entry
            self.skipped += 1
        return None

    def _is_late(self, now: float) -> bool:
        return bool(self._updates) and (
            self._updates >= UPDATE_ROOM or now - self._waiting[0].put_at > self.timing.late
        )

    def _warn(self, words: str, now: float) -> bool:
        """Log that the function is late, once in a while; return whether that was done now."""
        if now - self._warned_at <= self.timing.notice_pause:
            return False
        self._warned_at = now
        logger.warning("! %s the callback %s %s", self._name, self._function_name(), words)
        return True

    def _report_late(self) -> None:
        if self.cell is not None:
            words = "callbacks are late and are called with the latest update only"
            state = self.cell.state
            self._put_message(BookEvent(self._name, state, state, SlowCallbackError(words)))

    def _function_name(self) -> str:
        update, event = self._functions
        return name_of(update if update is not None else event)

    def _title(self) -> str:
        return self._name if self.cell is None else self.cell.spec.title
