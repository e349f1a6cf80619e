from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.exchange.feeds.spelling import SPELLINGS, Spelling


@pytest.mark.parametrize(
    ("row", "price", "quantity", "nothing"),
    [
        (markets.SPOT, "123.45000000", "0.00070000", "0.00000000"),
        (markets.USDM, "1234.50", "0.007", "0.000"),
        (markets.COINM, "1234.5", "7", "0"),
        (markets.OPTIONS, "61725.000", "0.07", "0.00"),
    ],
    ids=["spot", "usdm", "coinm", "options"],
)
def test_numbers_are_spelt_as_the_market_does(row, price, quantity, nothing):
    spelling = SPELLINGS[row.depth_path]
    assert (spelling.price(12345), spelling.quantity(7), spelling.quantity(0)) == (price, quantity, nothing)


@pytest.mark.parametrize("row", markets.MARKETS.values(), ids=lambda row: row.name)
def test_every_market_has_a_spelling(row):
    assert row.depth_path in SPELLINGS


@given(
    st.builds(Spelling, st.integers(0, 9), st.integers(1, 10**7), st.integers(0, 9), st.integers(1, 10**7)),
    st.integers(0, 10**12),
)
def test_numbers_are_exact_and_have_all_their_decimals(spelling, number):
    for text, step, decimals in (
        (spelling.price(number), spelling.price_step, spelling.price_decimals),
        (spelling.quantity(number), spelling.quantity_step, spelling.quantity_decimals),
    ):
        assert text == format(Decimal(number * step).scaleb(-decimals), "f")
