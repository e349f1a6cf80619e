"""The steps of a recording, as every target gets them: snapshots, the events that continue them, trades, gaps.

Theory of operation. The *run* is the latest depth events that follow each other. A snapshot is a new base if its id is
in the run, or ahead of it: the events of the run that it lacks are given once more behind it. So every snapshot of a
recording is used, also one that came while the book was in sequence: its range of prices is fresh. Whether an event
follows is decided by `sync.sequencing`, as for a live book.

The run keeps the events as texts. Decoded, a thousand of them leave no room for anything else in the processor's cache,
and an export takes half as long again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from depthactors.binance import Diff
from depthactors.recording import Line
from depthactors.recording.continuity import NOT_REPAIRED, Gap
from depthactors.recording.parts import INTERRUPTED
from depthactors.sync.sequencing import Verdict, classify_first, classify_next

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depthactors.binance import Levels, Snapshot
    from depthactors.markets import Sequencing

KEPT: Final = 1_000
"""Number of events in the run: a snapshot that is older than all of them is not used."""
_NO_LEVELS: Final[Levels] = []
_NO_MESSAGE: Final[dict[str, Any]] = {}
BEGUN_ANEW: Final = "the update ids began anew"
REPAIRED: Final = "snapshot"


class Base(NamedTuple):
    """A snapshot that the events behind it continue.

    Attributes:
        snapshot: the checked snapshot.
        line: its line of the recording.
        known_ns: time at which a reader of the recording knows it, in nanoseconds since the epoch; never runs back.
        first: line of the first event that continues it, `None` if the recording has none.
        is_resumed: whether it is behind a gap, so that nothing of the book before is still known.
    """

    snapshot: Snapshot
    line: Line
    known_ns: int
    first: Line | None
    is_resumed: bool


class Change(NamedTuple):
    """A depth event that follows.

    Attributes:
        diff: the checked event.
        line: its line of the recording.
        known_ns: time at which a reader knows it: that of its receipt, or of the snapshot that it continues.
        base_id: id of the latest snapshot.
    """

    diff: Diff
    line: Line
    known_ns: int
    base_id: int


class Trade(NamedTuple):
    """A trade.

    Attributes:
        price: its price.
        quantity: its quantity.
        is_sell: whether a sell order met a resting buy order.
        time_ms: time on the exchange's clock, milliseconds since the epoch.
        known_ns: time of its receipt, in nanoseconds since the epoch; never runs back.
    """

    price: float
    quantity: float
    is_sell: bool
    time_ms: int
    known_ns: int


Step: TypeAlias = Base | Change | Trade | Gap


def exchange_ms(message: dict[str, Any]) -> int:
    """Return when the exchange changed its book, milliseconds since the epoch: `T`, or `E`; 0 where it has neither."""
    time: int = message.get("T") or message.get("E", 0)
    return time


class Sequencer:
    """Turns the messages of a recording into steps.

    Attributes:
        left_out: number of events behind a gap that no step has.
    """

    def __init__(self, sequencing: Sequencing, decode: Callable[[Line], tuple[Diff, Line]]) -> None:
        """Begin without a book.

        Args:
            sequencing: the market's sequencing rule.
            decode: decodes the text of a line without a message once more.
        """
        self.left_out = 0
        self._sequencing = sequencing
        self._decode = decode
        self._run: deque[tuple[Diff, Line]] = deque(maxlen=KEPT)
        self._base_id: int | None = None
        self._last_id = 0
        self._last_ns = 0
        self._joined = False
        self._gap: Gap | None = None
        self._now = 0
        # A snapshot, and the trades behind it, until the first event that continues it.
        self._held: list[Base | Trade] = []

    def diff(self, diff: Diff, line: Line) -> Iterator[Step]:
        """Take a depth event; O(1)."""
        self._note_time(line)
        run = self._run
        verdict = classify_next(diff, run[-1][0].last_id, self._sequencing) if run else Verdict.NEXT
        begun_anew = verdict is Verdict.STALE and diff.event_time > run[-1][0].event_time
        if verdict is Verdict.STALE and not begun_anew:
            return
        if verdict is not Verdict.NEXT:
            run.clear()
        # Not by `_replace`, which takes as long as all the rest of this method.
        ids = Diff(diff.first_id, diff.last_id, diff.previous_id, diff.event_time, _NO_LEVELS, _NO_LEVELS)
        run.append((ids, Line(line.number, line.recv_ns, line.text, _NO_MESSAGE, line.path)))
        if self._base_id is None:
            self.left_out += self._gap is not None
            return
        if not self._joined and not begun_anew:
            verdict = classify_first(diff, self._last_id, self._sequencing)
            if verdict is Verdict.STALE:
                return
        if verdict is Verdict.NEXT or verdict is Verdict.BRIDGE:
            if self._held:
                yield from self._release(line)
            yield self._change(diff, line)
        else:
            yield from self._release(None)
            follows = f"expected an event that follows {self._last_id}, was one that follows {diff.previous_id}"
            self._lose(BEGUN_ANEW if begun_anew else follows)
            self.left_out += 1

    def snapshot(self, snapshot: Snapshot, line: Line) -> Iterator[Step]:
        """Take a snapshot; O(run)."""
        self._note_time(line)
        run, last_id = self._run, snapshot.last_update_id
        if run and last_id < run[0][0].previous_id:
            return
        yield from self._release(None)
        if self._gap is not None:
            yield replace(self._gap, to_id=last_id, to_ns=line.recv_ns, repaired=REPAIRED)
            self._gap, resumed = None, True
        else:
            resumed = False
        lacking = [
            self._decode(line)
            for diff, line in run
            if classify_first(diff, last_id, self._sequencing) is not Verdict.STALE
        ]
        self._base_id = self._last_id = last_id
        self._last_ns, self._joined = line.recv_ns, False
        self._held.append(Base(snapshot, line, self._now, None, resumed))
        if lacking:
            self.left_out -= len(lacking) if resumed else 0
            yield from self._release(lacking[0][1])
        for each in lacking:
            yield self._change(*each)

    def trade(self, trade: Trade, line: Line) -> Iterator[Step]:
        """Take a trade; O(1)."""
        self._note_time(line)
        trade = trade._replace(known_ns=self._now)
        if not self._held:
            yield trade
            return
        self._held.append(trade)
        if len(self._held) > KEPT:
            yield from self._release(None)

    def interrupt(self) -> Iterator[Step]:
        """Take that events are missing here; O(1)."""
        self._run.clear()
        if self._base_id is not None:
            yield from self._release(None)
            self._lose(INTERRUPTED)

    def end(self) -> Iterator[Step]:
        """Return the steps that are left at the end of the recording."""
        yield from self._release(None)
        if self._gap is not None:
            yield self._gap

    def _note_time(self, line: Line) -> None:
        # A second file may begin before the first one ends, and a clock may step back.
        self._now = max(self._now, line.recv_ns)

    def _change(self, diff: Diff, line: Line) -> Change:
        assert self._base_id is not None, "an event continues a snapshot"
        self._last_id, self._last_ns, self._joined = diff.last_id, line.recv_ns, True
        return Change(diff, line, self._now, self._base_id)

    def _release(self, first: Line | None) -> Iterator[Step]:
        """Give the snapshot that waits for its first event, and what came since."""
        if self._held:
            held, self._held = self._held, []
            yield from (each._replace(first=first) if isinstance(each, Base) else each for each in held)

    def _lose(self, why: str) -> None:
        self._gap = Gap(self._last_id, None, self._last_ns, None, why, NOT_REPAIRED)
        self._base_id = None
