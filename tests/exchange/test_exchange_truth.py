from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.exchange.feeds.truth import BookTruth, PlainBook
from tests.support import table

PRICES = st.integers(1, 12).map(lambda tick: f"{tick}.50")
LOTS = st.integers(0, 4).map(lambda lots: f"{lots}.000")
LEVELS = st.lists(st.tuples(PRICES, LOTS), max_size=8)
EVENTS = st.lists(st.fixed_dictionaries({"b": LEVELS, "a": LEVELS}), max_size=8)


def book_of(events):
    book = PlainBook()
    for event in events:
        book.apply(event)
    return book


def naive(events):
    """The levels by hand: for each price the last quantity that is not zero, best first."""
    sides = ({}, {})
    for event in events:
        for side, levels in zip(sides, (event["b"], event["a"]), strict=True):
            side.update(levels)
    bids, asks = ([(price, quantity) for price, quantity in side.items() if Decimal(quantity)] for side in sides)
    return (
        sorted(bids, key=lambda level: -Decimal(level[0])),
        sorted(asks, key=lambda level: Decimal(level[0])),
    )


@given(EVENTS, st.integers(0, 10))
def test_the_book_is_for_each_price_the_last_quantity_and_a_cut_the_best_of_it(events, limit):
    bids, asks = naive(events)
    assert book_of(events).cut() == (bids, asks)
    assert book_of(events).cut(limit) == (bids[:limit], asks[:limit])


@given(EVENTS, EVENTS)
def test_changes_to_another_book_are_each_level_that_differs_once_and_no_other_best_first(before, after):
    book = book_of(before)
    changes = book.changes_to(book_of(after))
    for changed, now, then, sign in zip(changes, naive(before), naive(after), (-1, 1), strict=True):
        prices = [price for price, _ in changed]
        differing = {price for price, _ in set(now) ^ set(then)}
        assert prices == sorted(differing, key=lambda price: sign * Decimal(price))
    book.apply(dict(zip("ba", changes, strict=True)))
    assert book.cut() == naive(after)


def test_a_level_that_is_gone_has_a_zero_as_the_exchange_spells_it():
    now = PlainBook([("10.10", "1.250")], [("11.00", "7")])
    assert now.changes_to(PlainBook()) == ([("10.10", "0.000")], [("11.00", "0")])


@given(EVENTS, EVENTS)
def test_a_copy_goes_its_own_way(before, more):
    book = book_of(before)
    twin = book.copy()
    for event in more:
        twin.apply(event)
    assert book.cut() == naive(before)
    assert twin.cut() == naive([*before, *more])


def test_texts_keep_their_form():
    book = PlainBook([["9.10", "1.000"], ["10.00", "2.50"]], [["12.0", "1"], ["11.0", "3"]])
    assert book.cut(1) == ([("10.00", "2.50")], [("11.0", "3")])


def test_one_price_in_two_forms_is_one_level():
    book = PlainBook([["10.0", "1"]])
    book.apply({"b": [["10.00", "2"]], "a": []})
    assert book.cut() == ([("10.00", "2")], [])


@table("zero", ["0", "0.0", "0.00000000"])
def test_zero_in_any_form_removes_a_level_known_or_not(zero):
    book = PlainBook([["10", "1"]])
    book.apply({"b": [["10.0", zero], ["9", zero]], "a": [["11", zero]]})
    assert book.cut() == ([], [])


def test_prices_of_fifteen_digits_are_distinguished():
    book = PlainBook([["1234567.12345678", "1"], ["1234567.12345679", "2"]])
    assert [quantity for _, quantity in book.cut()[0]] == ["2", "1"]


def test_the_third_empty_element_of_captures_of_2017_is_dropped():
    assert PlainBook([["10", "1", []]]).cut() == ([("10", "1")], [])


@table("event", [{}, {"b": [["1"]], "a": []}, {"b": [["x", "1"]], "a": []}, {"b": 5, "a": []}])
def test_what_is_no_event_raises(event):
    with pytest.raises((LookupError, TypeError, ValueError)):
        PlainBook().apply(event)


def test_the_truth_is_a_frozen_value_of_exact_decimals():
    truth = PlainBook([["10.0", "1"], ["10.5", "3"]], [["11", "2.50"]]).truth("BTCUSDT", 7)
    bids = ((Decimal("10.5"), Decimal(3)), (Decimal(10), Decimal(1)))
    assert truth == BookTruth("BTCUSDT", 7, bids, ((Decimal(11), Decimal("2.5")),))
    assert hash(truth) == hash(BookTruth("BTCUSDT", 7, truth.bids, truth.asks))
    with pytest.raises(FrozenInstanceError):
        truth.last_update_id = 8
