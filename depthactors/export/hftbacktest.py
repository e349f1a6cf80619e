"""hftbacktest's event array: an `npz` file with the key `data`, a row for each level and each trade.

Source: hftbacktest's documentation, "Data", and its `types`. It is what `hftbacktest.data.utils.binancefutures` makes
of the same recording, but for what that converter does not look at: it takes events before a snapshot and in the file's
order, so that an older quantity can come after a newer one; it knows no gap; and it needs futures' keys. Its times: the
exchange's is `T`, or `E` where there is none (spot); the local one is that of receipt, moved as a whole by the clocks'
difference where an event would be received before it happened, as `correct_local_timestamp` does.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from depthactors.errors import UsageError
from depthactors.export.event_order import EVENT, EXCH_EVENT, LOCAL_EVENT, in_order, late_rows
from depthactors.export.partial_file import partial_file, refuse_existing
from depthactors.export.reader import StepReader
from depthactors.export.steps import Base, Change, Trade, exchange_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.binance import Levels
    from depthactors.export.event_order import Rows
    from depthactors.export.result import Exported, Progress
    from depthactors.export.steps import Step
    from depthactors.markets import Market
    from depthactors.recording.parts import Source

DEPTH_EVENT: Final = 1
TRADE_EVENT: Final = 2
DEPTH_CLEAR_EVENT: Final = 3
DEPTH_SNAPSHOT_EVENT: Final = 4
BUY_EVENT: Final = 1 << 29
SELL_EVENT: Final = 1 << 28

CHUNK: Final = 1 << 17
"""Rows at once, 8 MB."""
_MS: Final = 1_000_000
_LEVEL: Final = 1
"""Level of compression: a higher one takes longer than all the rest."""


def to_hftbacktest(
    source: Source,
    out: str | Path,
    *,
    last_book: str | Path | None = None,
    base_latency: int = 0,
    symbol: str | None = None,
    market: str | Market | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write a recording as hftbacktest's event array, with a temporary file beside `out`.

    A snapshot is a clear of each side down to its last price, and a row for each level; behind a gap the clear has the
    price NaN, which clears the whole side. Trades of the `trade` streams are in it, `aggTrade` is not.

    `out` is `NAME.npz`. `last_book` is a further one to write: the last book, as the initial snapshot of hftbacktest's
    next day; `base_latency`: nanoseconds that are added to each local time where local times are moved. Other
    arguments, and errors: see `depthactors.export`.
    """
    _check_names([Path(each) for each in (out, last_book) if each is not None])
    book = None if last_book is None else _LastBook()
    with partial_file(out) as partial:
        reader = StepReader(source, market, progress, symbol)
        # It has no name, and is gone with the process, whatever ends that.
        with TemporaryFile(dir=partial.parent) as file:
            spool = _Spool(file)
            for step in reader.steps(trades=True):
                spool.add(step)
                if book is not None:
                    book.add(step)
            spool.flush()
            _save(partial, spool.events(base_latency), spool.count)
        if book is not None and last_book is not None:
            # While `out` is not there yet: both are written, or none.
            with partial_file(last_book) as last:
                rows = book.rows()
                _save(last, iter([rows]), len(rows))
    return reader.exported(out, spool.count)


def _check_names(paths: list[Path]) -> None:
    for path in paths:
        if path.suffix != ".npz":
            # hftbacktest reads it as something else.
            msg = f"expected a name that ends in .npz, was {str(path)!r}"
            raise UsageError(msg)
        refuse_existing(path)
    if len({path.absolute() for path in paths}) < len(paths):
        msg = f"expected another file for the last book, was {str(paths[0])!r}, too"
        raise UsageError(msg)


class _Spool:
    """Rows in the order of receipt, in a temporary file, and what their order in the array depends on.

    Attributes:
        count: number of events of the rows so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.count = 0
        self._file = file
        self._sizes: list[int] = []
        self._earliest: list[int] = []
        self._latest = 0
        self._least_latency = math.inf
        self._clear()

    def _clear(self) -> None:
        self._numbers: list[Any] = []
        self._flags: list[int] = []
        self._counts: list[int] = []
        self._exch: list[int] = []
        self._local: list[int] = []

    def add(self, step: Step) -> None:
        """Add the rows of a step."""
        if type(step) is Change:
            time = exchange_ms(step.line.event) * _MS
            self._append(DEPTH_EVENT | BUY_EVENT, step.diff.bids, time, step.known_ns)
            self._append(DEPTH_EVENT | SELL_EVENT, step.diff.asks, time, step.known_ns)
        elif type(step) is Base:
            time = _time_of(step)
            for side, levels in ((BUY_EVENT, step.snapshot.bids), (SELL_EVENT, step.snapshot.asks)):
                # Behind a gap, and where there is no level, all that was known is unknown.
                edge = levels[-2] if levels and not step.is_resumed else math.nan
                self._append(DEPTH_CLEAR_EVENT | side, [edge, 0.0], time, step.known_ns)
                self._append(DEPTH_SNAPSHOT_EVENT | side, levels, time, step.known_ns)
        elif type(step) is Trade:
            side = SELL_EVENT if step.is_sell else BUY_EVENT
            self._append(TRADE_EVENT | side, [step.price, step.quantity], step.time_ms * _MS, step.known_ns)
        if len(self._numbers) > 2 * CHUNK:
            self.flush()

    def _append(self, flags: int, levels: Levels, exch: int, local: int) -> None:
        if levels:
            self._numbers += levels
            self._flags.append(flags)
            self._counts.append(len(levels) // 2)
            self._exch.append(exch)
            self._local.append(local)

    def flush(self) -> None:
        """Write the rows so far to the file."""
        rows = np.zeros(len(self._numbers) // 2, EVENT)
        if not len(rows):
            return
        numbers = np.array(self._numbers, np.float64)
        rows["px"], rows["qty"] = numbers[::2], numbers[1::2]
        for name, values in (("ev", self._flags), ("exch_ts", self._exch), ("local_ts", self._local)):
            rows[name] = np.repeat(np.array(values, EVENT[name]), self._counts)
        self._clear()
        exch_ts = rows["exch_ts"]
        self.count += len(rows) + int(np.count_nonzero(late_rows(exch_ts, self._latest)))
        self._latest = max(self._latest, int(exch_ts.max()))
        self._least_latency = min(self._least_latency, int((rows["local_ts"] - exch_ts).min()))
        self._sizes.append(len(rows))
        self._earliest.append(int(exch_ts.min()))
        self._file.write(rows.data)

    def events(self, base_latency: int) -> Iterator[Rows]:
        """Give the events, chunk by chunk."""
        offset = int(-self._least_latency) + base_latency if self._least_latency < 0 else 0
        return in_order(self._chunks(offset), self._earliest)

    def _chunks(self, offset: int) -> Iterator[Rows]:
        self._file.seek(0)
        for size in self._sizes:
            rows = np.frombuffer(bytearray(self._file.read(size * EVENT.itemsize)), EVENT)
            rows["local_ts"] += offset
            yield rows


class _LastBook:
    """The book that hftbacktest has at the end of the array."""

    def __init__(self) -> None:
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}

    def add(self, step: Step) -> None:
        """Apply a step."""
        if isinstance(step, Base):
            snapshot = step.snapshot
            for side, levels, sign in ((self._bids, snapshot.bids, -1), (self._asks, snapshot.asks, 1)):
                edge = levels[-2] * sign if levels and not step.is_resumed else math.inf
                for price in [price for price in side if price * sign <= edge]:
                    del side[price]
                self._apply(side, levels)
        elif isinstance(step, Change):
            self._apply(self._bids, step.diff.bids)
            self._apply(self._asks, step.diff.asks)

    @staticmethod
    def _apply(side: dict[float, float], levels: Levels) -> None:
        for price, quantity in zip(levels[::2], levels[1::2], strict=True):
            if quantity:
                side[price] = float(quantity)
            else:
                side.pop(price, None)

    def rows(self) -> Rows:
        """Return its levels, best first, as hftbacktest's `create_last_snapshot` does."""
        sides = (BUY_EVENT, sorted(self._bids.items(), reverse=True)), (SELL_EVENT, sorted(self._asks.items()))
        rows = np.zeros(len(self._bids) + len(self._asks), EVENT)
        begin = 0
        for flags, levels in sides:
            part = rows[begin : begin + len(levels)]
            part["ev"] = np.uint64(DEPTH_SNAPSHOT_EVENT | flags) | EXCH_EVENT | LOCAL_EVENT
            part["px"], part["qty"] = np.array(levels, np.float64).reshape(-1, 2).T
            begin += len(levels)
        return rows


def _time_of(base: Base) -> int:
    """Return the exchange's time of a snapshot, in nanoseconds: not after the first event that continues it."""
    own = exchange_ms(base.line.message)
    first = 0 if base.first is None else exchange_ms(base.first.event)
    known = [time for time in (own, first) if time]
    return min(known) * _MS if known else base.known_ns


def _save(path: Path, chunks: Iterator[Rows], count: int) -> None:
    """Write an array as `numpy.savez_compressed` does, chunk by chunk."""
    header = {"descr": np.lib.format.dtype_to_descr(EVENT), "fortran_order": False, "shape": (count,)}
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive,
        archive.open("data.npy", "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        for rows in chunks:
            file.write(rows.tobytes())
