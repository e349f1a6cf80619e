import logging
import socket
import threading
import time

import pytest
import requests
import websocket

from depthactors.errors import LifecycleError
from depthactors.exchange import Fault, LocalExchange
from depthactors.exchange.server import server
from tests.exchange.exchange_support import StillFeed, StreamClient, get
from tests.support import until

LONG = 5.0


def still(**options):
    return LocalExchange([StillFeed()], **options)


def threads():
    return {each.name for each in threading.enumerate() if each.name.startswith("depthactors-exchange")}


def test_rest_and_websockets_share_one_port_of_the_loopback_interface(serve, connect):
    exchange = serve(still())
    assert exchange.url == f"http://127.0.0.1:{exchange.port}"
    assert get(exchange, "/api/v3/ping").json() == {}
    client = connect(exchange, "/ws")
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == []


def test_nothing_is_accepted_before_start_and_after_stop():
    exchange = still()
    with pytest.raises(LifecycleError):
        _ = exchange.port
    exchange.start()
    url = exchange.url
    exchange.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/api/v3/ping", timeout=LONG)


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing():
    with socket.create_server(("127.0.0.1", 0)) as other:
        exchange = still(port=other.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            exchange.start()
        exchange.stop()


def test_the_port_is_free_again_after_stop():
    with still() as exchange:
        get(exchange, "/api/v3/ping")
    with still(port=exchange.port) as again:
        assert get(again, "/api/v3/ping").status_code == 200


def test_every_thread_has_its_name_and_goes_with_its_connection(serve):
    exchange = serve(still())
    resting = threads()
    assert resting == {"depthactors-exchange-accept", "depthactors-exchange-player"}
    client = StreamClient(exchange, "/ws")
    client.ask("LIST_SUBSCRIPTIONS")
    assert threads() - resting == {"depthactors-exchange-1", "depthactors-exchange-1-send"}
    client.close()
    until(lambda: threads() == resting)


def test_clients_are_the_websockets_that_are_open(serve, connect):
    exchange = serve(still())
    get(exchange, "/api/v3/ping")
    assert exchange._server.clients() == []
    clients = [connect(exchange, "/ws") for _ in range(3)]
    for client in clients:
        client.ask("LIST_SUBSCRIPTIONS")
    assert len(exchange._server.clients()) == 3
    clients[0].close()
    until(lambda: len(exchange._server.clients()) == 2)


def test_a_client_may_go_and_the_others_miss_nothing(flow, connect):
    first, second = (connect(flow, "/ws/btcusdt@depth@100ms") for _ in range(2))
    first.receive()
    last = second.receive()["u"]
    first.close()
    for event in second.events(20):
        assert event["U"] == last + 1
        last = event["u"]


def test_nonsense_ends_only_its_own_connection(serve, connect):
    exchange = serve(still())
    client = connect(exchange, "/ws")
    with socket.create_connection(("127.0.0.1", exchange.port), timeout=LONG) as strange:
        strange.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        while strange.recv(1_000):
            pass
    assert client.ask("LIST_SUBSCRIPTIONS")[0]["result"] == []
    assert get(exchange, "/api/v3/ping").status_code == 200


def test_many_connections_at_once_are_all_served(serve):
    exchange = serve(still())
    answers = []
    barrier = threading.Barrier(16)

    def ask():
        barrier.wait(LONG)
        for _ in range(5):
            client = StreamClient(exchange, "/ws")
            answers.append((client.ask("LIST_SUBSCRIPTIONS")[0]["result"], get(exchange, "/api/v3/ping").status_code))
            client.close()

    askers = [threading.Thread(target=ask) for _ in range(16)]
    for each in askers:
        each.start()
    for each in askers:
        each.join(LONG)
    assert answers == [([], 200)] * 80


def test_stop_closes_clients_with_going_away():
    with still() as exchange:
        client = StreamClient(exchange, "/ws")
        client.ask("LIST_SUBSCRIPTIONS")
    code, _, before = client.ending()
    assert (code, before) == (1001, [])
    client.close()


def test_stop_does_not_wait_for_clients_that_say_or_read_nothing():
    exchange = LocalExchange.with_order_flow("BTCUSDT", rate=2_000.0, levels=5.0, depth=50).start()
    deaf = StreamClient(exchange, "/ws/btcusdt@depth@100ms")
    deaf.receive()
    half = socket.create_connection(("127.0.0.1", exchange.port), timeout=LONG)
    half.sendall(b"GET /api/v3/pi")
    silent = socket.create_connection(("127.0.0.1", exchange.port), timeout=LONG)
    # A reply on a later connection shows that these were accepted.
    get(exchange, "/api/v3/ping")
    begun = time.monotonic()
    exchange.stop(timeout=4.0)
    assert time.monotonic() - begun < 1.5
    assert silent.recv(10) == b""
    assert threads() == set()
    deaf.close()
    half.close()
    silent.close()


def test_stop_is_idempotent_also_from_many_threads():
    exchange = still().start()
    client = StreamClient(exchange, "/ws")
    stoppers = [threading.Thread(target=exchange.stop) for _ in range(4)]
    for each in stoppers:
        each.start()
    for each in stoppers:
        each.join(LONG)
    exchange.stop()
    assert threads() == set()
    client.close()


def test_clients_that_come_while_it_stops_are_turned_away():
    exchange = still().start()
    url = exchange.url
    ended = threading.Event()
    failures = []

    def come():
        while not ended.is_set():
            try:
                client = websocket.create_connection(url.replace("http", "ws") + "/ws", timeout=LONG)
                client.shutdown()
            except (OSError, websocket.WebSocketException):
                continue
            except Exception as error:  # noqa: BLE001 - told by the assertion below
                failures.append(error)

    comers = [threading.Thread(target=come) for _ in range(4)]
    for each in comers:
        each.start()
    try:
        get(exchange, "/api/v3/ping")
        exchange.stop(timeout=4.0)
    finally:
        ended.set()
        for each in comers:
            each.join(LONG)
    assert failures == []
    assert threads() == set()


def test_a_connection_that_cannot_be_accepted_is_reported_and_the_next_one_is_served(serve, caplog, monkeypatch):
    exchange = serve(still())
    # The thread is at its wait from here on.
    get(exchange, "/api/v3/ping")
    listener = exchange._server._listener

    class Failing:
        """Out of file descriptors, once."""

        def accept(self):
            monkeypatch.setattr(exchange._server, "_listener", listener)
            listener.accept()[0].close()
            raise OSError(24, "Too many open files")

    monkeypatch.setattr(exchange._server, "_listener", Failing())
    with caplog.at_level(logging.WARNING, server.__name__):
        with pytest.raises(requests.ConnectionError):
            get(exchange, "/api/v3/ping")
        assert get(exchange, "/api/v3/ping").status_code == 200
    assert "Too many open files" in caplog.text


def test_refused_connections_are_reset_and_the_next_one_is_served(serve):
    exchange = serve(still(faults=[Fault("refuse", count=2)]))
    for _ in range(2):
        # A client may get the reset while it still connects.
        with (
            pytest.raises(ConnectionResetError),
            socket.create_connection(("127.0.0.1", exchange.port), timeout=LONG) as client,
        ):
            client.recv(1)
    assert get(exchange, "/api/v3/ping").status_code == 200
    assert exchange.strikes() == {"refuse": 2}


def test_a_slow_accept_holds_up_no_other_connection(serve):
    exchange = serve(still(faults=[Fault("slow-accept", seconds=60.0)]))
    with socket.create_connection(("127.0.0.1", exchange.port), timeout=LONG) as slow:
        until(lambda: exchange.strikes() == {"slow-accept": 1})
        slow.sendall(b"GET /api/v3/ping HTTP/1.1\r\nHost: a\r\n\r\n")
        assert get(exchange, "/api/v3/ping").status_code == 200
        slow.setblocking(False)
        with pytest.raises(BlockingIOError):
            slow.recv(1)
