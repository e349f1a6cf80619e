"""Copies of a book: they show one update, whatever becomes of the book, and survive a pickle."""

import pickle
from decimal import Decimal
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from depthactors import binance
from depthactors.book import BookState, OrderBook
from depthactors.book.copied import copy_book, copy_view
from depthactors.book.view import capture
from tests.support import table


def flat(levels):
    return [number for level in levels for number in level]


def new_book(levels=300, depth=10, limit=None):
    bids = flat((1000.0 - n, 1.5 + n) for n in range(levels))
    asks = flat((1001.0 + n, 2.5 + n) for n in range(levels))
    snapshot = binance.Snapshot(7, 0, levels if limit is None else limit, (2, 5), bids, asks)
    return OrderBook("BTCUSDT", snapshot, depth=depth, recv_time=12.5)


def diff(bids=(), asks=(), last_id=8):
    return binance.Diff(last_id, last_id, None, 99, flat(bids), flat(asks))


def levels_of(book, side, edge=inf):
    view = capture(book, None, BookState.LIVE, float, 0.0)
    sign = -1 if side == "bids" else 1
    return [list(level) for level in getattr(view, side) if level[0] * sign <= edge]


@table("levels", [0, 1, 30, 300, 3000])
@table("limit", [None, 1, 5, 100, 10_000])
def test_it_shows_the_levels_of_the_book_best_first(levels, limit):
    book = new_book(levels)
    copy = copy_book(book)
    assert copy.bids.floats(limit) == levels_of(book, "bids")[:limit]
    assert copy.asks.floats(limit) == levels_of(book, "asks")[:limit]
    assert copy.asks.levels(limit) == tuple(map(tuple, levels_of(book, "asks")[:limit]))


@table("levels", [30, 300, 3000])
@table("reach", [0, 4, 25, 150, 5000])
def test_levels_beyond_an_edge_are_left_out(levels, reach):
    book = new_book(levels)
    copy = copy_book(book, -1000.0 + reach, 1001.0 + reach)
    assert copy.bids.floats(None) == levels_of(book, "bids", -1000.0 + reach)
    assert copy.asks.floats(None) == levels_of(book, "asks", 1001.0 + reach)
    assert copy.asks.floats(3) == levels_of(book, "asks", 1001.0 + reach)[:3]


@table("levels", [0, 30, 300, 3000])
@table("reach", [4, 150, inf])
@table("most", [1, 20, 100, 500, 5000])
@table("limit", [None, 5, 400])
def test_it_has_no_more_levels_than_asked_for(levels, reach, most, limit):
    book = new_book(levels)
    copy = copy_book(book, -1000.0 + reach, 1001.0 + reach, most)
    bids, asks = (levels_of(book, side, at + reach)[:most] for side, at in (("bids", -1000.0), ("asks", 1001.0)))
    assert (copy.bids.floats(limit), copy.asks.floats(limit)) == (bids[:limit], asks[:limit])
    assert copy.asks.levels(limit) == tuple(map(tuple, asks[:limit]))
    again = pickle.loads(pickle.dumps(copy))
    assert (again.bids.floats(None), again.asks.floats(None)) == (bids, asks)


def test_a_copy_that_is_read_later_shows_the_update_at_which_it_was_taken():
    book = new_book()
    copy, before = copy_book(book), (levels_of(book, "bids"), levels_of(book, "asks"))
    book.apply(diff([(1000.0, 0.0), (1000.25, 3.0)], [(1001.0, 9.0)]), 20.0)
    assert (copy.bids.floats(None), copy.asks.floats(None)) == before
    assert (copy.last_update_id, copy.event_time, copy.recv_time, copy.time_ms) == (7, 0, 12.5, 12_500)
    later = copy_book(book)
    assert (later.last_update_id, later.event_time, later.recv_time, later.time_ms) == (8, 99, 20.0, 99)


def test_its_lists_are_the_callers_own():
    copy = copy_book(new_book(3))
    first = copy.bids.floats(None)
    first[0][1] = 0.0
    first.clear()
    assert copy.bids.floats(None) == levels_of(new_book(3), "bids")


def test_a_quantity_that_no_float_holds_is_exact_in_texts_and_levels():
    quantity = Decimal("123456789012.12345678")
    book = new_book(2)
    book.apply(diff(asks=[(1001.0, quantity)]))
    side = copy_book(book).asks
    assert side.levels(1) == ((1001.0, quantity),)
    assert side.texts(1, (2, 5)) == [("1001.00", "123456789012.12345678")]
    assert side.floats(None) == [[1001.0, float(quantity)], [1002.0, 3.5]]
    assert {type(number) for level in side.floats(None) for number in level} == {float}


@table("edge", [inf, 1005.0])
def test_it_is_pickled_with_the_levels_that_it_shows_and_no_others(edge):
    copy = copy_book(new_book(3000), -995.0 if edge < inf else inf, edge)
    again = pickle.loads(pickle.dumps(copy))
    assert (again.symbol, again.last_update_id, again.recv_time, again.decimals) == ("BTCUSDT", 7, 12.5, (2, 5))
    assert (again.bids.floats(None), again.asks.floats(None)) == (copy.bids.floats(None), copy.asks.floats(None))
    if edge != inf:
        assert len(pickle.dumps(copy)) < 1_000


@table("number", [float, Decimal])
def test_of_a_view_it_has_the_best_levels(number):
    book = new_book()
    copy = copy_view(capture(book, 50, BookState.LIVE, number, 0.0), 20)
    assert copy.bids.floats(None) == levels_of(book, "bids")[:20]
    assert copy.asks.floats(None) == levels_of(book, "asks")[:20]
    assert (copy.symbol, copy.last_update_id, copy.recv_time, copy.decimals) == ("BTCUSDT", 7, 12.5, (2, 5))


@given(st.lists(st.tuples(st.integers(900, 1000), st.integers(0, 2)), max_size=400), st.integers(0, 120))
def test_whatever_the_book_went_through_it_is_the_books_levels(changes, reach):
    book = new_book(60, depth=5)
    book.asks.widen(40)
    for at, (price, quantity) in enumerate(changes):
        level = float(price), float(quantity)
        book.apply(diff([level], [(2001.0 - level[0], level[1])], last_id=8 + at))
    assert copy_book(book, -1000.0 + reach).bids.floats(None) == levels_of(book, "bids", -1000.0 + reach)
    assert copy_book(book, most=40).bids.floats(None) == levels_of(book, "bids")[:40]
    assert copy_book(book, most=40).asks.floats(None) == levels_of(book, "asks")[:40]
