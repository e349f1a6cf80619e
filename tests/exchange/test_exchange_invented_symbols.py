"""Invented symbols look like their market's, and have the number that was asked for."""

import pytest

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.shapes.invented_symbols import invent
from tests.support import table


@table("market", ["spot", "us", "usdm", "coinm", "options"])
@table("count", [1, 2, 11, 1_200])
def test_they_are_distinct_and_named_as_the_market_names_them(market, count):
    row = markets.lookup(market)
    symbols = invent(row, count)
    assert len(set(symbols)) == count
    shape = {"e": "depthUpdate", "pu": 1} if row.sequencing is markets.Sequencing.CHAINED else {"e": "depthUpdate"}
    known = {markets.guess(shape | {"s": symbol}).name for symbol in symbols}
    assert known == {"spot" if market == "us" else market}
    assert [markets.normalize_symbol(symbol) for symbol in symbols] == symbols


def test_fewer_begin_like_more():
    row = markets.lookup("spot")
    assert invent(row, 1_000)[:30] == invent(row, 30)


@table("count", [0, -1])
def test_none_at_all_is_refused(count):
    with pytest.raises(UsageError, match=f"was {count}"):
        invent(markets.lookup("spot"), count)
