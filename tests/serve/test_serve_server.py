import socket
import ssl
import threading
import time
from decimal import Decimal

import orjson
import pytest
import requests
import trustme
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from depthactors import DepthEngine
from depthactors.errors import LifecycleError, UsageError
from depthactors.exchange import LocalExchange
from depthactors.markets import SPOT
from depthactors.serve import BookServer
from depthactors.serve.followed_stream import FollowedStream
from tests.support import until


def stream(server, **options):
    return connect(server.url.replace("http", "ws") + "/stream", compression=None, **options)


def order(connection, **words):
    connection.send(orjson.dumps({"op": "subscribe"} | words), text=True)


def heard(connection, *kinds):
    """Return the next message of one of these types."""
    while True:
        message = orjson.loads(connection.recv(timeout=5))
        if message["type"] in kinds:
            return message


def truth(exchange, message):
    book = exchange.book_at(message["symbol"], message["last_update_id"], levels=20)
    return [[[str(price), str(quantity)] for price, quantity in side] for side in (book.bids, book.asks)]


def answers(server):
    try:
        return requests.get(f"{server.url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_the_books_are_listed(server):
    rows = requests.get(f"{server.url}/books", timeout=5).json()
    assert rows == [
        {"market": "spot", "symbol": symbol, "speed_ms": 100, "depth": 20, "state": "LIVE"}
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]


def test_a_book_equals_the_exchange_s(server, exchange):
    message = requests.get(f"{server.url}/books/spot/btcusdt", timeout=5).json()
    wanted = truth(exchange, message)
    for side, levels in zip(("bids", "asks"), wanted, strict=True):
        assert [list(map(Decimal, each)) for each in message[side]] == [list(map(Decimal, each)) for each in levels]
    assert (message["state"], message["reason"], len(message["bids"])) == ("LIVE", None, 20)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nothing", 404, "expected /books, /books/MARKET/SYMBOL or /healthz, was '/nothing'"),
        ("/books/spot/NOPE", 404, "NOPE (spot) is not followed; see /books"),
        ("/books/usdm/BTCUSDT", 404, "BTCUSDT (usdm) is not followed"),
        ("/books/spot/BTCUSDT?speed_ms=1000", 404, "is not followed"),
        ("/books/spot/BTCUSDT?levels=0", 400, "expected levels as a number above 0, was '0'"),
        ("/books/spot/BTCUSDT?levels=%D9%A3", 400, "expected levels as a number above 0"),
        ("/books/spot/BTCUSDT?speed_ms=", 400, "expected speed_ms as a number above 0, was ''"),
        ("/books/spot/BTCUSDT?numbers=int", 400, "expected numbers as text or float, was 'int'"),
        ("/books/spot/BTCUSDT?depth=5", 400, "expected levels, speed_ms or numbers, was 'depth'"),
    ],
)
def test_a_bad_request_is_told_why(server, path, status, words):
    answer = requests.get(server.url + path, timeout=5)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_the_server_is_healthy_while_a_book_is_live(server, engine):
    assert requests.get(f"{server.url}/healthz", timeout=5).json() == {"healthy": True, "books": 2, "live": 2}
    engine.stop()
    answer = requests.get(f"{server.url}/healthz", timeout=5)
    assert (answer.status_code, answer.json()["healthy"]) == (503, False)


def test_a_client_gets_a_snapshot_and_then_deltas(server):
    with stream(server) as connection:
        order(connection, symbol="BTCUSDT", levels=5, id=1)
        answer = heard(connection, "subscribed")
        assert (answer["id"], answer["stream"]) == (1, "spot/BTCUSDT/100/5/text")
        number = heard(connection, "snapshot")["n"]
        for _ in range(5):
            message = heard(connection, "delta")
            assert (message["after"], message["n"]) == (number, number + 1)
            number = message["n"]


def test_a_client_that_unsubscribed_hears_no_more_than_that_the_server_is_there(server):
    with stream(server) as connection:
        order(connection, symbol="BTCUSDT", levels=5)
        heard(connection, "snapshot")
        order(connection, op="unsubscribe", symbol="BTCUSDT", levels=5)
        assert heard(connection, "unsubscribed")["stream"] == "spot/BTCUSDT/100/5/text"
        assert orjson.loads(connection.recv(timeout=5))["type"] == "alive"
        order(connection, op="unsubscribe", symbol="BTCUSDT", levels=5)
        assert heard(connection, "error")["code"] == "not_subscribed"


def test_a_bad_order_is_answered_and_ends_nothing(server):
    with stream(server) as connection:
        connection.send("hello")
        assert heard(connection, "error")["code"] == "not_json"
        order(connection, symbol="NOPE", id="mine")
        answer = heard(connection, "error")
        assert (answer["id"], answer["code"]) == ("mine", "unknown_book")
        order(connection, symbol="BTCUSDT", levels=21)
        assert heard(connection, "error")["error"] == "expected at most 20 levels of BTCUSDT (spot), was 21"
        order(connection, symbol="BTCUSDT", levels=20)
        assert heard(connection, "snapshot")["state"] == "LIVE"


def test_an_order_that_is_too_long_ends_the_connection_of_that_client_alone(server):
    with stream(server) as good, stream(server) as bad:
        bad.send("x" * 10_000)
        with pytest.raises(ConnectionClosed, match="1009"):
            bad.recv(timeout=5)
        order(good, symbol="BTCUSDT")
        assert heard(good, "snapshot")["n"] >= 1


def test_a_book_is_followed_for_the_server_while_somebody_reads_it(server, engine):
    with stream(server) as connection:
        order(connection, symbol="BTCUSDT")
        heard(connection, "snapshot")
        assert len(engine.books()) == 3
    until(lambda: len(engine.books()) == 2)


def test_the_end_of_the_engine_is_told(server, engine):
    with stream(server) as connection:
        order(connection, symbol="BTCUSDT")
        assert heard(connection, "snapshot")["state"] == "LIVE"
        engine.stop()
        while heard(connection, "delta")["state"] != "STOPPED":
            pass
        order(connection, symbol="ETHUSDT", id=5)
        answer = heard(connection, "snapshot", "error")
        assert answer["type"] == "error" or answer["state"] == "STOPPED"


def test_a_token_is_wanted_of_requests_and_of_streams(engine):
    with BookServer(engine, token="s3cret") as server:
        assert requests.get(f"{server.url}/books", timeout=5).status_code == 401
        with pytest.raises(InvalidStatus, match="401"):
            stream(server)
        good = {"Authorization": "Bearer s3cret"}
        assert requests.get(f"{server.url}/books", headers=good, timeout=5).status_code == 200
        with stream(server, additional_headers=good) as connection:
            order(connection, symbol="BTCUSDT")
            heard(connection, "snapshot")
        with stream(server, subprotocols=["depthactors", "depthactors.token.s3cret"]) as connection:
            assert connection.subprotocol == "depthactors"


def test_a_page_of_another_site_is_refused(server):
    with pytest.raises(InvalidStatus, match="403"):
        stream(server, origin="http://evil.example")
    assert requests.get(f"{server.url}/books", headers={"Host": "evil.example"}, timeout=5).status_code == 421


def test_connections_beyond_the_bound_are_closed_and_others_go_on(engine):
    with BookServer(engine, most_connections=3) as server, stream(server) as connection:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
        try:
            idle[-1].settimeout(5)
            assert idle[-1].recv(1) == b"", "closed"
            order(connection, symbol="BTCUSDT")
            heard(connection, "snapshot")
        finally:
            for each in idle:
                each.close()
        until(lambda: answers(server))


def test_a_client_that_reads_nothing_delays_nobody_and_is_let_go_at_the_stop(engine):
    with BookServer(engine) as server:
        silent = socket.create_connection(("127.0.0.1", server.port))
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with silent, stream(server) as connection:
            key = "dGhlIHNhbXBsZSBub25jZQ=="
            silent.sendall(
                f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            order(connection, symbol="BTCUSDT")
            number = heard(connection, "snapshot")["n"]
            for _ in range(10):
                message = heard(connection, "delta")
                assert message["after"] == number
                number = message["n"]
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 5
    assert not [each for each in threading.enumerate() if each.name.startswith("depthactors-serve")]


def test_a_server_is_started_once(engine):
    server = BookServer(engine)
    with server, pytest.raises(LifecycleError, match="was not started before"):
        server.start()
    server.stop()
    with pytest.raises(LifecycleError, match="make a new one"):
        server.start()


def test_another_address_needs_token_and_tls(engine):
    for options, was in (({}, "neither"), ({"token": "s3cret"}, "a token")):
        with pytest.raises(UsageError, match=f"expected a token and TLS, since 0.0.0.0 .*, was {was}"):
            BookServer(engine, host="0.0.0.0", **options)
    BookServer(engine, host="0.0.0.0", unprotected=True)


def test_a_server_over_tls(engine, tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with BookServer(engine, tls=context) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert requests.get(f"{server.url}/healthz", verify=str(trusted), timeout=5).json()["live"] == 2
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{server.url}/healthz", timeout=5)
        with stream(server, ssl=ssl.create_default_context(cafile=str(trusted))) as connection:
            order(connection, symbol="BTCUSDT")
            heard(connection, "snapshot")


@pytest.mark.full
def test_a_client_that_paused_is_told_that_it_gets_a_sum_and_has_the_exchange_s_levels(monkeypatch):
    monkeypatch.setattr("depthactors.serve.listener._SEND_BUFFER", 16_384)
    monkeypatch.setattr("depthactors.serve.stream.SINGLE", 1)
    with (
        LocalExchange.with_order_flow(["BTCUSDT"], seed=5, rate=500.0) as exchange,
        DepthEngine(SPOT.at(exchange.url)) as engine,
        BookServer(engine) as server,
    ):
        engine.subscribe("BTCUSDT", depth=300)
        engine.wait_live(10)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        sock.connect(("127.0.0.1", server.port))
        with stream(server, sock=sock, max_queue=1) as connection:
            # All of them fill its socket; one is followed.
            for levels in range(281, 301):
                order(connection, symbol="BTCUSDT", levels=levels)
            until(lambda: any(each.sending_since for each in server._connections))
            followed, is_conflated = FollowedStream("BTCUSDT", Decimal), False
            while not is_conflated:
                message = heard(connection, "snapshot", "delta")
                if message["stream"] != "spot/BTCUSDT/100/300/text":
                    continue
                is_conflated = message.get("conflated", False) and message["n"] - message["after"] > 1
                followed.take(message)
            book = exchange.book_at("BTCUSDT", followed.view.last_update_id, levels=300)
            assert [(Decimal(price), Decimal(quantity)) for price, quantity in book.bids] == list(followed.view.bids)
