"""A recording as a feed: its depth events as they were, and the book that they make."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator
from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import orjson

from depthactors import markets, recording
from depthactors.errors import RecordingError, UsageError
from depthactors.exchange.ledger import Depth, Ledger, spelt
from depthactors.markets import Market, Sequencing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from depthactors.exchange.truth import BookTruth
    from depthactors.recording import Line

logger = logging.getLogger(__name__)
NANOSECONDS: Final = 1e9


class RecordingFeed:
    """Plays one symbol's recording, reading the file as it goes.

    Until playback has passed the recorded snapshot, REST shows that snapshot; from then on it shows
    the feed's own book: the snapshot and every event sent so far that follows it. Where the recording
    has a gap, the next recorded snapshot that bridges takes over by the same rule.
    """

    is_recording = True

    def __init__(
        self,
        path: str | Path,
        *,
        speed: float | None = None,
        market: str | Market | None = None,
        history: int = 50_000,
    ) -> None:
        """Read up to the first snapshot that bridges to the events.

        Args:
            path: a recording of one symbol.
            speed: 1.0 as recorded, 10.0 ten times faster, `None` as fast as the clients take it.
            market: name or row; `None` tells it from the first event.
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
        self._file = recording.read(path)
        self._ahead: deque[Line] = deque()
        first = self._first_event()
        self._symbol = str(first.event.get("s"))
        self._stream = first.message.get("stream")
        self._market = markets.guess(first.event) if market is None else markets.lookup(market)
        self._chained = self._market.sequencing is Sequencing.CHAINED
        self._ledger = Ledger(self._symbol, history)
        self._base: Depth | None = None
        self._base_line = 0
        self._last_snapshot: Line | None = None
        self._rebase(self._bridging_snapshot(self._previous_id(first)))
        self._start_ns = self._ahead[0].recv_ns
        self._next: Line | None = self._ahead.popleft()

    @property
    def symbol(self) -> str:
        """Upper case, as the events spell it."""
        return self._symbol

    @property
    def market(self) -> Market:
        """Given, or told from the first event."""
        return self._market

    def due(self) -> float | None:
        """Seconds between the receipt of the first and of the next line."""
        return None if self._next is None else (self._next.recv_ns - self._start_ns) / NANOSECONDS

    def step(self) -> bytes | None:
        """Pass the next line: a snapshot is only noted, an event is applied and returned."""
        line = self._next
        if line is None:
            return None
        payload = None
        if line.is_snapshot:
            self._last_snapshot = line
            if line.number == self._base_line:
                self._base = None
        else:
            payload = orjson.dumps(line.event)
            self._follow(line, payload)
        self._next = self._read()
        return payload

    def depth(self, limit: int) -> Depth:
        """Return the recorded snapshot until its line has been passed, then the book kept here."""
        base = self._base
        if base is None:
            return self._ledger.depth(limit)
        return Depth(base.last_update_id, base.event_time, base.transaction_time, base.bids[:limit], base.asks[:limit])

    def book_at(self, update_id: int) -> BookTruth:
        """Return the exact book after the event, or at the snapshot, of that id."""
        return self._ledger.book_at(update_id)

    def close(self) -> None:
        """Close the file; the book stays answerable."""
        self._next = None
        self._ahead.clear()
        if isinstance(self._file, Generator):
            self._file.close()

    def _follow(self, line: Line, payload: bytes) -> None:
        """Apply an event that follows the book; one that the book already has changes nothing."""
        previous_id = self._previous_id(line)
        if previous_id > self._ledger.last_id:
            self._bridge_gap(line, previous_id)
        event, book_id = line.event, self._ledger.last_id
        try:
            ends_later = event["u"] > book_id
            # Futures apply the event that ends at the snapshot's own id, too.
            ends_there = event["u"] == book_id and self._chained
            if previous_id <= book_id and (ends_later or ends_there):
                self._ledger.apply(event, payload)
        except (LookupError, TypeError, ValueError, InvalidOperation) as error:
            raise self._broken(line, error) from None

    def _bridge_gap(self, line: Line, previous_id: int) -> None:
        try:
            snapshot = self._bridging_snapshot(previous_id)
        except RecordingError as error:
            # As it was when it was recorded: events go on, but no book can follow them.
            logger.warning("%s: gap in line %d: %s", self._path, line.number, error.cause)
        else:
            self._rebase(snapshot)

    def _rebase(self, snapshot: Line) -> None:
        message = snapshot.message
        received_ms = snapshot.recv_ns // 1_000_000
        try:
            base = Depth(
                message["lastUpdateId"],
                message.get("E", received_ms),
                message.get("T", received_ms),
                spelt(message["bids"]),
                spelt(message["asks"]),
            )
            self._ledger.rebase(base)
        except (LookupError, TypeError, ValueError, InvalidOperation) as error:
            raise self._broken(snapshot, error) from None
        self._base = None if snapshot is self._last_snapshot else base
        self._base_line = snapshot.number

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
        """Tell snapshots and events of the feed's stream from whatever else was recorded."""
        if line.is_snapshot:
            return True
        if not line.is_diff or line.message.get("stream") != self._stream:
            return False
        if line.event.get("s") != self._symbol:
            cause = f"expected events of {self._symbol} only, was one of {line.event.get('s')!r}"
            raise RecordingError(self._path, line.number, cause)
        return True
