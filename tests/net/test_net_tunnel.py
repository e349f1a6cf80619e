"""Through a proxy: SOCKS5 for REST and streams alike, what it is told, and what it may answer."""

import contextlib
import socket
import threading

import pytest

from depthactors.markets import SPOT
from tests.net.net_support import PATIENCE, Peer, connecting, frame, resolving, rest_client

NOBODY = b"\5\0\0\1\0\0\0\0\0\0"
BODY = b'{"lastUpdateId":7,"bids":[["10.50","1"]],"asks":[["11.00","2"]]}'


class Socks(Peer):
    """A SOCKS5 proxy that plays the host, too."""

    def greet(self, method=b"\0"):
        """Take the greeting and the wish to connect; returns the methods and the wanted address as sent."""
        self.accept()
        _, count = self.exactly(2)
        methods = self.exactly(count)
        self.socket.sendall(b"\5" + method)
        login = None
        if method == b"\2":
            assert self.exactly(1) == b"\1"
            login = tuple(self.exactly(self.exactly(1)[0]).decode() for _ in range(2))
            self.socket.sendall(b"\1\0")
        assert self.exactly(3) == b"\5\1\0"
        return methods, login, self._address()

    def _address(self):
        kind = self.exactly(1)
        size = {b"\1": 4, b"\4": 16}.get(kind) or self.exactly(1)[0]
        return kind, self.exactly(size), int.from_bytes(self.exactly(2), "big")


@pytest.fixture
def socks():
    peer = Socks()
    yield peer
    for each in (peer.listener, peer.socket):
        if each is not None:
            each.close()


@contextlib.contextmanager
def streaming(socks, scheme="socks5h", login="", host="exchange.invalid"):
    proxy = f"{scheme}://{login}127.0.0.1:{socks.port}"
    with connecting(Peer(), url=f"ws://{host}:9443/stream", proxy=proxy) as (_, client):
        yield client


@contextlib.contextmanager
def asking(socks, scheme="socks5h", login=""):
    replies = []
    with contextlib.closing(rest_client(proxy=f"{scheme}://{login}127.0.0.1:{socks.port}")) as rest:
        ask = threading.Thread(
            target=lambda: replies.append(rest.fetch_depth(SPOT.at("http://exchange.invalid"), "BTCUSDT", 5).result)
        )
        ask.start()
        yield ask, replies
        ask.join(PATIENCE)


@pytest.mark.parametrize(
    ("login", "method", "seen"),
    [("", b"\0", None), ("us%40er:se%3Acret@", b"\2", ("us@er", "se:cret")), ("user:secret@", b"\0", None)],
    ids=["open", "with a login", "a login that is not wanted"],
)
def test_both_go_through_it_by_name(socks, login, method, seen):
    with streaming(socks, login=login) as client:
        methods, told, address = socks.greet(method)
        assert (method in methods, told, address) == (True, seen, (b"\3", b"exchange.invalid", 9443))
        # Its answer in one piece with what comes from the host.
        socks.socket_send(NOBODY)
        socks.socket_send(socks.upgrade(), frame(b"through"))
        assert client.frames(1) == [b"through"]
    socks.socket.close()
    with asking(socks, login=login) as (ask, replies):
        _, told, address = socks.greet(method)
        assert (told, address) == (seen, (b"\3", b"exchange.invalid", 80))
        socks.socket_send(b"\5\0\0\3\4name\0\0")
        assert socks.head().startswith(b"GET /api/v3/depth?")
        socks.socket_send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        ask.join(PATIENCE)
        assert replies[0].last_update_id == 7


@pytest.mark.parametrize(
    ("found", "kind", "packed"), [("10.1.2.3", b"\1", b"\n\1\2\3"), ("::5", b"\4", b"\0" * 15 + b"\5")]
)
def test_with_socks5_names_are_looked_up_here(socks, monkeypatch, found, kind, packed):
    # The proxy's own address is none of a name.
    proxy = socks.listener.getsockname()
    monkeypatch.setattr("depthactors.net.tunnel.look_up", lambda *_: [(0, 0, 0, "", (found, 0))])
    resolving(monkeypatch, proxy)
    with streaming(socks, "socks5"):
        assert socks.greet()[2] == (kind, packed, 9443)


def test_an_address_is_sent_as_one(socks):
    with streaming(socks, host="10.1.2.3"):
        assert socks.greet()[2] == (b"\1", b"\n\1\2\3", 9443)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\5\2", "another kind of login"),
        (b"\5\xff", "another kind of login"),
        (b"\4\0", "expected a SOCKS5 proxy"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "expected a SOCKS5 proxy"),
        (b"\5", "ended the connection"),
        (b"\5\0\5\5\0\1\0\0\0\0\0\0", "connect to exchange.invalid:9443, it answered: connection refused"),
        (b"\5\0\5\x63\0\1\0\0\0\0\0\0", "error 99"),
        (b"\5\0\5\0\0\1\0\0", "ended the connection"),
    ],
    ids=ascii,
)
def test_what_goes_wrong_is_named_with_the_proxy(socks, answer, words):
    with streaming(socks) as client:
        socks.accept()
        socks.socket_send(answer)
        with contextlib.suppress(OSError):
            socks.socket.shutdown(socket.SHUT_WR)
        error = client.end()
        assert words in error
        assert f"through the proxy socks5h://127.0.0.1:{socks.port}" in error


def test_a_wrong_password_is_named_and_not_repeated(socks):
    with asking(socks, login="user:secret@") as (ask, replies):
        socks.accept()
        socks.socket_send(b"\5\2", b"\1\1")
        ask.join(PATIENCE)
        error = str(replies[0])
    assert "did not accept the user and password" in error
    assert f"through the proxy socks5h://127.0.0.1:{socks.port}" in error
    assert "secret" not in error


def test_an_error_names_the_way_to_the_proxy_that_is_not_there(socks):
    socks.listener.close()
    with streaming(socks) as client:
        error = client.end()
    assert f"Connection refused: 127.0.0.1 port {socks.port}" in error
    assert "through the proxy" in error
