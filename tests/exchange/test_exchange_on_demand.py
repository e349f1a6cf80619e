"""What is listed on demand: at the first request, once, within bounds, and the same in any order."""

import threading
import time
from itertools import permutations

import pytest

from depthactors import markets, reporting
from depthactors.errors import UsageError
from depthactors.exchange import Fault, LocalExchange
from depthactors.exchange.catalogue import Catalogue
from depthactors.exchange.feeds.makers import OrderFlowFeeds, RepeatedFeeds
from depthactors.exchange.feeds.on_demand import OnDemand, homes_of
from depthactors.exchange.feeds.order_flow import OrderFlow
from depthactors.exchange.shapes.contract_names import option_of
from depthactors.markets import COINM, OPTIONS, SPOT, USDM
from tests import support
from tests.exchange.exchange_support import get

SMALL = {"rate": 200.0, "levels": 5.0, "depth": 50}
FLOWS = OrderFlowFeeds(seed=1, rate=10.0, levels=5.0, depth=50, history=100)
ASKED = {
    "/api/v3/depth": ("BTCUSDT", "ETHBTC", "BNBUSDT"),
    "/fapi/v1/depth": ("BTCUSDT", "BTCUSDT_261225"),
    "/dapi/v1/depth": ("BTCUSD_PERP",),
    "/eapi/v1/depth": ("BTC-261225-100000-C",),
}
EVERYWHERE = [(path, symbol) for path, symbols in ASKED.items() for symbol in symbols]


@pytest.fixture
def sandbox(serve):
    """An exchange as a plain sandbox has it."""
    return serve(LocalExchange.with_order_flow(seed=4, **SMALL))


def on_demand(*rows, named=None, table=True, **more):
    return OnDemand(rows or (SPOT, USDM), FLOWS, named=named or {}, table=table, **more)


def reply(exchange, path, symbol):
    return get(exchange, path, symbol=symbol, limit=20).json()


def listed(exchange):
    return [(feed.market.name, feed.symbol) for feed in exchange._catalogue.feeds]


@pytest.mark.parametrize(("path", "symbol"), EVERYWHERE)
def test_a_depth_request_lists_a_symbol_whose_book_then_moves(sandbox, path, symbol):
    assert listed(sandbox) == []
    first = reply(sandbox, path, symbol)["lastUpdateId"]
    assert [name for _, name in listed(sandbox)] == [symbol]
    deadline = threading.Event()
    for _ in range(500):
        if reply(sandbox, path, symbol)["lastUpdateId"] > first:
            return
        deadline.wait(0.01)
    pytest.fail("the book does not move")


@pytest.mark.parametrize(
    ("place", "name", "market"),
    [
        ("/ws", "bnbbtc@depth@100ms", "spot"),
        ("/public/ws", "btcusdt@depth@100ms", "usdm"),
        ("/ws", "btcusd_perp@depth@100ms", "coinm"),
        ("/public/ws", "btc-261225-100000-c@depth@100ms", "options"),
    ],
)
def test_a_subscription_lists_a_symbol_and_rest_has_the_same_book(sandbox, connect, place, name, market):
    client = connect(sandbox, place)
    client.request("SUBSCRIBE", [name])
    assert client.receive() == {"result": None, "id": 1}
    event = client.receive()
    assert listed(sandbox) == [(market, event["s"])]
    truth = sandbox.book_at(event["s"], event["u"])
    assert truth == sandbox.book_at(event["s"], event["u"], market=market)
    path = markets.lookup(market).depth_path
    snapshot = reply(sandbox, path, event["s"])
    assert len(listed(sandbox)) == 1
    assert sandbox.book_at(event["s"], snapshot["lastUpdateId"]).bids[0][0] > 0


@support.table("symbol", ["BTCUSTD", "NOSUCHCOIN", "btcusdt", "BTC-USDT"])
@support.table("path", ASKED)
def test_another_name_is_an_invalid_symbol(sandbox, path, symbol):
    answer = get(sandbox, path, symbol=symbol, limit=20)
    assert (answer.status_code, answer.json()) == (400, {"code": -1121, "msg": "Invalid symbol."})
    assert listed(sandbox) == []


def test_a_stream_of_another_name_is_acked_and_silent(sandbox, connect):
    client = connect(sandbox, "/ws")
    client.request("SUBSCRIBE", ["btcustd@depth", "btcusdt@trade", "BTCUSDT@depth"])
    assert client.receive() == {"result": None, "id": 1}
    assert listed(sandbox) == []


def test_to_unsubscribe_lists_nothing(sandbox, connect):
    client = connect(sandbox, "/ws")
    client.request("UNSUBSCRIBE", ["btcusdt@depth"])
    assert client.receive() == {"result": None, "id": 1}
    assert listed(sandbox) == []


def test_exchange_info_shows_the_table_and_starts_nothing(sandbox):
    info = get(sandbox, "/api/v3/exchangeInfo").json()
    names = [row["symbol"] for row in info["symbols"]]
    assert {"BTCUSDT", "ETHBTC", "BNBBTC"} < set(names)
    assert len(names) > 500
    (one,) = get(sandbox, "/api/v3/exchangeInfo", symbol="XRPETH").json()["symbols"]
    assert (one["baseAsset"], one["quoteAsset"]) == ("XRP", "ETH")
    assert get(sandbox, "/api/v3/exchangeInfo", symbol="BTCUSTD").json()["code"] == -1121
    assert {row["symbol"] for row in get(sandbox, "/dapi/v1/exchangeInfo").json()["symbols"]} >= {"BTCUSD_PERP"}
    assert get(sandbox, "/eapi/v1/exchangeInfo").json()["optionSymbols"]
    assert listed(sandbox) == []
    # A contract that was not asked for before is shown from then on.
    reply(sandbox, "/fapi/v1/depth", "BTCUSDT_261225")
    assert "BTCUSDT_261225" in {row["symbol"] for row in get(sandbox, "/fapi/v1/exchangeInfo").json()["symbols"]}


def test_a_symbols_books_are_the_seeds_whatever_else_is_asked_for():
    def first_steps(order):
        catalogue = Catalogue([], on_demand(SPOT, USDM, COINM))
        feeds = [catalogue.rest(path, symbol) for path, symbol in order]
        steps = {}
        for feed in feeds:
            ticks = [feed.step(tickers=False).event for _ in range(50)]
            steps[feed.market.name, feed.symbol] = [(tick.last_id, tick.decoded()["b"]) for tick in ticks if tick]
        return steps

    orders = [*permutations(EVERYWHERE[:2] + EVERYWHERE[3:4])]
    told = [first_steps(order) for order in orders]
    assert all(each == told[0] for each in told)


def test_requests_at_the_same_time_make_one_feed():
    catalogue = Catalogue([], on_demand())
    together = threading.Barrier(8)
    found = []

    def ask():
        together.wait(10)
        found.append(catalogue.rest("/api/v3/depth", "BTCUSDT"))
        found.append(catalogue.stream("btcusdt@depth", "").feed)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 16
    assert len({id(feed) for feed in found}) == 1


def test_symbols_of_the_table_are_bounded_and_named_ones_are_not(caplog):
    offered = on_demand(SPOT, named={"spot": ["FOOUSDT", "BARUSDT", "BAZUSDT"]}, most=2)
    feeds = [offered.feed(SPOT, f"{coin}USDT") for coin in ("BTC", "ETH", "BNB")]
    assert [feed and feed.symbol for feed in feeds] == ["BTCUSDT", "ETHUSDT", None]
    assert all(offered.feed(SPOT, f"{coin}USDT") for coin in ("FOO", "BAR", "BAZ"))
    assert offered.feed(SPOT, "XRPUSDT") is None
    assert reporting.flush()
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("! BNBUSDT spot is not listed")


def test_a_path_means_the_same_market_whether_or_not_it_is_listed_yet():
    catalogue = Catalogue([], on_demand())
    # Spot has no such stream, and what the unrouted path means is spot.
    assert catalogue.stream("btcusdt@depth@500ms", "") is None
    assert catalogue.stream("btcusdt@depth@500ms", "/public").feed.market is USDM
    assert catalogue.stream("btcusdt@depth", "").feed.market is SPOT
    assert catalogue.stream("btcusdt@depth", "/market") is None


def test_what_is_not_offered_is_not_made():
    offered = on_demand(SPOT)
    assert offered.feed(USDM, "BTCUSDT") is None
    assert offered.number_format(SPOT, "BTCUSTD") is None
    assert offered.names(USDM, 0) == []


def test_the_other_option_of_a_mismatch_has_not_ended(serve):
    exchange = serve(LocalExchange.with_order_flow(market="options", faults=[Fault("mismatch")], **SMALL))
    reply(exchange, OPTIONS.depth_path, "BTC-261225-100000-C")
    other = next(symbol for _, symbol in listed(exchange) if symbol != "BTC-261225-100000-C")
    assert option_of(other).expiry_ms > time.time() * 1_000


def test_another_symbols_book_is_there_for_a_mismatch(serve):
    exchange = serve(LocalExchange.with_order_flow(faults=[Fault("mismatch")], **SMALL))
    other = reply(exchange, "/api/v3/depth", "ETHUSDT")
    assert reply(exchange, "/api/v3/depth", "ETHUSDT")["lastUpdateId"] != other["lastUpdateId"]
    assert listed(exchange) == [("spot", "ETHUSDT"), ("spot", "BTCUSDT")]


@support.table(
    ("symbol", "homes"),
    [
        ("BTCUSDT", ["spot", "usdm"]),
        ("SYM0011USDT", ["spot", "usdm"]),
        ("币安USDT", ["spot", "usdm"]),
        ("BTCUSDT_261225", ["usdm"]),
        ("BTCUSD_PERP", ["coinm"]),
        ("BTCUSD_261225", ["coinm"]),
        ("BTC-261225-100000-C", ["options"]),
        ("A-B_C", ["spot"]),
    ],
)
def test_a_name_is_of_the_markets_that_spell_so(symbol, homes):
    assert [row.name for row in homes_of(symbol, [SPOT, COINM, USDM, OPTIONS])] == homes
    assert homes_of(symbol, [COINM]) == [COINM], "where there is one market, it is that one's"


def test_named_symbols_are_alone_and_on_every_market_whose_symbols_look_so(serve):
    exchange = serve(LocalExchange.with_order_flow(["BTCUSDT", "FOOUSDT", "BTCUSD_PERP"], **SMALL))
    assert exchange.symbols == ("BTCUSDT", "FOOUSDT", "BTCUSD_PERP")
    assert [market.name for market in exchange.markets] == ["spot", "coinm", "usdm"]
    assert not exchange.has_table
    for path, symbol in [
        ("/api/v3/depth", "FOOUSDT"),
        ("/fapi/v1/depth", "FOOUSDT"),
        ("/dapi/v1/depth", "BTCUSD_PERP"),
    ]:
        assert reply(exchange, path, symbol)["bids"]
    for path, symbol in [("/api/v3/depth", "ETHUSDT"), ("/dapi/v1/depth", "BTCUSDT"), ("/eapi/v1/depth", "BTCUSDT")]:
        assert reply(exchange, path, symbol)["code"] == -1121
    shown = get(exchange, "/fapi/v1/exchangeInfo").json()["symbols"]
    assert {row["symbol"] for row in shown} == {"BTCUSDT", "FOOUSDT"}


def test_symbols_beside_the_table(serve):
    exchange = serve(LocalExchange.with_order_flow(also="foousdt", market=["spot", "usdm"], **SMALL))
    for path in ("/api/v3/depth", "/fapi/v1/depth"):
        for symbol in ("FOOUSDT", "BTCUSDT"):
            assert reply(exchange, path, symbol)["bids"]
    assert reply(exchange, "/api/v3/depth", "BAROUSDT")["code"] == -1121


def test_a_repetition_is_played_for_any_symbol_on_any_market(serve):
    exchange = serve(LocalExchange.with_order_flow(repeat=5, **SMALL))
    for path, symbol in EVERYWHERE:
        bids = reply(exchange, path, symbol)["bids"]
        assert len(bids) == 20
    (row,) = [row for row in get(exchange, "/fapi/v1/exchangeInfo").json()["symbols"] if row["symbol"] == "BTCUSDT"]
    assert row["filters"][0]["tickSize"] == RepeatedFeeds(USDM, 5, seed=0, **SMALL).number_format(
        USDM, "BTCUSDT"
    ).price(1)


@support.table(
    ("arguments", "words"),
    [
        ({"symbols": "BTCUSDT", "also": ["FOOUSDT"]}, "either these symbols alone or some beside"),
        ({"market": "moon"}, "was 'moon'"),
        ({"market": ["spot", "moon"]}, "was 'moon'"),
        ({"market": []}, "expected a market, was none"),
        ({"also": "BTC USDT"}, "was 'BTC USDT'"),
        ({"depth": 3}, "was 3"),
        ({"rate": 0}, "was 0"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(arguments, words):
    with pytest.raises(UsageError, match=words):
        LocalExchange.with_order_flow(**arguments)


def test_spot_and_futures_of_an_asset_move_together():
    pairs = [(SPOT, "BTCUSDT"), (USDM, "BTCUSDT"), (COINM, "BTCUSD_PERP"), (SPOT, "ETHUSDT"), (SPOT, "ETHBTC")]
    flows = [OrderFlow(symbol, row, 2, levels=20.0, depth=100) for row, symbol in pairs]
    moments = []
    for step in range(901):
        for flow in flows:
            flow.step()
        if step % 150 == 0:
            moments.append([float(flow.book()[0][0][0]) for flow in flows])
    spot, usdm, coinm, eth, cross = zip(*moments, strict=True)
    moved = max(abs(price / spot[0] - 1) for price in spot)
    assert moved > 0.0005
    for other in (usdm, coinm):
        basis = [price / there - 1 for price, there in zip(other, spot, strict=True)]
        assert max(map(abs, basis)) < 0.001
        assert max(basis) - min(basis) < moved / 3, "they go apart"
    assert all(abs(a / b / c - 1) < 0.001 for a, b, c in zip(eth, spot, cross, strict=True))
