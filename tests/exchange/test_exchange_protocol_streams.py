"""One test for each rule of the streams, over plain websockets."""

import json
import re
from collections import Counter
from functools import cache
from itertools import chain, pairwise, repeat, starmap

import pytest
import requests
import websocket

from depthactors import markets
from depthactors.exchange import LocalExchange
from depthactors.exchange.feeds.order_flow_feed import OrderFlowFeed
from tests.exchange.exchange_support import REST, ROUTES, SPEEDS, SYMBOLS, Replay, bridging, get, live, stream_of
from tests.support import table

FUTURES = ("usdm", "coinm", "options")
SPOTS = ("spot", "us")
FAST = "@depth@100ms"
EVERY_DIFF = [(market, suffix) for market, speeds in SPEEDS.items() for suffix in speeds]
SLOWER = [(market, suffix, ratio) for market, speeds in SPEEDS.items() for suffix, ratio in speeds.items() if ratio > 1]
SPEED_MARKS = {
    "spot": ["", "@100ms"],
    "us": ["", "@100ms"],
    "usdm": ["", "@100ms", "@500ms"],
    "coinm": ["", "@100ms", "@500ms"],
    "options": ["@100ms", "@500ms"],
}
DIFF_KEYS = {
    "spot": "e E s U u b a",
    "us": "e E s U u b a",
    "usdm": "e E T s ps st U u pu b a",
    "coinm": "e E T s ps st U u pu b a",
    "options": "e E T s U u pu b a",
}
SPOT_PARTIAL_KEYS = "lastUpdateId bids asks"
TICKER_KEYS = {
    "spot": "u s b B a A",
    "us": "u s b B a A",
    "usdm": "e u E T s b B a A ps st",
    "coinm": "e u E T s b B a A ps st",
    "options": "e u s b B a A T E",
}
OK = {"result": None, "id": 1}
LIMITS = {"messages_per_second": 1_000, "weight_per_minute": 1_000_000, "connections": 1_000}


@pytest.fixture
def served(serve):
    """Return a function that returns the exchange of a market, which trades from its first use to the test's end."""
    return cache(lambda market: serve(LocalExchange(feeds_of(market), limits=LIMITS)))


@pytest.fixture
def spot(served):
    return served("spot")


@pytest.fixture
def usdm(served):
    return served("usdm")


def combined(market, *suffixes):
    names = "/".join(stream_of(market, suffix) for suffix in suffixes)
    return f"{ROUTES[market]}/stream?streams={names}"


def raw(market, *suffixes):
    return f"{ROUTES[market]}/ws/" + "/".join(stream_of(market, suffix) for suffix in suffixes)


def feeds_of(*listed, **more):
    """Make feeds of several markets, for one exchange."""
    options = {"rate": 500.0, "levels": 6.0, "depth": 60} | more
    return [OrderFlowFeed(SYMBOLS[market], markets.lookup(market), **options) for market in listed]


def by_stream(frames):
    found = {}
    for frame in frames:
        found.setdefault(frame["stream"].partition("@")[2], []).append(frame["data"])
    return found


def sequel(before, event):
    """Return whether an event follows another by the market's own rule."""
    return event["pu"] == before["u"] if "pu" in event else event["U"] == before["u"] + 1


def is_silent_beside(client, live_stream, count=12):
    """Return whether a combined connection brings frames of that one stream only."""
    return {frame["stream"] for frame in client.events(count)} == {live_stream}


# Diff streams


@table(("market", "suffix"), EVERY_DIFF)
def test_a_diff_event_has_the_keys_of_its_market_and_the_right_types(served, connect, market, suffix):
    event = connect(served(market), raw(market, suffix)).receive()
    assert list(event) == DIFF_KEYS[market].split()
    assert (event["e"], event["s"]) == ("depthUpdate", SYMBOLS[market])
    assert all(type(event[name]) is int for name in ("E", "T", "U", "u", "pu") if name in event)
    assert len(str(event["E"])) == 13
    for side in "ba":
        assert all(len(level) == 2 and all(type(text) is str for text in level) for level in event[side])
    assert event["b"] or event["a"]


@table(("market", "st", "pair"), [("usdm", 1, "BTCUSDT"), ("coinm", 2, "BTCUSD")])
def test_futures_have_their_kind_and_pair_in_every_event(served, connect, market, st, pair):
    client = connect(served(market), combined(market, FAST, "@depth5@100ms", "@bookTicker"))
    events = by_stream(client.events(60))
    assert len(events) == 3
    assert {(event["st"], event["ps"]) for listed in events.values() for event in listed} == {(st, pair)}


@table(("market", "suffix"), EVERY_DIFF)
def test_diff_events_follow_each_other_without_a_gap(served, connect, market, suffix):
    events = connect(served(market), raw(market, suffix)).events(12)
    assert all(sequel(before, event) for before, event in pairwise(events))
    assert all(event["U"] <= event["u"] for event in events)


@table("market", FUTURES)
def test_ids_of_futures_have_holes_that_only_pu_bridges(served, connect, market):
    events = connect(served(market), raw(market, FAST)).events(40)
    assert any(event["U"] > event["pu"] + 1 for event in events)
    assert any(event["u"] - event["U"] + 1 > len(event["b"]) + len(event["a"]) for event in events)


@table("market", SPOTS)
def test_ids_of_spot_have_no_holes(served, connect, market):
    events = connect(served(market), raw(market, FAST)).events(40)
    assert all(event["U"] == before["u"] + 1 for before, event in pairwise(events))


@table(("market", "suffix"), EVERY_DIFF)
def test_snapshot_and_diffs_of_any_speed_make_the_exact_book(served, connect, market, suffix):
    exchange = served(market)
    client = connect(exchange, raw(market, suffix))
    first = client.receive()
    book, _ = bridging(exchange, market, first)
    applied = 0
    events = iter([first])
    while applied < 6:
        if book.apply(next(events, None) or client.receive()):
            applied += 1
            truth = exchange.book_at(SYMBOLS[market], book.last_id)
            assert (truth.bids, truth.asks) == book.book()


@table(("market", "suffix", "ratio"), SLOWER)
def test_a_slower_stream_is_the_fast_one_merged(connect, market, suffix, ratio):
    name = suffix[1:]
    found = {}
    # No interval is without a change: with six changes on average one in 400 is.
    with LocalExchange(feeds_of(market, levels=30.0), limits=LIMITS) as exchange:
        client = connect(exchange, combined(market, FAST, suffix))
        while len(found.get(name, ())) < 6:
            frame = client.receive()
            found.setdefault(frame["stream"].partition("@")[2], []).append(frame["data"])
    fast = found[FAST[1:]]
    slow = [event for event in found[name] if fast[0]["U"] <= event["U"] and event["u"] <= fast[-1]["u"]]
    assert len(slow) >= 4
    counts = []
    for event in slow:
        run = [each for each in fast if event["U"] <= each["U"] and each["u"] <= event["u"]]
        assert (run[0]["U"], run[-1]["u"]) == (event["U"], event["u"])
        assert run[0].get("pu") == event.get("pu")
        assert [event.get(time) for time in "ET"] == [run[-1].get(time) for time in "ET"]
        for side, sign in (("b", -1), ("a", 1)):
            merged = {price: quantity for each in run for price, quantity in each[side]}
            assert event[side] == sorted(map(list, merged.items()), key=lambda level: sign * float(level[0]))
        counts.append(len(run))
    assert set(counts) <= ({2, 3} if ratio == 2.5 else {ratio})
    assert ratio != 2.5 or all({before, after} == {2, 3} for before, after in pairwise(counts))


@table("market", SYMBOLS)
def test_levels_are_deleted_by_quantity_zero_also_unknown_ones(served, connect, market):
    exchange = served(market)
    client = connect(exchange, raw(market, FAST))
    first = client.receive()
    reply = get(exchange, f"{REST[market]}/depth", symbol=SYMBOLS[market], limit=10).json()
    known = {price for side in ("bids", "asks") for price, _ in reply[side]}
    unknown = (
        price
        for event in chain([first], starmap(client.receive, repeat((), 1000)))
        for side in "ba"
        for price, text in event[side]
        if not float(text) and price not in known
    )
    assert next(unknown, None) is not None, "a snapshot of ten levels does not know them all"


def test_the_undocumented_real_time_stream_brings_each_change(usdm, connect):
    found = by_stream(connect(usdm, combined("usdm", "@depth@0ms", FAST)).events(20))
    real_time, fast = found["depth@0ms"], found["depth@100ms"]
    assert real_time[: len(fast)] == fast[: len(real_time)]


# Snapshots that lag


@table("market", ["spot", "usdm"])
def test_a_snapshot_may_be_older_than_the_stream_and_is_always_an_exact_book(serve, market):
    exchange = serve(live(market, rate=40.0))
    (feed,) = exchange._catalogue.feeds
    lags = 0
    for _ in range(100):
        sent = feed.present(1).last_update_id
        reply = get(exchange, f"{REST[market]}/depth", symbol=SYMBOLS[market], limit=1000).json()
        truth = exchange.book_at(SYMBOLS[market], reply["lastUpdateId"])
        assert Replay(reply).book() == (truth.bids, truth.asks)
        lags += reply["lastUpdateId"] < sent
        if lags == 2:
            return
    pytest.fail("no snapshot lagged the stream")


@table("market", ["spot", "usdm"])
def test_a_snapshot_before_the_first_event_is_to_be_fetched_again_and_then_bridges(serve, connect, market):
    # Slow enough for a client on a busy machine to ask before the next event.
    exchange = serve(live(market, rate=10.0))
    for _ in range(60):
        client = connect(exchange, raw(market, FAST))
        first = client.receive()
        book, tries = bridging(exchange, market, first)
        if tries > 1:
            while not book.apply(first):
                first = client.receive()
            truth = exchange.book_at(SYMBOLS[market], book.last_id)
            assert (truth.bids, truth.asks) == book.book()
            return
        client.close()
    pytest.fail("no snapshot was too old")


# Partial depth and bookTicker


@table("market", SYMBOLS)
def test_partial_depth_is_the_best_levels_of_the_book_at_its_id(served, connect, market):
    exchange = served(market)
    levels_of = {f"@depth{levels}{mark}": levels for levels in (5, 10, 20) for mark in SPEED_MARKS[market]}
    client, seen = connect(exchange, combined(market, *levels_of)), Counter()
    while len(seen) < len(levels_of) or min(seen.values()) < 3:
        frame = client.receive()
        suffix, event = f"@{frame['stream'].partition('@')[2]}", frame["data"]
        seen[suffix] += 1
        if market in SPOTS:
            assert list(event) == SPOT_PARTIAL_KEYS.split()
            book, update_id = Replay(event), event["lastUpdateId"]
        else:
            assert list(event) == DIFF_KEYS[market].split()
            assert event["e"] == "depthUpdate"
            update_id = event["u"]
            book = Replay({"lastUpdateId": update_id, "bids": event["b"], "asks": event["a"]})
        truth = exchange.book_at(SYMBOLS[market], update_id)
        assert book.book() == (truth.bids[: levels_of[suffix]], truth.asks[: levels_of[suffix]])


@table("market", FUTURES)
def test_partial_depth_of_futures_has_the_ids_of_the_diff_of_its_speed(served, connect, market):
    client = connect(served(market), combined(market, "@depth@500ms", "@depth5@500ms"))
    found = by_stream(client.events(8))
    ids = [[(event["U"], event["u"], event["pu"]) for event in listed] for listed in found.values()]
    assert len(ids) == 2
    assert ids[0] == ids[1]


@table("market", SYMBOLS)
def test_book_ticker_has_the_keys_of_its_market(served, connect, market):
    event = connect(served(market), raw(market, "@bookTicker")).receive()
    assert set(event) == set(TICKER_KEYS[market].split())
    assert event["s"] == SYMBOLS[market]
    assert all(type(event[name]) is str for name in "bBaA")
    assert event.get("e") == (None if market in SPOTS else "bookTicker")


@table("market", SYMBOLS)
def test_book_ticker_shows_each_change_of_the_best_levels(served, connect, market):
    exchange = served(market)
    found = by_stream(connect(exchange, combined(market, "@bookTicker", FAST)).events(120))
    tickers, diffs = found["bookTicker"], found["depth@100ms"]
    assert all(before["u"] < after["u"] for before, after in pairwise(tickers))
    best = [[ticker[name] for name in "bBaA"] for ticker in tickers]
    assert all(before != after for before, after in pairwise(best)), "sent without a change"
    checked = 0
    for event in diffs[:-1]:
        latest = [ticker for ticker in tickers if ticker["u"] <= event["u"]]
        if latest:
            truth = exchange.book_at(SYMBOLS[market], event["u"])
            expected = [*truth.bids[0], *truth.asks[0]]
            assert [float(latest[-1][name]) for name in "bBaA"] == [float(each) for each in expected]
            checked += 1
    assert checked > 10
    ids = [(event["U"], event["u"]) for event in diffs]
    inside = [ticker for ticker in tickers if ids[0][0] <= ticker["u"] <= ids[-1][1]]
    assert all(any(first <= ticker["u"] <= last for first, last in ids) for ticker in inside)


# Addresses


@table("market", SYMBOLS)
def test_a_raw_url_brings_bare_events(served, connect, market):
    exchange = served(market)
    client = connect(exchange, raw(market, FAST))
    assert all("stream" not in event for event in client.events(3))
    assert client.ask("GET_PROPERTY", ["combined"])[0]["result"] is False


@table("market", SYMBOLS)
def test_a_combined_url_brings_events_in_an_envelope(served, connect, market):
    client = connect(served(market), combined(market, FAST))
    frame = client.receive()
    assert list(frame) == ["stream", "data"]
    assert frame["stream"] == stream_of(market, FAST)
    assert frame["data"]["e"] == "depthUpdate"
    assert client.ask("GET_PROPERTY", ["combined"])[0]["result"] is True


def test_several_streams_fit_in_a_raw_url(serve, connect):
    exchange = serve(LocalExchange.with_order_flow(["BTCUSDT", "ETHUSDT"], rate=300.0, depth=60, levels=6.0))
    client = connect(exchange, "/ws/btcusdt@depth@100ms/ethusdt@depth@100ms")
    assert {event["s"] for event in client.events(20)} == {"BTCUSDT", "ETHUSDT"}


@table(
    "path",
    [
        "/ws/btcusdt%40depth%40100ms",
        "/ws/%62tcusdt@depth@100ms",
        "/stream?streams=btcusdt%40depth%40100ms",
        "/stream?streams=btcusdt@trade%2Fbtcusdt@depth@100ms",
    ],
)
def test_a_url_may_be_percent_encoded(spot, connect, path):
    frame = connect(spot, path).receive()
    assert frame.get("data", frame)["e"] == "depthUpdate"


def test_a_stream_may_have_any_letters(serve, connect):
    exchange = serve(LocalExchange.with_order_flow("币安USDT", rate=300.0, depth=60, levels=6.0))
    client = connect(exchange, "/stream?streams=%E5%B8%81%E5%AE%89usdt@depth@100ms")
    frame = client.receive()
    assert (frame["stream"], frame["data"]["s"]) == ("币安usdt@depth@100ms", "币安USDT")


@table(("path", "envelope"), [("/ws", False), ("/ws/", False), ("/stream", True), ("/stream/", True)])
@table("market", SYMBOLS)
def test_subscribe_after_connecting_takes_its_envelope_from_the_path(served, connect, market, path, envelope):
    client = connect(served(market), f"{ROUTES[market]}{path}")
    client.request("SUBSCRIBE", [stream_of(market, FAST)])
    assert client.receive() == OK
    assert all(("stream" in frame) is envelope for frame in client.events(3))


@table("path", ["/ws/{}?timeUnit={}", "/ws/{}&timeUnit={}", "/stream?streams={}&timeUnit={}"])
@table("unit", ["MICROSECOND", "microsecond"])
def test_a_spot_url_may_ask_for_microseconds(spot, connect, path, unit):
    plain = connect(spot, raw("spot", FAST))
    first = plain.receive()
    client = connect(spot, path.format(stream_of("spot", FAST), unit))
    frame = client.receive()
    event = frame.get("data", frame)
    while first["u"] < event["u"]:
        first = plain.receive()
    assert len(str(event["E"])) == 16
    assert event == first | {"E": event["E"]}
    assert event["E"] // 1_000 == first["E"]


def test_the_unit_of_time_holds_for_later_subscriptions(spot, connect):
    client = connect(spot, "/ws?timeUnit=MICROSECOND")
    client.ask("SUBSCRIBE", [stream_of("spot", FAST)])
    assert len(str(client.receive()["E"])) == 16


@table("unit", ["MILLISECOND", "millisecond"])
def test_milliseconds_may_be_asked_for_as_well(spot, connect, unit):
    assert len(str(connect(spot, f"{raw('spot', FAST)}?timeUnit={unit}").receive()["E"])) == 13


@table("market", FUTURES)
def test_futures_know_milliseconds_only(served, connect, market):
    event = connect(served(market), f"{raw(market, FAST)}?timeUnit=MICROSECOND").receive()
    assert (len(str(event["E"])), len(str(event["T"]))) == (13, 13)


def test_microseconds_hold_for_every_event_of_a_slow_stream(serve, connect):
    # A quiet market: most of the steps at which the slow stream is due bring no change of their own.
    exchange = serve(live(levels=0.2, depth=20, rate=2000.0))
    client = connect(exchange, f"{raw('spot', '@depth')}?timeUnit=MICROSECOND")
    assert {len(str(event["E"])) for event in client.events(20)} == {16}


@table("path", ["/", "/wsx", "/streams", "/public", "/publicws", "/nothing/ws", "/ws-api/v3"])
def test_other_addresses_are_no_websockets(spot, path):
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert requests.get(spot.url + path, headers=upgrade, timeout=5).status_code == 404


# Routing


def test_public_market_and_unrouted_paths_of_usdm(usdm, connect):
    stream = stream_of("usdm", FAST)
    for path in ("/public/ws", "/public/stream", "/ws", "/stream"):
        client = connect(usdm, path)
        client.request("SUBSCRIBE", [stream])
        assert client.receive() == OK
        frame = client.receive()
        assert frame.get("data", frame)["s"] == "BTCUSDT"
    mute = connect(usdm, f"/market/stream?streams={stream}")
    assert mute.ask("SUBSCRIBE", [stream]) == ({"result": None, "id": 101}, [])
    client.events(12)
    assert mute.ask("LIST_SUBSCRIPTIONS") == ({"result": [stream], "id": 102}, []), "acked and silent"


def test_public_is_for_usdm_and_options_only(serve, connect):
    exchange = serve(LocalExchange(feeds_of("spot", "coinm", "options")))
    streams = [stream_of(market, FAST) for market in ("spot", "coinm", "options")]
    client = connect(exchange, "/public/stream")
    client.ask("SUBSCRIBE", streams)
    assert is_silent_beside(client, streams[2])


def test_coinm_has_its_streams_on_unrouted_paths(served, connect):
    client = connect(served("coinm"), f"/stream?streams={stream_of('coinm', FAST)}")
    assert client.receive()["data"]["s"] == "BTCUSD_PERP"


def test_one_exchange_serves_all_markets_each_with_its_own_book(serve, connect):
    exchange = serve(LocalExchange(feeds_of("spot", "usdm", "coinm", "options")))
    for market in ("spot", "usdm", "coinm", "options"):
        client = connect(exchange, raw(market, FAST))
        event = client.receive()
        assert list(event) == DIFF_KEYS[market].split()
        book, _ = bridging(exchange, market, event)
        while not book.apply(event):
            event = client.receive()
        truth = exchange.book_at(SYMBOLS[market], book.last_id, market=market)
        assert (truth.bids, truth.asks) == book.book()


# Control messages


@table(
    ("market", "suffix"),
    [
        ("spot", "@depth@500ms"),
        ("spot", "@depth@1000ms"),
        ("spot", "@depth7"),
        ("spot", "@DEPTH"),
        ("spot", "@trade"),
        ("spot", ""),
        ("usdm", "@depth@250ms"),
        ("usdm", "@depth5@250ms"),
        ("coinm", "@depth@250ms"),
        ("options", "@depth"),
        ("options", "@depth5"),
        ("options", "@depth@250ms"),
    ],
)
def test_a_stream_that_does_not_exist_is_acked_listed_and_silent(served, connect, market, suffix):
    client = connect(served(market), f"{ROUTES[market]}/stream")
    names = [stream_of(market, suffix), stream_of(market, FAST)]
    assert client.ask("SUBSCRIBE", names[:1]) == ({"result": None, "id": 101}, [])
    assert client.ask("SUBSCRIBE", names[1:])[0] == {"result": None, "id": 102}
    assert is_silent_beside(client, names[1])
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == names


@table("market", SYMBOLS)
@table("symbol", [str.upper, lambda _: "nosuch"])
def test_an_upper_case_or_unknown_symbol_is_acked_listed_and_silent(served, connect, market, symbol):
    name = f"{symbol(SYMBOLS[market])}{FAST}"
    client = connect(served(market), f"{combined(market, FAST)}/{name}")
    assert client.ask("SUBSCRIBE", [name])[0] == {"result": None, "id": 101}
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == [stream_of(market, FAST), name]
    assert is_silent_beside(client, stream_of(market, FAST))


@table("request_id", [0, 312, 2**63 - 1, "abc", "A1b2" * 9, None])
def test_the_reply_echoes_the_id(spot, connect, request_id):
    client = connect(spot, "/ws")
    client.request("LIST_SUBSCRIPTIONS", request_id=request_id)
    assert client.receive() == {"result": [], "id": request_id}


def test_the_ack_comes_before_the_first_event(spot, connect):
    for _ in range(10):
        client = connect(spot, "/ws")
        client.request("SUBSCRIBE", [stream_of("spot", FAST)])
        assert client.receive() == OK
        client.close()


def test_a_stream_subscribed_twice_comes_once(spot, connect):
    stream = stream_of("spot", FAST)
    client = connect(spot, f"/ws/{stream}")
    for _ in range(2):
        assert client.ask("SUBSCRIBE", [stream, stream])[0]["result"] is None
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == [stream]
    events = client.events(10)
    assert all(sequel(before, event) for before, event in pairwise(events))


def test_unsubscribe_ends_a_stream_at_its_ack_and_leaves_the_others(spot, connect):
    client = connect(spot, combined("spot", FAST, "@bookTicker"))
    reply, _ = client.ask("UNSUBSCRIBE", [stream_of("spot", "@bookTicker")])
    assert reply == {"result": None, "id": 101}
    assert is_silent_beside(client, stream_of("spot", FAST), 40)
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == [stream_of("spot", FAST)]


def test_unsubscribing_what_is_not_subscribed_is_acked(spot, connect):
    client = connect(spot, "/ws")
    assert client.ask("UNSUBSCRIBE", ["btcusdt@depth", "nosuch@depth"])[0] == {"result": None, "id": 101}


def test_a_stream_may_be_subscribed_again(spot, connect):
    stream = stream_of("spot", FAST)
    client = connect(spot, f"/ws/{stream}")
    last = client.receive()["u"]
    client.ask("UNSUBSCRIBE", [stream])
    client.ask("SUBSCRIBE", [stream])
    assert client.receive()["U"] > last


def test_set_property_changes_the_envelope_of_the_events_that_follow(spot, connect):
    client = connect(spot, raw("spot", FAST))
    for value in (True, False):
        reply, before = client.ask("SET_PROPERTY", ["combined", value])
        assert reply["result"] is None
        assert all(("stream" in frame) is not value for frame in before)
        assert all(("stream" in frame) is value for frame in client.events(3))
        assert client.ask("GET_PROPERTY", ["combined"])[0]["result"] is value


VARIANTS = "SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY"


@table(
    ("message", "code", "text", "request_id"),
    [
        ({"method": "GET_PROPERTY", "params": ["colour"], "id": 7}, 0, "Unknown property", 7),
        ({"method": "SET_PROPERTY", "params": ["colour", True], "id": 7}, 0, "Unknown property", 7),
        (
            {"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 7},
            1,
            "Invalid value type: expected Boolean",
            7,
        ),
        (
            {"method": "SET_PROPERTY", "params": [1, True], "id": 7},
            2,
            "Invalid request: property name must be a string",
            7,
        ),
        (
            {"method": "SUBSCRIBE", "params": ["a"], "id": -7},
            2,
            "Invalid request: request ID must be an unsigned integer",
            None,
        ),
        (
            {"method": "SUBSCRIBE", "params": ["a"], "id": "x" * 37},
            2,
            "Invalid request: request ID must be an unsigned integer",
            None,
        ),
        (
            {"method": "NOT_A_METHOD", "params": [], "id": 2},
            2,
            rf"Invalid request: unknown variant `NOT_A_METHOD`, expected one of {VARIANTS} at line 1 column \d+",
            2,
        ),
        ({"method": "GET_PROPERTY", "params": ["combined", 1], "id": 7}, 2, "Invalid request: too many parameters", 7),
        ({"params": ["a"], "id": 7}, 2, r"Invalid request: missing field `method` at line 1 column \d+", 7),
        ('{"method":', 3, r"Invalid JSON: expected value at line 1 column \d+", None),
        ("", 3, r"Invalid JSON: expected value at line 1 column \d+", None),
        ("\n\nnonsense", 3, r"Invalid JSON: expected value at line 3 column \d+", None),
    ],
)
def test_a_bad_message_is_answered_with_a_nested_error_and_changes_nothing(
    spot, connect, message, code, text, request_id
):
    client = connect(spot, "/ws")
    client.send(message if isinstance(message, str) else json.dumps(message))
    reply = client.receive()
    assert reply == {"error": {"code": code, "msg": reply["error"]["msg"]}, "id": request_id}
    assert re.fullmatch(text, reply["error"]["msg"])
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == []


@table("message", ["[]", "7", "null", '"SUBSCRIBE"', '{"method":["SUBSCRIBE"],"id":1}', "\x00"])
def test_json_that_is_no_request_is_refused_and_the_connection_goes_on(spot, connect, message):
    client = connect(spot, "/ws")
    client.send(message)
    assert client.receive()["error"]["code"] in {2, 3}
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == []


def test_a_message_may_come_in_fragments_and_as_bytes(spot, connect):
    client = connect(spot, "/ws")
    first, *middle, last = (b'{"method":"LIST_', b'SUBSCRIPTIONS",', b'"id":5}')
    client.socket.send_frame(fragment(first, 2, fin=0))
    for piece in middle:
        client.socket.send_frame(fragment(piece, 0, fin=0))
    client.socket.send_frame(fragment(last, 0, fin=1))
    assert client.receive() == {"result": [], "id": 5}


def fragment(data, opcode, fin):
    return websocket.ABNF(fin, 0, 0, 0, opcode, 1, data)


def test_a_client_that_closes_is_answered_with_its_own_code(spot, connect):
    client = connect(spot, raw("spot", FAST))
    client.receive()
    client.socket.send_close(status=1000, reason=b"bye")
    code, _, _ = client.ending()
    assert code == 1000
