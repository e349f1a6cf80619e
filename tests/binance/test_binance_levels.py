import copy
from decimal import Decimal
from math import inf

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from depthactors import binance
from depthactors.book import BookState, BookView
from depthactors.book.numerals import exact
from depthactors.errors import MalformedFrameError
from tests.binance.frame_support import LEVELS
from tests.support import pairs, table


def numerals(digits=15):
    """Positive numbers of at most so many significant digits, spelt plainly."""
    return st.builds(
        lambda mantissa, places: f"{Decimal(mantissa).scaleb(-places):f}",
        st.integers(1, 10**digits - 1),
        st.integers(0, 12),
    )


@given(LEVELS)
@example(["12"])
@example({})
@example("")
@example({"12": 0})
@example([{"1": 0, "2": 0}])
@example([[2**63, "1"]])
@example([["1", "1"], ["1", "1", []]])
@example([["1", "4.95e-322"]])
def test_levels_of_any_json_are_sound_or_malformed(levels):
    before = copy.deepcopy(levels)
    try:
        changes = binance.parse_levels(levels)
    except MalformedFrameError as error:
        assert str(error)  # noqa: PT017
    else:
        assert type(levels) is list, "only a JSON array holds levels"
        assert len(changes) == 2 * len(levels)
        for (price, quantity), level in zip(pairs(changes), levels, strict=True):
            assert type(level) is list
            assert all(type(text) is str for text in level[:2])
            assert 0 < price < inf
            assert exact(price) == Decimal(level[0])
            assert exact(quantity) == Decimal(level[1])
    assert repr(levels) == repr(before)


@given(numerals(), numerals(30), st.sampled_from(["bid", "ask"]))
def test_a_price_of_fifteen_digits_and_any_quantity_survive_exactly(price, quantity, side):
    key, size = binance.parse_levels([[price, quantity]])
    places = tuple(len(text.partition(".")[2]) for text in (price, quantity))
    view = BookView("X", BookState.LIVE, number=Decimal, decimals=places, **{f"{side}s": ((key, size),)})
    assert view.texts(side) == [(price, quantity)]
    assert (view.bids or view.asks) == ((Decimal(price), Decimal(quantity)),)


@table("price", ["1", "1e-300"])
@table("quantity", ["1e-693", "1e-39223372036854775808"])
def test_a_quantity_whose_float_is_zero_is_zero_whatever_its_price(price, quantity):
    assert binance.parse_levels([[price, quantity]])[1] == 0


@table("price", ["1234567890123456", "0.1234567890123456", "100000000.00000001", "4.95e-322"])
def test_a_price_of_more_digits_than_a_float_holds_is_malformed(price):
    with pytest.raises(MalformedFrameError, match="expected a price"):
        binance.parse_levels([[price, "1"]])


@table("level", [["1" * 400, "1"], ["1", "0." + "0" * 40], ["1", "1" * 10**6]])
def test_a_number_that_is_too_long_is_malformed_and_not_repeated(level):
    with pytest.raises(MalformedFrameError, match="expected numbers of at most 32 characters") as raised:
        binance.parse_levels([level])
    assert len(str(raised.value)) < 300


@table("zero", ["0", "0.0", "0.00000000", "00", "0.", ".0", "0e5", "0E-8", "-0"])
def test_zero_in_any_spelling_is_gone(zero):
    assert binance.parse_levels([["10.5", zero]]) == [10.5, 0.0]


def test_two_spellings_of_one_price_are_one_key():
    changes = binance.parse_levels([["61730.1", "1"], ["61730.10", "2"], ["61730.1000000000000", "3"]])
    assert {price for price, _ in pairs(changes)} == {61730.1}


def test_captures_of_2017_have_a_third_element():
    assert binance.parse_levels([["1", "2", []], ["3", "4", []]]) == [1.0, 2.0, 3.0, 4.0]


@table(
    "level",
    [
        ["0", "1"],
        ["-1", "1"],
        ["1", "-1"],
        ["nan", "1"],
        ["1", "nan"],
        ["inf", "1"],
        ["1", "inf"],
        ["", "1"],
        ["1", ""],
        ["1"],
        [],
        [1, "1"],
        ["1", 1],
        [1.5, 1.5],
        [None, "1"],
        [True, True],
        "1",
        "12",
        None,
        {"1": 0, "2": 0},
    ],
)
def test_an_unsound_level_is_malformed(level):
    with pytest.raises(MalformedFrameError):
        binance.parse_levels([["1", "1"], level])


@table("text", ["1_0", " 10", "10 ", "10\n", "\t10", "١٠", "1٠"])  # noqa: RUF001 - digits of another script
def test_what_only_python_takes_for_a_number_is_malformed(text):
    float(text)
    for level in ([text, "1"], ["1", text]):
        with pytest.raises(MalformedFrameError, match="expected digits in price and quantity"):
            binance.parse_levels([["2", "1"], level])
