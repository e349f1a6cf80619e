"""The timers of a book: when it is refreshed, and when its stream or its snapshot is checked.

Thread: the book actor's.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final, TypeAlias

from depthactors.pacing import SilenceWatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.actors.cell import BookCell
    from depthactors.dispatcher.mailbox import Mailbox
    from depthactors.sync import Effect, Synchronizer

_REFRESH_SPREAD: Final = 0.2
"""Share of the refresh interval over which the books of an engine spread their refreshes."""


@dataclass(frozen=True, slots=True)
class RefreshDue:
    """The refresh interval is over; void unless `serial` is the latest refresh timer's."""

    serial: int


@dataclass(frozen=True, slots=True)
class AheadCheckDue:
    """The stream has had time to reach a snapshot that was ahead of it.

    Attributes:
        held: value of `Synchronizer.held` for that snapshot; the timer is void if a later snapshot is held.
    """

    held: int


@dataclass(frozen=True, slots=True)
class DoubtCheckDue:
    """The stream of connection `epoch` has had time to confirm a book that is doubted."""

    epoch: int


@dataclass(frozen=True, slots=True)
class SilenceCheckDue:
    """It is time to check whether the stream is silent; void unless `watch` is the latest watch's number."""

    watch: int


BookTimer: TypeAlias = RefreshDue | AheadCheckDue | DoubtCheckDue | SilenceCheckDue


class BookTimers:
    """Sets the timers of one book, and returns what is to be done when one is due."""

    def __init__(self, cell: BookCell, sync: Synchronizer, mailbox: Mailbox) -> None:
        """Set no timer yet.

        Args:
            cell: the book's cell, with its refresh interval and durations.
            sync: state machine of the book.
            mailbox: mailbox of the book's actor.
        """
        self._cell = cell
        self._sync = sync
        self._mailbox = mailbox
        # A book that hardly ever changes costs no more weight than its refreshes.
        self._silence = SilenceWatch(cell.timing.quiet_limit, longest=cell.spec.refresh_interval or inf)
        self._refresh_serial = 0
        self._watched_epoch: int | None = None
        self._watch_number = 0
        self._doubted_epoch: int | None = None

    def due(self, timer: BookTimer) -> Sequence[Effect]:
        """Return what is to be done when a timer is due."""
        match timer:
            case RefreshDue(serial):
                return self._refresh(serial)
            case AheadCheckDue(held):
                return self._check_ahead(held)
            case DoubtCheckDue(epoch):
                return self._sync.refresh() if epoch == self._sync.epoch and self._sync.doubted else ()
            case SilenceCheckDue(watch):
                return self._check_silence(watch)

    def set_refresh(self) -> None:
        """Set the refresh timer to the interval of the book's `BookSpec`; an earlier setting is void."""
        interval = self._cell.spec.refresh_interval
        if interval:
            spread = 1 - _REFRESH_SPREAD * self._mailbox.random()
            self._refresh_serial += 1
            self._mailbox.after(interval * spread, RefreshDue(self._refresh_serial))

    def shorten_refresh(self, seconds: float) -> None:
        """Refresh every `seconds` from now on, a shorter interval than before."""
        self._silence.shorten(seconds)
        self.set_refresh()

    def set_ahead_check(self) -> None:
        """Check later whether the stream has reached the snapshot that is held."""
        self._mailbox.after(self._cell.timing.ahead_deadline, AheadCheckDue(self._sync.held))

    def set_doubt_check(self) -> None:
        """If the book is doubted, request a second snapshot soon, once for each connection.

        The check for silence would do so, too, but later; and until then a quiet book is not live.
        """
        epoch = self._sync.epoch
        if self._sync.doubted and epoch is not None and epoch != self._doubted_epoch:
            self._doubted_epoch = epoch
            self._mailbox.after(self._cell.timing.ahead_deadline, DoubtCheckDue(epoch))

    def watch_connection(self) -> None:
        """Begin to watch for silence if the stream comes on another connection than before."""
        if self._sync.epoch != self._watched_epoch:
            self._watched_epoch = self._sync.epoch
            self.watch_stream()

    def watch_stream(self) -> None:
        """Begin to watch for silence, because the stream was subscribed to anew."""
        self._silence.begin(self._sync.counters.diffs, self._mailbox.now())
        self._watch_number += 1
        # The books of a connection begin at the same moment, and must not all request snapshots at the same moment.
        first = self._silence.pause * self._mailbox.random()
        self._mailbox.after(first, SilenceCheckDue(self._watch_number))

    def _refresh(self, serial: int) -> Sequence[Effect]:
        if serial != self._refresh_serial:
            return ()
        self.set_refresh()
        return self._sync.refresh()

    def _check_ahead(self, held: int) -> Sequence[Effect]:
        if held != self._sync.held:
            return ()
        if self._mailbox.waiting_frames:
            # The stream may have reached the snapshot; it is the actor that is late.
            self.set_ahead_check()
            return ()
        return self._sync.overdue()

    def _check_silence(self, watch: int) -> Sequence[Effect]:
        """Request a snapshot if the stream has been silent for long: it may be quiet, or not served at all."""
        if watch != self._watch_number:
            return ()
        effects: Sequence[Effect] = ()
        diffs, now = self._sync.counters.diffs, self._mailbox.now()
        if not self._sync.in_sequence:
            # There is no book yet that could be doubted.
            self._silence.begin(diffs, now)
        elif self._silence.look(diffs, now) and (effects := self._sync.refresh()):
            self._silence.asked(now)
        self._mailbox.after(self._silence.pause, SilenceCheckDue(watch))
        return effects
