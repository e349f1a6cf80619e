"""What the depth events of a recording file come to: from which id to which one, and what is missing in between."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Final

from depthactors.errors import RecordingError
from depthactors.recording.bridge import Bridge
from depthactors.recording.lines import ids_of
from depthactors.recording.restart import Restart
from depthactors.sync.sequencing import Verdict, classify_next

if TYPE_CHECKING:
    from depthactors.markets import Sequencing
    from depthactors.recording.lines import Ids, Line

_RUN: Final = 100_000
"""Events that may stand between a gap and the snapshot that repairs it: hours of a book."""
_REASONS: Final = 5
"""The most reasons of one gap that are kept in words."""
SAME_FILE: Final = "snapshot in this file"
NEXT_FILE: Final = "snapshot of the next file"
NOTHING_MISSING: Final = "no depth event is missing: the ids continue"
NOT_REPAIRED: Final = "not repaired"


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where the stream broke.

    Attributes:
        from_id: the last id before it.
        to_id: the id of the snapshot, or of the event, from which on the recording is in sequence again; `None` if it
            is not. A missing event ends after `from_id`, and not after `to_id`.
        from_ns: time of receipt of the last event before it.
        to_ns: time from which on the recording is in sequence again.
        why: the reason in words.
        repaired: how it was repaired, in words.
        lost: the number of frames that are known to be lost, of any kind.
    """

    from_id: int
    to_id: int | None
    from_ns: int
    to_ns: int | None
    why: str
    repaired: str
    lost: int = 0

    @property
    def is_loss(self) -> bool:
        """Whether depth events are missing, or may be."""
        return self.repaired != NOTHING_MISSING


@dataclass(frozen=True, slots=True)
class Tally:
    """What a file has.

    Attributes:
        frames: the number of websocket frames of every kind.
        events: the number of depth events among them.
        snapshots: the number of REST depth replies.
        first_id: the first id of the first event that continues a snapshot, 0 if there is none.
        first_ns: time of receipt from which on the events continue a snapshot.
        last_id: the last id up to which the events continue a snapshot, 0 if there is none.
        last_ns: time of receipt of that event.
        gaps: the number of gaps in which depth events are missing, or may be.
        broken: whether the last of them is not repaired.
    """

    frames: int = 0
    events: int = 0
    snapshots: int = 0
    first_id: int = 0
    first_ns: int = 0
    last_id: int = 0
    last_ns: int = 0
    gaps: int = 0
    broken: bool = False

    @property
    def in_sequence(self) -> bool:
        """Whether its last event continues a snapshot: if not, a later snapshot may continue any of its events."""
        return self.first_id > 0 and not self.broken

    def as_bytes(self) -> bytes:
        """Return all numbers, in order."""
        return b" ".join(b"%d" % number for number in astuple(self))

    @classmethod
    def from_bytes(cls, text: bytes) -> Tally:
        """Return what `as_bytes` was called for.

        Raises:
            ValueError: it is something else.
        """
        numbers = dict(zip((each.name for each in fields(cls)), map(int, text.split()), strict=True))
        broken = numbers.pop("broken") == 1
        return cls(**numbers, broken=broken)


class Continuity:
    """Follows the ids of one file, from its first line on.

    Attributes:
        frames: see `Tally`.
        events: see `Tally`.
        snapshots: see `Tally`.
        first_id: see `Tally`.
        first_ns: see `Tally`.
        last_id: see `Tally`.
        last_ns: see `Tally`.
        gaps: see `Tally`.
    """

    def __init__(self, sequencing: Sequencing) -> None:
        """Begin before the first line."""
        self._sequencing = sequencing
        self._bridge: Bridge[None] | None = Bridge(sequencing, _RUN)
        self._restart = Restart()
        self._has_begun = False
        self._why: list[str] = []
        self._lost = 0
        self.frames = self.events = self.snapshots = 0
        self.first_id = self.first_ns = self.last_id = self.last_ns = self.gaps = 0

    @classmethod
    def after(cls, sequencing: Sequencing, tally: Tally) -> Continuity:
        """Go on where a file had come to that was in sequence there, see `Tally.in_sequence`."""
        continuity = cls(sequencing)
        for each in fields(Tally):
            if each.name != "broken":
                setattr(continuity, each.name, getattr(tally, each.name))
        continuity._has_begun, continuity._bridge = True, None
        return continuity

    @property
    def wants_snapshot(self) -> bool:
        """Whether the events do not continue a snapshot, and none could fit."""
        return self._bridge is not None and self._bridge.wants_snapshot

    @property
    def tally(self) -> Tally:
        """The numbers as they are now."""
        broken = self._has_begun and self._bridge is not None
        return Tally(
            self.frames,
            self.events,
            self.snapshots,
            self.first_id,
            self.first_ns,
            self.last_id,
            self.last_ns,
            self.gaps,
            broken,
        )

    def line(self, line: Line) -> Gap | None:
        """Take a line of whatever kind; return a gap that is over with it.

        Raises:
            RecordingError: a depth event or snapshot without ids.
        """
        if line.is_snapshot:
            update_id = line.message["lastUpdateId"]
            if type(update_id) is not int:
                raise RecordingError(line.path, line.number, f"expected a number in 'lastUpdateId', was {update_id!r}")
            return self.snapshot(line.recv_ns, update_id)
        if line.is_diff:
            return self.diff(line.recv_ns, ids_of(line, self._sequencing))
        self.other()
        return None

    def other(self) -> None:
        """Count a frame that is no depth event."""
        self.frames += 1

    def diff(self, recv_ns: int, ids: Ids) -> Gap | None:
        """Take a depth event; return a gap that is over with it."""
        self.frames += 1
        self.events += 1
        if self._bridge is not None:
            return self._rejoin(recv_ns) if self._bridge.diff(ids, None, 1) else None
        if ids.previous_id != self.last_id:
            verdict = classify_next(ids, self.last_id, self._sequencing)
            if verdict is Verdict.STALE and not self._restart.is_shown_by(ids, self.events):
                return None
            if verdict is not Verdict.NEXT:
                self._break(ids)
                return None
        gap = self._unbroken(recv_ns, ids) if self._why else None
        self.last_id, self.last_ns = ids.last_id, recv_ns
        return gap

    def snapshot(self, recv_ns: int, last_update_id: int) -> Gap | None:
        """Take a snapshot; return a gap that is over with it."""
        self.snapshots += 1
        bridge = self._bridge
        if bridge is None:
            return None
        # After a gap, the snapshot of the very last event repairs it: no further event has to show that.
        is_met = bridge.snapshot(last_update_id) or (self._has_begun and bridge.last_id == bridge.snapshot_id)
        return self._rejoin(recv_ns) if is_met else None

    def interrupt(self, why: str, lost: int = 0) -> None:
        """Note that the stream was interrupted: the next event shows whether one is missing."""
        if len(self._why) < _REASONS and why not in self._why:
            self._why.append(why)
        self._lost += lost

    def end(self, to_id: int | None, to_ns: int | None, repaired: str) -> Gap | None:
        """Return the gap that is open at the end of the file, if there is one."""
        if not self._has_begun or (self._bridge is None and not self._why):
            return None
        if self._bridge is None:
            self.gaps += 1
        return self._gap(to_id, to_ns, repaired)

    def _break(self, ids: Ids) -> None:
        if not self._why:
            self._why.append(f"expected an event that follows {self.last_id}, was one that follows {ids.previous_id}")
        self.gaps += 1
        self._bridge = Bridge(self._sequencing, _RUN)
        self._bridge.diff(ids, None, 1)

    def _rejoin(self, recv_ns: int) -> Gap | None:
        bridge = self._bridge
        assert bridge is not None, "events that continue a snapshot need no other one"
        gap = self._gap(bridge.snapshot_id, recv_ns, SAME_FILE) if self._has_begun else None
        if not self._has_begun:
            self._has_begun, self.first_id, self.first_ns = True, bridge.first_id, recv_ns
        self._bridge = None
        self._clear_reasons()
        self.last_id, self.last_ns = bridge.last_id, recv_ns
        return gap

    def _unbroken(self, recv_ns: int, ids: Ids) -> Gap:
        gap = self._gap(ids.previous_id, recv_ns, NOTHING_MISSING)
        self._clear_reasons()
        return gap

    def _gap(self, to_id: int | None, to_ns: int | None, repaired: str) -> Gap:
        return Gap(self.last_id, to_id, self.last_ns, to_ns, "; ".join(self._why), repaired, self._lost)

    def _clear_reasons(self) -> None:
        self._why.clear()
        self._lost = 0
