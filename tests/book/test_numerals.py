from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from depthactors.book.numerals import exact, plain, spelt
from tests.support import table

# At most 15 significant digits, as `binance` lets through.
NUMBERS = st.builds(
    lambda mantissa, exponent: Decimal(mantissa).scaleb(exponent), st.integers(1, 10**15 - 1), st.integers(-15, 6)
)


@given(NUMBERS)
@example(Decimal("0.1"))
@example(Decimal("0.10"))
def test_a_number_comes_back_exact(number):
    assert exact(float(number)) == number
    assert exact(number) is number


@given(NUMBERS, st.integers(0, 10), st.sampled_from([float, Decimal]))
def test_a_spelt_number_has_at_least_the_given_decimals(number, decimals, kind):
    text = spelt(kind(number), decimals)
    assert Decimal(text) == number
    assert set(text) <= set("0123456789.")
    places = len(text.partition(".")[2])
    assert places >= decimals
    assert places == decimals or not text.endswith("0")


@table(
    ("number", "decimals", "text"),
    [
        (61730.1, 2, "61730.10"),
        (61730.1, 0, "61730.1"),
        (100.0, 0, "100"),
        (100.0, 8, "100.00000000"),
        (0.00001734, 5, "0.00001734"),
        (1e15, 1, "1000000000000000.0"),
        (5, 3, "5.000"),
        (Decimal("1234567890.12345678"), 2, "1234567890.12345678"),
    ],
)
def test_spelling_a_number(number, decimals, text):
    assert spelt(number, decimals) == text


@table(
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
