"""Tardis' `incremental_book_L2`: a gzip CSV file, a row for each level of a snapshot or an event.

Source: docs.tardis.dev, "Downloadable CSV files", data types. Times are microseconds; `local_timestamp` is the time of
receipt, and rows with the same one belong together: between two groups the book is consistent. So the events that a
snapshot lacks, which came before it, have the snapshot's `local_timestamp`. A reader drops its book where
`is_snapshot` becomes true.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from depthactors.errors import UsageError
from depthactors.export.partial_file import partial_file
from depthactors.export.reader import StepReader
from depthactors.export.steps import Base, Change

if TYPE_CHECKING:
    from gzip import GzipFile

    from depthactors.export.result import Exported, Progress
    from depthactors.markets import Market
    from depthactors.recording.parts import Source

HEADER: Final = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
_EXCHANGES: Final = {
    "spot": "binance",
    "us": "binance-us",
    "usdm": "binance-futures",
    "coinm": "binance-delivery",
    "options": "binance-european-options",
}
"""Tardis' name of each market that it has, by the market's name without its place (`-testnet`)."""
_LEVEL: Final = 1
"""Level of compression: a higher one takes longer than all the rest, and saves a fifth."""
_BUFFER: Final = 1 << 18


def to_tardis(
    source: Source,
    out: str | Path,
    *,
    symbol: str | None = None,
    market: str | Market | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write the book of a recording as Tardis' `incremental_book_L2`.

    Prices and quantities stay as the exchange spelt them. `timestamp` is the event's `E`; a spot snapshot has none, so
    its `timestamp` is that of its receipt, as Tardis has it. After a gap there are no rows until the next snapshot.

    `out` is a file, by custom `NAME.csv.gz`. Arguments and errors: see `depthactors.export`.
    """
    if Path(out).suffix == ".csv":
        # Whoever reads it goes by the name, and takes it for plain text.
        msg = f"expected a name that ends in .gz, as what is written is compressed, was {str(out)!r}"
        raise UsageError(msg)
    with partial_file(out) as partial:
        reader = StepReader(source, market, progress, symbol)
        with gzip.open(partial, "wb", compresslevel=_LEVEL) as file:
            rows, snapshots = _write(reader, file)
    return replace(reader.exported(out, rows), snapshots=snapshots)


def _write(reader: StepReader, file: GzipFile) -> tuple[int, int]:
    """Write the rows, and return their number, and that of the snapshots among them."""
    name = reader.market.name.partition("-")[0]
    place = f"{_EXCHANGES.get(name, name)},{reader.symbol},"
    parts, size, rows = [HEADER], 0, 0
    # A snapshot waits for the first row behind it: of two in a row, a reader would take the later one for a part of the
    # one before.
    base: list[str] = []
    base_rows = snapshots = 0
    for step in reader.steps(texts=True):
        if type(step) is Change:
            event = step.line.event
            if not (event["b"] or event["a"]):
                continue
            rows += len(event["b"]) + len(event["a"]) + base_rows
            begin = f"{place}{event['E'] * 1_000},{step.known_ns // 1_000},false,"
            parts += base
            parts.append(_rows(begin, event["b"], event["a"]))
            size += len(parts[-1])
            base, base_rows = [], 0
        elif type(step) is Base:
            message = step.line.message
            snapshots += not base
            time = (step.snapshot.event_time * 1_000) or step.line.recv_ns // 1_000
            begin = f"{place}{time},{step.known_ns // 1_000},true,"
            base, base_rows = [_rows(begin, message["bids"], message["asks"])], len(message["bids"] + message["asks"])
        if size > _BUFFER:
            file.write("".join(parts).encode())
            parts, size = [], 0
    file.write("".join(parts + base).encode())
    return rows + base_rows, snapshots


def _rows(begin: str, bids: list[list[str]], asks: list[list[str]]) -> str:
    """Return a row for each level."""
    parts = []
    for side, levels in (("bid", bids), ("ask", asks)):
        if levels:
            between = f"\n{begin}{side},"
            parts.append(f"{between[1:]}{between.join(map(','.join, levels))}\n")
    return "".join(parts)
