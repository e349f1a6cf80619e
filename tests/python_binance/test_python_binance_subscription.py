"""`follow`: python-binance's arguments become a subscription, or are refused before anything starts."""

import logging
import queue

import pytest

from depthactors import DepthEngine, markets
from depthactors.actors.cell import Listener
from depthactors.book import BookState
from depthactors.book.part import OwnPart
from depthactors.errors import CallbackError, LifecycleError, UsageError
from depthactors.exchange import LocalExchange
from depthactors.python_binance.subscription import DEFAULT_REFRESH, follow, own_part
from tests.support import table

ARGUMENTS = {"refresh_interval": None, "limit": 10, "conv_type": float, "ws_interval": 100}


@pytest.fixture
def engine(dead_address):
    with DepthEngine() as engine:
        yield engine


def begin(engine, symbol="BTCUSDT", market=markets.SPOT, **options):
    row = market.at("http://127.0.0.1:9")
    return follow(engine, row, symbol, **ARGUMENTS | options)


def test_the_default_refresh_is_half_an_hour():
    assert DEFAULT_REFRESH == 30 * 60


@pytest.mark.parametrize(("given", "kept"), [(None, None), (0, None), (0.0, None), (60, 60), (1800, 1800)])
def test_a_refresh_interval_of_nothing_is_none(engine, given, kept):
    assert begin(engine, refresh_interval=given)._cell.spec.refresh_interval == kept


@table(
    "market, given, speed",
    [
        (markets.SPOT, 0, 1000),
        (markets.SPOT, None, 1000),
        (markets.SPOT, 100, 100),
        (markets.USDM, 0, 250),
        (markets.USDM, 100, 100),
        (markets.COINM, None, 250),
        (markets.OPTIONS, 0, 500),
        (markets.OPTIONS, 100, 100),
    ],
)
def test_an_interval_is_a_stream_of_the_market(engine, market, given, speed):
    assert begin(engine, market=market, ws_interval=given)._cell.spec.speed_ms == speed


def test_the_symbol_is_taken_in_any_case_and_the_limit_is_the_depth(engine):
    handle = begin(engine, "btcUsdt", limit=25)
    assert (handle.symbol, handle.depth) == ("BTCUSDT", 25)


@table("given, depth", [("10", 10), ("1000", 1000), (None, 100)])
def test_a_limit_may_be_a_text_or_none(engine, given, depth):
    assert begin(engine, limit=given).depth == depth


def test_a_limit_beyond_the_market_is_cut_with_a_warning(engine, caplog):
    with caplog.at_level(logging.WARNING, "depthactors"):
        handle = begin(engine, limit=10**6)
    assert handle.depth == markets.SPOT.max_depth
    assert str(10**6) in caplog.text


@table(
    "options, words",
    [
        ({"ws_interval": 250}, "ws_interval"),
        ({"ws_interval": "100"}, "ws_interval"),
        ({"limit": 0}, "limit"),
        ({"limit": 10.0}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "²"}, "limit"),
        ({"refresh_interval": -5}, "refresh_interval"),
        ({"symbol": ""}, "symbol"),
        ({"conv_type": 3}, "conv_type"),
        ({"conv_type": None}, "conv_type"),
    ],
)
def test_what_cannot_be_right_is_refused_and_nothing_is_followed(engine, options, words):
    with pytest.raises(UsageError, match=words):
        begin(engine, **options)
    assert engine.status().books == ()


def test_a_coroutine_function_converts_nothing(engine):
    async def convert(text):
        pass

    with pytest.raises(CallbackError, match="conv_type"):
        begin(engine, conv_type=convert)


def test_a_stopped_engine_follows_nothing(dead_address):
    engine = DepthEngine().start()
    engine.stop()
    with pytest.raises(LifecycleError):
        begin(engine)


def test_the_listener_is_greeted():
    updates, events = queue.Queue(), queue.Queue()
    with LocalExchange.with_order_flow("BTCUSDT", rate=50.0, depth=150) as exchange, DepthEngine() as engine:
        row = markets.SPOT.at(exchange.url)
        handle = follow(engine, row, "BTCUSDT", **ARGUMENTS)
        handle._listen(Listener(lambda book: updates.put(book.symbol), events.put, handle.depth))
        assert updates.get(timeout=10) == "BTCUSDT"
        while events.get(timeout=10).state is not BookState.LIVE:
            pass


@table("market", [markets.SPOT, markets.USDM, markets.OPTIONS])
def test_a_book_of_no_deeper_promise_than_a_snapshot_of_the_limit_allows_is_taken_whole(market):
    for depth in (1, 20, market.max_depth):
        limit = market.snapshot_limit(depth)
        deepest = max(each for each in range(1, market.max_depth + 1) if market.snapshot_limit(each) == limit)
        assert vars(own_part(market, depth)) == vars(OwnPart(depth, limit, deepest))
