import re
from urllib.parse import urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import recording
from depthactors.errors import DepthTooLargeError, UnknownMarketError, UsageError
from depthactors.markets import MARKETS, SPOT, Sequencing, guess, lookup, normalize_symbol
from tests.support import table

rows = table("market", MARKETS.values(), ids=MARKETS)
ROW = st.sampled_from(list(MARKETS.values()))


def test_the_promised_markets_exist():
    promised = {"spot", "spot-testnet", "us", "usdm", "usdm-testnet", "coinm", "coinm-testnet", "options"}
    assert promised <= set(MARKETS)


@rows
def test_a_row_is_found_by_its_name_and_by_itself(market):
    assert lookup(market.name) is market
    assert lookup(market) is market


@table("name", ["SPOT", "", "kraken", None, 5, ["spot"]])
def test_an_unknown_market_lists_those_that_exist(name):
    with pytest.raises(UnknownMarketError, match="spot, us, usdm"):
        lookup(name)


@table(
    ("name", "meant"),
    [
        ("SPOT", "spot"),
        ("spott", "spot"),
        ("usdt", "usdm"),
        ("USD-M", "usdm"),
        ("USDⓈ-M", "usdm"),
        ("futures", "usdm"),
        ("futures-testnet", "usdm-testnet"),
        ("usdm_testnet", "usdm-testnet"),
        ("coin-m", "coinm"),
        ("option", "options"),
        ("binance.us", "us"),
        ("testnet", "spot-testnet"),
    ],
)
def test_an_unknown_market_names_the_one_that_may_be_meant(name, meant):
    with pytest.raises(UnknownMarketError, match=f"; did you mean '{meant}'[?]$"):
        lookup(name)


@table("name", ["kraken", "BTCUSDT", ""])
def test_no_market_is_suggested_where_none_is_like_it(name):
    with pytest.raises(UnknownMarketError, match=f"was '{name}'$"):
        lookup(name)


@given(st.text().filter(lambda name: name not in MARKETS))
def test_any_other_text_is_an_error_that_names_it(name):
    with pytest.raises(UnknownMarketError, match=f"was {re.escape(repr(name))}"):
        lookup(name)


@table("name", MARKETS)
def test_a_market_is_no_symbol(name):
    with pytest.raises(UsageError, match=f"was '{name}', which is a market: market='{name}'"):
        normalize_symbol(name)


@rows
def test_addresses_have_a_scheme_and_no_trailing_slash(market):
    rest, stream = urlsplit(market.rest_url), urlsplit(market.stream_url)
    assert (rest.scheme, stream.scheme) == ("https", "wss")
    assert rest.path == stream.path == ""
    assert market.depth_path.startswith("/")
    assert market.stream_path.startswith("/")


@table(
    ("name", "sequencing", "path", "pool", "per_minute", "streams", "messages"),
    [
        ("spot", Sequencing.CONTIGUOUS, "/api/v3/depth", "spot", 6000, 1024, 5),
        ("usdm", Sequencing.CHAINED, "/fapi/v1/depth", "futures", 2400, 1024, 10),
        ("coinm", Sequencing.CHAINED, "/dapi/v1/depth", "futures", 2400, 1024, 10),
        ("options", Sequencing.CHAINED, "/eapi/v1/depth", "options", 2400, 200, 10),
    ],
)
def test_rows_say_what_the_exchange_documents(name, sequencing, path, pool, per_minute, streams, messages):
    row = lookup(name)
    assert (row.sequencing, row.depth_path, row.weight_pool) == (sequencing, path, pool)
    assert (row.weight_per_minute, row.max_streams, row.messages_per_second) == (per_minute, streams, messages)


def test_rows_of_one_family_have_one_protocol():
    families = {name: row.family for name, row in MARKETS.items()}
    assert {name: family.value for name, family in families.items()} == {
        name: {"us": "spot"}.get(name, name.partition("-")[0]) for name in MARKETS
    }
    for row in MARKETS.values():
        first = MARKETS[row.family.value]
        assert (row.depth_path, row.stream_path) == (first.depth_path, first.stream_path)
        assert (row.sequencing, row.speeds, row.limits) == (first.sequencing, first.speeds, first.limits)


@table(
    ("name", "weights"),
    [
        ("spot", {1: 5, 100: 5, 101: 25, 500: 25, 501: 50, 1000: 50, 1001: 250, 5000: 250}),
        ("usdm", {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}),
        ("coinm", {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}),
        ("options", {10: 1, 20: 1, 50: 1, 100: 5, 500: 10, 1000: 20}),
    ],
)
def test_snapshot_weights(name, weights):
    assert {limit: lookup(name).snapshot_weight(limit) for limit in weights} == weights


@table(
    ("name", "speed", "stream"),
    [
        ("spot", 100, "btcusdt@depth@100ms"),
        ("spot", 1000, "btcusdt@depth"),
        ("usdm", 250, "btcusdt@depth"),
        ("usdm", 500, "btcusdt@depth@500ms"),
        ("options", 500, "btcusdt@depth@500ms"),
    ],
)
def test_diff_stream_names(name, speed, stream):
    assert lookup(name).diff_stream("BTCUSDT", speed) == stream


@table(("name", "speed"), [("spot", 250), ("spot", 500), ("usdm", 1000), ("options", 250), ("spot", 1000.0)])
def test_a_speed_that_the_market_lacks_is_a_usage_error(name, speed):
    with pytest.raises(UsageError, match=f"was {speed}"):
        lookup(name).diff_stream("BTCUSDT", speed)


@given(ROW, st.integers(1, 5000))
def test_a_snapshot_is_deeper_than_the_promise_at_no_further_weight(market, depth):
    if depth > market.max_depth:
        with pytest.raises(DepthTooLargeError, match=str(depth)):
            market.snapshot_limit(depth)
        return
    limit = market.snapshot_limit(depth)
    wanted = min(depth + max(10, depth // 2), market.max_limit)
    assert limit in market.limits
    assert limit >= wanted > depth
    assert market.snapshot_weight(limit) == market.snapshot_weight(wanted)


@given(ROW, st.integers(1, 5000))
def test_the_implied_limit_is_the_smallest_that_fits(market, levels):
    limit = market.implied_limit(levels)
    sizes = range(1, 5001) if market.any_limit else market.limits
    assert limit == min((size for size in sizes if size >= levels), default=levels)


@rows
@table(
    ("address", "rest", "stream"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000", "ws://127.0.0.1:9000"),
        ("127.0.0.1:9000", "http://127.0.0.1:9000", "ws://127.0.0.1:9000"),
        ("http://localhost:9000/", "http://localhost:9000", "ws://localhost:9000"),
        ("https://host/base/", "https://host/base", "wss://host/base"),
        ("http://[::1]:9000", "http://[::1]:9000", "ws://[::1]:9000"),
    ],
)
def test_at_another_address_only_the_hosts_differ(market, address, rest, stream):
    local = market.at(address)
    assert (local.rest_url, local.stream_url) == (rest, stream)
    assert (local.name, local.weights, local.stream_path) == (market.name, market.weights, market.stream_path)


@table("address", ["", "http://", "ftp://host", "http:///path", "http://["])
def test_another_form_of_address_is_a_usage_error(address):
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:9000"):
        SPOT.at(address)


@table(
    ("symbol", "expected"),
    [
        ("btcusdt", "BTCUSDT"),
        (" BtcUsdt ", "BTCUSDT"),
        ("btcusd_perp", "BTCUSD_PERP"),
        ("BTC-261030-85000-C", "BTC-261030-85000-C"),
        ("币安人生usdt", "币安人生USDT"),
    ],
)
def test_symbols_are_upper_case(symbol, expected):
    assert normalize_symbol(symbol) == expected


@table("symbol", ["", "  ", "BTC/USDT", "btc@depth", "a&b", "a?b", "!x", "a b", None, 5])
def test_no_symbol(symbol):
    with pytest.raises(UsageError, match="symbol"):
        normalize_symbol(symbol)


@table(
    ("event", "name"),
    [
        ({"s": "BTCUSDT"}, "spot"),
        ({"s": "BTCUSDT", "pu": 1}, "usdm"),
        ({"s": "BTCUSDT_261225", "pu": 1}, "usdm"),
        ({"s": "BTCUSD_PERP", "pu": 1}, "coinm"),
        ({"s": "BTCUSD_210924", "pu": 1}, "coinm"),
        ({"s": "BTC-261030-85000-C", "pu": 1}, "options"),
        ({"s": "XRP-261030-0.55-P", "pu": 1}, "options"),
    ],
)
def test_a_market_is_known_by_the_shape_of_its_events(event, name):
    assert guess(event).name == name


def test_recorded_markets_are_known_by_their_events(captures):
    for name in ("usdm", "options"):
        events = [orjson.loads(line)["data"] for line in (captures / f"{name}-frames.jsonl").read_bytes().splitlines()]
        assert {guess(event).name for event in events if event["e"] == "depthUpdate"} == {name}


def test_recorded_folders_are_known_by_their_events(capture):
    event = next(line.event for line in recording.read(capture) if line.is_diff)
    folder = capture.parts[-3]
    assert guess(event).name == {"us": "spot"}.get(folder, folder)
