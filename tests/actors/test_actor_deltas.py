"""The deltas that a user's function gets: a snapshot, then what changed, and whether that was one change."""

import pytest

from depthactors import binance
from depthactors.actors.callbacks import name_of
from depthactors.actors.deltas import Deltas
from depthactors.binance import Diff
from depthactors.book import BookState, BookView, OrderBook
from depthactors.book.delta import apply
from depthactors.book.view import capture

BIDS, ASKS = [99.0, 1.5, 98.0, 1.0], [101.0, 2.5, 102.0, 3.0]


def book_at(update_id):
    book = OrderBook("BTCUSDT", binance.Snapshot(update_id, 0, 100, (2, 1), BIDS, ASKS), depth=10, whole=True)
    # As after some hundred updates.
    book.version = 1_002
    return book


def change(book, quantity):
    book.apply(Diff(book.last_update_id + 1, book.last_update_id + 1, None, 1, [99.0, quantity], []))


def view_of(book):
    return book if isinstance(book, BookView) else capture(book, 10, BookState.LIVE, float, 0.0)


@pytest.fixture
def got():
    return []


@pytest.fixture
def deltas(got):
    return Deltas(got.append, view_of)


def test_a_snapshot_comes_first_and_then_each_change(deltas, got):
    book = book_at(7)
    deltas.update(deltas.capture(book))
    change(book, 2.0)
    deltas.update(deltas.capture(book))
    snapshot, delta = got
    assert (snapshot.is_snapshot, snapshot.bids, snapshot.conflated) == (True, ((99.0, 1.5), (98.0, 1.0)), False)
    assert (delta.previous_update_id, delta.last_update_id, delta.conflated) == (7, 8, False)
    assert (delta.bids, delta.asks) == (((99.0, 2.0),), ())
    assert apply(apply(None, snapshot), delta) == view_of(book)


def test_a_delta_over_an_update_that_was_left_out_is_marked(deltas, got):
    book = book_at(7)
    deltas.update(deltas.capture(book))
    change(book, 2.0)
    deltas.capture(book)
    change(book, 3.0)
    deltas.update(deltas.capture(book))
    change(book, 4.0)
    deltas.update(deltas.capture(book))
    assert [delta.conflated for delta in got] == [False, True, False]
    assert [delta.bids for delta in got[1:]] == [((99.0, 3.0),), ((99.0, 4.0),)]


def test_a_delta_from_one_book_to_another_is_marked(deltas, got):
    deltas.update(deltas.capture(book_at(7)))
    deltas.update(deltas.capture(book_at(9)))
    assert [delta.conflated for delta in got] == [False, True]


def test_deltas_of_a_book_in_another_process_are_marked(deltas, got):
    for update_id in (7, 8):
        deltas.update(deltas.capture(view_of(book_at(update_id))))
    assert [delta.conflated for delta in got] == [False, True]


def test_a_function_that_raised_gets_a_snapshot_again(got):
    def function(delta):
        got.append(delta)
        if len(got) == 2:
            raise ZeroDivisionError

    deltas, book = Deltas(function, view_of), book_at(7)
    for quantity in (1.0, 2.0, 3.0, 4.0):
        change(book, quantity)
        captured = deltas.capture(book)
        if len(got) == 1:
            with pytest.raises(ZeroDivisionError):
                deltas.update(captured)
        else:
            deltas.update(captured)
    assert [delta.is_snapshot for delta in got] == [True, False, True, False]


def test_reports_name_the_users_function():
    def function(_delta):
        pass

    assert name_of(Deltas(function, view_of).as_function()) == name_of(function)
