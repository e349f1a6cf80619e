"""The recording that is exported: one file, a folder, or several files of the same symbol, as one row of steps."""

from __future__ import annotations

import zlib
from dataclasses import replace
from itertools import chain
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from depthactors import binance
from depthactors.binance.envelope import SHORT
from depthactors.errors import MalformedFrameError, RecordingError
from depthactors.export.result import Exported
from depthactors.export.steps import Base, Change, Sequencer, Trade
from depthactors.recording.continuity import Gap
from depthactors.recording.parts import Parts
from depthactors.recording.proof import NotedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.binance import Diff
    from depthactors.export.result import Progress
    from depthactors.export.steps import Step
    from depthactors.markets import Market
    from depthactors.recording import Line
    from depthactors.recording.parts import Source

_REPORT_EVERY: Final = 500
"""Lines between two reports of the progress."""
_LARGEST: Final = (1 << 63) - 1
_LATEST: Final = _LARGEST // 1_000_000
"""Milliseconds since the epoch, in the year 2262."""
_STAMP: Final = 21
"""Bytes of a line beside its JSON."""
_SAMPLE: Final = 1 << 16
_GZIP: Final = 16 + zlib.MAX_WBITS


class StepReader:
    """Reads a recording, once.

    Attributes:
        files: its files with depth events, in order.
        market: its market.
        symbol: its symbol.
        events: number of events that were given.
        snapshots: number of snapshots that were given.
        gaps: the gaps that were given.
    """

    def __init__(
        self, source: Source, market: str | Market | None, progress: Progress | None, symbol: str | None = None
    ) -> None:
        """Look at the beginning of each file, and digest it; O(files).

        Raises:
            UsageError: no file is named, or the market is unknown.
            RecordingError: a file is unreadable or not what its notes say, none has a depth event, or they are of
                several symbols or markets.
        """
        self._parts = Parts(source, market, symbol)
        self.files = [NotedFile(path) for path in self._parts.files]
        self.market, self.symbol = self._parts.market, self._parts.symbol
        self.events = self.snapshots = 0
        self.gaps: list[Gap] = []
        self._progress = progress
        self._sequencer = Sequencer(self.market.sequencing, self._decode)
        self._texts = False

    def exported(self, out: str | Path, rows: int) -> Exported:
        """Return what was exported."""
        doubts = [file.doubt for file in self.files if file.doubt is not None]
        empty = [f"{path}: it has no depth event" for path in self._parts.empty]
        return Exported(
            path=Path(out),
            symbol=self.symbol,
            market=self.market.name,
            events=self.events,
            rows=rows,
            snapshots=self.snapshots,
            gaps=tuple(self.gaps),
            left_out=self._sequencer.left_out,
            cut=bool(self._parts.cuts),
            warnings=(*map(str, self._parts.cuts), *doubts, *empty),
        )

    def steps(self, *, trades: bool = False, texts: bool = False) -> Iterator[Step]:
        """Read all files; O(file), in bounded memory.

        Args:
            trades: whether to give trades, too.
            texts: whether the lines' prices and quantities are used, which are checked then: digits and a point alone.

        Raises:
            RecordingError: unreadable, malformed, or without a snapshot that its events continue.
        """
        self._texts = texts
        for step in self._steps(trades):
            if type(step) is Change:
                self.events += 1
                yield step
            elif type(step) is Gap:
                self.gaps.append(self._in_words(step))
                yield self.gaps[-1]
            else:
                self.snapshots += type(step) is Base
                yield step
        if not self.snapshots:
            raise RecordingError(
                str(self.files[0].path), 0, "expected a snapshot that the depth events continue, was none"
            )

    def _in_words(self, gap: Gap) -> Gap:
        """Return a gap with the words of the recorder's notes, if they tell of it."""
        rows = (row for file in self.files for row in file.gaps if row.get("from_id") == gap.from_id)
        row = next(rows, None)
        return gap if row is None else replace(gap, why=str(row.get("why")), lost=int(row.get("lost", 0)))

    def _steps(self, trades: bool) -> Iterator[Step]:
        sequencer, symbol, market = self._sequencer, self.symbol, self.market
        for line in self._lines():
            if line is None:
                yield from sequencer.interrupt()
                continue
            try:
                if line.is_diff:
                    diff, event = binance.read_diff(line.text, market.sequencing, symbol), line.event
                    _check_sizes(line, event, diff.last_id)
                    if self._texts:
                        _check_texts(event, "b", "a")
                    yield from sequencer.diff(diff, line)
                elif line.is_snapshot:
                    limit = market.implied_limit(max(len(line.message["bids"]), len(line.message["asks"])))
                    snapshot = binance.parse_snapshot(line.message, limit, symbol)
                    _check_sizes(line, line.message, snapshot.last_update_id)
                    if self._texts:
                        _check_texts(line.message, "bids", "asks")
                    yield from sequencer.snapshot(snapshot, line)
                elif trades and line.event.get("e") == "trade":
                    trade = _read_trade(line.event, symbol)
                    if trade is not None:
                        yield from sequencer.trade(trade, line)
            except (MalformedFrameError, KeyError, TypeError) as error:
                raise RecordingError(line.path, line.number, str(error)) from None
        yield from sequencer.end()

    def _decode(self, line: Line) -> tuple[Diff, Line]:
        """Decode an event that was checked before."""
        line = line._replace(message=binance.decode(line.text))
        if self._texts:
            _check_texts(line.event, "b", "a")
        return binance.read_diff(line.text, self.market.sequencing, self.symbol), line

    def _lines(self) -> Iterator[Line | None]:
        if self._progress is None:
            yield from self._parts
            return
        sizes = {str(file.path): file.bytes for file in self.files}
        total, done, read, path, expected = max(1, sum(sizes.values())), 0, 0, "", 1.0
        for number, line in enumerate(self._parts):
            if line is not None:
                if line.path != path:
                    done += sizes.get(path, 0)
                    path, read = line.path, 0
                    expected = max(1.0, sizes[path] * _ratio(Path(path)))
                read += len(line.text) + _STAMP
                if number % _REPORT_EVERY == 0:
                    self._progress((done + sizes[path] * min(1.0, read / expected)) / total, self.events)
            yield line
        self._progress(1.0, self.events)


def _read_trade(event: dict[str, Any], symbol: str) -> Trade | None:
    """Check a trade; futures send `X`, and what is not `MARKET` did not happen in the book."""
    try:
        price, quantity, time, is_sell = float(event["p"]), float(event["q"]), event["T"], event["m"]
        is_sound = type(time) is int and 0 < time < _LATEST and type(is_sell) is bool
        if is_sound and event["s"] == symbol and 0 < price < inf and 0 < quantity < inf:
            return Trade(price, quantity, is_sell, time, 0) if event.get("X", "MARKET") == "MARKET" else None
    except (KeyError, TypeError, ValueError):
        pass
    msg = f"expected a trade of {symbol}"
    raise MalformedFrameError(msg, SHORT.repr(event))


def _check_sizes(line: Line, message: dict[str, Any], last_id: int) -> None:
    """Check that no id or time is too large for a column of 8 bytes; times are nanoseconds there."""
    event, transaction = message.get("E", 0), message.get("T", 0)
    if last_id > _LARGEST or line.recv_ns > _LARGEST or not 0 <= event < _LATEST:
        msg = "expected ids and times of at most 63 bits"
        raise MalformedFrameError(msg, line.text)
    if type(transaction) is not int or not 0 <= transaction < _LATEST:
        msg = f"expected milliseconds since the epoch in 'T', was {SHORT.repr(transaction)}"
        raise MalformedFrameError(msg, line.text)


def _check_texts(message: dict[str, Any], *sides: str) -> None:
    """Check that prices and quantities, which are sound numbers, are spelt with digits and a point alone."""
    for side in sides:
        levels = message[side]
        if sum(map(len, levels)) != 2 * len(levels):
            # Captures of 2017 have a third, empty element.
            levels = message[side] = [level[:2] for level in levels]
        joined = "".join(chain.from_iterable(levels))
        if joined and not (joined.isascii() and joined.replace(".", "").isdecimal()):
            msg = "expected plain decimal numbers in the levels"
            raise MalformedFrameError(msg, joined)


def _ratio(path: Path) -> float:
    """Estimate by how much a file grows when it is unpacked, from its beginning."""
    with path.open("rb") as file:
        packed = file.read(_SAMPLE)
    member, unpacked = zlib.decompressobj(_GZIP), 0
    rest = packed
    try:
        while rest:
            unpacked += len(member.decompress(rest))
            rest = member.unused_data
            if member.eof:
                member = zlib.decompressobj(_GZIP)
    except zlib.error:
        pass  # It is read as far as it goes.
    return unpacked / max(1, len(packed))
