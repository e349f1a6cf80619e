"""Every kind of fault, provoked on a running exchange and seen by a plain client."""

import json
import re
import socket
import threading
import time
from contextlib import ExitStack
from itertools import pairwise

import pytest
import requests
import websocket

from depthactors.binance import read_date
from depthactors.exchange import KINDS, Fault, LocalExchange
from depthactors.exchange.fault import Place
from tests.exchange.exchange_support import (
    SPOT_FINAL_ASKS,
    SPOT_FINAL_BIDS,
    Replay,
    StreamClient,
    get,
    spot_messages,
    write_recording,
)
from tests.support import PATIENCE, table, until

ABNF = websocket.ABNF
LONG = 5.0
BTC, ETH = "btcusdt@depth@100ms", "ethusdt@depth@100ms"
RAW, COMBINED = f"/ws/{BTC}", f"/stream?streams={BTC}"
EVENT_KINDS = [kind for kind, (place, _) in KINDS.items() if place is Place.EVENT]
LIVE = {"seed": 3, "rate": 600.0, "levels": 6.0, "depth": 60}
GONE = (websocket.WebSocketConnectionClosedException, ConnectionError)

SEEN = {}
"""The test that has seen a kind."""


HOW = ["inject", pytest.param("faults", marks=pytest.mark.full)]
"""A fault is injected, or given at the start."""


def seen(kind):
    """Enter a test for a kind; it runs with the fault injected, and with the fault given at the start."""

    def enter(test):
        assert kind not in SEEN
        SEEN[kind] = test
        return pytest.mark.parametrize("how", HOW)(test)

    return enter


def running(*faults, symbols=("BTCUSDT", "ETHUSDT"), **options):
    limits = {"messages_per_second": 1_000} | options.pop("limits", {})
    return LocalExchange.with_order_flow(symbols, faults=faults, limits=limits, **LIVE | options)


@pytest.fixture
def provoke():
    """Start an exchange that misbehaves, in either way of saying so; the one that was started before it ends."""
    with ExitStack() as stack:

        def start(how, *faults, **options):
            stack.close()
            exchange = stack.enter_context(running(*(faults if how == "faults" else ()), **options))
            if how == "inject":
                for fault in faults:
                    exchange.inject(fault)
            return exchange

        yield start


def follows(first, second):
    return second.get("pu", second["U"] - 1) == first["u"]


def gaps(events):
    """Return the numbers of the events that do not follow the one before them."""
    return [number for number, (first, second) in enumerate(pairwise(events), 1) if not follows(first, second)]


def read_to_the_end(client):
    """Read frames until the connection ends, by a close frame or without, or nothing comes for a while."""
    found = []
    try:
        while not found or found[-1].opcode != ABNF.OPCODE_CLOSE:
            found.append(client.frame())
    except (*GONE, websocket.WebSocketTimeoutException):
        pass
    return found


def depth(exchange, symbol="BTCUSDT", **query):
    return get(exchange, "/api/v3/depth", **{"symbol": symbol, "limit": 20} | query)


def top(truth, count=20):
    return truth.bids[:count], truth.asks[:count]


def assert_exact(exchange, reply, symbol="BTCUSDT"):
    assert Replay(reply).book() == top(exchange.book_at(symbol, reply["lastUpdateId"]))


def assert_goes_on(exchange):
    """REST and new connections are served as before."""
    reply = depth(exchange)
    assert reply.status_code == 200
    assert_exact(exchange, reply.json())
    client = StreamClient(exchange, RAW)
    assert gaps(client.events(5)) == []
    client.close()


def steps_of(exchange):
    """Return for each symbol a function that returns the number of its steps."""
    return [lambda feed=feed: feed._steps for feed in exchange._catalogue.feeds]


def left_over():
    return [each.name for each in threading.enumerate() if each.name.startswith("depthactors-exchange")]


# Faults of events: in each test the third event is struck, so that two come before it as usual.


@seen("drop")
@table("market", ["spot", "usdm"])
def test_a_dropped_event_is_a_gap_of_ids(provoke, connect, how, market):
    exchange = provoke(how, Fault("drop", at=3), market=market)
    events = connect(exchange, RAW).events(10)
    assert gaps(events) == [2]
    # The exchange knows the book after the event that was left out.
    missed = events[2]["U"] - 1 if market == "spot" else events[2]["pu"]
    assert exchange.book_at("BTCUSDT", missed).last_update_id == missed
    assert exchange.strikes() == {"drop": 1}


@seen("duplicate")
def test_a_duplicate_comes_twice_in_a_row(provoke, connect, how):
    exchange = provoke(how, Fault("duplicate", at=3))
    events = connect(exchange, RAW).events(10)
    assert events[3] == events[2]
    assert gaps(events[:3] + events[4:]) == []


@seen("reorder")
def test_a_reordered_event_comes_after_the_next_one(provoke, connect, how):
    exchange = provoke(how, Fault("reorder", at=3))
    events = connect(exchange, RAW).events(10)
    assert gaps(events) == [2, 3, 4]
    events[2], events[3] = events[3], events[2]
    assert gaps(events) == []


@seen("delay")
def test_a_delayed_event_and_what_follows_come_later_in_order_and_whole(provoke, connect, how):
    exchange = provoke(how, Fault("delay", at=3, seconds=0.3), rate=100.0)
    client = connect(exchange, RAW)
    events, lags = [], []
    deadline = time.monotonic() + PATIENCE
    # Events after the delay are not held back: only a busy machine makes them late, for a while.
    while len(events) < 60 or lags[-1] > 0.2:
        assert time.monotonic() < deadline, "still late"
        events.append(client.receive())
        lags.append(time.time() - events[-1]["E"] / 1_000)
    assert gaps(events) == []
    assert lags[2] >= 0.295
    assert lags[10] > 0.1


@seen("burst")
def test_events_of_a_burst_come_ten_times_as_fast_and_of_no_other_symbol(provoke, connect, how):
    exchange = provoke(how, Fault("burst", symbol="BTCUSDT", at=3, seconds=60.0), rate=80.0)
    client = connect(exchange, COMBINED + f"/{ETH}")
    btc, eth = steps_of(exchange)
    client.receive()
    until(exchange.strikes)
    struck = btc(), eth()
    # Counted in steps: a busy machine makes events late, of both symbols, and leaves none out.
    until(lambda: eth() - struck[1] >= 20)
    fast, usual = btc() - struck[0], eth() - struck[1]
    assert 5 * usual <= fast <= 14 * usual


@seen("split")
@table("path", [RAW, COMBINED])
def test_a_split_event_comes_in_three_fragments_that_make_one_text(provoke, connect, how, path):
    exchange = provoke(how, Fault("split", at=3))
    client = connect(exchange, path)
    frames = [client.frame() for _ in range(8)]
    shapes = [(frame.opcode, frame.fin) for frame in frames]
    whole = (ABNF.OPCODE_TEXT, 1)
    fragments = [(ABNF.OPCODE_TEXT, 0), (ABNF.OPCODE_CONT, 0), (ABNF.OPCODE_CONT, 1)]
    assert shapes == [whole, whole, *fragments, whole, whole, whole]
    texts = [frame.data for frame in frames]
    messages = [json.loads(text) for text in [*texts[:2], b"".join(texts[2:5]), *texts[5:]]]
    assert gaps([message.get("data", message) for message in messages]) == []


@seen("garbage")
@table("path", [RAW, COMBINED])
def test_garbage_is_a_text_that_is_no_json(provoke, connect, how, path):
    exchange = provoke(how, Fault("garbage", at=3))
    client = connect(exchange, path)
    texts = [client.socket.recv() for _ in range(8)]
    with pytest.raises(json.JSONDecodeError):
        json.loads(texts[2])
    others = [json.loads(text) for text in texts[:2] + texts[3:]]
    assert gaps([each.get("data", each) for each in others]) == [2]


@seen("wrong-types")
def test_wrong_types_are_a_text_for_an_id_and_no_texts_for_levels(provoke, connect, how):
    exchange = provoke(how, Fault("wrong-types", at=3, count=20))
    events = connect(exchange, RAW).events(30)
    wrong = events[2:22]
    assert all(type(event["u"]) is str for event in wrong)
    levels = [level for event in wrong for level in event["b"]]
    assert levels
    assert all(type(part) is not str for level in levels for part in level)
    for event in wrong:
        event["u"] = int(event["u"])
    assert gaps(events) == []


@seen("cut")
def test_a_cut_connection_ends_without_a_close_frame(provoke, connect, how):
    exchange = provoke(how, Fault("cut", at=3))
    client = connect(exchange, RAW)
    assert [client.frame().opcode for _ in range(2)] == [ABNF.OPCODE_TEXT] * 2
    # By FIN: the plain socket reads an end and no error.
    assert client.socket.sock.recv(1) == b""
    assert_goes_on(exchange)


@seen("reset")
def test_a_reset_connection_is_reset(provoke, connect, how):
    exchange = provoke(how, Fault("reset", at=3))
    client = connect(exchange, RAW)
    assert gaps(client.events(2)) == []
    with pytest.raises(ConnectionResetError):
        client.frame()
    assert_goes_on(exchange)


@seen("half-open")
def test_a_half_open_connection_is_silent_for_ever_and_does_not_end(provoke, connect, how):
    exchange = provoke(how, Fault("half-open", at=3), limits={"ping_interval": 0.15, "connection_life": 0.2})
    client = connect(exchange, RAW)
    client.socket.settimeout(0.25)
    assert [frame.opcode for frame in read_to_the_end(client)] == [ABNF.OPCODE_TEXT] * 2
    # The connection takes what it is sent, and does not end.
    client.socket.ping(b"anybody?")
    client.request("LIST_SUBSCRIPTIONS")
    with pytest.raises(websocket.WebSocketTimeoutException):
        client.frame()
    assert_goes_on(exchange)


@seen("shutdown")
@table("path", [RAW, COMBINED])
def test_a_shutdown_is_announced_and_the_connection_is_closed_after_its_seconds(provoke, connect, how, path):
    exchange = provoke(how, Fault("shutdown", at=3, seconds=0.25))
    client = connect(exchange, path)
    client.events(2)
    announcement = client.receive()
    if path == COMBINED:
        assert announcement.keys() == {"stream", "data"}
        assert announcement["stream"] == "!serverShutdown"
        announcement = announcement["data"]
    assert announcement.keys() == {"e", "E"}
    assert announcement["e"] == "serverShutdown"
    code, _, before = client.ending()
    assert 0.24 <= time.time() - announcement["E"] / 1_000 < LONG
    assert code == 1001
    assert len(before) > 5
    assert gaps([each.get("data", each) for each in before]) == []
    assert_goes_on(exchange)


@seen("expire")
def test_an_expired_connection_is_closed_with_going_away(provoke, connect, how):
    exchange = provoke(how, Fault("expire", at=3))
    client = connect(exchange, RAW)
    code, _, before = client.ending()
    assert (code, len(before)) == (1001, 2)
    assert_goes_on(exchange)


# Faults of subscriptions and connections.


@seen("unserved")
def test_an_unserved_subscription_is_acked_listed_and_silent_and_the_next_one_is_served(provoke, connect, how):
    exchange = provoke(how, Fault("unserved"))
    client, other = connect(exchange, "/ws"), connect(exchange, "/ws")
    assert client.ask("SUBSCRIBE", [BTC]) == ({"result": None, "id": 101}, [])
    assert other.ask("SUBSCRIBE", [BTC])[0] == {"result": None, "id": 101}
    assert gaps(other.events(40)) == []
    assert client.ask("LIST_SUBSCRIPTIONS") == ({"result": [BTC], "id": 102}, [])
    # It may subscribe again, and to others.
    assert client.ask("SUBSCRIBE", [ETH])[0]["result"] is None
    assert {event["s"] for event in client.events(10)} == {"ETHUSDT"}
    assert client.ask("SUBSCRIBE", [BTC])[0]["result"] is None
    assert "BTCUSDT" in {event["s"] for event in client.events(40)}
    assert exchange.strikes() == {"unserved": 1}


@seen("refused-subscribe")
def test_a_refused_subscription_names_no_stream_and_the_next_one_is_served(provoke, connect, how):
    exchange = provoke(how, Fault("refused-subscribe", "ETHUSDT"))
    client = connect(exchange, "/ws")
    refused = {"error": {"code": 2, "msg": "Invalid request"}, "id": 101}
    assert client.ask("SUBSCRIBE", [BTC, ETH]) == (refused, [])
    assert client.ask("SUBSCRIBE", [BTC, ETH])[0]["result"] is None
    assert {event["s"] for event in client.events(40)} == {"BTCUSDT", "ETHUSDT"}
    assert exchange.strikes() == {"refused-subscribe": 1}


@seen("too-many-streams")
def test_one_stream_too_many_ends_the_connection_and_the_next_one_is_served(provoke, connect, how):
    exchange = provoke(how, Fault("too-many-streams"))
    client = connect(exchange, "/ws")
    client.request("SUBSCRIBE", [BTC])
    code, _, before = client.ending()
    assert (code, before) == (1008, [{"error": {"code": 4, "msg": "Too many subscriptions"}}])
    assert_goes_on(exchange)


@seen("429-date")
def test_how_long_may_be_a_date(provoke, how):
    exchange = provoke(how, Fault("429-date", seconds=90.0))
    reply = depth(exchange)
    date, until = (read_date(reply.headers[name]) for name in ("Date", "Retry-After"))
    assert (reply.status_code, 88 <= until - date <= 91) == (429, True)
    assert_goes_on(exchange)


@seen("418-body")
def test_how_long_may_be_in_the_body_alone(provoke, how):
    exchange = provoke(how, Fault("418-body", seconds=90.0))
    reply = depth(exchange)
    until = int(re.search(r"banned until (\d+)", reply.json()["msg"])[1]) / 1_000
    assert (reply.status_code, 80 <= until - time.time() <= 91) == (418, True)
    assert "Retry-After" not in reply.headers
    assert_goes_on(exchange)


@seen("403")
def test_a_firewall_answers_in_html(provoke, how):
    exchange = provoke(how, Fault("403", seconds=0.0))
    reply = depth(exchange)
    assert (reply.status_code, reply.headers["Content-Type"]) == (403, "text/html")
    assert "Retry-After" not in reply.headers
    assert_goes_on(exchange)


def refused_handshake(exchange):
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(f"{exchange.url.replace('http', 'ws')}/ws", timeout=5.0)
    return caught.value.status_code, caught.value.resp_headers.get("retry-after")


@seen("handshake-429")
def test_too_many_handshakes_are_429_and_the_next_one_is_served(provoke, how):
    exchange = provoke(how, Fault("handshake-429", seconds=9.0))
    assert depth(exchange).status_code == 200, "it is no request for a websocket"
    assert refused_handshake(exchange) == (429, "9")
    assert_goes_on(exchange)


@seen("handshake-403")
def test_a_firewall_may_refuse_handshakes(provoke, how):
    exchange = provoke(how, Fault("handshake-403", seconds=0.0))
    assert refused_handshake(exchange) == (403, None)
    assert_goes_on(exchange)


@seen("refuse")
def test_a_refused_connection_is_reset_and_the_next_one_is_served(provoke, how):
    exchange = provoke(how, Fault("refuse"))
    # A client may get the reset while it still connects.
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", exchange.port), timeout=LONG) as client,
    ):
        client.recv(1)
    assert_goes_on(exchange)
    assert exchange.strikes() == {"refuse": 1}


@seen("slow-accept")
def test_a_slowly_accepted_connection_is_served_after_its_seconds(provoke, connect, how):
    exchange = provoke(how, Fault("slow-accept", seconds=0.2))
    begun = time.monotonic()
    client = connect(exchange, RAW)
    assert time.monotonic() - begun >= 0.2
    assert gaps(client.events(5)) == []
    assert_goes_on(exchange)
    assert exchange.strikes() == {"slow-accept": 1}, "the next ones are not slowed"


# Faults of depth requests.


def assert_refused(exchange, status, seconds):
    reply = depth(exchange)
    assert reply.status_code == status
    assert reply.headers["Retry-After"] == seconds
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "5"
    assert reply.json()["code"] == -1003
    assert_goes_on(exchange)
    return reply.json()["msg"]


@seen("429")
def test_too_many_requests_say_when_to_come_back(provoke, how):
    exchange = provoke(how, Fault("429", seconds=7))
    assert "Too much request weight used" in assert_refused(exchange, 429, "7")


@seen("418")
def test_a_ban_shows_when_to_come_back(provoke, how):
    exchange = provoke(how, Fault("418", seconds=120))
    assert "IP banned until" in assert_refused(exchange, 418, "120")


@seen("500")
def test_an_internal_error_has_a_body_of_the_exchanges_kind(provoke, how):
    exchange = provoke(how, Fault("500"))
    reply = depth(exchange)
    assert (reply.status_code, reply.json()["code"]) == (500, -1000)
    assert_goes_on(exchange)


@seen("time-out")
def test_a_request_that_times_out_is_never_answered_and_disconnected(provoke, how):
    exchange = provoke(how, Fault("time-out", seconds=0.2, count=2))
    begun = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        depth(exchange)
    assert time.monotonic() - begun >= 0.2
    # A client that is less patient.
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{exchange.url}/api/v3/depth?symbol=BTCUSDT", timeout=0.05)
    assert_goes_on(exchange)


@seen("truncate")
def test_a_truncated_body_is_shorter_than_its_content_length(provoke, how):
    exchange = provoke(how, Fault("truncate", count=2))
    with socket.create_connection(("127.0.0.1", exchange.port), timeout=LONG) as client:
        client.sendall(b"GET /api/v3/depth?symbol=BTCUSDT HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = b""
        while part := client.recv(65_536):
            data += part
    head, body = data.split(b"\r\n\r\n", 1)
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    assert head.startswith(b"HTTP/1.1 200")
    assert lengths
    assert 0 < len(body) < lengths[0]
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        depth(exchange)
    assert_goes_on(exchange)


@seen("stale")
def test_a_stale_book_is_older_than_one_that_was_served_before(provoke, connect, how):
    exchange = provoke(how, Fault("stale", at=2))
    # Later than the first book of all.
    connect(exchange, RAW).events(5)
    replies = [depth(exchange).json() for _ in range(3)]
    ids = [reply["lastUpdateId"] for reply in replies]
    assert ids[1] < ids[0] <= ids[2]
    for reply in replies:
        assert_exact(exchange, reply)


@seen("mismatch")
def test_a_mismatch_is_the_book_of_another_symbol(provoke, connect, how):
    exchange = provoke(how, Fault("mismatch", "BTCUSDT"))
    # Later than the first book of all, whose id no event has.
    connect(exchange, f"/ws/{ETH}").events(5)
    assert_exact(exchange, depth(exchange, "ETHUSDT").json(), "ETHUSDT")
    wrong = depth(exchange).json()
    assert_exact(exchange, wrong, "ETHUSDT")
    assert_goes_on(exchange)


@seen("empty-snapshot")
def test_an_empty_snapshot_has_the_id_of_a_book_that_is_not_empty(provoke, connect, how):
    exchange = provoke(how, Fault("empty-snapshot", at=2))
    connect(exchange, RAW).events(5)
    replies = [depth(exchange).json() for _ in range(3)]
    assert [len(reply["bids"]) for reply in replies] == [20, 0, 20]
    assert replies[1]["asks"] == []
    assert exchange.book_at("BTCUSDT", replies[1]["lastUpdateId"]).bids


@seen("cached-snapshot")
def test_a_cached_snapshot_is_the_same_for_everybody_for_its_time(provoke, connect, how):
    exchange = provoke(how, Fault("cached-snapshot", "BTCUSDT", seconds=1.0))
    client = connect(exchange, RAW)
    client.events(5)
    kept = [depth(exchange).json()]
    end = time.monotonic() + LONG
    while (reply := depth(exchange).json())["lastUpdateId"] == kept[0]["lastUpdateId"] and time.monotonic() < end:
        kept.append(reply)
        client.events(20)
    assert len(kept) > 2
    assert all(each == kept[0] for each in kept)
    assert reply["lastUpdateId"] > kept[0]["lastUpdateId"]
    assert len(depth(exchange, limit=5).json()["bids"]) == 5


@seen("capped")
@table(
    ("fault", "asked", "granted"),
    [
        (Fault("capped", levels=7), 20, (7, 7)),
        (Fault("capped", levels=7, side="bid"), 20, (7, 20)),
        (Fault("capped", levels=7, side="ask"), 20, (20, 7)),
        (Fault("capped", levels=7, above=10), 20, (7, 7)),
        (Fault("capped", levels=7, above=20), 20, (20, 20)),
        (Fault("capped", levels=30), 20, (20, 20)),
    ],
)
def test_a_capped_book_has_fewer_levels_than_were_asked_for_and_the_best_of_them(
    provoke, connect, how, fault, asked, granted
):
    exchange = provoke(how, fault)
    connect(exchange, RAW).events(5)
    reply = depth(exchange, limit=asked).json()
    assert (len(reply["bids"]), len(reply["asks"])) == granted
    bids, asks = Replay(reply).book()
    truth = exchange.book_at("BTCUSDT", reply["lastUpdateId"])
    assert (bids, asks) == (truth.bids[: granted[0]], truth.asks[: granted[1]])
    assert len(depth(exchange, limit=asked).json()["bids"]) == asked


def test_a_cap_without_a_number_is_another_one_each_time(serve):
    exchange = serve(running(Fault("capped", every=1)))
    granted = [len(depth(exchange).json()["bids"]) for _ in range(20)]
    assert len(set(granted)) > 5
    assert 1 <= min(granted) <= max(granted) <= 20


@seen("unlisted")
def test_an_unlisted_symbol_is_refused_as_one_that_does_not_exist(provoke, how):
    exchange = provoke(how, Fault("unlisted", "BTCUSDT"))
    refused, reply = depth(exchange), depth(exchange)
    assert (refused.status_code, refused.json()["code"], reply.status_code) == (400, -1121, 200)


@seen("new-ids")
@table("market", ["spot", "usdm"])
def test_ids_that_begin_anew_are_far_below_and_chained_and_the_book_is_the_same(provoke, connect, how, market):
    exchange = provoke(how, Fault("new-ids", "BTCUSDT", at=3), market=market)
    events = connect(exchange, RAW).events(10)
    assert gaps(events) == [3]
    assert events[3]["u"] < events[2]["u"] // 2 + 10_000
    before, after = (exchange.book_at("BTCUSDT", event["u"]) for event in events[2:4])
    assert len(set(before.bids) & set(after.bids)) > len(before.bids) // 2
    path = "/api/v3/depth" if market == "spot" else "/fapi/v1/depth"
    reply = get(exchange, path, symbol="BTCUSDT", limit=20).json()
    assert events[3]["U"] - 10 < reply["lastUpdateId"] < events[2]["U"]
    assert_exact(exchange, reply)


@seen("closed")
def test_a_session_that_is_closed_is_silent_and_its_book_stays(provoke, connect, how):
    exchange = provoke(how, Fault("closed", "BTCUSDT", at=3, seconds=0.4))
    client = connect(exchange, RAW)
    last = client.events(3)[-1]
    assert depth(exchange).json()["lastUpdateId"] <= last["u"]
    assert connect(exchange, f"/ws/{ETH}").events(5), "the other symbols are open"
    (first,) = client.events(1)
    assert follows(last, first)
    assert first["E"] - last["E"] >= 400


@table("kind", KINDS)
def test_each_kind_has_been_seen(kind):
    assert SEEN[kind] is globals()[SEEN[kind].__name__]
    assert SEEN[kind].__name__.startswith("test_")


def test_nothing_else_has_been_seen():
    assert set(SEEN) == set(KINDS)


# When they strike. A duplicate shows the number of the event that was struck.


def struck(client, count):
    """Read `count` different events; return the numbers, from 1, of those that came twice."""
    last, number, found = None, 0, []
    while number < count or last in found:
        event = client.receive()
        if event["u"] == last:
            found.append(number)
        else:
            assert last is None or event["U"] == last + 1
            last, number = event["u"], number + 1
        if number > count:
            break
    return [each for each in found if each <= count]


@pytest.mark.parametrize("how", HOW)
@table(
    ("figures", "expected"),
    [
        ({}, [1]),
        ({"at": 7}, [7]),
        ({"at": 7, "count": 3}, [7, 8, 9]),
        ({"every": 10}, [10, 20, 30, 40]),
        ({"at": 2, "every": 10}, [2, 12, 22, 32, 42]),
        ({"every": 10, "count": 2}, [10, 20]),
        ({"chance": 1.0, "at": 5, "count": 2}, [5, 6]),
        ({"symbol": "ETHUSDT"}, []),
        ({"symbol": "btcusdt", "at": 3}, [3]),
    ],
)
def test_a_fault_strikes_at_its_occasions(connect, how, figures, expected):
    fault = Fault("duplicate", **figures)
    with running(*([fault] if how == "faults" else [])) as exchange:
        if how == "inject":
            exchange.inject(fault)
        assert struck(connect(exchange, RAW), 45) == expected


def test_a_chance_is_drawn_from_the_seed(serve, connect):
    found = []
    for seed in (1, 1, 2):
        exchange = serve(running(Fault("duplicate", chance=0.3, seed=seed)))
        found.append(struck(connect(exchange, RAW), 100))
    assert found[0] == found[1] != found[2]
    assert 10 < len(found[0]) < 55


def test_a_fault_that_is_injected_counts_from_then_on(serve, connect):
    exchange = serve(running())
    client = connect(exchange, RAW)
    before = client.events(20)
    exchange.inject(Fault("drop"))
    # Some may have been sent already.
    assert len(gaps([before[-1], *client.events(100)])) == 1
    assert exchange.strikes() == {"drop": 1}


def test_several_faults_each_keep_their_count(serve, connect):
    faults = [Fault("drop", every=5, count=4), Fault("duplicate", every=7, count=3), Fault("429", count=2)]
    exchange = serve(running(*faults))
    assert exchange.strikes() == {}
    connect(exchange, RAW).events(60)
    assert [depth(exchange).status_code for _ in range(4)] == [429, 429, 200, 200]
    assert exchange.strikes() == {"drop": 4, "duplicate": 3, "429": 2}


def test_only_depth_requests_are_occasions_of_rest(serve):
    exchange = serve(running(Fault("500")))
    for path in ("ping", "time", "exchangeInfo"):
        assert get(exchange, f"/api/v3/{path}").status_code == 200
    assert depth(exchange).status_code == 500


def test_a_fault_of_a_symbol_spares_the_requests_of_others(serve):
    exchange = serve(running(Fault("500", "ETHUSDT", chance=1.0)))
    assert [depth(exchange, symbol).status_code for symbol in ("BTCUSDT", "ETHUSDT", "BTCUSDT")] == [200, 500, 200]


def test_a_fault_of_a_symbol_spares_the_subscriptions_to_others(serve, connect):
    exchange = serve(running(Fault("unserved", "ETHUSDT")))
    client = connect(exchange, f"/ws/{BTC}/{ETH}")
    assert {event["s"] for event in client.events(20)} == {"BTCUSDT"}


# What stays as it was.


@table("kind", EVENT_KINDS)
def test_other_symbols_and_other_streams_are_undisturbed(connect, kind):
    with running(Fault(kind, "BTCUSDT", every=3, seconds=0.05)) as exchange:
        eth, partial_depth = connect(exchange, f"/ws/{ETH}"), connect(exchange, "/ws/btcusdt@depth5@100ms")
        victim = connect(exchange, RAW)
        assert gaps(eth.events(30)) == []
        for event in partial_depth.events(15):
            assert Replay(event).book() == top(exchange.book_at("BTCUSDT", event["lastUpdateId"]), 5)
        for client in (eth, partial_depth):
            client.socket.ping(b"hello")
            while (frame := client.frame()).opcode == ABNF.OPCODE_TEXT:
                pass
            assert (frame.opcode, frame.data) == (ABNF.OPCODE_PONG, b"hello")
        until(lambda: exchange.strikes().get(kind))
        victim.close()


@table("kind", ["cut", "reset", "half-open", "shutdown", "expire"])
def test_a_connection_ends_with_all_its_streams_and_a_new_one_is_whole(connect, kind):
    with running(Fault(kind, "ETHUSDT", at=3, seconds=0.05)) as exchange:
        client = connect(exchange, f"/stream?streams={BTC}/{ETH}")
        client.socket.settimeout(0.3)
        symbols = [
            json.loads(frame.data)["data"].get("s") for frame in read_to_the_end(client) if frame.data[:1] == b"{"
        ]
        # The third one struck; after an announcement events go on for a while.
        assert symbols.count("ETHUSDT") > 2 if kind == "shutdown" else symbols.count("ETHUSDT") == 2
        again = connect(exchange, f"/stream?streams={BTC}/{ETH}")
        events = {"BTCUSDT": [], "ETHUSDT": []}
        for frame in again.events(40):
            events[frame["data"]["s"]].append(frame["data"])
        for found in events.values():
            assert found
            assert gaps(found) == []


def test_the_truth_is_the_same_with_faults_and_without(serve, connect):
    faults = [
        Fault("drop", every=3),
        Fault("duplicate", every=4),
        Fault("reorder", every=5),
        Fault("delay", at=7, seconds=0.05),
        Fault("wrong-types", every=11),
        Fault("garbage", every=13),
        Fault("stale", every=2),
    ]
    calm, wild = serve(running()), serve(running(*faults))
    client = connect(wild, RAW)
    events = connect(calm, RAW).events(60)
    while wild._catalogue.feeds[0].present(1).last_update_id < events[-1]["u"]:
        client.socket.recv()
    for event in events:
        assert wild.book_at("BTCUSDT", event["u"]) == calm.book_at("BTCUSDT", event["u"])
    for _ in range(6):
        assert_exact(wild, depth(wild).json())
    assert {fault.kind for fault in faults} <= set(wild.strikes())


def test_a_book_can_be_followed_through_lost_events_by_the_documented_rules(serve, connect):
    faults = [Fault("drop", every=10), Fault("duplicate", every=7), Fault("500", every=3)]
    exchange = serve(running(*faults, rate=200.0, limits={"weight_per_minute": 1_000_000}))
    client, book, checked, resyncs = connect(exchange, RAW), None, 0, 0
    while checked < 60:
        event = client.receive()
        if book is None:
            # All levels, to compare with the whole truth.
            reply = get(exchange, "/api/v3/depth", symbol="BTCUSDT", limit=5_000)
            if reply.status_code == 200 and reply.json()["lastUpdateId"] >= event["U"] - 1:
                book = Replay(reply.json())
                resyncs += 1
            continue
        if event["U"] > book.last_id + 1:
            book = None
        elif book.apply(event):
            truth = exchange.book_at("BTCUSDT", book.last_id)
            assert book.book() == (truth.bids, truth.asks)
            checked += 1
    assert resyncs > 1


# Recordings.


@pytest.fixture
def recorded(serve, spot_file):
    def start(*faults):
        return serve(LocalExchange.from_recording(spot_file, faults=faults))

    return start


@table("at", [1, 4, 5])
def test_a_delay_in_a_recording_loses_nothing(recorded, connect, at):
    exchange = recorded(Fault("delay", at=at, seconds=0.1))
    client = connect(exchange, RAW)
    assert exchange.wait_finished(LONG)
    client.socket.settimeout(1.0)
    assert [event["u"] for event in client.events(5)] == [95, 102, 103, 110, 111]


def test_a_faulty_recording_ends_in_its_true_book(recorded, connect):
    exchange = recorded(Fault("drop", at=3), Fault("duplicate", at=4))
    client = connect(exchange, RAW)
    assert [event["u"] for event in client.events(5)] == [95, 102, 110, 110, 111]
    assert exchange.wait_finished(LONG)
    reply = depth(exchange).json()
    assert (reply["lastUpdateId"], reply["bids"], reply["asks"]) == (111, SPOT_FINAL_BIDS, SPOT_FINAL_ASKS)


def test_a_mismatch_without_another_symbol_serves_the_own_book(recorded):
    assert depth(recorded(Fault("mismatch"))).json()["lastUpdateId"] == 100


def test_the_stale_book_of_a_recording_is_its_first(serve, tmp_path, connect):
    path = write_recording(tmp_path / "btcusdt.gz", spot_messages())
    exchange = serve(LocalExchange.from_recording(path, faults=[Fault("stale", at=2)]))
    client = connect(exchange, RAW)
    assert exchange.wait_finished(LONG)
    assert [depth(exchange).json()["lastUpdateId"] for _ in range(3)] == [111, 100, 111]
    client.close()


# The end of the exchange while a fault lasts.

LASTING = ["delay", "half-open", "shutdown", "unserved", "slow-accept", "time-out", "reorder"]


@table("kind", LASTING)
def test_stop_ends_in_time_whatever_fault_lasts(kind):
    exchange = running(Fault(kind, seconds=60.0)).start()
    place = KINDS[kind][0]
    clients = []
    try:
        if place in {Place.EVENT, Place.SUBSCRIBE}:
            clients.append(StreamClient(exchange, RAW))
        else:
            clients.append(socket.create_connection(("127.0.0.1", exchange.port), timeout=LONG))
            clients[0].sendall(b"GET /api/v3/depth?symbol=BTCUSDT HTTP/1.1\r\nHost: localhost\r\n\r\n")
        deadline = time.monotonic() + LONG
        while exchange.strikes() != {kind: 1}:
            assert time.monotonic() < deadline, "no strike"
        begun = time.monotonic()
        exchange.stop(timeout=4.0)
        assert time.monotonic() - begun < 1.0
        assert left_over() == []
    finally:
        exchange.stop()
        for client in clients:
            client.close()


def listen(sock):
    client = websocket.WebSocket()
    client.connect(f"ws://127.0.0.1{RAW}", socket=sock)
    for _ in range(20):
        client.recv()


def ask(sock):
    for _ in range(5):
        sock.sendall(b"GET /api/v3/depth?symbol=BTCUSDT HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not sock.recv(65_536):
            return


def use(method, port, done):
    """Be a client that comes back after any failure."""
    while not done.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.1) as sock:
                method(sock)
        except (OSError, websocket.WebSocketException):
            continue


def test_stop_ends_in_time_amid_all_faults_at_once():
    faults = [Fault(kind, chance=0.05, seed=number, seconds=0.05) for number, kind in enumerate(KINDS)]
    exchange = running(*faults).start()
    done = threading.Event()
    methods = [listen, ask] * 4
    users = [threading.Thread(target=use, args=(method, exchange.port, done)) for method in methods]
    for user in users:
        user.start()
    deadline = time.monotonic() + LONG
    while len(exchange.strikes()) < len(KINDS) - 4 and time.monotonic() < deadline:
        done.wait(0.01)
    begun = time.monotonic()
    exchange.stop(timeout=4.0)
    assert time.monotonic() - begun < 2.0
    done.set()
    for user in users:
        user.join(LONG)
    assert left_over() == []
    assert len(exchange.strikes()) >= len(KINDS) - 4
