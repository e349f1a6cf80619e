"""One GET: it ends when another thread says so, and connections are kept for as long as they are good."""

import threading
from contextlib import closing, contextmanager

import pytest

from depthactors.net.get import Getter
from tests.net.net_support import PATIENCE, Peer

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def getter():
    with closing(Getter(1000, PATIENCE, PATIENCE)) as getter:
        yield getter


@contextmanager
def serving(*scripts):
    """A server that answers each connection's requests by a list of answers, and then closes it."""
    peer, heads = Peer(), []

    def serve():
        for answers in scripts:
            peer.accept()
            with peer.socket:
                for answer in answers:
                    heads.append(peer.head())
                    peer.socket_send(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    with closing(peer.listener):
        yield f"http://127.0.0.1:{peer.port}", heads
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_what_is_asked_and_answered(getter):
    answer = b"HTTP/1.1 418 Teapot\r\nX-Kind: pot\r\nContent-Length: 5\r\n\r\nshort"
    with serving([answer]) as (url, heads):
        status, headers, body = getter.get(f"{url}/depth?symbol=BTCUSDT", None)
    assert (status, headers["x-kind"], body) == (418, "pot", b"short")
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /depth?symbol=BTCUSDT HTTP/1.1"
    assert f"Host: {url.removeprefix('http://')}" in lines
    assert sum(line.lower().startswith(("host:", "accept-encoding:")) for line in lines) == 2


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(getter):
    with serving([ANSWER] * 2, [ANSWER]) as (url, heads):
        assert getter.get(url, None).body == b"{}"
        kept = next(iter(getter._kept.values())).sock
        assert getter.get(url, None).body == b"{}"
        kept.settimeout(PATIENCE)
        assert kept.recv(1) == b"", "the end, which is there to be seen at the next request"
        assert getter.get(url, None).body == b"{}"
    assert len(heads) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["HTTP/1.0", "closing"],
)
def test_a_connection_that_is_not_to_be_kept_is_not(getter, answer):
    with serving([answer]) as (url, _):
        assert getter.get(url, None).body == b"{}"
    assert getter._kept == {}


def test_chunks_are_joined(getter):
    with serving([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"]) as (url, _):
        assert getter.get(url, None).body == b"{}"


def test_a_body_that_is_too_large_is_none_and_its_connection_is_not_kept(getter):
    with serving([b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b" " * 100_000], [ANSWER]) as (url, _):
        assert getter.get(url, None).body is None
        assert getter._kept == {}
        assert getter.get(url, None).body == b"{}"


@pytest.mark.parametrize("url", ["", "http://", "ftp://exchange.invalid", "http://exchange.invalid:x"])
def test_no_address_is_an_error(getter, url):
    with pytest.raises(ValueError, match=r"."):
        getter.get(url, None)


def test_a_request_that_waits_fails_at_once_and_so_does_any_after_it(getter):
    failures, peer = [], Peer()

    def fetch():
        try:
            getter.get(peer.url.replace("ws:", "http:"), None)
        except OSError as error:
            failures.append(str(error))

    with closing(peer.listener):
        thread = threading.Thread(target=fetch)
        thread.start()
        peer.accept()
        with peer.socket:
            peer.head()
            getter.abort()
            thread.join(2)
            assert not thread.is_alive()
            fetch()
    assert failures == ["the request was cut"] * 2
