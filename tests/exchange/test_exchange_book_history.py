from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.errors import UsageError
from depthactors.exchange.feeds.book_history import CHAPTER_LENGTH, BookHistory
from depthactors.exchange.feeds.depth_event import DepthEvent
from depthactors.exchange.shapes.depth import Depth, level_texts
from tests.exchange.exchange_support import spot_event
from tests.support import table

PRICES = [str(price) for price in range(1, 7)]
LOTS = st.integers(0, 3).map(str)
SIDE = st.dictionaries(st.sampled_from(PRICES), LOTS, max_size=3)
APPEND = st.tuples(st.just("append"), st.integers(0, 3), SIDE, SIDE)
REBASE = st.tuples(st.just("rebase"), st.integers(1, 50), SIDE, SIDE)
DEPTH = st.tuples(st.just("depth"), st.none() | st.integers(1, 4), st.just(0))
LAGGING = st.tuples(st.just("depth"), st.none() | st.integers(1, 4), st.integers(1, 2))
OPERATIONS = st.lists(st.one_of(APPEND, APPEND, APPEND, REBASE, DEPTH, LAGGING, LAGGING), max_size=60)


class Book(NamedTuple):
    """One book of the past, and the event that made it."""

    last_id: int
    time_us: int
    bids: dict
    asks: dict
    tick: DepthEvent | None

    def cut(self, limit):
        bids = sorted(self.bids.items(), key=lambda level: -int(level[0]))
        asks = sorted(self.asks.items(), key=lambda level: int(level[0]))
        return Depth(self.last_id, self.time_us, bids[:limit], asks[:limit])


def without_zeros(levels):
    return {price: lots for price, lots in levels.items() if lots != "0"}


class Model:
    """The same history, as a list of every book that there ever was."""

    def __init__(self, history, chapter_length):
        self.history = BookHistory("BTCUSDT", history, chapter_length=chapter_length)
        self.books = []
        self.base = 0
        self.lagging = 0
        self.rebase(1_000, {"3": "1"}, {"4": "1"})

    @property
    def ticks(self):
        return [book.tick for book in self.books if book.tick is not None]

    def rebase(self, step, bids, asks):
        last_id = step + (self.books[-1].last_id if self.books else 0)
        book = Book(last_id, last_id * 10, without_zeros(bids), without_zeros(asks), None)
        self.books.append(book)
        self.base = len(self.books) - 1
        self.history.rebase(book.cut(None))

    def append(self, step, bids, asks):
        before = self.books[-1]
        # Only the first event after a snapshot may end at its id.
        last_id = before.last_id + (step if before.tick is None else max(1, step))
        event = spot_event(before.last_id + 1, last_id, bids.items(), asks.items())
        number = len(self.ticks) + 1
        tick = DepthEvent(number, event["U"], last_id, before.last_id, event["E"] * 1_000, orjson.dumps(event))
        after = Book(last_id, tick.time_us, without_zeros(before.bids | bids), without_zeros(before.asks | asks), tick)
        self.books.append(after)
        self.history.append(tick)

    def depth(self, limit, lag):
        place = len(self.books) - 1
        if lag:
            # Not beyond the last snapshot, and never back.
            self.lagging = place = max(self.base, self.lagging, place - lag)
        assert self.history.depth(limit, lag) == self.books[place].cut(limit)

    def last_of(self, last_id):
        return next(book for book in reversed(self.books) if book.last_id == last_id)


@given(OPERATIONS, st.integers(2, 5), st.integers(1, 12))
def test_a_history_is_a_list_of_all_books(operations, chapter_length, length):
    model = Model(length, chapter_length)
    history = model.history
    for name, *arguments in operations:
        getattr(model, name)(*arguments)
        assert history.last_id == model.books[-1].last_id
    model.depth(None, 0)
    ticks = model.ticks
    reach = min(length, len(ticks))

    # Books of the past: all of the promised history, and never a wrong one.
    for place, book in [*enumerate(model.books), *reversed(list(enumerate(model.books)))]:
        later = sum(each.tick is not None for each in model.books[place + 1 :])
        try:
            truth = history.book_at(book.last_id)
        except UsageError:
            assert later >= reach
        else:
            cut = model.last_of(book.last_id).cut(None)
            assert (truth.symbol, truth.last_update_id) == ("BTCUSDT", book.last_id)
            assert truth.bids == tuple((Decimal(price), Decimal(lots)) for price, lots in cut.bids)
            assert truth.asks == tuple((Decimal(price), Decimal(lots)) for price, lots in cut.asks)
            assert history.book_at(book.last_id, 2) == replace(truth, bids=truth.bids[:2], asks=truth.asks[:2])

    # The oldest book is one of them, as old as promised and not much older.
    oldest = history.oldest(2)
    places = [place for place, book in enumerate(model.books) if book.cut(2) == oldest]
    later = [sum(each.tick is not None for each in model.books[place + 1 :]) for place in places]
    assert any(reach <= count <= length + 2 * chapter_length for count in later)

    for number in range(len(ticks) + 2):
        since = history.since(number)
        assert since == ticks[len(ticks) - len(since) :]
        assert len(since) >= min(reach, max(0, len(ticks) - number))
        assert all(tick.number > number for tick in since)


def filled(count, **options):
    """A history whose one bid has the update id as its quantity."""
    history = BookHistory("BTCUSDT", **options)
    history.rebase(Depth(1_000, 0, [("10", "1000")], [("11", "1")]))
    for update_id in range(1_001, 1_001 + count):
        history.append(marked(update_id))
    return history


def marked(update_id, previous_id=None):
    event = spot_event(update_id, update_id, bids=[("10", str(update_id))])
    previous_id = update_id - 1 if previous_id is None else previous_id
    return DepthEvent(update_id - 1_000, update_id, update_id, previous_id, update_id * 1_000, orjson.dumps(event))


@table("offset", [0, 1, CHAPTER_LENGTH - 1, CHAPTER_LENGTH, CHAPTER_LENGTH + 1, 600])
def test_book_at_reaches_every_kept_event_and_the_snapshot(offset):
    assert filled(600).book_at(1_000 + offset).bids == ((Decimal(10), Decimal(1_000 + offset)),)


def test_a_steady_lag_of_another_length_does_not_step_back():
    history = filled(5)
    shown = [history.depth(1, lag).last_update_id for lag in (2, 1, 2, 1)]
    assert shown == [1_003, 1_004, 1_004, 1_004]


def test_no_more_is_kept_than_the_history_and_two_chapters():
    history = filled(1_500, history=20, chapter_length=5)
    assert 1_500 - 20 - 2 * 5 <= history.oldest(1).last_update_id - 1_000 <= 1_500 - 20
    assert len(history.since(0)) <= 20 + 2 * 5
    with pytest.raises(UsageError):
        history.book_at(2_500 - 31)


@table("update_id", [999, 1_021, -1])
def test_an_unknown_id_is_reported_with_the_symbol_and_what_is_kept(update_id):
    with pytest.raises(UsageError, match=rf"of BTCUSDT .*kept history \(1000\.\.1020\), was {update_id}$"):
        filled(20).book_at(update_id)


def test_an_id_inside_an_event_is_unknown():
    history = filled(0)
    history.append(marked(1_009, previous_id=1_000))
    with pytest.raises(UsageError):
        history.book_at(1_005)


def test_a_history_without_a_book_says_so():
    with pytest.raises(UsageError, match=r"kept history \(0\.\.0\)"):
        BookHistory("BTCUSDT").book_at(1)


def test_the_past_before_a_snapshot_can_still_be_asked_for():
    history = filled(2)
    history.rebase(Depth(2_000, 2, [("20", "1")], []))
    assert history.book_at(1_001).bids == ((Decimal(10), Decimal(1_001)),)
    assert history.book_at(2_000).bids == ((Decimal(20), Decimal(1)),)
    assert history.depth(5, lag=1).last_update_id == 2_000


def test_an_event_that_ends_at_the_snapshots_id_is_part_of_its_book():
    history = filled(0)
    event = spot_event(990, 1_000, bids=[("9", "4")])
    history.append(DepthEvent(1, 990, 1_000, 989, 5, orjson.dumps(event)))
    assert (Decimal(9), Decimal(4)) in history.book_at(1_000).bids


def test_what_was_read_stays_as_it_was():
    history = filled(3)
    depth = history.depth(5)
    history.append(marked(1_004))
    history.depth(5)
    assert depth == Depth(1_003, 1_003_000, [("10", "1003")], [("11", "1")])


def test_a_broken_event_is_reported_when_the_book_is_asked_for():
    history = filled(1)
    history.append(DepthEvent(2, 1_002, 1_002, 1_001, 5, b'{"b":[["x","1"]],"a":[]}'))
    with pytest.raises(ValueError, match="x"):
        history.depth(5)


def test_readers_of_all_kinds_see_whole_books_while_it_grows():
    history = filled(0, history=2_000, chapter_length=16)
    last = 3_000

    def read(look):
        seen = 0
        while seen < last:
            seen, quantity = look()
            assert int(quantity) == seen

    def present():
        depth = history.depth(5)
        return depth.last_update_id, depth.bids[0][1]

    def lagging():
        depth = history.depth(5, lag=2)
        return depth.last_update_id + 2, int(depth.bids[0][1]) + 2

    def past():
        truth = history.book_at(history.last_id)
        return truth.last_update_id, truth.bids[0][1]

    with ThreadPoolExecutor() as pool:
        readers = [pool.submit(read, look) for look in (present, lagging, past)]
        for update_id in range(1_001, last + 1):
            history.append(marked(update_id))
        for reader in readers:
            reader.result(5)


def test_level_texts_take_price_and_quantity_and_leave_the_rest():
    assert level_texts([["1.0", "2"], ["3", "4.50", []]]) == [("1.0", "2"), ("3", "4.50")]
