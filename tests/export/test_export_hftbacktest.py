"""hftbacktest's event array: its rows, its times, and that a reader on either clock gets the book."""

import math

import pytest
from export_support import BEGIN, MS, Made, write
from hypothesis import given
from hypothesis import strategies as st

np = pytest.importorskip("numpy", reason="the extra `export` is not installed")

from depthactors import export, recording
from depthactors.errors import ExportError, RecordingError, UsageError
from depthactors.export import hftbacktest
from depthactors.export.hftbacktest import (
    BUY_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
)
from tests.support import table

EXCH, LOCAL = 1 << 31, 1 << 30
BOTH = EXCH | LOCAL
CHANGES = st.dictionaries(st.sampled_from([97, 98, 99, 101, 102, 103]), st.integers(0, 3), max_size=3)
TRADE = {"e": "trade", "s": "BTCUSDT", "p": "99.1", "q": "2", "T": BEGIN + 1, "m": True, "X": "MARKET"}


def array(path, out, **options):
    done = export.to_hftbacktest(path, out, **options)
    with np.load(out) as file:
        assert file.files == ["data"]
        events = file["data"]
    assert len(events) == done.rows
    return events


def books(events, clock):
    """Apply the events of one clock; give the book after each group with one time."""
    sides = {BUY_EVENT: {}, SELL_EVENT: {}}
    time = "exch_ts" if clock == EXCH else "local_ts"
    events = events[events["ev"] & np.uint64(clock) > 0]
    assert (np.diff(events[time]) >= 0).all()
    for number, row in enumerate(events):
        flags = int(row["ev"])
        side, kind = flags & (BUY_EVENT | SELL_EVENT), flags & 0xFF
        sign = 1 if side == SELL_EVENT else -1
        if kind == DEPTH_CLEAR_EVENT:
            edge = math.inf if math.isnan(row["px"]) else sign * row["px"]
            sides[side] = {price: size for price, size in sides[side].items() if sign * price > edge}
        elif kind in {DEPTH_EVENT, DEPTH_SNAPSHOT_EVENT}:
            sides[side][float(row["px"])] = float(row["qty"])
            if not row["qty"]:
                del sides[side][float(row["px"])]
        if number + 1 == len(events) or events[number + 1][time] != row[time]:
            yield int(row[time]), sides[BUY_EVENT] | sides[SELL_EVENT]


def levels(book):
    return {price + 0.1: float(size) for price, size in book.items()}


def test_rows_are_as_documented(tmp_path):
    made = Made([{99: 2, 101: 1, 98: 1}, {99: 3}, {101: 0}], chained=True)
    messages = [made.events[0], made.events[1], made.snapshot(17), TRADE, made.events[2]]
    events = array(write(tmp_path / "a.gz", messages), tmp_path / "a.npz")
    ns = BEGIN * MS
    rows = [(int(row["ev"]), *(int(row[name]) - ns for name in ("exch_ts", "local_ts")), float(row["px"]), row["qty"])
            for row in events]  # fmt: skip
    # The event that ends at the snapshot's id is applied once more, as futures' rule has it.
    assert rows == [
        (BOTH | DEPTH_CLEAR_EVENT | BUY_EVENT, 0, 3 * MS, 98.1, 0),
        (BOTH | DEPTH_SNAPSHOT_EVENT | BUY_EVENT, 0, 3 * MS, 99.1, 2),
        (BOTH | DEPTH_SNAPSHOT_EVENT | BUY_EVENT, 0, 3 * MS, 98.1, 1),
        (BOTH | DEPTH_CLEAR_EVENT | SELL_EVENT, 0, 3 * MS, 101.1, 0),
        (BOTH | DEPTH_SNAPSHOT_EVENT | SELL_EVENT, 0, 3 * MS, 101.1, 1),
        (BOTH | DEPTH_EVENT | BUY_EVENT, 0, 3 * MS, 99.1, 2),
        (BOTH | DEPTH_EVENT | BUY_EVENT, 0, 3 * MS, 98.1, 1),
        (BOTH | DEPTH_EVENT | SELL_EVENT, 0, 3 * MS, 101.1, 1),
        (BOTH | DEPTH_EVENT | BUY_EVENT, 1 * MS, 3 * MS, 99.1, 3),
        (BOTH | TRADE_EVENT | SELL_EVENT, 1 * MS, 4 * MS, 99.1, 2),
        (BOTH | DEPTH_EVENT | SELL_EVENT, 2 * MS, 5 * MS, 101.1, 0),
    ]


@pytest.mark.parametrize("clock", [EXCH, LOCAL])
@given(st.lists(CHANGES, min_size=12, max_size=12), st.booleans())
def test_a_reader_on_either_clock_has_the_exchanges_book(tmp_path_factory, clock, changes, chained):
    """Through snapshots that are late, fresh snapshots, and a gap; where rows are split over chunks, too."""
    made = Made(changes, chained=chained)
    ids = [event["u"] for event in made.events]
    messages = [*made.events[:3], made.snapshot(ids[0]), *made.events[3:6], made.snapshot(ids[3]), *made.events[6:7],
                *made.events[8:10], made.snapshot(ids[8]), *made.events[10:]]  # fmt: skip
    folder = tmp_path_factory.mktemp("arrays")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hftbacktest, "CHUNK", 3)
        events = array(write(folder / "a.gz", messages), folder / "a.npz")
    truths = [levels(made.truth[update_id]) for update_id in made.truth]
    seen = [book for _, book in books(events, clock)]
    assert seen[-1] == levels(made.truth[ids[-1]])
    # On the exchange's clock a snapshot may be followed by events of the same time, which are in it.
    assert all(book in truths for book in seen) or clock == EXCH


def test_local_times_are_moved_where_an_event_would_be_received_before_it_happened(tmp_path):
    made = Made([{99: number} for number in range(1, 5)])
    path = write(tmp_path / "a.gz", [made.snapshot(10), *made.events], begin=BEGIN - 1_000)
    for name, base, least in (("a.npz", 0, 0), ("b.npz", 250, 250)):
        events = array(path, tmp_path / name, base_latency=base)
        assert (events["local_ts"] - events["exch_ts"]).min() == least
        assert np.diff(events["local_ts"])[-1] == MS


def test_spot_has_no_exchange_time_of_a_snapshot_it_is_that_of_the_first_event_behind_it(tmp_path):
    made = Made([{99: number} for number in range(1, 5)])
    events = array(write(tmp_path / "a.gz", [made.events[0], made.snapshot(11), *made.events[1:]]), tmp_path / "a.npz")
    assert (events["exch_ts"][:4] - BEGIN * MS).tolist() == [2 * MS] * 4
    alone = array(write(tmp_path / "b.gz", [made.events[0], made.snapshot(11)]), tmp_path / "b.npz")
    assert set((alone["exch_ts"] - BEGIN * MS).tolist()) == {2 * MS}, "that of its receipt"


def test_behind_a_gap_and_of_an_empty_side_all_is_cleared(tmp_path):
    made = Made([{99: 1}, {98: 1}, {97: 1}, {97: 0}, {99: 2}])
    messages = [made.snapshot(11), made.events[1], made.events[3], made.snapshot(14), made.events[4]]
    events = array(write(tmp_path / "a.gz", messages), tmp_path / "a.npz")
    clears = events[events["ev"] & np.uint64(0xFF) == DEPTH_CLEAR_EVENT]["px"].tolist()
    assert [clears[0], *map(math.isnan, clears[1:])] == [99.1, True, True, True]


def test_the_last_book_is_the_next_days_initial_snapshot(tmp_path):
    made = Made([{99: 1, 98: 2, 101: 3}, {98: 0, 97: 1}, {102: 4}])
    export.to_hftbacktest(write(tmp_path / "a.gz", [made.snapshot(11), *made.events[1:]]), tmp_path / "a.npz",
                          last_book=tmp_path / "last.npz")  # fmt: skip
    rows = np.load(tmp_path / "last.npz")["data"]
    assert [(row["px"], row["qty"]) for row in rows] == [(99.1, 1), (97.1, 1), (101.1, 3), (102.1, 4)]
    assert (
        rows["ev"].tolist()
        == [BOTH | DEPTH_SNAPSHOT_EVENT | BUY_EVENT] * 2 + [BOTH | DEPTH_SNAPSHOT_EVENT | SELL_EVENT] * 2
    )
    assert not rows["exch_ts"].any()
    assert not rows["local_ts"].any()


def test_of_trades_those_of_the_market_are_written(tmp_path):
    made = Made([{99: 1}, {98: 1}])
    others = {"X": "INSURANCE_FUND"}, {"m": False}
    messages = [
        made.snapshot(10),
        made.events[0],
        *(TRADE | other for other in others),
        {"e": "aggTrade", "s": "BTCUSDT"},
    ]
    events = array(write(tmp_path / "a.gz", messages), tmp_path / "a.npz")
    [flags] = [int(flags) for flags in events["ev"] if int(flags) & 0xFF == TRADE_EVENT and int(flags) & LOCAL]
    assert flags & (BUY_EVENT | SELL_EVENT) == BUY_EVENT


@table("change", [{"p": "x"}, {"q": "0"}, {"T": "1"}, {"m": 1}, {"s": "ETHUSDT"}, {"p": "inf"}])
def test_a_bad_trade_is_named_and_nothing_is_left(tmp_path, change):
    made = Made([{99: 1}])
    path = write(tmp_path / "a.gz", [made.snapshot(10), made.events[0], TRADE | change])
    with pytest.raises(RecordingError, match=r"a.gz:3: expected a trade of BTCUSDT"):
        export.to_hftbacktest(path, tmp_path / "a.npz")
    assert [each.name for each in tmp_path.iterdir()] == ["a.gz"]


def test_names_that_cannot_be_right(tmp_path):
    path = write(tmp_path / "a.gz", [Made([{99: 1}]).snapshot(10), *Made([{99: 1}]).events])
    (tmp_path / "there.npz").touch()
    for out, last, error in (("a.npy", None, UsageError), ("there.npz", None, UsageError), ("a.npz", "b", UsageError),
                             ("a.npz", "there.npz", UsageError), ("a.npz", "a.npz", UsageError),
                             ("none/a.npz", None, ExportError), ("a.npz", "none/b.npz", ExportError)):  # fmt: skip
        with pytest.raises(error):
            export.to_hftbacktest(path, tmp_path / out, last_book=last and tmp_path / last)
    assert {each.name for each in tmp_path.iterdir()} == {"a.gz", "there.npz"}


def test_of_a_capture_a_reader_has_the_book_of_the_replay(short_capture, tmp_path):
    last = tmp_path / "last.npz"
    events = array(short_capture, tmp_path / "a.npz", last_book=last)
    assert [len(events[events["ev"] & np.uint64(clock) > 0]) > 100 for clock in (EXCH, LOCAL)] == [True, True]
    rows = np.load(last)["data"]
    view = list(recording.views(short_capture, depth=20))[-1]
    for flag, side in ((BUY_EVENT, view.bids), (SELL_EVENT, view.asks)):
        best = rows[rows["ev"] & np.uint64(flag) > 0][:20]
        assert [(row["px"], row["qty"]) for row in best] == list(side)
