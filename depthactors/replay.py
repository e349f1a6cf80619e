"""Replay of a recording through the pure core: no thread, no clock, the same result every time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from depthactors import markets, recording
from depthactors.book import OrderBook, top_digest
from depthactors.book.numerals import exact, plain
from depthactors.errors import RecordingCutError, RecordingError
from depthactors.recording.step import EPOCH, step
from depthactors.sync import Synchronizer

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.binance import Diff, Snapshot
    from depthactors.book.side import BookSide
    from depthactors.markets import Market

Touch = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of a replay.

    Attributes:
        symbol: the book's symbol.
        market: name of the book's market.
        frames: number of websocket frames in the file, of every kind.
        events: number of depth events among them.
        applied: number of events that changed the book; the others were older than the snapshot.
        gaps: number of events that did not follow the one before.
        resyncs: number of gaps that a later snapshot of the file repaired.
        snapshots: number of REST depth replies in the file.
        last_update_id: the book's last update id, 0 without a book.
        bids: number of bids at the end, in the snapshot's range or not.
        asks: number of asks at the end, in the snapshot's range or not.
        best_bid: price as a plain decimal, `None` if there are no bids.
        best_ask: price as a plain decimal, `None` if there are no asks.
        trusted_bids: number of the best bids within the snapshot's range.
        trusted_asks: number of the best asks within the snapshot's range.
        crossed: number of events after which the best bid was above the best ask.
        ticker_checks: number of applied events for whose `u` the file has a bookTicker.
        ticker_matches: number of those for which both best prices and quantities equal the book's.
        top_digest: `book.digest.top_digest` of the best 20 levels a side, `None` without a book.
        repaired: whether the book was in sequence at the end of the file.
        cut: whether the file ends within a line, as after a kill of its recorder; all whole lines were used.
    """

    symbol: str
    market: str
    frames: int
    events: int
    applied: int
    gaps: int
    resyncs: int
    snapshots: int
    last_update_id: int
    bids: int
    asks: int
    best_bid: str | None
    best_ask: str | None
    trusted_bids: int
    trusted_asks: int
    crossed: int
    ticker_checks: int
    ticker_matches: int
    top_digest: str | None
    repaired: bool
    cut: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, for JSON."""
        return asdict(self)


class _Watched(OrderBook):
    """A book that compares itself with the exchange's own best prices after each event."""

    __slots__ = ("_tally",)

    def __init__(self, tally: _Tally, snapshot: Snapshot) -> None:
        super().__init__(tally.symbol, snapshot, keep_unvouched=True)
        self._tally = tally

    def apply(self, diff: Diff, recv_time: float = 0.0) -> None:
        super().apply(diff, recv_time)
        self._tally.compare(self)
        # A crossing is counted, not repaired: a replay shows the content of the file.
        self.crossed = False


class _Tally:
    """The bookTickers of a file, and the comparisons of the book with them."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.tickers: dict[int, tuple[Touch, Touch]] = {}
        self.checks = self.matches = self.crossed = 0

    def compare(self, book: OrderBook) -> None:
        self.crossed += book.crossed
        touches = self.tickers.get(book.last_update_id)
        if touches is not None:
            self.checks += 1
            self.matches += touches == (_touch(book.bids), _touch(book.asks))


def replay(path: str | Path, market: str | Market | None = None) -> Replay:
    """Replay a recording of one symbol; O(file), the file is read once and kept in memory.

    Args:
        path: path of a recording, see `recording`.
        market: market of the recording; by default it is recognised from the depth events.

    Raises:
        RecordingError: unreadable, but for a cut end; without a depth event, of several symbols, or with a depth event
            or snapshot that is malformed; the message names the line.
    """
    lines, cut = _whole_lines(path)
    first = next((line for line in lines if line.is_diff), None)
    if first is None:
        raise RecordingError(str(path), len(lines), "expected a depth event in the file, was none")
    row = markets.guess(first.event) if market is None else markets.lookup(market)
    tally = _Tally(str(first.event.get("s")))
    for line in lines:
        if line.is_ticker:
            _note_ticker(tally, line, path)
    machine = Synchronizer(row.sequencing, lambda snapshot, _now: _Watched(tally, snapshot), buffer_limit=len(lines))
    machine.stream_up(EPOCH)
    for line in lines:
        step(machine, line, row, tally.symbol, path)
    events, snapshots = sum(line.is_diff for line in lines), sum(line.is_snapshot for line in lines)
    book, counters = machine.book, machine.counters
    return Replay(
        symbol=tally.symbol,
        market=row.name,
        frames=len(lines) - snapshots,
        events=events,
        applied=counters.applied,
        gaps=counters.gaps,
        resyncs=counters.resyncs,
        snapshots=snapshots,
        last_update_id=book.last_update_id if book else 0,
        bids=len(book.bids) if book else 0,
        asks=len(book.asks) if book else 0,
        best_bid=_spell(book.best_bid if book else None),
        best_ask=_spell(book.best_ask if book else None),
        trusted_bids=book.trusted_bids if book else 0,
        trusted_asks=book.trusted_asks if book else 0,
        crossed=tally.crossed,
        ticker_checks=tally.checks,
        ticker_matches=tally.matches,
        top_digest=top_digest(book) if book else None,
        repaired=machine.wanted() is None,
        cut=cut,
    )


def _whole_lines(path: str | Path) -> tuple[list[recording.Line], bool]:
    """Return the whole lines of a recording, and whether it is cut after them."""
    lines: list[recording.Line] = []
    try:
        lines.extend(recording.read(path))
    except RecordingCutError:
        return lines, True
    return lines, False


def _note_ticker(tally: _Tally, line: recording.Line, path: str | Path) -> None:
    event = line.event
    try:
        bid, ask = ((Decimal(event[price]), Decimal(event[quantity])) for price, quantity in (("b", "B"), ("a", "A")))
        tally.tickers[event["u"]] = (bid, ask)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise RecordingError(str(path), line.number, f"expected a bookTicker event ({error!r})") from None


def _touch(side: BookSide) -> Touch | None:
    key = side.best()
    return None if key is None else (exact(abs(key)), exact(side.quantities[key]))


def _spell(price: Decimal | None) -> str | None:
    return None if price is None else plain(price)
