"""A record gives back what `capture` gives in the engine's own process, exactly."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import binance
from depthactors.book import BookState, BookView, OrderBook
from depthactors.book.view import capture
from depthactors.errors import SharingError
from depthactors.sharing.record import as_stale, pack, reason, record_room, restated, shown_state, unpack, update_of

NOW = 1_700_000_000.0
LIMIT = 20
states = st.sampled_from(list(BookState))
numbers = st.sampled_from([float, Decimal])
short_sizes = st.tuples(st.integers(1, 10**15 - 1), st.integers(0, 12)).map(
    lambda pair: f"{Decimal(pair[0]).scaleb(-pair[1]):f}"
)
long_sizes = st.tuples(st.integers(10**15, 10**29), st.integers(0, 29)).map(
    lambda pair: f"{Decimal(pair[0]).scaleb(-pair[1]):f}"
)
sizes = st.one_of(short_sizes, long_sizes.filter(lambda text: len(text) <= 32))
prices = st.tuples(st.integers(1, 10**6), st.sampled_from(["", ".0", ".25", ".10", ".00000001"])).map(
    lambda pair: f"{pair[0]}{pair[1]}"
)
levels = st.dictionaries(prices, sizes, max_size=LIMIT).map(
    lambda side: [[price, size] for price, size in side.items()]
)


@st.composite
def books(draw):
    """Any book that a snapshot begins: thin, deep, empty on a side, crossed, or promising more than it holds."""
    bids, asks = draw(levels), draw(levels)
    if not bids and not asks:
        asks = [["1", "1"]]
    if draw(st.booleans()):
        # As most are: not crossed.
        asks = [[f"{Decimal(price) + 10**6 + 1}", size] for price, size in asks]
    reply = {"lastUpdateId": draw(st.integers(1, 2**62)), "E": draw(st.integers(0, 2**62)), "bids": bids, "asks": asks}
    limit = max(len(bids), len(asks)) + draw(st.integers(0, 1))
    snapshot = binance.parse_snapshot(reply, limit)
    book = OrderBook("BTCUSDT", snapshot, recv_time=draw(st.sampled_from([0.0, NOW - 1.5, NOW + 1.5])))
    book.promise(draw(st.integers(0, LIMIT)))
    return book


def same(ours, theirs):
    assert ours == theirs
    for side in ("bids", "asks"):
        mine, yours = getattr(ours, side), getattr(theirs, side)
        assert mine == yours
        assert [tuple(map(type, level)) for level in mine] == [tuple(map(type, level)) for level in yours]
    for side in ("bid", "ask"):
        assert ours.texts(side) == theirs.texts(side)


@given(books(), st.integers(1, LIMIT), states, numbers)
def test_a_record_is_the_view_that_capture_takes(book, depth, state, number):
    record = pack(book, depth, state, number)
    same(unpack("BTCUSDT", record, NOW), capture(book, depth, state, number, NOW, depth))
    assert len(record) <= record_room(depth)


@given(books(), st.integers(1, LIMIT), st.integers(1, LIMIT + 5), states, numbers)
def test_fewer_levels_are_the_best_of_them(book, depth, wanted, state, number):
    view = unpack("BTCUSDT", pack(book, depth, state, number), NOW, levels=wanted)
    same(view, capture(book, min(wanted, depth), state, number, NOW, depth))


@given(books(), st.integers(1, LIMIT), states, numbers)
def test_a_label_that_says_stale_changes_live_views_alone(book, depth, state, number):
    record = pack(book, depth, state, number)
    plain, labelled = (unpack("BTCUSDT", each, NOW) for each in (record, as_stale(record)))
    assert labelled.state is (BookState.STALE if plain.state is BookState.LIVE else plain.state)
    assert shown_state(record) is plain.state
    assert update_of(record) == (plain.last_update_id, plain.event_time)
    assert (labelled.bids, labelled.asks, labelled.last_update_id) == (plain.bids, plain.asks, plain.last_update_id)


@given(
    books(), st.integers(1, LIMIT), states, states, numbers, st.none() | st.text(max_size=500), st.none() | st.text()
)
def test_a_record_that_is_restated_has_the_same_levels_and_another_reason(book, depth, state, later, number, why, then):
    record = pack(book, depth, state, number, why)
    again = restated(record, later, then)
    before = unpack("BTCUSDT", record, NOW, state=later)
    same(unpack("BTCUSDT", again, NOW), before)
    assert (shown_state(again), reason(again)) == (later, reason(pack(None, 0, state, number, then)))
    assert len(again) <= record_room(depth)


@given(books(), st.integers(1, LIMIT), states, numbers, numbers)
def test_a_record_of_one_number_type_is_read_as_the_other_without_loss(book, depth, state, kept, read):
    same(
        unpack("BTCUSDT", pack(book, depth, state, kept), NOW, number=read),
        capture(book, depth, state, read, NOW, depth),
    )


@given(states, numbers, st.none() | st.text(min_size=1, max_size=500))
def test_without_a_book_there_is_its_state_and_why(state, number, why):
    record = pack(None, 0, state, number, why)
    same(unpack("BTCUSDT", record, NOW), BookView("BTCUSDT", state, number=number))
    assert reason(record) == (None if why is None else why[:400])
    assert len(record) <= record_room(1)


@given(books(), st.integers(1, LIMIT), numbers, st.text(min_size=1, max_size=50))
def test_the_reason_and_exact_quantities_are_not_in_each_others_way(book, depth, number, why):
    record = pack(book, depth, BookState.STALE, number, why)
    assert reason(record) == why
    same(unpack("BTCUSDT", record, NOW), capture(book, depth, BookState.STALE, number, NOW, depth))
    assert reason(pack(book, depth, BookState.STALE, number)) is None


def full_book(depth, size):
    bids, asks = ([[str(10**6 + sign * place), size] for place in range(1, depth + 1)] for sign in (-1, 1))
    snapshot = binance.parse_snapshot({"lastUpdateId": 2**62, "E": 2**62, "bids": bids, "asks": asks}, depth)
    return OrderBook("BTCUSDT", snapshot, depth=depth)


SIZES = [
    "12345678901234567890123456789012",
    "1234567890123456.123456789012345",
    ".1234567890123456789012345678901",
    "0.000000012345678901234567890123",
    "0.000000000000000000000000000001",
    "123456789012345678901234567890E9",
    "1.234567890123456789012345E-0099",
]


REASONS = ["\x00" * 1000, "\U0001f4a5" * 1000, '"\\' * 500, "\ud800" * 1000]


def longest_cases():
    """Return each size and reason at depth 10, one of them at 5000; all that they can be together is `full`."""
    for depth, (row, size), (column, why) in product((1, 10, 1000, 5000), enumerate(SIZES), enumerate(REASONS)):
        is_first = row % len(REASONS) == column and (depth == 10 or (depth == 5000 and row == 0))
        yield pytest.param(depth, size, why, id=f"{depth}-{size}-{column}", marks=() if is_first else pytest.mark.full)


@pytest.mark.parametrize(("depth", "size", "why"), list(longest_cases()))
def test_there_is_room_for_the_longest_of_everything(depth, size, why):
    book = full_book(depth, size)
    record = pack(book, depth, BookState.STALE, Decimal, why)
    assert len(size) == 32
    assert len(record) <= record_room(depth)
    view = unpack("BTCUSDT", record, NOW)
    assert {quantity for _, quantity in view.bids + view.asks} == {Decimal(size)}
    assert len(view.bids) == depth


@given(books(), st.integers(1, LIMIT), states, numbers, st.integers(1, 64), st.data())
def test_a_record_with_a_field_more_or_cut_short_is_not_read_as_prices(book, depth, state, number, change, data):
    record = pack(book, depth, state, number, "why")
    # Behind the counts, as another version might have it.
    place = data.draw(st.integers(20, len(record)))
    longer, shorter = record[:place] + bytes(change) + record[place:], record[:-change]
    for other in (longer, shorter):
        with pytest.raises(SharingError, match="expected a record of the layout 1"):
            unpack("BTCUSDT", other, NOW)


def test_a_record_of_another_layout_has_neither_state_nor_reason():
    record = pack(None, 5, BookState.LIVE, float, "why")
    other = record[:40] + bytes(8) + record[40:]
    for read in (lambda: reason(other), lambda: restated(other, BookState.STALE, None), lambda: update_of(other)):
        with pytest.raises(SharingError, match="expected a record of the layout 1"):
            read()
    assert shown_state(b"\xff" + record[1:]) is BookState.SYNCING


def test_a_reason_of_characters_that_cannot_be_sent_is_told_all_the_same():
    # As of an error that names a file whose name is no text.
    record = pack(None, 0, BookState.FAILED, float, "no file a\udcffb")
    assert reason(record) == "no file a?b"


@pytest.mark.parametrize("number", [float, Decimal])
def test_a_book_that_promises_less_than_is_shown_is_stale(number):
    book = full_book(5, "1.5")
    assert unpack("BTCUSDT", pack(book, 5, BookState.LIVE, number), NOW).state is BookState.LIVE
    assert unpack("BTCUSDT", pack(book, 6, BookState.LIVE, number), NOW).state is BookState.STALE
    book.promise(6)
    assert unpack("BTCUSDT", pack(book, 6, BookState.LIVE, number), NOW).state is BookState.STALE
