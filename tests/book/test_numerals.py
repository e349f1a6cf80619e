from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.book.numerals import plain, price_decimal, price_reader, price_text

# At most 15 significant digits, as `wire` lets through.
PRICES = st.builds(
    lambda mantissa, exponent: Decimal(mantissa).scaleb(exponent), st.integers(1, 10**15 - 1), st.integers(-15, 6)
)


@given(PRICES, st.sampled_from([-1, 1]))
def test_a_price_comes_back_exact_from_either_side(price, sign):
    assert price_decimal(sign * float(price)) == price


@given(PRICES, st.integers(0, 10), st.sampled_from([-1, 1]))
def test_a_spelt_price_is_the_price_with_at_least_so_many_decimals(price, decimals, sign):
    text = price_text(sign * float(price), decimals)
    assert Decimal(text) == price
    assert set(text) <= set("0123456789.")
    places = len(text.partition(".")[2])
    assert places >= decimals
    assert places == decimals or not text.endswith("0")


@pytest.mark.parametrize(
    ("key", "decimals", "text"),
    [
        (61730.1, 2, "61730.10"),
        (-61730.1, 0, "61730.1"),
        (100.0, 0, "100"),
        (100.0, 8, "100.00000000"),
        (0.00001734, 5, "0.00001734"),
        (1e15, 1, "1000000000000000.0"),
    ],
)
def test_spelling_a_price(key, decimals, text):
    assert price_text(key, decimals) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("61730.10", "61730.1"),
        ("100", "100"),
        ("100.000", "100"),
        ("0.000001", "0.000001"),
        ("1E-9", "0.000000001"),
        ("1E+3", "1000"),
        ("0.00000000", "0"),
        ("10", "10"),
    ],
)
def test_plain(number, text):
    assert plain(Decimal(number)) == text


@given(st.decimals(0, 10**9, places=12))
def test_plain_is_one_spelling_for_one_number(number):
    text = plain(number)
    assert Decimal(text) == number
    assert text == plain(number * Decimal("1.00"))
    assert "E" not in text
    assert "." not in text or not text.endswith("0")


@pytest.mark.parametrize(("number", "price"), [(float, 61730.1), (Decimal, Decimal("61730.1"))])
def test_a_reader_makes_prices_of_its_type(number, price):
    for key in (61730.1, -61730.1):
        assert price_reader(number)(key) == price
        assert type(price_reader(number)(key)) is number
