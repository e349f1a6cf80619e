from decimal import Decimal

from depthactors.exchange.truth import BookTruth, PlainBook


def test_cut_is_best_first_and_keeps_the_spelling():
    book = PlainBook([["9.10", "1.000"], ["10.00", "2.50"]], [["12.0", "1"], ["11.0", "3"]])
    assert book.cut(1) == ([("10.00", "2.50")], [("11.0", "3")])
    assert book.cut() == ([("10.00", "2.50"), ("9.10", "1.000")], [("11.0", "3"), ("12.0", "1")])


def test_apply_sets_replaces_and_removes():
    book = PlainBook([["10", "1"], ["9", "1"]], [["11", "1"]])
    book.apply({"b": [["10.0", "0.000"], ["9", "5"], ["7", "0"]], "a": [["10.5", "2"]]})
    assert book.cut() == ([("9", "5")], [("10.5", "2"), ("11", "1")])


def test_same_price_in_another_spelling_is_the_same_level():
    book = PlainBook([["10.0", "1"]])
    book.apply({"b": [["10.00", "2"]], "a": []})
    assert book.cut() == ([("10.00", "2")], [])


def test_copy_is_independent():
    book = PlainBook([["10", "1"]])
    twin = book.copy()
    book.apply({"b": [["10", "0"]], "a": []})
    assert twin.cut() == ([("10", "1")], [])


def test_third_empty_element_of_old_captures_is_dropped():
    assert PlainBook([["10", "1", []]]).cut() == ([("10", "1")], [])


def test_truth_is_frozen_decimals():
    truth = PlainBook([["10.0", "1"]], [["11", "2.50"]]).truth("BTCUSDT", 7)
    assert truth == BookTruth("BTCUSDT", 7, ((Decimal(10), Decimal(1)),), ((Decimal(11), Decimal("2.5")),))
