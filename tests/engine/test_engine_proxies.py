"""Proxies of the environment, and those that a program names, as a whole engine uses them."""

import socket
import threading
from contextlib import closing, suppress

import pytest

from depthactors import DepthEngine
from depthactors.errors import DepthActorsError, UsageError
from tests.support import table

NOWHERE = "http://127.0.0.1:1"


class Relay:
    """A proxy that connects to whatever it is asked for, and remembers what that was."""

    def __init__(self):
        self.asked = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for each in list(self._sockets):
            _shut_down(each)
        self._listener.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        with near, suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = near.recv(1)
                if not byte:
                    return
                head += byte
            method, target, _ = head.decode().split(" ", 2)
            host, port = target.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as far:
                self._sockets += [near, far]
                self.asked.append((method, target))
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
                back.start()
                self._carry(near, far)
                back.join()

    @staticmethod
    def _carry(source, drain):
        with suppress(OSError):
            while data := source.recv(65_536):
                drain.sendall(data)
        # The other direction ends, too.
        _shut_down(source)
        _shut_down(drain)


def _shut_down(sock):
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture(autouse=True)
def dead_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_local_exchange_is_reached_whatever_the_environments_proxies_are(exchange):
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", depth=5).wait_live(15)


def test_all_goes_through_the_proxy_that_the_program_names(exchange):
    with closing(Relay()) as relay, DepthEngine(proxy=relay.address) as engine:
        engine.subscribe("BTCUSDT", depth=5).wait_live(15)
        assert {method for method, _ in relay.asked} == {"CONNECT"}
        assert [target for _, target in relay.asked] == [f"127.0.0.1:{exchange.port}"] * 2


def test_an_error_names_the_proxy_that_it_went_through(exchange):
    with DepthEngine(proxy=NOWHERE, max_reconnects=0) as engine:
        book = engine.subscribe("BTCUSDT", depth=5)
        with pytest.raises(DepthActorsError) as caught:
            book.wait_live(15)
    assert f"through the proxy {NOWHERE}" in str(caught.value)


@table("proxy", ["foo", "https://proxy:3128", 8080])
def test_what_is_no_proxy_is_refused_before_anything_is_started(proxy):
    threads = threading.active_count()
    with pytest.raises(UsageError, match="proxy"):
        DepthEngine(proxy=proxy)
    assert threading.active_count() == threads
