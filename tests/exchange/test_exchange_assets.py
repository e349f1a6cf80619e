"""The table of assets: each has a price, and the name of a pair says which two it is of."""

import pytest

from depthactors.exchange.shapes.assets import COINS, PRICES, QUOTES, STABLE, price_of, split, unit_of
from tests.support import table


def test_there_are_a_hundred_and_each_is_worth_something():
    assert len(COINS) >= 100
    assert all(price > 0 for price in PRICES.values())
    assert not set(COINS) & set(STABLE)
    assert all(name == name.upper() for name in PRICES)
    assert set(QUOTES) <= set(PRICES)


@table("base", COINS)
def test_every_pair_with_a_usual_quote_is_read_as_what_it_is(base):
    for quote in ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR", "TRY"):
        if base != quote:
            assert split(f"{base}{quote}") == (base, quote)


@table(
    ("name", "unit"),
    [
        ("PEPE", ("PEPE", 1)),
        ("1000PEPE", ("PEPE", 1_000)),
        ("1000SATS", ("SATS", 1_000)),
        ("1000BTC", ("1000BTC", 1)),
        ("1INCH", ("1INCH", 1)),
        ("FOO", ("FOO", 1)),
    ],
)
def test_a_thousand_of_what_is_worth_next_to_nothing(name, unit):
    assert unit_of(name) == unit


def test_what_is_not_in_the_table_has_no_price():
    assert price_of("FOO") is price_of("1000BTC") is price_of("1000FOO") is None
    assert price_of("1000PEPE") == pytest.approx(1_000 * PRICES["PEPE"])
