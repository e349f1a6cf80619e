"""Parquet tables: their schemas and metadata, and that a reader has the book of the replay at any time."""

import json
from decimal import Decimal
from hashlib import sha256
from types import SimpleNamespace

import pytest
from export_support import BEGIN, MS, Made, levels, write

pa = pytest.importorskip("pyarrow", reason="the extra `export` is not installed")

import pyarrow.parquet as pq

from depthactors import export, recording
from depthactors.errors import ExportError, RecordingError, UsageError
from depthactors.export import parquet

TIME = pa.timestamp("ns", tz="UTC")


def tables(folder):
    found = {path.stem: pq.read_table(path) for path in folder.iterdir()}
    assert set(found) == {"deltas", "snapshots", "gaps"}
    return SimpleNamespace(**found)


def rows_of(table):
    """Return rows as tuples, times in nanoseconds."""
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in table.itercolumns()
    ]
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def book_at(found, time):
    """Return the book that the tables have at a time of receipt, in nanoseconds, as the module says."""
    names = found.snapshots.schema.names
    known = [dict(zip(names, row, strict=True)) for row in rows_of(found.snapshots) if row[0] <= time]
    snapshot_id = known[-1]["snapshot_id"]
    rows = [(row["side"], row["price"], row["quantity"]) for row in known if row["snapshot_id"] == snapshot_id]
    edges = [[price for side, price, _ in rows if side == name] for name in ("bid", "ask")]
    names = found.deltas.schema.names
    for row in rows_of(found.deltas):
        delta = dict(zip(names, row, strict=True))
        if delta["snapshot_id"] == snapshot_id and delta["recv_time"] <= time:
            rows.append((delta["side"], delta["price"], delta["quantity"]))
    bids, asks = ({price: size for side, price, size in rows if side == name} for name in ("bid", "ask"))
    return [{price: size for price, size in side.items() if size} for side in (bids, asks)], edges


def test_the_tables_are_as_documented(tmp_path):
    made = Made([{99: 2, 101: 1}, {99: 3}, {101: 0}, {99: 5}, {98: 5}], chained=True)
    messages = [made.snapshot(10), made.events[0], made.events[2], made.snapshot(31), *made.events[3:]]
    path = write(tmp_path / "a.gz", messages)
    done = export.to_parquet(path, tmp_path / "out")
    found, ns = tables(tmp_path / "out"), BEGIN * MS
    assert (done.rows, done.events, done.snapshots) == (7, 4, 2)
    ids = ["first_id", "last_id", "previous_id", "snapshot_id"]
    level = [("side", pa.dictionary(pa.int32(), pa.string())), ("price", pa.decimal128(18, 2)),
             ("quantity", pa.decimal128(18, 3))]  # fmt: skip
    times = [(f"{name}_time", TIME) for name in ("recv", "event", "transaction")]
    assert list(zip(found.deltas.schema.names, found.deltas.schema.types, strict=True)) == [
        *times, *((name, pa.int64()) for name in ids), *level
    ]  # fmt: skip
    assert list(zip(found.snapshots.schema.names, found.snapshots.schema.types, strict=True)) == [
        *times, ("snapshot_id", pa.int64()), *level
    ]  # fmt: skip
    assert rows_of(found.deltas)[:2] == [
        (ns + 2 * MS, ns + MS, ns, 13, 17, 10, 10, "bid", Decimal("99.1"), Decimal(2)),
        (ns + 2 * MS, ns + MS, ns, 13, 17, 10, 10, "ask", Decimal("101.1"), Decimal(1)),
    ]
    assert rows_of(found.snapshots) == [(ns + 4 * MS, ns + 3 * MS, ns + 3 * MS, 31, "bid", Decimal("99.1"), Decimal(3))]
    assert rows_of(found.gaps) == [
        (17, 31, ns + 2 * MS, ns + 4 * MS, "expected an event that follows 17, was one that follows 24", "snapshot", 0)
    ]
    metadata = {key.decode(): value.decode() for key, value in found.deltas.schema.metadata.items()}
    assert (metadata["depthactors.market"], metadata["depthactors.symbol"]) == ("usdm", "BTCUSDT")
    [named] = json.loads(metadata["depthactors.files"])
    assert named == {"name": "a.gz", "bytes": path.stat().st_size, "sha256": sha256(path.read_bytes()).hexdigest()}
    assert found.gaps.schema.metadata == found.snapshots.schema.metadata == found.deltas.schema.metadata


def test_a_recording_without_a_gap_has_an_empty_table_of_gaps(tmp_path):
    made = Made([{99: 2}])
    export.to_parquet(write(tmp_path / "a.gz", [made.snapshot(10), *made.events]), tmp_path / "out")
    found = tables(tmp_path / "out")
    assert (len(found.gaps), found.gaps.schema.field("from_time").type) == (0, TIME)
    assert found.deltas["transaction_time"].null_count == 1, "spot has no such time"


def test_at_any_time_a_reader_has_the_exchanges_book(tmp_path, monkeypatch):
    """Through row groups, fresh snapshots that events had overtaken, and a gap."""
    monkeypatch.setattr(parquet, "GROUP", 7)
    made = Made([{98 + number % 5: number % 4, 97: number % 3} for number in range(1, 30)])
    messages = [
        *made.events[:5], made.snapshot(13), *made.events[5:9], made.snapshot(17), *made.events[9:15],
        *made.events[18:20], made.snapshot(28), *made.events[20:],
    ]  # fmt: skip
    export.to_parquet(write(tmp_path / "a.gz", messages), tmp_path / "out")
    found = tables(tmp_path / "out")
    assert pq.ParquetFile(tmp_path / "out" / "deltas.parquet").metadata.num_row_groups > 3
    known = 15
    for number, message in enumerate(messages, start=1):
        if "lastUpdateId" in message or number > 6:
            known = max(known, message.get("u", 0), 30 if number >= 20 else 0)
            if 17 < number < 20:
                continue  # in the gap
            (bids, asks), _ = book_at(found, (BEGIN + number) * MS)
            assert bids | asks == levels(made.truth[known]), number


def test_a_number_of_more_digits_than_the_first_ones_is_exact_too(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "GROUP", 2)
    made = Made([{99: 1}] * 8)
    made.events[6]["b"] = [["99.12345", "123456789012345.5"]]
    done = export.to_parquet(write(tmp_path / "a.gz", [made.snapshot(10), *made.events]), tmp_path / "out")
    rows = tables(tmp_path / "out").deltas.to_pydict()
    assert rows["price"] == [Decimal("99.1")] * 6 + [Decimal("99.12345"), Decimal("99.1")]
    assert (rows["quantity"][6], done.rows, done.events) == (Decimal("123456789012345.5"), 8, 8)


def test_more_digits_than_a_decimal_has_are_an_error_and_nothing_is_left(tmp_path):
    made = Made([{99: 1}] * 2)
    made.events[0]["b"] = [["99.1", "1" * 31]]
    made.events[1]["b"] = [["99.1", "0." + "1" * 20]]
    path = write(tmp_path / "a.gz", [made.snapshot(10), *made.events])
    with pytest.raises(RecordingError, match=r"a\.gz: expected at most 38 digits"):
        export.to_parquet(path, tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["a.gz"]


def test_what_exists_is_not_overwritten_and_a_missing_folder_is_named(tmp_path):
    made = Made([{99: 1}])
    path = write(tmp_path / "a.gz", [made.snapshot(10), *made.events])
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="which exists"):
        export.to_parquet(path, tmp_path / "there")
    with pytest.raises(ExportError, match="No such file"):
        export.to_parquet(path, tmp_path / "none" / "out")


def test_of_a_capture_a_reader_has_every_level_of_the_replay(short_capture, tmp_path):
    export.to_parquet(short_capture, tmp_path / "out")
    found = tables(tmp_path / "out")
    received = sorted({row[0] for row in rows_of(found.deltas.select(["recv_time"]))})
    for time in received[len(received) // 2], received[-1]:
        view = recording.book_at(short_capture, time / 1e9 + 2e-7, number=Decimal)
        (bids, asks), (bid_edges, ask_edges) = book_at(found, time)
        # The replay drops what is beyond the snapshot's range.
        assert tuple(sorted(((p, q) for p, q in bids.items() if p >= min(bid_edges)), reverse=True)) == view.bids
        assert tuple(sorted((p, q) for p, q in asks.items() if p <= max(ask_edges))) == view.asks
