"""One proxy address for both libraries, shown by a real proxy on the loopback interface."""

import contextlib
import socket
import threading
from base64 import b64decode

import pytest

from depthactors import DepthEngine
from depthactors.errors import UsageError
from depthactors.markets import SPOT
from depthactors.net.proxy import Proxy, parse_proxy, proxy_for
from depthactors.net.stream import StreamConnection
from tests.net.net_support import connecting, frame, rest_client, settings, through
from tests.support import table


@pytest.fixture(autouse=True)
def no_proxies_of_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@table(
    ("address", "scheme", "host", "port", "login"),
    [
        ("http://proxy:8080", "http", "proxy", 8080, None),
        ("HTTP://proxy:8080/", "http", "proxy", 8080, None),
        ("proxy:8080", "http", "proxy", 8080, None),
        ("http://proxy", "http", "proxy", 80, None),
        ("http://user:secret@proxy:8080", "http", "proxy", 8080, ("user", "secret")),
        ("user:secret@proxy:8080", "http", "proxy", 8080, ("user", "secret")),
        ("http://user@proxy:8080", "http", "proxy", 8080, ("user", "")),
        ("http://[::1]:8080", "http", "::1", 8080, None),
        ("socks5://proxy", "socks5", "proxy", 1080, None),
        ("socks5h://us%40er:se%3Acret@proxy:9050", "socks5h", "proxy", 9050, ("us@er", "se:cret")),
    ],
)
def test_an_address(address, scheme, host, port, login):
    proxy = parse_proxy(address)
    assert (proxy.scheme, proxy.host, proxy.port, proxy.login) == (scheme, host, port, login)
    assert parse_proxy(str(proxy)) == Proxy(scheme, host, port)
    assert "secret" not in f"{proxy} {proxy!r}"


@table(
    "address",
    [
        "",
        "foo",
        "http://",
        "https://user:secret@proxy:3128",
        "socks4://user:secret@proxy:1080",
        "http://user:secret@proxy:port",
        "http://user:secret@proxy:99999",
        "http://user:secret@proxy:80/path",
        "http://user:secret@[proxy",
        "http://user:secret@pro\u2100xy:1",
        8080,
        b"http://user:secret@proxy:80",
    ],
)
def test_another_form_is_a_usage_error_that_does_not_tell_the_password(address):
    for make in (parse_proxy, lambda proxy: DepthEngine(proxy=proxy), lambda proxy: rest_client(proxy=proxy)):
        with pytest.raises(UsageError) as caught:
            make(address)
        assert "secret" not in str(caught.value)
        assert "proxy" in str(caught.value)


REST, STREAM = "https://api.exchange.invalid/depth", "wss://stream.exchange.invalid:9443/stream"


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:1"}, "http://proxy:1"),
        ({"https_proxy": "http://proxy:1"}, "http://proxy:1"),
        ({"ALL_PROXY": "http://proxy:1"}, "http://proxy:1"),
        ({"all_proxy": "socks5h://proxy"}, "socks5h://proxy:1080"),
        ({"HTTPS_PROXY": "http://proxy:1", "ALL_PROXY": "http://other:1"}, "http://proxy:1"),
        ({"HTTP_PROXY": "http://proxy:1"}, None),
        ({"ALL_PROXY": "http://proxy:1", "NO_PROXY": "exchange.invalid"}, None),
        ({"ALL_PROXY": "http://proxy:1", "no_proxy": "elsewhere"}, "http://proxy:1"),
        ({"ALL_PROXY": "http://proxy:1", "NO_PROXY": "*"}, None),
        ({"ALL_PROXY": "http://proxy:1", "NO_PROXY": "10.0.0.0/8"}, "http://proxy:1"),
    ],
    ids=str,
)
def test_the_environment_is_read_alike_for_rest_and_streams(monkeypatch, environment, proxy):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = [proxy_for(url, None) for url in (REST, STREAM)]
    assert [None if each is None else str(each) for each in found] == [proxy, proxy]
    given = Proxy("http", "given", 1)
    assert [proxy_for(url, given) for url in (REST, STREAM)] == [given, given]


@table(
    ("host", "listed", "is_excepted"),
    [
        ("10.1.2.3", "elsewhere, 10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3:x/y,,10/9/8", False),
        ("[fd00::1]", "fd00::/8", True),
    ],
)
def test_the_environment_may_except_networks(monkeypatch, host, listed, is_excepted):
    monkeypatch.setenv("ALL_PROXY", "http://proxy:1")
    monkeypatch.setenv("NO_PROXY", listed)
    assert (proxy_for(f"https://{host}/depth", None) is None) == is_excepted


@table("host", ["127.0.0.1:9000", "127.9.9.9", "localhost:9000", "a.localhost", "[::1]:9000"])
@table("scheme", ["http", "https", "ws", "wss"])
def test_this_machine_is_never_reached_through_a_proxy_of_the_environment(monkeypatch, host, scheme):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy:1")
    assert proxy_for(f"{scheme}://{host}/stream", None) is None
    given = Proxy("http", "given", 1)
    assert proxy_for(f"{scheme}://{host}/stream", given) is given


@table("address", ["foo:bar", "https://user:secret@proxy:1", "ftp://user:secret@proxy:1"])
def test_an_environment_that_names_no_proxy_is_an_error_that_names_the_variable(monkeypatch, address):
    monkeypatch.setenv("ALL_PROXY", address)
    with contextlib.closing(rest_client()) as client:
        error = client.fetch_depth(SPOT.at("https://exchange.invalid"), "BTCUSDT", 5).result
    with connecting(url="wss://exchange.invalid/") as (_, stream):
        for words in (str(error), stream.end()):
            assert "the environment's ALL_PROXY" in words
            assert "secret" not in words


class Refusing:
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
    listening = Refusing()
    with contextlib.closing(listening.listener):
        yield listening


@pytest.fixture
def stream_request(proxy):
    """Let a stream connect through the proxy; return what the proxy was asked."""

    def connect(address):
        closed = []
        stream = StreamConnection(
            "ws://exchange.invalid:9443/stream",
            settings(proxy=address),
            on_open=lambda: None,
            on_frames=lambda *_: None,
            on_close=closed.append,
            name="depthactors-test-proxy",
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
        with contextlib.closing(rest_client(proxy=address)) as client:
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
    assert rest_request(proxy.address)[0].startswith("CONNECT exchange.invalid:80 ")
    assert stream_request(proxy.address)[0].startswith("CONNECT exchange.invalid:9443 ")


def test_the_proxy_that_was_given_is_for_all_hosts(proxy, stream_request, rest_request, monkeypatch):
    monkeypatch.setenv("no_proxy", "exchange.invalid")
    assert rest_request(proxy.address)[0].startswith("CONNECT exchange.invalid:80 ")
    assert stream_request(proxy.address)[0].startswith("CONNECT exchange.invalid:9443 ")


def test_without_a_proxy_both_take_the_environments(proxy, stream_request, rest_request, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://us%40er:secret@{proxy.address}")
    assert rest_request(None) == (rest_request(None)[0], "us@er:secret")
    line, user = stream_request(None)
    assert line.startswith("CONNECT exchange.invalid:9443 ")
    assert user == "us@er:secret"


@table(
    "answer",
    [b"HTTP/1.1 407 Who are you\r\n\r\n", b"garbage\r\n\r\n", b"\r\n\r\n", b"\n\n", b"HTTP/1.1 200", b""],
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
    assert line.startswith("CONNECT exchange.invalid:80 ")
    assert user == auth
    line, user = stream_request(address)
    assert line.startswith("CONNECT exchange.invalid:9443 ")
    assert user == auth
