"""One test for each rule of the REST protocol, over plain HTTP."""

import http.client
import json
import socket
import time
from contextlib import closing
from itertools import pairwise

import pytest
import requests

from depthactors.exchange import LocalExchange
from tests.exchange.exchange_support import REST, SYMBOLS, StillFeed, get, live
from tests.support import SetClock, table

FUTURES = ("usdm", "coinm", "options")
SPOTS = ("spot", "us")
USED = "X-MBX-USED-WEIGHT-1M"
KEYS = {
    "spot": ["lastUpdateId", "bids", "asks"],
    "us": ["lastUpdateId", "bids", "asks"],
    "usdm": ["lastUpdateId", "E", "T", "bids", "asks"],
    "coinm": ["lastUpdateId", "E", "T", "symbol", "pair", "bids", "asks"],
    "options": ["bids", "asks", "T", "lastUpdateId"],
}
DEFAULTS = {"spot": 100, "us": 100, "usdm": 500, "coinm": 500, "options": 100}
FUTURES_TIERS = [(5, 2), (10, 2), (20, 2), (50, 2), (100, 5), (500, 10), (1000, 20)]
SPOT_TIERS = [(1, 5), (100, 5), (101, 25), (500, 25), (501, 50), (1000, 50), (1001, 250), (5000, 250), (9999, 250)]
WEIGHTS = {
    "spot": SPOT_TIERS,
    "us": SPOT_TIERS,
    "usdm": FUTURES_TIERS,
    "coinm": FUTURES_TIERS,
    "options": [(10, 1), (20, 1), (50, 1), (100, 5), (500, 10), (1000, 20)],
}


def still(*listed, **limits):
    """Make an exchange with a book of 6000 levels of each market, which never moves."""
    return LocalExchange([StillFeed(market, levels=6_000) for market in listed], limits=limits)


@pytest.fixture(scope="module")
def deep():
    with still("spot", "usdm", "coinm", "options", weight_per_minute=1_000_000) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def serving(deep):
    """Return the exchange of a market."""
    with still("us", weight_per_minute=1_000_000) as deep_us:
        yield lambda market: deep_us if market == "us" else deep


def depth(exchange, market, **query):
    return get(exchange, f"{REST[market]}/depth", symbol=SYMBOLS[market], **query)


def used(reply):
    return int(reply.headers[USED])


def within_a_minute(scenario):
    """Run a scenario, again if a minute of the clock began meanwhile: the exchange then counts from zero."""
    while True:
        minute = time.time() // 60
        result = scenario()
        if time.time() // 60 == minute:
            return result


def refused(reply):
    return reply.status_code, reply.json()["code"], reply.json()["msg"]


@table("market", SYMBOLS)
def test_depth_has_the_keys_of_its_market_in_their_order(serving, market):
    reply = depth(serving(market), market, limit=10).json()
    assert list(reply) == KEYS[market]
    assert type(reply["lastUpdateId"]) is int


@table("market", SYMBOLS)
def test_levels_are_pairs_of_texts_best_first(market):
    with live(market) as exchange:
        reply = depth(exchange, market, limit=50).json()
    for side, sign in (("bids", -1), ("asks", 1)):
        assert len(reply[side]) == 50
        assert all(len(level) == 2 and all(type(text) is str for text in level) for level in reply[side])
        prices = [sign * float(price) for price, _ in reply[side]]
        assert prices == sorted(set(prices))
        assert all(float(quantity) > 0 for _, quantity in reply[side])
    assert float(reply["bids"][0][0]) < float(reply["asks"][0][0])


@table("market", FUTURES)
def test_times_of_futures_are_milliseconds(serving, market):
    reply = depth(serving(market), market, limit=10).json()
    assert {name: reply[name] for name in ("E", "T") if name in reply} == {
        name: 1_700_000_000_123 for name in KEYS[market] if name in {"E", "T"}
    }


def test_coinm_names_symbol_and_pair(deep):
    reply = depth(deep, "coinm", limit=5).json()
    assert (reply["symbol"], reply["pair"]) == ("BTCUSD_PERP", "BTCUSD")


@table("market", SYMBOLS)
def test_omitted_limit_means_the_markets_default(serving, market):
    reply = depth(serving(market), market).json()
    assert len(reply["bids"]) == len(reply["asks"]) == DEFAULTS[market]


@table("market", SPOTS)
@table(("limit", "levels"), [(1, 1), (7, 7), (101, 101), (4999, 4999), (5000, 5000), (5001, 5000)])
def test_spot_takes_any_limit_and_clamps_it_to_5000(serving, market, limit, levels):
    reply = depth(serving(market), market, limit=limit)
    assert reply.status_code == 200
    assert len(reply.json()["bids"]) == len(reply.json()["asks"]) == levels


@table("market", FUTURES)
@table("limit", [0, 1, 7, 99, 101, 1001, 5000])
def test_futures_refuse_a_limit_that_is_not_listed(serving, market, limit):
    reply = depth(serving(market), market, limit=limit)
    assert (reply.status_code, reply.json()) == (400, {"code": -4021, "msg": f"{limit} is not valid depth limit"})


@table("market", SYMBOLS)
def test_each_limit_has_the_weight_of_its_tier(serving, market):
    exchange = serving(market)

    def ask():
        counts = [used(get(exchange, f"{REST[market]}/ping"))]
        counts += [used(depth(exchange, market, limit=limit)) for limit, _ in WEIGHTS[market]]
        return [later - before for before, later in pairwise(counts)]

    assert within_a_minute(ask) == [weight for _, weight in WEIGHTS[market]]


@table("market", FUTURES)
def test_each_listed_limit_brings_so_many_levels(serving, market):
    for limit, _ in WEIGHTS[market]:
        assert len(depth(serving(market), market, limit=limit).json()["asks"]) == limit


@table(("market", "weight"), [("spot", 5), ("us", 5), ("usdm", 1), ("coinm", 1)])
def test_omitted_limit_weighs_1_on_futures_and_the_default_tier_on_spot(serving, market, weight):
    exchange = serving(market)

    def ask():
        return used(get(exchange, f"{REST[market]}/ping")), used(depth(exchange, market))

    before, after = within_a_minute(ask)
    assert after - before == weight


@table("market", SYMBOLS)
def test_every_reply_shows_the_weight_used_also_an_error(serving, market):
    exchange, base = serving(market), REST[market]

    def ask():
        return [
            get(exchange, f"{base}/ping"),
            get(exchange, f"{base}/time"),
            get(exchange, f"{base}/exchangeInfo"),
            depth(exchange, market, limit=10),
            depth(exchange, market, limit="many"),
            get(exchange, f"{base}/depth", symbol="NOSUCH"),
            get(exchange, f"{base}/depth"),
        ]

    replies = within_a_minute(ask)
    assert [reply.status_code for reply in replies] == [200, 200, 200, 200, 400, 400, 400]
    counts = [used(reply) for reply in replies]
    assert counts == sorted(set(counts)), "each request costs something"


@table("market", SYMBOLS)
def test_ping_is_empty_and_time_is_now_in_milliseconds(serving, market):
    assert get(serving(market), f"{REST[market]}/ping").json() == {}
    before = time.time_ns() // 1_000_000
    reply = get(serving(market), f"{REST[market]}/time").json()
    assert list(reply) == ["serverTime"]
    assert before <= reply["serverTime"] <= time.time_ns() // 1_000_000


def test_the_time_is_that_of_the_clock_it_was_given(serve):
    exchange = serve(LocalExchange([StillFeed()], clock=SetClock(1_000.0, ahead=1_700_000_000.0)))
    reply = get(exchange, "/api/v3/time")
    assert reply.json() == {"serverTime": 1_700_001_000_000}
    assert reply.headers["Date"] == "Tue, 14 Nov 2023 22:30:00 GMT"


@table(
    ("market", "unit", "digits"),
    [
        ("spot", "MICROSECOND", 16),
        ("spot", "microsecond", 16),
        ("spot", "MILLISECOND", 13),
        ("spot", "millisecond", 13),
        ("usdm", "MICROSECOND", 13),
    ],
)
def test_a_header_chooses_the_unit_of_spots_time(deep, market, unit, digits):
    reply = requests.get(f"{deep.url}{REST[market]}/time", headers={"X-MBX-TIME-UNIT": unit}, timeout=5)
    assert len(str(reply.json()["serverTime"])) == digits


@table("market", SYMBOLS)
def test_exchange_info_lists_what_is_served_under_the_path(market):
    with still(market) as exchange:
        info = get(exchange, f"{REST[market]}/exchangeInfo").json()
    listed = info["optionSymbols" if market == "options" else "symbols"]
    assert [each["symbol"] for each in listed] == [SYMBOLS[market]]
    limits = {each["rateLimitType"]: each["limit"] for each in info["rateLimits"]}
    assert limits["REQUEST_WEIGHT"] == {"spot": 6000, "us": 1200}.get(market, 2400)


def test_exchange_info_of_spot_takes_a_symbol():
    with LocalExchange([StillFeed(symbol="BTCUSDT"), StillFeed(symbol="ETHUSDT")]) as exchange:
        info = get(exchange, "/api/v3/exchangeInfo", symbol="ETHUSDT").json()
        assert [each["symbol"] for each in info["symbols"]] == ["ETHUSDT"]
        assert refused(get(exchange, "/api/v3/exchangeInfo", symbol="XYZ")) == (400, -1121, "Invalid symbol.")


@table("market", SYMBOLS)
@table("symbol", ["NOSUCH", "btcusdt", "BTCUSDT@depth"])
def test_a_symbol_that_is_not_listed_is_minus_1121(serving, market, symbol):
    reply = get(serving(market), f"{REST[market]}/depth", symbol=symbol, limit=10)
    assert (reply.status_code, reply.json()) == (400, {"code": -1121, "msg": "Invalid symbol."})


def test_a_symbol_of_another_market_is_minus_1121(deep):
    assert refused(get(deep, "/fapi/v1/depth", symbol="BTCUSD_PERP", limit=10))[:2] == (400, -1121)


@table("market", SYMBOLS)
@table("query", [{}, {"symbol": ""}, {"limit": 10}])
def test_a_missing_symbol_is_minus_1102(serving, market, query):
    status, code, text = refused(get(serving(market), f"{REST[market]}/depth", **query))
    assert (status, code) == (400, -1102)
    assert text == "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."


@table(("status", "code"), [("TRADING", None), ("HALT", -1220), ("BREAK", -1220)])
def test_spot_compares_the_symbols_status_if_asked(deep, status, code):
    reply = depth(deep, "spot", symbolStatus=status)
    assert reply.status_code == (400 if code else 200)
    assert reply.json().get("code") == code


def test_a_symbol_may_have_any_letters():
    with LocalExchange([StillFeed(symbol="币安USDT")]) as exchange:
        assert get(exchange, "/api/v3/depth", symbol="币安USDT").status_code == 200


def test_too_much_weight_is_429_with_retry_after_and_going_on_is_418():
    def ask():
        changes = {"weight_per_minute": 12, "refusals": 3, "ban": 77}
        with LocalExchange([StillFeed()], limits=changes) as exchange:
            return [depth(exchange, "spot", limit=100) for _ in range(7)], time.time()

    replies, now = within_a_minute(ask)
    assert [reply.status_code for reply in replies] == [200, 200, 429, 429, 429, 418, 418]
    assert [used(reply) for reply in replies] == [5, 10, 15, 20, 25, 30, 35], "refused requests cost as much"
    assert "Retry-After" not in replies[1].headers
    assert 1 <= int(replies[2].headers["Retry-After"]) <= 60
    assert 70 <= int(replies[6].headers["Retry-After"]) <= 77
    assert replies[2].json() == {
        "code": -1003,
        "msg": "Too much request weight used; current limit is 12 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
    }
    text = replies[5].json()["msg"]
    assert replies[5].json()["code"] == -1003
    assert text.startswith("Way too much request weight used; IP banned until ")
    until = int(text.removeprefix("Way too much request weight used; IP banned until ").partition(".")[0])
    assert 70_000 < until - now * 1_000 <= 78_000


def test_a_client_over_its_weight_is_refused_everything():
    def ask():
        with LocalExchange([StillFeed()], limits={"weight_per_minute": 4}) as exchange:
            depth(exchange, "spot")
            return [get(exchange, f"/api/v3/{each}") for each in ("ping", "time", "depth", "exchangeInfo")]

    assert {reply.status_code for reply in within_a_minute(ask)} == {429}


def test_usdm_and_coinm_use_one_pool_of_weight(deep):
    def ask():
        return [
            used(get(deep, "/fapi/v1/ping")),
            used(depth(deep, "coinm", limit=1000)),
            used(depth(deep, "usdm", limit=500)),
            used(get(deep, "/dapi/v1/ping")),
        ]

    first, *others = within_a_minute(ask)
    assert others == [first + 20, first + 30, first + 31]


def test_spot_options_and_futures_have_pools_of_their_own(deep):
    def ask():
        before = {base: used(get(deep, f"{base}/ping")) for base in ("/api/v3", "/fapi/v1", "/eapi/v1")}
        depth(deep, "usdm", limit=1000)
        return {base: used(get(deep, f"{base}/ping")) - count for base, count in before.items()}

    assert within_a_minute(ask) == {"/api/v3": 1, "/fapi/v1": 21, "/eapi/v1": 1}


def test_a_pool_that_is_used_up_by_one_futures_market_is_used_up_for_the_other():
    def ask():
        feeds = [StillFeed("usdm"), StillFeed("coinm"), StillFeed("spot")]
        with LocalExchange(feeds, limits={"weight_per_minute": 30}) as exchange:
            depth(exchange, "usdm", limit=1000)
            depth(exchange, "usdm", limit=1000)
            return depth(exchange, "coinm", limit=5).status_code, depth(exchange, "spot", limit=5).status_code

    assert within_a_minute(ask) == (429, 200)


def test_requests_may_follow_on_one_connection(deep):
    with closing(http.client.HTTPConnection("127.0.0.1", deep.port, timeout=5)) as line:
        sockets = set()
        for path, status in [
            ("/api/v3/ping", 200),
            ("/api/v3/depth?symbol=BTCUSDT&limit=5000", 200),
            ("/api/v3/depth", 400),
            ("/api/v3/nothing", 404),
            ("/fapi/v1/depth?symbol=BTCUSDT&limit=5", 200),
        ]:
            line.request("GET", path)
            reply = line.getresponse()
            body = json.loads(reply.read())
            assert (reply.status, reply.headers["Connection"]) == (status, "keep-alive")
            assert isinstance(body, dict)
            sockets.add(line.sock)
        assert len(sockets) == 1
        assert line.sock is not None


def test_connection_close_is_obeyed(deep):
    with socket.create_connection(("127.0.0.1", deep.port), timeout=5) as line:
        line.sendall(b"GET /api/v3/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        wire = b""
        while piece := line.recv(4096):
            wire += piece
    head, _, body = wire.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in head
    assert body == b"{}"


def test_a_request_may_arrive_in_pieces(deep):
    with socket.create_connection(("127.0.0.1", deep.port), timeout=5) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (b"GET /api/v3/pi", b"ng HTTP/1.1\r\nHo", b"st: x\r\n", b"\r\n"):
            line.sendall(piece)
        assert line.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


@table("path", ["/", "/api/v3/nothing", "/api/v1/depth", "/fapi/v1/rpiDepth", "//[", "/%"])
def test_other_paths_are_404(deep, path):
    with closing(http.client.HTTPConnection("127.0.0.1", deep.port, timeout=5)) as line:
        line.request("GET", path)
        assert line.getresponse().status == 404


def answer_to(exchange, request):
    """Send bytes and read to the connection's end."""
    with socket.create_connection(("127.0.0.1", exchange.port), timeout=1) as line:
        line.sendall(request + b"\r\nHost: x\r\n\r\n")
        wire = b""
        while piece := line.recv(4096):
            wire += piece
    return wire


@table("start", [b"POST /api/v3/ping HTTP/1.1", b"DELETE /api/v3/ping HTTP/1.1", b"nonsense"])
def test_what_is_no_get_request_is_answered_400_and_disconnected(deep, start):
    assert answer_to(deep, start).startswith(b"HTTP/1.1 400 ")
    assert get(deep, "/api/v3/ping").status_code == 200


def test_a_client_of_the_old_http_is_not_left_waiting_for_the_end(deep):
    assert answer_to(deep, b"GET /api/v3/ping HTTP/1.0").startswith(b"HTTP/1.")


def test_a_request_line_that_is_too_long_is_answered(deep):
    assert answer_to(deep, b"GET /stream?streams=" + b"btcusdt@depth/" * 1024 + b" HTTP/1.1").startswith(b"HTTP/1.1 4")
