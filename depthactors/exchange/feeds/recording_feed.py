"""A recording as a feed: its depth events as they were, and the book that they make."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from depthactors import markets, recording, reporting
from depthactors.errors import DepthActorsError, RecordingCutError, RecordingError, UsageError
from depthactors.exchange.feeds.ledger import Depth, Ledger, spelt
from depthactors.exchange.feeds.spelling import SPELLINGS
from depthactors.exchange.feeds.tick import Step, Tick
from depthactors.exchange.feeds.truth import PlainBook
from depthactors.markets import Market, Sequencing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from depthactors.exchange.feeds.spelling import Spelling
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.recording import Line

logger = reporting.logger(__name__)
NANOSECONDS: Final = 1e9
LAP_PAUSE_NS: Final = 100_000_000
"""Before the event that leads from a recording's end back to its beginning, and after it."""


@dataclass(frozen=True, slots=True)
class _Shift:
    """What to add to a lap's ids, to the exchange's times and to the times of receipt."""

    ids: int = 0
    milliseconds: int = 0
    nanoseconds: int = 0

    def apply(self, event: dict[str, Any]) -> None:
        """Add it to an event or a snapshot, in place."""
        for name in ("U", "u", "pu", "lastUpdateId"):
            if name in event:
                event[name] += self.ids
        for name in ("E", "T"):
            if name in event:
                event[name] += self.milliseconds


class RecordingFeed:
    """Plays one symbol's recording, reading the file as it goes.

    Until playback has passed the recorded snapshot, REST shows that snapshot; from then on it shows
    the feed's own book: the snapshot and every event sent so far that follows it. Where the recording
    has a gap, the next recorded snapshot that bridges takes over by the same rule. Every diff stream
    of the symbol, whatever its speed, has the events as they were recorded.

    In a loop one made-up event leads from the last book back to the first one, and ids and times go on:
    for its clients there is no seam.
    """

    is_recording = True
    interval = 0

    def __init__(
        self,
        path: str | Path,
        *,
        speed: float | None = None,
        market: str | Market | None = None,
        loop: bool = False,
        history: int = 50_000,
    ) -> None:
        """Read up to the first snapshot that bridges to the events.

        Args:
            path: a recording of one symbol.
            speed: 1.0 as recorded, 10.0 ten times faster, `None` as fast as the clients take it.
            market: name or row; `None` tells it from the first event.
            loop: begin again at the end, for ever.
            history: events (at least) that `book_at` reaches back.

        Raises:
            RecordingError: unreadable, without a depth event, or without a snapshot that bridges.
            UsageError: a speed that is not above zero.
        """
        if speed is not None and not speed > 0:
            msg = f"expected a speed above zero or None, was {speed!r}"
            raise UsageError(msg)
        self.speed = speed
        self._path = str(path)
        self._loop = loop
        self._shift = _Shift()
        self._seam: int | None = None
        self._sent_id = self._sent_ms = 0
        self._steps = 0
        self._failure: DepthActorsError | None = None
        self._ahead: deque[Line] = deque()
        self._file = self._lines()
        first = self._first_event()
        self._symbol = str(first.event.get("s"))
        self._stream = first.message.get("stream")
        self._market = markets.guess(first.event) if market is None else markets.lookup(market)
        self._chained = self._market.sequencing is Sequencing.CHAINED
        self._first_ms = int(first.event.get("E", 0))
        self._ledger = Ledger(self._symbol, history)
        self._base: Depth | None = None
        self._base_line = 0
        self._last_snapshot: Line | None = None
        self._first = self._rebase(self._bridging_snapshot(self._previous_id(first)))
        self._start_ns = self._last_ns = self._ahead[0].recv_ns
        self._next: Line | None = self._ahead.popleft()

    @property
    def symbol(self) -> str:
        """Upper case, as the events spell it."""
        return self._symbol

    @property
    def market(self) -> Market:
        """Given, or told from the first event."""
        return self._market

    @property
    def spelling(self) -> Spelling:
        """The market's usual one: a recording does not say what its symbol's is."""
        return SPELLINGS[self._market.depth_path]

    def due(self) -> float | None:
        """Seconds between the receipt of the first and of the next line."""
        if self._next is not None:
            return (self._next.recv_ns - self._start_ns) / NANOSECONDS
        return (self._last_ns + LAP_PAUSE_NS - self._start_ns) / NANOSECONDS if self._loop else None

    def step(self, *, tickers: bool) -> Step:
        """Pass the next line: a snapshot is only noted, an event is applied and returned."""
        try:
            return self._step(tickers=tickers)
        except Exception as error:
            self._failure = error if isinstance(error, DepthActorsError) else DepthActorsError(repr(error))
            raise

    def _step(self, *, tickers: bool) -> Step:
        self._steps += 1
        line = self._next
        if line is None:
            return Step(self._steps, self._turn() if self._loop else None)
        self._last_ns = line.recv_ns
        step = Step(self._steps, None)
        if line.is_snapshot:
            self._last_snapshot = line
            if line.number == self._base_line:
                self._base = None
        elif line.is_ticker:
            if tickers and (self._seam is None or line.event["u"] > self._seam):
                step = Step(self._steps, None, (orjson.dumps(line.event),))
        elif self._is_past_seam(line):
            step = Step(self._steps, self._follow(line))
        self._next = self._read()
        return step

    def present(self, limit: int) -> Depth:
        """Return the best `limit` levels a side of the book kept here."""
        return self._ledger.depth(limit)

    def snapshot(self, limit: int) -> Depth:
        """Return the recorded snapshot until its line has been passed, then the book kept here."""
        base = self._base
        if self._failure is not None:
            # Its book is not the exchange's any more: what was to follow is missing.
            raise self._failure
        if base is None:
            return self._ledger.depth(limit)
        return replace(base, bids=base.bids[:limit], asks=base.asks[:limit])

    def stale(self, limit: int) -> Depth:
        """Return the oldest book that is kept."""
        return self._ledger.oldest(limit)

    def since(self, number: int) -> list[Tick]:
        """Return the kept ticks of the steps after the `number`th."""
        return self._ledger.since(number)

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book after the event, or at the snapshot, of that id, or its best levels."""
        return self._ledger.book_at(update_id, levels)

    def renumber(self) -> None:
        """The ids are given."""

    def close_session(self, seconds: float) -> None:
        """What is played goes on."""

    def close(self) -> None:
        """Close the file; the book stays answerable."""
        self._next = None
        self._ahead.clear()
        if isinstance(self._file, Generator):
            self._file.close()

    def _lines(self) -> Iterator[Line]:
        """Read the file from its beginning, with ids and times shifted to this lap; one that is cut ends there."""
        try:
            for line in recording.read(self._path):
                if self._shift.ids:
                    self._shift.apply(line.event)
                yield line._replace(recv_ns=line.recv_ns + self._shift.nanoseconds)
        except RecordingCutError as error:
            if not self._shift.ids:
                logger.warning("%s", error)

    def _is_past_seam(self, line: Line) -> bool:
        """Skip what the book of a new lap already has; chain the first event after it to the lap before."""
        if self._seam is None:
            return True
        event, seam = line.event, self._seam
        if event["u"] <= seam:
            return False
        event["pu" if self._chained else "U"] = seam if self._chained else seam + 1
        self._seam = None
        return True

    def _turn(self) -> Tick:
        """Return the event that leads back to the first book, and read from the beginning again."""
        present = self._ledger.depth(None)
        now = PlainBook(present.bids, present.asks)
        bids, asks = now.changes_to(PlainBook(self._first.bids, self._first.asks))
        previous_id = self._ledger.last_id
        # Events after a gap that nothing bridged were sent, and did not get into the book.
        last_id = max(previous_id, self._sent_id) + max(1, len(bids) + len(asks))
        pause_ms = LAP_PAUSE_NS // 1_000_000
        time_ms = self._sent_ms + pause_ms
        event: dict[str, Any] = {
            "e": "depthUpdate",
            "E": time_ms,
            "s": self._symbol,
            "U": previous_id + 1,
            "u": last_id,
        }
        if self._chained:
            event |= {"T": time_ms, "pu": previous_id}
        event |= {"b": bids, "a": asks}
        tick = Tick(self._steps, previous_id + 1, last_id, previous_id, time_ms * 1_000, orjson.dumps(event))
        self._ledger.append(tick)
        self._shift = _Shift(
            last_id - self._first.last_update_id,
            time_ms + pause_ms - self._first_ms,
            self._last_ns + 2 * LAP_PAUSE_NS - self._start_ns,
        )
        self._seam = last_id
        self._last_snapshot = None
        self._file = self._lines()
        self._next = self._read()
        self._sent_id, self._sent_ms = last_id, time_ms
        return tick

    def _follow(self, line: Line) -> Tick:
        """Apply an event that follows the book; one that the book already has changes nothing."""
        previous_id = self._previous_id(line)
        if previous_id > self._ledger.last_id:
            self._bridge_gap(line, previous_id)
        event, book_id = line.event, self._ledger.last_id
        try:
            payload = orjson.dumps(event)
            tick = Tick(self._steps, event["U"], event["u"], previous_id, event["E"] * 1_000, payload)
            ends_later = tick.last_id > book_id
            # Futures apply the event that ends at the snapshot's own id, too.
            ends_there = tick.last_id == book_id and self._chained
            if previous_id <= book_id and (ends_later or ends_there):
                # Levels that are none should be told here, not when somebody asks for the book.
                PlainBook(event["b"], event["a"])
                self._ledger.append(tick)
            self._sent_id, self._sent_ms = max(self._sent_id, tick.last_id), max(self._sent_ms, event["E"])
        except (LookupError, TypeError, ValueError) as error:
            raise self._broken(line, error) from None
        return tick

    def _bridge_gap(self, line: Line, previous_id: int) -> None:
        try:
            snapshot = self._bridging_snapshot(previous_id)
        except RecordingError as error:
            # As it was when it was recorded: events go on, but no book can follow them.
            logger.warning("%s: gap in line %d: %s", self._path, line.number, error.cause)
        else:
            self._rebase(snapshot)

    def _rebase(self, snapshot: Line) -> Depth:
        message = snapshot.message
        try:
            time_us = message.get("E", snapshot.recv_ns // 1_000_000) * 1_000
            matched_us = message["T"] * 1_000 if "T" in message else None
            sides = spelt(message["bids"]), spelt(message["asks"])
            base = Depth(message["lastUpdateId"], time_us, *sides, matched_us)
            self._ledger.rebase(base)
        except (LookupError, TypeError, ValueError) as error:
            raise self._broken(snapshot, error) from None
        self._base = None if snapshot is self._last_snapshot else base
        self._base_line = snapshot.number
        return base

    def _previous_id(self, line: Line) -> int:
        event: dict[str, Any] = line.event
        try:
            return int(event["pu"] if self._chained else event["U"] - 1)
        except (LookupError, TypeError, ValueError) as error:
            raise self._broken(line, error) from None

    def _broken(self, line: Line, error: Exception) -> RecordingError:
        cause = f"expected a depth event or snapshot of {self._market.name}, was {line.text[:80]!r} ({error!r})"
        return RecordingError(self._path, line.number, cause)

    def _first_event(self) -> Line:
        """Read ahead to the first depth event, whose symbol and stream are those of the whole feed."""
        for line in self._file:
            if line.is_snapshot:
                self._ahead.append(line)
            elif line.is_diff:
                self._ahead.append(line)
                return line
        cause = "expected a depth event, was none in the file"
        raise RecordingError(self._path, 0, cause)

    def _bridging_snapshot(self, previous_id: int) -> Line:
        """Find the first snapshot, of the last one passed and those ahead, that is no older than `previous_id`."""
        for line in self._snapshots_in_reach():
            if line.message["lastUpdateId"] >= previous_id:
                return line
        cause = f"expected a REST depth reply with lastUpdateId >= {previous_id}, was none from there to the end"
        raise RecordingError(self._path, 0, cause)

    def _snapshots_in_reach(self) -> Iterator[Line]:
        """Yield snapshots, reading ahead as far as they are asked for."""
        if self._last_snapshot is not None:
            yield self._last_snapshot
        yield from [line for line in self._ahead if line.is_snapshot]
        for line in self._file:
            if self._belongs(line):
                self._ahead.append(line)
                if line.is_snapshot:
                    yield line

    def _read(self) -> Line | None:
        if self._ahead:
            return self._ahead.popleft()
        return next((line for line in self._file if self._belongs(line)), None)

    def _belongs(self, line: Line) -> bool:
        """Return whether a line is a snapshot or an event of the feed's stream, among whatever else was recorded."""
        if line.is_snapshot or line.is_ticker:
            return True
        if not line.is_diff or line.message.get("stream") != self._stream:
            return False
        if line.event.get("s") != self._symbol:
            cause = f"expected events of {self._symbol} only, was one of {line.event.get('s')!r}"
            raise RecordingError(self._path, line.number, cause)
        return True
