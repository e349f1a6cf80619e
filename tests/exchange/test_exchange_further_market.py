"""A further market of the exchange's kind is a row of `markets.MARKETS`, and a row of `SHAPES` if its family is new."""

from dataclasses import replace
from decimal import Decimal
from enum import Enum

import pytest

from depthactors import DepthEngine, markets
from depthactors.exchange import LocalExchange
from depthactors.exchange.shapes.table import SHAPES
from depthactors.markets import Family
from tests.exchange.exchange_support import get
from tests.support import until

SMALL = {"rate": 100.0, "levels": 6.0, "depth": 80}


class NewFamily(Enum):
    """What would be a member of `Family`."""

    MOON = "moon"


@pytest.fixture(params=["of a new family", "of a known family"])
def moon(request, monkeypatch):
    """Add a market: a row for its clients and, for a new family, a row for the local exchange."""
    row = replace(markets.USDM, name="moon", depth_path="/mapi/v1/depth", stream_path="/stream", weight_pool="moon")
    if request.param == "of a new family":
        row = replace(row, family=NewFamily.MOON)
        shape = replace(
            SHAPES[Family.USDM],
            symbol_fields=lambda symbol: {"s": symbol, "st": 7},
            depth_fields=lambda symbol, depth: {"symbol": symbol} | SHAPES[Family.SPOT].depth_fields(symbol, depth),
            default_limit=50,
        )
        monkeypatch.setitem(SHAPES, NewFamily.MOON, shape)
    monkeypatch.setitem(markets.MARKETS, "moon", row)
    return row


def test_it_is_served_and_followed(moon, monkeypatch):
    with LocalExchange.with_order_flow(["BTCUSDT"], market="moon", **SMALL) as exchange, monkeypatch.context() as patch:
        patch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with DepthEngine(market="moon", number=Decimal) as engine:
            book = engine.subscribe("BTCUSDT", depth=20)
            book.wait_live(timeout=20)
            first = book.view().last_update_id
            until(lambda: book.view().last_update_id > first)
            view = book.view()
        truth = exchange.book_at("BTCUSDT", view.last_update_id, market="moon")
        assert (view.bids[:20], view.asks[:20]) == (truth.bids[:20], truth.asks[:20])
        reply = get(exchange, moon.depth_path, symbol="BTCUSDT").json()
        assert (len(reply["bids"]) == 50) is (moon.family is NewFamily.MOON)
        assert ("symbol" in reply) is (moon.family is NewFamily.MOON)
        listed = get(exchange, moon.depth_path.replace("depth", "exchangeInfo")).json()["symbols"]
        assert [each["symbol"] for each in listed] == ["BTCUSDT"]


def test_it_is_served_beside_the_others_if_its_family_is_new(moon):
    names = [market.name for market in LocalExchange.with_order_flow().markets]
    assert names == ["spot", "coinm", "usdm", "options"] + ["moon"] * (moon.family is NewFamily.MOON)
