"""Parquet: a folder with the tables `deltas`, `snapshots` and `gaps`.

The book at a time of receipt is the latest snapshot that was received by then, and the deltas with its `snapshot_id`
that were received by then, in the order of the rows: the last quantity of each side and price holds, and zero is no
level. A delta that was received before its snapshot keeps its own time.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from depthactors.errors import MalformedFrameError, RecordingError
from depthactors.export.partial_file import partial_file
from depthactors.export.reader import StepReader
from depthactors.export.steps import Base, Change
from depthactors.export.tables import GAPS, TIME, LevelRows, Misfit, Spelling
from depthactors.recording.continuity import Gap
from depthactors.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from depthactors.export.result import Exported, Progress
    from depthactors.export.steps import Step
    from depthactors.markets import Market
    from depthactors.recording.parts import Source

GROUP: Final = 1 << 17
"""Rows of a row group."""
_MS: Final = 1_000_000
_IDS: Final = pa.int64()
_DELTAS: Final = (
    ("recv_time", TIME),
    ("event_time", TIME),
    ("transaction_time", TIME),
    ("first_id", _IDS),
    ("last_id", _IDS),
    ("previous_id", _IDS),
    ("snapshot_id", _IDS),
)
_SNAPSHOTS: Final = (("recv_time", TIME), ("event_time", TIME), ("transaction_time", TIME), ("snapshot_id", _IDS))
_NAMES: Final = ("deltas", "snapshots", "gaps")


def to_parquet(
    source: Source,
    out: str | Path,
    *,
    symbol: str | None = None,
    market: str | Market | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write a recording as Parquet.

    `deltas.parquet` and `snapshots.parquet` have a row for each level, `gaps.parquet` one for each gap. Prices and
    quantities are decimals, exact; times are UTC, in nanoseconds. The file's metadata have the market, the symbol, and
    name, size and sha256 of each recording, under keys that begin with `depthactors.`. If a number has more digits
    than the first ones, the tables are written anew.

    `out` is a folder. Arguments and errors: see `depthactors.export`.
    """
    spelling = Spelling()
    with partial_file(out) as partial:
        partial.mkdir()
        while True:
            reader = StepReader(source, market, progress, symbol)
            try:
                with _Folder(partial, _proof(reader), spelling) as folder:
                    for step in reader.steps(texts=True):
                        folder.add(step)
                    folder.flush()
                break
            except Misfit as misfit:
                spelling = misfit.spelling
            except MalformedFrameError as error:
                raise RecordingError(str(reader.files[0].path), 0, str(error)) from None
    return reader.exported(out, folder.rows)


def _proof(reader: StepReader) -> dict[str, str]:
    """Return what the metadata say of the recording."""
    files = [{"name": file.path.name, "bytes": file.bytes, "sha256": file.sha256} for file in reader.files]
    values = {"version": VERSION, "market": reader.market.name, "symbol": reader.symbol, "files": json.dumps(files)}
    return {f"depthactors.{name}": value for name, value in values.items()}


class _Folder(ExitStack):
    """The three files, which are open from the first row group on: their columns have the digits of its numbers.

    Attributes:
        rows: number of rows that were written.
    """

    def __init__(self, path: Path, proof: dict[str, str], spelling: Spelling) -> None:
        super().__init__()
        self.rows = 0
        self._path = path
        self._proof = proof
        self._spelling = spelling
        self._deltas = LevelRows(_DELTAS)
        self._snapshots = LevelRows(_SNAPSHOTS)
        self._gaps: list[dict[str, Any]] = []
        self._files: dict[str, Any] = {}

    def add(self, step: Step) -> None:
        """Add the rows of a step."""
        if type(step) is Change:
            event, diff, line = step.line.event, step.diff, step.line
            ids = diff.first_id, diff.last_id, diff.previous_id, step.base_id
            self._deltas.add((*_times(line.recv_ns, event), *ids), event["b"], event["a"])
            if self._deltas.rows >= GROUP:
                self._write("deltas", self._deltas)
        elif type(step) is Base:
            message = step.line.message
            values = (*_times(step.line.recv_ns, message), step.snapshot.last_update_id)
            self._snapshots.add(values, message["bids"], message["asks"])
            if self._snapshots.rows >= GROUP:
                self._write("snapshots", self._snapshots)
        elif type(step) is Gap:
            row = asdict(step)
            row["from_time"], row["to_time"] = row.pop("from_ns"), row.pop("to_ns")
            self._gaps.append(row)

    def flush(self) -> None:
        """Write the rows that are left."""
        self._write("deltas", self._deltas)
        self._write("snapshots", self._snapshots)
        columns = {name: [gap[name] for gap in self._gaps] for name in GAPS.names}
        self._files["gaps"].write_table(pa.table(columns, schema=GAPS))
        self.rows += len(self._gaps)

    def _write(self, name: str, rows: LevelRows) -> None:
        if not self._files:
            self._open()
        table = rows.take(self._spelling)
        self._files[name].write_table(table, row_group_size=GROUP)
        self.rows += len(table)

    def _open(self) -> None:
        for rows in (self._deltas, self._snapshots):
            self._spelling = rows.spelling(self._spelling)
        schemas = self._deltas.schema(self._spelling), self._snapshots.schema(self._spelling), GAPS
        for name, schema in zip(_NAMES, schemas, strict=True):
            writer = pq.ParquetWriter(
                self._path / f"{name}.parquet", schema.with_metadata(self._proof), compression="zstd"
            )
            self._files[name] = self.enter_context(writer)


def _times(recv_ns: int, message: dict[str, Any]) -> tuple[int, int, int]:
    """Return the times of a message, -1 where there is none."""
    event, transaction = (time * _MS if type(time := message.get(key)) is int else -1 for key in "ET")
    return recv_ns, event, transaction
