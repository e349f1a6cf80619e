import socket
import threading

import pytest
import requests
import websocket
from exchange_support import get

from depthactors.exchange import LocalExchange


def test_http_and_websocket_share_the_port(flow, connect):
    reply = get(flow, "/api/v3/depth", symbol="BTCUSDT", limit=5)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("application/json")
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "5"
    assert len(reply.json()["bids"]) == 5
    client = connect(flow, "/ws/btcusdt@depth")
    assert client.receive()["e"] == "depthUpdate"


@pytest.mark.parametrize("path", ["/", "/api/v3/trades", "/api/v1/depth", "/market/ws"])
def test_unknown_paths(flow, path):
    assert get(flow, path).status_code == 404
    with pytest.raises(websocket.WebSocketBadStatusException, match="404"):
        websocket.create_connection(flow.url.replace("http", "ws") + path, timeout=5)


def test_plain_get_of_a_websocket_path(flow):
    assert get(flow, "/ws").status_code == 426


def test_refused_depth_over_http(flow):
    reply = get(flow, "/api/v3/depth", symbol="XYZ")
    assert (reply.status_code, reply.json()) == (400, {"code": -1121, "msg": "Invalid symbol."})


def test_ping_is_answered(flow, connect):
    client = connect(flow, "/ws")
    client.socket.ping(b"hello")
    frame = client.socket.recv_frame()
    assert (frame.opcode, frame.data) == (websocket.ABNF.OPCODE_PONG, b"hello")


def test_client_may_close_and_others_go_on(flow, connect):
    first, second = connect(flow, "/ws/btcusdt@depth"), connect(flow, "/ws/btcusdt@depth")
    first.receive()
    first.close()
    last = second.receive()["u"]
    for _ in range(20):
        event = second.receive()
        assert event["U"] == last + 1
        last = event["u"]


def test_stop_closes_clients_with_going_away(connect):
    with LocalExchange.with_order_flow("BTCUSDT") as exchange:
        client = connect(exchange, "/ws")
    opcode, data = client.socket.recv_data(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(data[:2], "big") == 1001


def test_stop_leaves_no_thread_and_no_port(connect):
    before = set(threading.enumerate())
    exchange = LocalExchange.with_order_flow(["BTCUSDT", "ETHUSDT"], rate=100.0).start()
    clients = [connect(exchange, "/stream?streams=btcusdt@depth/ethusdt@depth") for _ in range(5)]
    for client in clients:
        client.receive()
    get(exchange, "/api/v3/ping")
    names = {thread.name for thread in set(threading.enumerate()) - before}
    assert names
    assert all(name.startswith("depthactors-exchange-") for name in names)
    exchange.stop()
    assert set(threading.enumerate()) <= before
    with pytest.raises(requests.ConnectionError):
        get(exchange, "/api/v3/ping")


def test_stop_does_not_wait_for_a_connection_that_says_nothing():
    exchange = LocalExchange.with_order_flow("BTCUSDT").start()
    with socket.create_connection(("127.0.0.1", exchange.port)) as silent:
        # A reply on a later connection shows that the silent one was accepted.
        get(exchange, "/api/v3/ping")
        exchange.stop(timeout=4.0)
        assert silent.recv(10) == b""


def test_stop_does_not_wait_for_a_client_that_does_not_read(connect):
    exchange = LocalExchange.with_order_flow("BTCUSDT", rate=5_000.0).start()
    client = connect(exchange, "/ws/btcusdt@depth")
    client.receive()
    exchange.stop(timeout=4.0)


def test_garbage_instead_of_http_ends_only_that_connection(flow):
    with socket.create_connection(("127.0.0.1", flow.port), timeout=5) as strange:
        strange.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        while strange.recv(1000):
            pass
    assert get(flow, "/api/v3/ping").status_code == 200
