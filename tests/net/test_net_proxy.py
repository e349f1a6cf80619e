"""One proxy address for both libraries, shown by a real proxy on the loopback interface."""

import contextlib
import socket
import threading
from base64 import b64decode

import pytest
from net_support import connected, connecting, frame, through

from depthactors.errors import UsageError
from depthactors.markets import SPOT
from depthactors.net.proxy import requests_proxies, websocket_options
from depthactors.net.rest import RestClient
from depthactors.net.stream import StreamConnection


def test_without_one_the_environment_holds():
    assert websocket_options(None) == {}
    assert requests_proxies(None) == {}


@pytest.mark.parametrize(
    ("proxy", "host", "port", "auth"),
    [
        ("http://proxy:8080", "proxy", 8080, None),
        ("proxy:8080", "proxy", 8080, None),
        ("http://proxy", "proxy", 80, None),
        ("http://user:secret@proxy:8080", "proxy", 8080, ("user", "secret")),
        ("http://user@proxy:8080", "proxy", 8080, ("user", "")),
        ("http://[::1]:8080", "::1", 8080, None),
    ],
)
def test_an_address(proxy, host, port, auth):
    options = websocket_options(proxy)
    assert (options["http_proxy_host"], options["http_proxy_port"]) == (host, port)
    assert options.get("http_proxy_auth") == auth
    assert set(requests_proxies(proxy)) == {"http", "https"}


@pytest.mark.parametrize(
    "proxy",
    [
        "",
        "http://",
        "socks5://user:secret@proxy:1080",
        "http://user:secret@proxy:port",
        "http://user:secret@proxy:99999",
        "http://user:secret@[proxy",
        "http://user:secret@pro\u2100xy:1",
    ],
    ids=ascii,
)
def test_another_form_is_a_usage_error_that_does_not_tell_the_password(proxy):
    with pytest.raises(UsageError) as caught:
        websocket_options(proxy)
    assert "secret" not in str(caught.value)
    assert "proxy" in str(caught.value)


class Proxy:
    """Accept one request, remember it, and refuse it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(5.0)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def request(self):
        """Return the request line and the user and password that came with it."""
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(5.0)
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                data += connection.recv(4096)
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        first, *headers = data.decode().split("\r\n")
        auth = [line.split()[-1] for line in headers if line.lower().startswith("proxy-authorization:")]
        return first, b64decode(auth[0]).decode() if auth else None


@pytest.fixture
def proxy():
    listening = Proxy()
    with contextlib.closing(listening.listener):
        yield listening


@pytest.fixture
def stream_request(proxy):
    """Let a stream connect through the proxy; return what the proxy was asked."""

    def connect(address):
        closed = []
        stream = StreamConnection(
            "ws://exchange.invalid:9443/stream",
            on_open=lambda: None,
            on_frames=lambda *_: None,
            on_close=closed.append,
            name="depthactors-test-proxy",
            options=websocket_options(address),
        )
        stream.start()
        request = proxy.request()
        stream.thread.join(5.0)
        assert len(closed) == 1
        return request

    return connect


@pytest.fixture
def rest_request(proxy):
    """Let a depth request go through the proxy; return what the proxy was asked."""

    def connect(address):
        with contextlib.closing(RestClient(proxy=address)) as client:
            market = SPOT.at("http://exchange.invalid")
            asking = threading.Thread(target=client.fetch_depth, args=(market, "BTCUSDT", 5))
            asking.start()
            request = proxy.request()
            asking.join(5.0)
            assert not asking.is_alive()
            return request

    return connect


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_the_proxy_that_was_given_wins_over_the_environments(proxy, stream_request, rest_request, monkeypatch, name):
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert rest_request(proxy.address)[0].startswith("GET http://exchange.invalid/")
    assert stream_request(proxy.address)[0].startswith("CONNECT exchange.invalid:9443 ")


def test_the_proxy_that_was_given_is_for_all_hosts(proxy, stream_request, rest_request, monkeypatch):
    monkeypatch.setenv("no_proxy", "exchange.invalid")
    assert rest_request(proxy.address)[0].startswith("GET http://exchange.invalid/")
    assert stream_request(proxy.address)[0].startswith("CONNECT exchange.invalid:9443 ")


def test_without_a_proxy_both_take_the_environments(proxy, stream_request, rest_request, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://us%40er:secret@{proxy.address}")
    assert rest_request(None) == (rest_request(None)[0], "us@er:secret")
    line, user = stream_request(None)
    assert line.startswith("CONNECT exchange.invalid:9443 ")
    assert user == "us@er:secret"


def test_without_a_proxy_the_environments_exceptions_hold(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with connected(frame(b"direct")) as (_, client):
        assert client.frames(1) == [b"direct"]


def test_an_environment_that_is_none_is_an_error_that_does_not_tell_the_password(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://user:secret/@proxy:8080")
    with connecting() as (_, client):
        error = client.end()
        assert "proxy" in error
        assert "secret" not in error


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 407 Who are you\r\n\r\n", b"garbage\r\n\r\n", b"\r\n\r\n", b"\n\n", b"HTTP/1.1 200", b""],
    ids=repr,
)
def test_a_proxy_that_does_not_connect(answer):
    with through() as (peer, client):
        peer.accept()
        peer.head()
        peer.socket_send(answer)
        peer.socket.shutdown(socket.SHUT_WR)
        assert "proxy" in client.end()


def test_an_answer_of_a_proxy_that_makes_no_end():
    with through() as (peer, client):
        peer.accept()
        peer.head()
        with contextlib.suppress(OSError):
            peer.socket_send(b"HTTP/1.1 200 Yes\r\n" + b"X-Filler: yes\r\n" * 10_000)
        error = client.end()
        assert "at most 65536 bytes" in error
        assert len(error) < 400


def test_a_stream_through_a_proxy():
    with through() as (peer, client):
        peer.accept()
        assert peer.head().startswith(b"CONNECT exchange.invalid:80 HTTP/1.1\r\nHost: exchange.invalid:80\r\n")
        peer.socket_send(b"HTTP/1.1 200 Yes\r\nX-Proxy: here\r\n\r\n")
        peer.socket_send(peer.upgrade(), frame(b"through"))
        assert client.frames(1) == [b"through"]


@pytest.mark.parametrize(
    ("login", "auth"),
    [
        ("", None),
        ("user:secret@", "user:secret"),
        ("us%40er:se%3Acr%2Fet@", "us@er:se:cr/et"),
    ],
    ids=["open", "plain", "escaped"],
)
@pytest.mark.parametrize("scheme", ["http://", ""], ids=["http", "no scheme"])
def test_both_go_through_the_proxy_as_the_same_user(proxy, stream_request, rest_request, scheme, login, auth):
    address = f"{scheme}{login}{proxy.address}"
    line, user = rest_request(address)
    assert line.startswith("GET http://exchange.invalid/api/v3/depth?")
    assert user == auth
    line, user = stream_request(address)
    assert line.startswith("CONNECT exchange.invalid:9443 ")
    assert user == auth
