"""One test for each limit of a connection, over plain websockets."""

import socket
import time
from itertools import pairwise

import pytest
import websocket

from depthactors.exchange import LocalExchange
from depthactors.exchange.server import session
from depthactors.exchange.server.outbox import Outbox
from tests.exchange.exchange_support import ROUTES, SYMBOLS, StillFeed, StreamClient, live, stream_of
from tests.support import table

PING, PONG, CLOSE, TEXT = (getattr(websocket.ABNF, f"OPCODE_{name}") for name in ("PING", "PONG", "CLOSE", "TEXT"))
MESSAGES = {"spot": 5, "us": 5, "usdm": 10, "coinm": 10, "options": 10}
STREAMS = {"spot": 1024, "us": 1024, "usdm": 1024, "coinm": 1024, "options": 200}
TOO_MANY_STREAMS = {"error": {"code": 4, "msg": "Too many subscriptions"}}


def still(market="spot", **limits):
    return LocalExchange([StillFeed(market)], limits=limits)


def names(count):
    return [f"sym{number}usdt@depth" for number in range(count)]


def next_ping(client):
    while (frame := client.frame()).opcode != PING:
        assert frame.opcode == TEXT
    return frame.data


@table("market", SYMBOLS)
def test_the_markets_number_of_streams_is_fine_and_one_more_ends_the_connection(serve, connect, market):
    exchange = serve(still(market, messages_per_second=100))
    client = connect(exchange, f"{ROUTES[market]}/ws")
    listed = names(STREAMS[market])
    assert client.ask("SUBSCRIBE", listed) == ({"result": None, "id": 101}, [])
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == listed
    client.request("SUBSCRIBE", ["one@depth"])
    assert client.ending() == (1008, "Invalid request", [TOO_MANY_STREAMS])


@table("path", ["/ws/{}/{}/{}", "/stream?streams={}/{}/{}"])
def test_too_many_streams_in_the_url_end_the_connection(serve, connect, path):
    exchange = serve(still(max_streams=2))
    client = connect(exchange, path.format(*names(3)))
    assert client.ending() == (1008, "Invalid request", [TOO_MANY_STREAMS])


def test_streams_of_the_url_and_of_subscribe_count_together_and_each_once(serve, connect):
    exchange = serve(still(max_streams=3))
    client = connect(exchange, "/ws/{}/{}".format(*names(2)))
    assert client.ask("SUBSCRIBE", [*names(2), "a@depth"])[0] == {"result": None, "id": 101}
    client.request("SUBSCRIBE", ["b@depth"])
    assert client.ending()[:2] == (1008, "Invalid request")


def test_unsubscribe_makes_room_for_another_stream(serve, connect):
    exchange = serve(still(max_streams=2))
    client = connect(exchange, "/ws/{}/{}".format(*names(2)))
    client.ask("UNSUBSCRIBE", names(1))
    assert client.ask("SUBSCRIBE", ["b@depth"])[0]["result"] is None
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == [names(2)[1], "b@depth"]


@table("market", SYMBOLS)
def test_a_second_may_have_so_many_messages_and_not_one_more(serve, connect, market):
    allowed = MESSAGES[market]
    exchange = serve(still(market))
    client = connect(exchange, f"{ROUTES[market]}/ws")
    for number in range(allowed + 1):
        client.request("LIST_SUBSCRIPTIONS", request_id=number)
    code, reason, before = client.ending()
    assert (code, reason) == (1008, "Too many requests")
    assert [reply["id"] for reply in before] == list(range(allowed))


@table("kind", ["ping", "pong"])
def test_pings_and_pongs_of_the_client_count_as_messages(serve, connect, kind):
    exchange = serve(still())
    client = connect(exchange, "/ws")
    for _ in range(3):
        getattr(client.socket, kind)(b"")
    for number in range(3):
        client.request("LIST_SUBSCRIPTIONS", request_id=number)
    code, reason, before = client.ending()
    assert (code, reason) == (1008, "Too many requests")
    assert [reply["id"] for reply in before] == [0, 1]


def test_a_bad_message_counts_as_well(serve, connect):
    exchange = serve(still())
    client = connect(exchange, "/ws")
    for _ in range(6):
        client.send("nonsense")
    code, reason, before = client.ending()
    assert (code, reason, len(before)) == (1008, "Too many requests", 5)


def test_one_message_may_name_many_streams(serve, connect):
    exchange = serve(still())
    client = connect(exchange, "/ws")
    assert client.ask("SUBSCRIBE", names(200)) == ({"result": None, "id": 101}, [])


def test_messages_of_one_connection_do_not_count_for_another(serve, connect):
    exchange = serve(still(messages_per_second=1))
    clients = [connect(exchange, "/ws") for _ in range(3)]
    for client in clients:
        assert client.ask("LIST_SUBSCRIPTIONS")[0] == {"result": [], "id": 101}


@table("market", SYMBOLS)
def test_the_server_pings_at_its_interval_with_the_time_of_the_day(serve, connect, market):
    interval = 0.05
    exchange = serve(still(market, ping_interval=interval))
    opened = time.time()
    client = connect(exchange, f"{ROUTES[market]}/ws")
    sent = []
    for _ in range(3):
        payload = next_ping(client)
        assert abs(int(payload) / 1_000 - time.time()) < 1.0
        sent.append(int(payload) / 1_000)
        client.socket.pong(payload)
    assert sent[0] - opened >= interval - 0.002
    # Timers are late at times, never early.
    assert all(interval - 0.002 <= later - before < 1.0 for before, later in pairwise(sent))


def test_a_ping_that_is_not_answered_ends_the_connection(serve, connect):
    exchange = serve(still(ping_interval=0.05, pong_deadline=0.2))
    client = connect(exchange, "/ws")
    opened = time.monotonic()
    while (frame := client.frame()).opcode == PING:
        pass
    lasted = time.monotonic() - opened
    assert (frame.opcode, frame.data[:2], frame.data[2:]) == (CLOSE, (1008).to_bytes(2, "big"), b"Pong timeout")
    assert lasted >= 0.2


def test_a_client_that_answers_every_ping_stays(serve, connect):
    exchange = serve(still(ping_interval=0.04, pong_deadline=0.15, messages_per_second=1000))
    client = connect(exchange, "/ws")
    deadline = time.monotonic() + 0.35
    while time.monotonic() < deadline:
        client.socket.pong(next_ping(client))
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == []


@table("payload", [b"", b"1", b"hello"])
def test_an_unsolicited_pong_is_allowed_and_does_not_count(serve, connect, payload):
    exchange = serve(still(ping_interval=0.05, pong_deadline=0.2, messages_per_second=1000))
    client = connect(exchange, "/ws")
    client.socket.pong(payload)
    pings = 0
    while (frame := client.frame()).opcode == PING:
        pings += 1
        client.socket.pong(payload)
    assert frame.opcode == CLOSE
    assert frame.data[2:] == b"Pong timeout"
    assert pings >= 2


def test_a_ping_of_the_client_is_answered_with_its_payload(serve, connect):
    exchange = serve(live())
    client = connect(exchange, f"/ws/{stream_of('spot', '@depth@100ms')}")
    client.socket.ping(b"hello")
    while (frame := client.frame()).opcode == TEXT:
        pass
    assert (frame.opcode, frame.data) == (PONG, b"hello")


def test_a_connection_ends_when_its_life_is_over_however_it_behaves(serve, connect):
    exchange = serve(live(limits={"connection_life": 0.3, "ping_interval": 0.05}))
    opened = time.monotonic()
    client = connect(exchange, f"/ws/{stream_of('spot', '@depth@100ms')}")
    _, _, before = client.ending()
    assert 0.3 <= time.monotonic() - opened < 2.0
    assert before
    again = connect(exchange, f"/ws/{stream_of('spot', '@depth@100ms')}")
    assert again.receive()["U"] > before[-1]["u"]


def test_too_many_connections_are_refused_and_rest_goes_on(serve, connect):
    exchange = serve(still(connections=2))
    clients = [connect(exchange, "/ws"), connect(exchange, "/stream")]
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        StreamClient(exchange, "/ws")
    assert caught.value.status_code == 429
    for client in clients:
        assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == []


def test_connections_count_by_attempts_not_by_those_that_are_open(serve, connect):
    exchange = serve(still(connections=1))
    connect(exchange, "/ws").close()
    with pytest.raises(websocket.WebSocketBadStatusException):
        StreamClient(exchange, "/ws")


def read_to_the_end(client):
    while True:
        client.recv()


def test_a_client_that_reads_nothing_is_cut_off_and_the_others_miss_nothing(serve, connect, monkeypatch):
    monkeypatch.setattr(session, "Outbox", lambda clock: Outbox(room=50, patience=0.1, clock=clock))
    path = f"/ws/{stream_of('spot', '@depth@100ms')}"
    exchange = serve(live(repeat=8, levels=900.0, depth=1_500, rate=400.0))
    slow = connect(exchange, path, sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)]).socket
    reader = connect(exchange, path)
    last = reader.receive()
    deadline = time.monotonic() + 10
    while len(exchange._server.clients()) > 1:
        event = reader.receive()
        assert event["U"] == last["u"] + 1
        last = event
        assert time.monotonic() < deadline, "still served"
    with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
        read_to_the_end(slow)
