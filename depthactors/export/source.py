"""The recording that is exported: one file, or several of the same symbol, as one row of steps."""

from __future__ import annotations

import os
import zlib
from itertools import chain
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors import binance, markets, recording
from depthactors.binance.envelope import SHORT
from depthactors.errors import MalformedFrameError, RecordingCutError, RecordingError, UsageError
from depthactors.export.result import Exported
from depthactors.export.steps import Base, Change, Gap, Sequencer, Trade

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from depthactors.export.result import Progress
    from depthactors.export.steps import Step
    from depthactors.markets import Market
    from depthactors.recording import Line

Files: TypeAlias = "str | Path | Iterable[str | Path]"
"""Path of a recording, or paths of several ones of the same symbol."""

_REPORT_EVERY: Final = 500
"""Lines between two reports of the progress."""
_LARGEST: Final = (1 << 63) - 1
_LATEST: Final = _LARGEST // 1_000_000
"""Milliseconds since the epoch, in the year 2262."""
_SAMPLE: Final = 1 << 16
_GZIP: Final = 16 + zlib.MAX_WBITS


class Source:
    """The recording.

    Attributes:
        files: its files, in the order of their first lines.
        market: its market.
        symbol: its symbol.
        cuts: the files so far that end within a line.
        events: number of events that were given.
        snapshots: number of snapshots that were given.
        gaps: the gaps that were given.
    """

    def __init__(self, files: Files, market: str | Market | None, progress: Progress | None) -> None:
        """Look at the beginning of each file.

        Raises:
            UsageError: no file is named, one is named twice, or the market is unknown.
            RecordingError: a file is unreadable, or none has a depth event.
        """
        paths = [files] if isinstance(files, str | os.PathLike) else list(files)
        self.files = _in_order([Path(each) for each in paths])
        event = next(filter(None, map(_first_event, self.files)), None)
        if event is None:
            raise RecordingError(str(self.files[0]), 0, "expected a depth event, was none")
        self.market = markets.guess(event) if market is None else markets.lookup(market)
        self.symbol = str(event.get("s"))
        self.cuts: list[RecordingCutError] = []
        self.events = self.snapshots = 0
        self.gaps: list[Gap] = []
        self._progress = progress
        self._sequencer = Sequencer(self.market.sequencing)

    @property
    def left_out(self) -> int:
        """Number of events behind gaps that were not given."""
        return self._sequencer.left_out

    def exported(self, out: str | Path, rows: int) -> Exported:
        """Return what was exported."""
        return Exported(
            path=Path(out),
            symbol=self.symbol,
            market=self.market.name,
            events=self.events,
            rows=rows,
            snapshots=self.snapshots,
            gaps=tuple(self.gaps),
            left_out=self.left_out,
            cuts=tuple(self.cuts),
        )

    def steps(self, *, trades: bool = False, texts: bool = False) -> Iterator[Step]:
        """Read all files, once; O(file), in bounded memory.

        Args:
            trades: whether to give trades, too.
            texts: whether the lines' prices and quantities are used, which are checked then: digits and a point alone.

        Raises:
            RecordingError: unreadable, malformed, of another symbol, or without a snapshot that its events continue.
        """
        for step in self._steps(trades, texts):
            if type(step) is Change:
                self.events += 1
            elif type(step) is Base:
                self.snapshots += 1
            elif type(step) is Gap:
                self.gaps.append(step)
            yield step
        if not self.snapshots:
            raise RecordingError(str(self.files[0]), 0, "expected a snapshot that the depth events continue, was none")

    def _steps(self, trades: bool, texts: bool) -> Iterator[Step]:
        sequencer, symbol, market = self._sequencer, self.symbol, self.market
        path = self.files[0]
        line: Line | None = None
        try:
            for path, line in self._lines():  # noqa: B007 - named in the error
                if line.is_diff:
                    diff = binance.read_diff(line.text, market.sequencing, symbol)
                    _check_sizes(line, line.event, diff.last_id)
                    if texts:
                        _check_texts(line.event, "b", "a")
                    yield from sequencer.diff(diff, line)
                elif line.is_snapshot:
                    limit = market.implied_limit(max(len(line.message["bids"]), len(line.message["asks"])))
                    snapshot = binance.parse_snapshot(line.message, limit, symbol)
                    _check_sizes(line, line.message, snapshot.last_update_id)
                    if texts:
                        _check_texts(line.message, "bids", "asks")
                    yield from sequencer.snapshot(snapshot, line)
                elif trades and line.event.get("e") == "trade":
                    trade = _read_trade(line.event, symbol)
                    if trade is not None:
                        yield from sequencer.trade(trade, line)
        except (MalformedFrameError, KeyError, TypeError) as error:
            raise RecordingError(str(path), line.number if line else 0, str(error)) from None
        yield from sequencer.end()

    def _lines(self) -> Iterator[tuple[Path, Line]]:
        sizes = [path.stat().st_size for path in self.files]
        done = 0
        for path, size in zip(self.files, sizes, strict=True):
            expected, read = max(1.0, size * _ratio(path)), 0
            try:
                for line in recording.read(path):
                    read += len(line.text) + 21
                    if line.number % _REPORT_EVERY == 0 and self._progress is not None:
                        share = (done + size * min(1.0, read / expected)) / max(1, sum(sizes))
                        self._progress(share, self.events)
                    yield path, line
            except RecordingCutError as error:
                self.cuts.append(error)
            done += size
        if self._progress is not None:
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
        if not all(len(level) == 2 for level in levels):
            # Captures of 2017 have a third, empty element.
            levels = message[side] = [level[:2] for level in levels]
        joined = "".join(chain.from_iterable(levels))
        if not joined.isascii() or joined.encode().translate(None, b"0123456789."):
            msg = "expected plain decimal numbers in the levels"
            raise MalformedFrameError(msg, joined)


def _in_order(paths: list[Path]) -> list[Path]:
    if not paths:
        msg = "expected the path of a recording, was none"
        raise UsageError(msg)
    twice = next((str(path) for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        msg = f"expected each file once, was {twice!r} twice"
        raise UsageError(msg)
    if len(paths) == 1:
        return paths
    return [path for _, path in sorted((_first_stamp(path), path) for path in paths)]


def _first_stamp(path: Path) -> int:
    try:
        return next((line.recv_ns for line in recording.read(path)), 0)
    except RecordingCutError:
        return 0


def _first_event(path: Path) -> dict[str, object] | None:
    try:
        return next((line.event for line in recording.read(path) if line.is_diff), None)
    except RecordingCutError:
        return None


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
