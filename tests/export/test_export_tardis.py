"""Tardis' incremental CSV: its columns, its times, and that its readers get the book."""

import csv
import gzip
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

import pytest
from export_support import BEGIN, Made, levels, write

from depthactors import export, markets, recording
from depthactors.errors import UsageError

COLUMNS = ["exchange", "symbol", "timestamp", "local_timestamp", "is_snapshot", "side", "price", "amount"]
MADE = Made([{98 + number % 5: number % 4} for number in range(1, 40)])


def rows_of(path):
    with gzip.open(path, "rt", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
        yield from reader


def books(path):
    """Read as Tardis' users are told to: a book after each group of rows with one `local_timestamp`, exact."""
    bids, asks, was_snapshot = {}, {}, False
    for time, rows in groupby(rows_of(path), lambda row: int(row["local_timestamp"])):
        for row in rows:
            if row["is_snapshot"] == "true" and not was_snapshot:
                bids, asks = {}, {}
            was_snapshot = row["is_snapshot"] == "true"
            side, price, amount = {"bid": bids, "ask": asks}[row["side"]], Decimal(row["price"]), Decimal(row["amount"])
            side[price] = amount
            if not amount:
                del side[price]
        yield time, bids, asks


def test_rows_are_as_documented(tmp_path):
    made = Made([{99: 2, 101: 1}, {99: 3}, {101: 0}])
    path = write(tmp_path / "a.gz", [made.events[0], made.events[1], made.snapshot(11), made.events[2]])
    done = export.to_tardis(path, tmp_path / "a.csv.gz")
    ms = BEGIN
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()).decode() == (
        "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"
        f"binance,BTCUSDT,{ms + 3}000,{ms + 3}000,true,bid,99.10,2.000\n"
        f"binance,BTCUSDT,{ms + 3}000,{ms + 3}000,true,ask,101.10,1.000\n"
        f"binance,BTCUSDT,{ms + 2}000,{ms + 3}000,false,bid,99.10,3.000\n"
        f"binance,BTCUSDT,{ms + 3}000,{ms + 4}000,false,ask,101.10,0.000\n"
    )
    assert (done.events, done.rows, done.snapshots, done.gaps, done.repaired) == (2, 4, 1, (), True)


def test_a_name_of_plain_text_is_refused(tmp_path):
    path = write(tmp_path / "a.gz", [MADE.snapshot(10), MADE.events[0]])
    with pytest.raises(UsageError, match=r"expected a name that ends in \.gz, .*, was '.*/out\.csv'"):
        export.to_tardis(path, tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("market", "exchange"),
    [(None, "binance-futures"), ("usdm-testnet", "binance-futures"), ("coinm", "binance-delivery")],
)
def test_each_market_has_tardis_name(tmp_path, market, exchange):
    made = Made([{99: 1}], chained=True)
    path = write(tmp_path / "a.gz", [made.snapshot(10), made.events[0]])
    export.to_tardis(path, tmp_path / "out", market=market)
    assert {row["exchange"] for row in rows_of(tmp_path / "out")} == {exchange}


def test_a_market_that_tardis_does_not_have_keeps_its_name(tmp_path):
    made = Made([{99: 1}], chained=True)
    path = write(tmp_path / "a.gz", [made.snapshot(10), made.events[0]])
    export.to_tardis(path, tmp_path / "out", market=replace(markets.USDM, name="further-usdm"))
    assert {row["exchange"] for row in rows_of(tmp_path / "out")} == {"further"}


def test_a_reader_has_the_exchanges_book_after_each_group_through_gaps_and_fresh_snapshots(tmp_path):
    messages = [
        *MADE.events[:9], MADE.snapshot(15), *MADE.events[9:14], MADE.snapshot(22), *MADE.events[14:18],
        *MADE.events[21:25], MADE.snapshot(33), *MADE.events[25:],
    ]  # fmt: skip
    out = tmp_path / "out"
    done = export.to_tardis(write(tmp_path / "a.gz", messages), out)
    assert (len(done.gaps), done.snapshots) == (1, 3)
    ids = {(BEGIN + number) * 1_000: message.get("u") for number, message in enumerate(messages, start=1)}
    # A snapshot is known together with the events that it lacks.
    ids |= {(BEGIN + 10) * 1_000: 19, (BEGIN + 16) * 1_000: 24, (BEGIN + 25) * 1_000: 35}
    seen = 0
    for time, bids, asks in books(out):
        assert bids | asks == levels(MADE.truth[ids[time]])
        seen += 1
    assert seen == 1 + 5 + 1 + 4 + 1 + 14


def test_of_two_snapshots_in_a_row_a_reader_gets_the_later_one_alone(tmp_path):
    """A reader drops its book where `is_snapshot` becomes true, so it would take both for one."""
    made = Made([{99: 1}, {98: 2, 99: 0}, {97: 3}])
    messages = [made.snapshot(11), made.snapshot(12), made.events[2]]
    done = export.to_tardis(write(tmp_path / "a.gz", messages), tmp_path / "out")
    *_, (_, bids, _) = books(tmp_path / "out")
    assert (bids, done.snapshots, done.rows) == (levels(made.truth[13]), 1, 2)


def test_a_snapshot_that_nothing_follows_is_written(tmp_path):
    made = Made([{99: 1}])
    done = export.to_tardis(write(tmp_path / "a.gz", [made.events[0], made.snapshot(11)]), tmp_path / "out")
    assert [row["is_snapshot"] for row in rows_of(tmp_path / "out")] == ["true"] * done.rows == ["true"]


def test_of_a_capture_a_reader_has_the_book_of_the_replay(capture, tmp_path):
    out = tmp_path / "out.csv.gz"
    done = export.to_tardis(capture, out)
    *_, (_, bids, asks) = books(out)
    view = list(recording.views(capture, depth=20, number=Decimal))[-1]
    # The replay drops what is beyond the snapshot's range.
    assert tuple(sorted(bids.items(), reverse=True)[: len(view.bids)]) == view.bids
    assert tuple(sorted(asks.items())[: len(view.asks)]) == view.asks
    assert min(len(view.bids), len(view.asks)) > 10
    assert done.rows == sum(1 for _ in rows_of(out))
