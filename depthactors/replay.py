"""Replay of a recording through the pure core: no thread, no clock, the same result every time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from depthactors.book import OrderBook
from depthactors.book.digest import top_digest
from depthactors.book.numerals import plain
from depthactors.recording.parts import Parts
from depthactors.recording.proof import NotedFile
from depthactors.recording.step import Stepper
from depthactors.recording.ticker_checks import TickerChecks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal
    from pathlib import Path

    from depthactors.binance import Diff, Snapshot
    from depthactors.markets import Market
    from depthactors.recording import Line
    from depthactors.recording.parts import Source


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of a replay.

    Attributes:
        symbol: the book's symbol.
        market: name of the book's market.
        frames: number of websocket frames in the files, of every kind.
        events: number of depth events among them.
        applied: number of events that changed the book; the others were older than the snapshot.
        gaps: number of events that did not follow the one before, and of files that did not.
        resyncs: number of gaps that a later snapshot repaired.
        snapshots: number of REST depth replies in the files.
        last_update_id: the book's last update id, 0 without a book.
        bids: number of bids at the end, in the snapshot's range or not.
        asks: number of asks at the end, in the snapshot's range or not.
        best_bid: price as a plain decimal, `None` if there are no bids.
        best_ask: price as a plain decimal, `None` if there are no asks.
        trusted_bids: number of the best bids within the snapshot's range.
        trusted_asks: number of the best asks within the snapshot's range.
        crossed: number of events after which the best bid was above the best ask.
        ticker_checks: number of applied events for whose `u` there is a bookTicker.
        ticker_matches: number of those for which both best prices and quantities equal the book's.
        top_digest: `book.digest.top_digest` of the best 20 levels a side, `None` without a book.
        repaired: whether the book was in sequence at the end.
        cut: whether a file ends within a line, as after a kill of its recorder; all whole lines were used.
        files: number of files.
        warnings: what is wrong with the files and no error, in words, each with the file: where it is cut, that lines
            at its end are lost, that its notes have no proof, that it has no depth event.
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
    files: int
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, for JSON."""
        return asdict(self) | {"warnings": list(self.warnings)}


class _Watched(OrderBook):
    """A book that is compared with the exchange's own best prices after each event."""

    __slots__ = ("_watch",)

    def __init__(self, watch: _Watch, snapshot: Snapshot) -> None:
        super().__init__(watch.symbol, snapshot, keep_unvouched=True)
        self._watch = watch

    def apply(self, diff: Diff, recv_time: float = 0.0) -> None:
        super().apply(diff, recv_time)
        self._watch.crossed += self.crossed
        self._watch.tickers.book(self)
        # A crossing is counted, not repaired: a replay shows the content of the file.
        self.crossed = False


class _Watch:
    """What is counted of all books of a recording."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.tickers = TickerChecks()
        self.crossed = 0


def replay(path: Source, market: str | Market | None = None, *, symbol: str | None = None) -> Replay:
    """Replay a recording of one symbol; O(file), in bounded memory.

    A file with notes is compared with its proof while it is read.

    Args:
        path: path of a recording, see `recording`: a file, a folder, or several files.
        market: market of the recording; by default the one in its notes, or else recognised from the depth events.
        symbol: symbol whose files are read, in a folder with others.

    Raises:
        UsageError: no file.
        RecordingError: unreadable, but for a cut end; not what its proof says; without a depth event, of several
            symbols or markets, or with a malformed depth event or snapshot; the message names the file and the line.
    """
    parts = Parts(path, market, symbol)
    watch = _Watch(parts.symbol)
    stepper = Stepper(parts.market, parts.symbol, lambda snapshot, _now: _Watched(watch, snapshot))
    noted: list[NotedFile] = []

    def read(file: Path) -> Iterator[Line]:
        noted.append(NotedFile(file))
        return noted[-1].lines()

    lines = events = snapshots = 0
    for line in parts.lines(read):
        stepper.step(line)
        if line is not None:
            lines += 1
            events += line.is_diff
            snapshots += line.is_snapshot
            if line.is_ticker:
                watch.tickers.ticker(line)
    book, counters = stepper.machine.book, stepper.machine.counters
    doubts = [file.doubt for file in noted if file.doubt is not None]
    return Replay(
        symbol=parts.symbol,
        market=parts.market.name,
        frames=lines - snapshots,
        events=events,
        applied=counters.applied,
        gaps=counters.gaps + stepper.interruptions,
        resyncs=counters.resyncs,
        snapshots=snapshots,
        last_update_id=book.last_update_id if book else 0,
        bids=len(book.bids) if book else 0,
        asks=len(book.asks) if book else 0,
        best_bid=_spell(book.best_bid if book else None),
        best_ask=_spell(book.best_ask if book else None),
        trusted_bids=book.trusted_bids if book else 0,
        trusted_asks=book.trusted_asks if book else 0,
        crossed=watch.crossed,
        ticker_checks=watch.tickers.checks,
        ticker_matches=watch.tickers.matches,
        top_digest=top_digest(book) if book else None,
        repaired=not stepper.machine.waits_for_snapshot,
        cut=bool(parts.cuts),
        files=len(parts.files),
        warnings=(*map(str, parts.cuts), *doubts, *(f"{each}: it has no depth event" for each in parts.empty)),
    )


def _spell(price: Decimal | None) -> str | None:
    return None if price is None else plain(price)
