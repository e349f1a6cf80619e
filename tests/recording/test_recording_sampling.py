"""The book of a recording as it was: after each update, at regular times, at one time."""

from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import BookState, recording
from depthactors.errors import RecordingCutError, RecordingError, UnknownMarketError, UsageError
from depthactors.replay import replay
from tests.support import digest_of, table, write_recording

MS = 1_000_000
BEGIN = 1_700_000_000_000 * MS
LEVELS = st.dictionaries(st.integers(90, 99), st.integers(0, 3), max_size=4)
PAUSES = st.integers(0, 400)


def snapshot(update_id, bids=((99, 1), (98, 2)), asks=((101, 1), (102, 2))):
    return {"lastUpdateId": update_id, "bids": texts(bids), "asks": texts(asks)}


def diff(update_id, bids=(), asks=(), symbol="BTCUSDT"):
    event = {"e": "depthUpdate", "E": update_id, "s": symbol, "U": update_id, "u": update_id}
    return event | {"b": texts(bids), "a": texts(asks)}


def texts(levels):
    return [[str(price), str(quantity)] for price, quantity in levels]


def write(path, *messages):
    """Write messages, each with its milliseconds after the beginning."""
    return write_recording(path, ((BEGIN + after * MS, orjson.dumps(message)) for after, message in messages))


def milliseconds(view):
    """Return when the view was taken, in milliseconds after the beginning."""
    return round((view.recv_time + view.age) * 1_000 - BEGIN / MS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "btcusdt.gz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recordings")


@given(st.lists(st.tuples(PAUSES, LEVELS), min_size=1, max_size=12), st.sampled_from([float, Decimal]))
def test_views_are_those_of_a_naive_book(folder, steps, number):
    book, now, truths = {Decimal(99): Decimal(1), Decimal(98): Decimal(2)}, 10, []
    messages = [(0, diff(10)), (10, snapshot(10))]
    for update_id, (pause, changes) in enumerate(steps, start=11):
        now += pause
        messages.append((now, diff(update_id, changes.items())))
        book = {price: size for price, size in (book | changes).items() if size and price >= 98}
        truths.append((now, update_id, tuple(sorted(book.items(), reverse=True))))
    path = write(folder / "naive.gz", *messages)

    seen = {view.last_update_id: view for view in recording.views(path, depth=1, number=number) if view.bids}
    for at, update_id, bids in truths:
        whole = recording.book_at(path, (BEGIN + at * MS) / 1e9 + 1e-6, number=number)
        # Of several updates at one time the last one is the book.
        last = max(other for time, other, _ in truths if time <= at)
        assert whole.last_update_id == last
        if update_id == last:
            assert whole.bids == tuple((number(price), number(size)) for price, size in bids)
        if update_id in seen:
            assert seen[update_id].bids == tuple((number(price), number(size)) for price, size in bids[:1])


def test_a_view_comes_after_each_update(path):
    write(path, (0, diff(10)), (5, snapshot(10)), (10, diff(11, [(99, 5)])), (30, diff(12, asks=[(101, 7)])))
    ids = [(view.last_update_id, view.state) for view in recording.views(path, depth=1)]
    assert ids == [(10, BookState.LIVE), (11, BookState.LIVE), (12, BookState.LIVE)]
    last = list(recording.views(path, depth=1))[-1]
    assert (last.symbol, last.best_bid, last.best_ask, last.age) == ("BTCUSDT", (99.0, 5.0), (101.0, 7.0), 0.0)


def test_regular_views_are_the_book_as_it_was_at_that_time(path):
    steps = [(0, diff(10)), (5, snapshot(10)), (100, diff(11)), (101, diff(12)), (350, diff(13)), (420, diff(14))]
    views = list(recording.views(write(path, *steps), depth=1, every="100ms"))
    # What is received at that very moment is included.
    assert [(milliseconds(view), view.last_update_id) for view in views] == [(100, 11), (200, 12), (300, 12), (400, 13)]
    assert [round(view.age, 3) for view in views] == [0.0, 0.099, 0.199, 0.05]


def test_a_book_is_stale_from_a_gap_to_the_snapshot_that_repairs_it(path):
    steps = [(0, diff(10)), (5, snapshot(10)), (110, diff(20)), (210, snapshot(20)), (220, diff(21)), (320, diff(22))]
    write(path, *steps)
    views = list(recording.views(path, depth=1, every="100ms"))
    stale, live = BookState.STALE, BookState.LIVE
    assert [(view.state, view.last_update_id) for view in views] == [(live, 10), (stale, 10), (live, 21)]
    changes = [(view.state, view.last_update_id) for view in recording.views(path, depth=1)]
    assert changes == [(live, 10), (stale, 10), (live, 20), (live, 21), (live, 22)]


def test_a_book_is_stale_when_prices_have_left_the_range_of_its_snapshot(path):
    removed = [(99, 0), (97, 5)]
    write(path, (0, diff(10)), (5, snapshot(10)), (10, diff(11, removed)), (20, diff(12, [(98, 7)])))
    states = [(view.last_update_id, view.state, view.bids) for view in recording.views(path, depth=2)]
    assert states == [
        (10, BookState.LIVE, ((99.0, 1.0), (98.0, 2.0))),
        (11, BookState.STALE, ((98.0, 2.0),)),
        (12, BookState.STALE, ((98.0, 7.0),)),
    ]


def test_before_the_first_book_there_is_none(path):
    write(path, (100, diff(10)), (200, snapshot(10)))
    view = recording.book_at(path, BEGIN / 1e9 + 0.15)
    assert (view.symbol, view.state, view.bids) == ("BTCUSDT", BookState.SYNCING, ())
    assert recording.book_at(path, BEGIN / 1e9 + 0.25).last_update_id == 10


def test_the_end_of_a_file_that_was_cut_is_told_after_its_views(path):
    write(path, (0, diff(10)), (5, snapshot(10)), *((10 + n, diff(10 + n, [(99, n)])) for n in range(1, 500)))
    path.write_bytes(path.read_bytes()[:-60])
    views = recording.views(path, depth=1)
    ids = []
    with pytest.raises(RecordingCutError, match="cut short"):
        ids.extend(view.last_update_id for view in views)
    assert ids == list(range(10, 10 + len(ids)))


@table("every", ["", "100", "0s", "1.5s", "-1s", "1d", 100, 0.1])
def test_a_time_has_a_unit(every):
    with pytest.raises(UsageError, match="a time like 100ms, 1s, 5m or 1h, was"):
        recording.views(Path("none.gz"), every=every)


def test_wrong_arguments_are_named_at_once(path):
    write(path, (0, diff(10)))
    with pytest.raises(UsageError, match="a depth of at least 1, was 0"):
        recording.views(path, 0)
    with pytest.raises(UsageError, match="a depth of at least 1 or None, was 0"):
        recording.book_at(path, 1.0, 0)
    with pytest.raises(UsageError, match="a time in seconds since the epoch, was '12:00'"):
        recording.book_at(path, "12:00")
    for time in (1_723_161_255_236, 1_723_161_255_236_551_321):
        with pytest.raises(UsageError, match=f"in seconds since the epoch, was {time}"):
            recording.book_at(path, time)
    with pytest.raises(UsageError, match="float or Decimal"):
        recording.views(path, number=int)
    with pytest.raises(UnknownMarketError, match="nasdaq"):
        recording.views(path, market="nasdaq")
    with pytest.raises(RecordingError, match="No such file"):
        recording.views(path.with_name("other.gz"))
    with pytest.raises(RecordingError, match="a depth event in the file, was none"):
        recording.views(write(path, (0, snapshot(10))))


def test_another_symbol_in_the_file_is_refused_with_its_line(path):
    write(path, (0, diff(10)), (5, snapshot(10)), (10, diff(11, symbol="ETHUSDT")))
    with pytest.raises(RecordingError, match=r":3: expected a depthUpdate of BTCUSDT, was .*ETHUSDT"):
        list(recording.views(path))


def test_the_views_of_a_real_recording_are_those_of_its_replay(capture):
    result = replay(capture)
    views = list(recording.views(capture, depth=20, number=Decimal))
    assert views[-1].last_update_id == result.last_update_id
    assert len(views) <= result.applied + 2
    live = [view for view in views if view.state is BookState.LIVE]
    assert {(len(view.bids), len(view.asks)) for view in live} == {(20, 20)}
    if live[-1] is views[-1]:
        assert digest_of(live[-1]) == result.top_digest
