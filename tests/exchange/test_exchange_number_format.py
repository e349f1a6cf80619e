from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.exchange.shapes.number_format import NumberFormat
from depthactors.exchange.shapes.table import SHAPES, shape_of
from tests.support import table


@table(
    ("row", "price", "quantity", "nothing"),
    [
        (markets.SPOT, "123.45000000", "0.00070000", "0.00000000"),
        (markets.USDM, "1234.50", "0.007", "0.000"),
        (markets.COINM, "1234.5", "7", "0"),
        (markets.OPTIONS, "61725.000", "0.07", "0.00"),
    ],
)
def test_numbers_are_written_as_the_market_does(row, price, quantity, nothing):
    number_format = shape_of(row).number_format
    assert (number_format.price(12345), number_format.quantity(7), number_format.quantity(0)) == (
        price,
        quantity,
        nothing,
    )


@table("row", markets.MARKETS.values())
def test_every_market_has_a_shape(row):
    assert row.family in SHAPES


@given(
    st.builds(NumberFormat, st.integers(0, 9), st.integers(1, 10**7), st.integers(0, 9), st.integers(1, 10**7)),
    st.integers(0, 10**12),
)
def test_numbers_are_exact_and_have_all_their_decimals(number_format, number):
    for text, step, decimals in (
        (number_format.price(number), number_format.price_step, number_format.price_decimals),
        (number_format.quantity(number), number_format.quantity_step, number_format.quantity_decimals),
    ):
        assert text == format(Decimal(number * step).scaleb(-decimals), "f")
