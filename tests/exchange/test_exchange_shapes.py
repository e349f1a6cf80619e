import json

import orjson

from depthactors import binance, markets
from depthactors.exchange.shapes import shape
from depthactors.exchange.shapes.depth import Depth
from depthactors.exchange.shapes.table import shape_of
from tests.exchange.exchange_support import SYMBOLS
from tests.support import table

TIME_US = 1_700_000_000_123_456
TIME_MS = 1_700_000_000_123
BIDS, ASKS = [("9.0", "1.0"), ("8.0", "0.0")], [("10.0", "2.0")]
DEPTH = Depth(77, TIME_US, BIDS, ASKS)
IDS = (70, 77, 66)
FUTURES_HEAD = {"e": "depthUpdate", "E": TIME_MS, "T": TIME_MS - 6}
DIFFS = {
    "spot": {"e": "depthUpdate", "E": TIME_MS, "s": "BTCUSDT", "U": 70, "u": 77},
    "us": {"e": "depthUpdate", "E": TIME_MS, "s": "BTCUSDT", "U": 70, "u": 77},
    "usdm": FUTURES_HEAD | {"s": "BTCUSDT", "ps": "BTCUSDT", "st": 1, "U": 70, "u": 77, "pu": 66},
    "coinm": FUTURES_HEAD | {"s": "BTCUSD_PERP", "ps": "BTCUSD", "st": 2, "U": 70, "u": 77, "pu": 66},
    "options": FUTURES_HEAD | {"s": SYMBOLS["options"], "U": 70, "u": 77, "pu": 66},
}
SIDES = {"b": [["9.0", "1.0"], ["8.0", "0.0"]], "a": [["10.0", "2.0"]]}
LISTS = {"bids": SIDES["b"], "asks": SIDES["a"]}
REPLIES = {
    "spot": {"lastUpdateId": 77} | LISTS,
    "us": {"lastUpdateId": 77} | LISTS,
    "usdm": {"lastUpdateId": 77, "E": TIME_MS, "T": TIME_MS} | LISTS,
    "coinm": {"lastUpdateId": 77, "E": TIME_MS, "T": TIME_MS, "symbol": "BTCUSD_PERP", "pair": "BTCUSD"} | LISTS,
    "options": LISTS | {"T": TIME_MS, "lastUpdateId": 77},
}


def same(encoded, expected):
    """Compare with the order of the keys."""
    return list(json.loads(encoded).items()) == list(expected.items())


@table("market", SYMBOLS)
def test_a_diff_event_is_written_as_its_market_does(market):
    event = shape_of(markets.lookup(market)).diff(SYMBOLS[market], TIME_US, IDS, BIDS, ASKS)
    assert same(event, DIFFS[market] | SIDES)


@table("market", SYMBOLS)
def test_levels_may_come_as_json(market):
    row = markets.lookup(market)
    encoded = [orjson.Fragment(orjson.dumps(side)) for side in (BIDS, ASKS)]
    assert shape_of(row).diff("A", TIME_US, IDS, *encoded) == shape_of(row).diff("A", TIME_US, IDS, BIDS, ASKS)


@table("market", ["usdm", "coinm", "options"])
def test_a_partial_event_of_futures_is_written_as_a_diff(market):
    event = shape_of(markets.lookup(market)).partial(SYMBOLS[market], DEPTH, IDS)
    assert same(event, DIFFS[market] | SIDES)


@table("market", ["spot", "us"])
def test_a_partial_event_of_spot_shows_neither_symbol_nor_time(market):
    event = shape_of(markets.lookup(market)).partial("BTCUSDT", DEPTH, IDS)
    assert same(event, {"lastUpdateId": 77} | LISTS)


@table("market", SYMBOLS)
def test_a_ticker_shows_the_best_levels_and_its_id(market):
    event = json.loads(shape_of(markets.lookup(market)).ticker(SYMBOLS[market], TIME_US, 75, BIDS[0], ASKS[0]))
    assert {name: event[name] for name in "usbBaA"} == {
        "u": 75,
        "s": SYMBOLS[market],
        "b": "9.0",
        "B": "1.0",
        "a": "10.0",
        "A": "2.0",
    }
    head = {"spot": {}, "us": {}}.get(market, {"e": "bookTicker", "E": TIME_MS, "T": TIME_MS - 6})
    more = {"usdm": {"ps": "BTCUSDT", "st": 1}, "coinm": {"ps": "BTCUSD", "st": 2}}.get(market, {})
    assert {name: value for name, value in event.items() if name not in set("usbBaA")} == head | more


@table("market", SYMBOLS)
def test_a_depth_reply_is_written_as_its_market_does(market):
    reply = shape_of(markets.lookup(market)).depth_reply(SYMBOLS[market], DEPTH)
    assert same(reply, REPLIES[market])
    assert binance.parse_snapshot(json.loads(reply), 10).last_update_id == 77


def test_microseconds_replace_the_event_time_and_nothing_else():
    event = DIFFS["spot"] | SIDES
    assert same(shape.in_microseconds(event, TIME_US), event | {"E": TIME_US})
    assert same(shape.in_microseconds({"lastUpdateId": 7}, TIME_US), {"lastUpdateId": 7})


@table(("unit", "time"), [(1_000, TIME_MS), (1, TIME_US)])
def test_the_announcement_of_a_shutdown_has_both_forms(unit, time):
    event = {"e": "serverShutdown", "E": time}
    assert same(shape.shutdown(TIME_US, combined=False, unit=unit), event)
    assert same(shape.shutdown(TIME_US, combined=True, unit=unit), {"stream": "!serverShutdown", "data": event})
