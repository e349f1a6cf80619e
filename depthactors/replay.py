"""Run a recording through the pure core: no thread, no clock, the same result every time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from depthactors import binance, markets, recording
from depthactors.book import OrderBook, top_digest
from depthactors.book.numerals import exact, plain
from depthactors.errors import MalformedFrameError, RecordingCutError, RecordingError
from depthactors.sync import Synchronizer

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.binance import Diff, Snapshot
    from depthactors.book.side import BookSide
    from depthactors.markets import Market

_EPOCH = 1
_NS = 1e-9

Touch = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Replay:
    """What a recording came to.

    Attributes:
        symbol, market: whose book it is.
        frames: websocket frames in the file, of every kind.
        events: depth events among them.
        applied: events that the book took over; the others were older than the snapshot.
        gaps: events that did not follow the one before.
        resyncs: gaps that a later snapshot of the file repaired.
        snapshots: REST depth replies in the file.
        last_update_id: the id that the book ended at, 0 if it never began.
        bids, asks: levels known at the end, heard of at any time.
        best_bid, best_ask: plain decimals, or `None` on an empty side.
        trusted_bids, trusted_asks: how many of the best levels the snapshot's range vouches for.
        crossed: events after which the best bid was above the best ask.
        ticker_checks: applied events for whose `u` the file has a bookTicker.
        ticker_matches: those whose best price and quantity on both sides equal the book's.
        top_digest: `book.digest.top_digest` of the best 20 levels a side, `None` without a book.
        repaired: the book was in sequence when the file ended.
        cut: the file ends in the middle, as one whose recorder was killed; all whole lines were taken.
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
        # A crossing is counted, not repaired: a replay shows what the file holds.
        self.crossed = False


class _Tally:
    """The oracle of a file and how the book did against it."""

    def __init__(self) -> None:
        self.symbol = ""
        self.tickers: dict[int, tuple[Touch, Touch]] = {}
        self.checks = self.matches = self.crossed = 0

    def compare(self, book: OrderBook) -> None:
        self.crossed += book.crossed
        touches = self.tickers.get(book.last_update_id)
        if touches is not None:
            self.checks += 1
            self.matches += touches == (_touch(book.bids), _touch(book.asks))


def replay(path: str | Path, market: str | Market | None = None) -> Replay:
    """Replay one recording of one symbol; O(file), the file is read once and kept in memory.

    Args:
        path: a gzip recording, see `recording`.
        market: whose rules hold; told from the depth events when left out.

    Raises:
        RecordingError: unreadable, but for a cut end; without a depth event, of several symbols, or with a depth event
            or snapshot that is malformed; names the line.
    """
    lines, cut = _whole_lines(path)
    first = next((line for line in lines if line.is_diff), None)
    if first is None:
        raise RecordingError(str(path), len(lines), "expected a depth event in the file, was none")
    row = markets.guess(first.event) if market is None else markets.lookup(market)
    tally = _Tally()
    tally.symbol = str(first.event.get("s"))
    for line in lines:
        if line.is_ticker:
            _note_ticker(tally, line, path)
    machine = Synchronizer(row.sequencing, lambda snapshot, _now: _Watched(tally, snapshot), buffer_limit=len(lines))
    machine.stream_up(_EPOCH)
    events = snapshots = 0
    for line in lines:
        try:
            if line.is_snapshot:
                snapshots += 1
                limit = row.implied_limit(max(len(line.message["bids"]), len(line.message["asks"])))
                snapshot = binance.parse_snapshot(line.message, limit, tally.symbol)
                machine.snapshot(_EPOCH, snapshot, line.recv_ns * _NS)
            elif line.is_diff:
                events += 1
                diff = binance.parse_diff(line.event, row.sequencing, tally.symbol)
                machine.diff(_EPOCH, diff, line.recv_ns * _NS)
        except (MalformedFrameError, KeyError, TypeError) as error:
            raise RecordingError(str(path), line.number, str(error)) from None
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
    """Return the whole lines of a recording, and whether it is cut behind them."""
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
