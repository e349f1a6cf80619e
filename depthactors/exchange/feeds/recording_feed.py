"""A recording as a feed: its depth events as they were received, and the book that they make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from depthactors import markets, reporting
from depthactors.errors import DepthActorsError, RecordingError, UsageError
from depthactors.exchange.feeds.book_history import BookHistory
from depthactors.exchange.feeds.depth_event import DepthEvent, Step
from depthactors.exchange.feeds.recorded_lines import RecordedLines, Shift
from depthactors.exchange.feeds.truth import PlainBook
from depthactors.exchange.shapes.depth import Depth, level_texts
from depthactors.exchange.shapes.table import shape_of
from depthactors.markets import Market, Sequencing

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.exchange.shapes.number_format import NumberFormat
    from depthactors.recording.lines import Line

logger = reporting.logger(__name__)
NANOSECONDS: Final = 1e9
_HISTORY: Final = 50_000
"""Number of events, at least, that `book_at` reaches back."""
LOOP_PAUSE_NS: Final = 100_000_000
"""Pause before the event that leads from a recording's end back to its beginning, and after it."""


class RecordingFeed:
    """Sends one symbol's recorded events; it reads the file step by step.

    Until the recorded snapshot's line is passed, REST shows that snapshot; from then on it shows
    the feed's own book: the snapshot and every event sent so far that follows it. After a gap in the recording
    the next recorded snapshot that bridges takes its place by the same rule. Every diff stream
    of the symbol, of any speed, has the events as they were recorded.

    In a loop, one additional event leads from the last book back to the first one, and ids and times increase:
    its clients see no gap.
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
    ) -> None:
        """Read up to the first snapshot that bridges to the events.

        Args:
            path: a recording of one symbol.
            speed: 1.0 for as recorded, 10.0 for ten times faster, `None` for as fast as the clients take the events.
            market: the market or its name; `None` to recognise it by the first event.
            loop: whether to begin again at the end, without end.

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
        self._round_end: int | None = None
        """The id that ended the previous round of a loop, until an event has followed it."""
        self._sent_id = self._sent_ms = 0
        self._steps = 0
        self._failure: DepthActorsError | None = None
        self._lines = RecordedLines(self._path)
        first = self._lines.first_event
        self._symbol = self._lines.symbol
        self._market = markets.guess(first.event) if market is None else markets.lookup(market)
        self._chained = self._market.sequencing is Sequencing.CHAINED
        self._first_ms = int(first.event.get("E", 0))
        self._history = BookHistory(self._symbol, _HISTORY)
        self._base: Depth | None = None
        self._base_line = 0
        self._last_snapshot: Line | None = None
        self._first = self._rebase(self._lines.bridging_snapshot(self._previous_id(first), None))
        self._next = self._lines.read()
        self._start_ns = self._last_ns = first.recv_ns if self._next is None else self._next.recv_ns

    @property
    def symbol(self) -> str:
        """The symbol, upper case, as the events write it."""
        return self._symbol

    @property
    def market(self) -> Market:
        """The market that was given, or recognised by the first event."""
        return self._market

    @property
    def number_format(self) -> NumberFormat:
        """The market's usual number format: a recording does not say what its symbol's own is."""
        return shape_of(self._market).number_format

    def due(self) -> float | None:
        """Return the seconds between the receipt of the first and of the next line."""
        if self._next is not None:
            return (self._next.recv_ns - self._start_ns) / NANOSECONDS
        return (self._last_ns + LOOP_PAUSE_NS - self._start_ns) / NANOSECONDS if self._loop else None

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
            return Step(self._steps, self._lead_back() if self._loop else None)
        self._last_ns = line.recv_ns
        step = Step(self._steps, None)
        if line.is_snapshot:
            self._last_snapshot = line
            if line.number == self._base_line:
                self._base = None
        elif line.is_ticker:
            if tickers and (self._round_end is None or line.event["u"] > self._round_end):
                step = Step(self._steps, None, (orjson.dumps(line.event),))
        elif self._is_new(line):
            step = Step(self._steps, self._follow(line))
        self._next = self._lines.read()
        return step

    def present(self, limit: int) -> Depth:
        """Return the best `limit` levels a side of the feed's own book."""
        return self._history.depth(limit)

    def snapshot(self, limit: int) -> Depth:
        """Return the recorded snapshot until its line has been passed, then the feed's own book."""
        base = self._base
        if self._failure is not None:
            # The feed's book is not the exchange's any more: events are missing.
            raise self._failure
        if base is None:
            return self._history.depth(limit)
        return replace(base, bids=base.bids[:limit], asks=base.asks[:limit])

    def stale(self, limit: int) -> Depth:
        """Return the oldest book that is kept."""
        return self._history.oldest(limit)

    def since(self, number: int) -> list[DepthEvent]:
        """Return the kept events of the steps after number `number`."""
        return self._history.since(number)

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book after the event, or at the snapshot, of that id, or its best levels."""
        return self._history.book_at(update_id, levels)

    def renumber(self) -> None:
        """Do nothing: the update ids are given."""

    def close_session(self, seconds: float) -> None:
        """Do nothing: the events are given."""

    def close(self) -> None:
        """Close the file; `book_at` still works."""
        self._next = None
        self._lines.close()

    def _is_new(self, line: Line) -> bool:
        """Skip events that the book of a new round contains; chain the first one after them to the round before."""
        if self._round_end is None:
            return True
        event, end = line.event, self._round_end
        if event["u"] <= end:
            return False
        event["pu" if self._chained else "U"] = end if self._chained else end + 1
        self._round_end = None
        return True

    def _lead_back(self) -> DepthEvent:
        """Return the event that leads back to the first book, and read from the beginning again."""
        present = self._history.depth(None)
        now = PlainBook(present.bids, present.asks)
        bids, asks = now.changes_to(PlainBook(self._first.bids, self._first.asks))
        previous_id = self._history.last_id
        # Events after a gap that no snapshot bridged were sent, but are not in the book.
        last_id = max(previous_id, self._sent_id) + max(1, len(bids) + len(asks))
        pause_ms = LOOP_PAUSE_NS // 1_000_000
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
        change = DepthEvent(self._steps, previous_id + 1, last_id, previous_id, time_ms * 1_000, orjson.dumps(event))
        self._history.append(change)
        shift = Shift(
            last_id - self._first.last_update_id,
            time_ms + pause_ms - self._first_ms,
            self._last_ns + 2 * LOOP_PAUSE_NS - self._start_ns,
        )
        self._round_end = last_id
        self._last_snapshot = None
        self._lines.rewind(shift)
        self._next = self._lines.read()
        self._sent_id, self._sent_ms = last_id, time_ms
        return change

    def _follow(self, line: Line) -> DepthEvent:
        """Apply an event that follows the book; an event that the book already contains changes nothing."""
        previous_id = self._previous_id(line)
        if previous_id > self._history.last_id:
            self._bridge_gap(line, previous_id)
        event, book_id = line.event, self._history.last_id
        try:
            payload = orjson.dumps(event)
            change = DepthEvent(self._steps, event["U"], event["u"], previous_id, event["E"] * 1_000, payload)
            ends_later = change.last_id > book_id
            # Futures apply the event that ends at the snapshot's own id, too.
            ends_there = change.last_id == book_id and self._chained
            if previous_id <= book_id and (ends_later or ends_there):
                # Broken levels are reported here, not when somebody asks for the book.
                PlainBook(event["b"], event["a"])
                self._history.append(change)
            self._sent_id, self._sent_ms = max(self._sent_id, change.last_id), max(self._sent_ms, event["E"])
        except (LookupError, TypeError, ValueError) as error:
            raise self._broken(line, error) from None
        return change

    def _bridge_gap(self, line: Line, previous_id: int) -> None:
        try:
            snapshot = self._lines.bridging_snapshot(previous_id, self._last_snapshot)
        except RecordingError as error:
            # Events continue as they were recorded, but no book can follow them.
            logger.warning("%s: gap in line %d: %s", self._path, line.number, error.cause)
        else:
            self._rebase(snapshot)

    def _rebase(self, snapshot: Line) -> Depth:
        message = snapshot.message
        try:
            time_us = message.get("E", snapshot.recv_ns // 1_000_000) * 1_000
            matched_us = message["T"] * 1_000 if "T" in message else None
            sides = level_texts(message["bids"]), level_texts(message["asks"])
            base = Depth(message["lastUpdateId"], time_us, *sides, matched_us)
            self._history.rebase(base)
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
