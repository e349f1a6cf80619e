"""Requests on connections that another thread can end, and that are kept for as long as they are good."""

import threading
from contextlib import closing, contextmanager

import pytest
import requests

from depthactors.net import adapter as module
from depthactors.net.adapter import CuttableAdapter
from tests.net.net_support import PATIENCE, Peer

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def adapter():
    with closing(CuttableAdapter(None, PATIENCE, PATIENCE)) as adapter:
        yield adapter


def get(adapter, url):
    """Return the response and its body."""
    adapter.begin(0)
    with adapter.send(requests.Request("GET", url, {"Accept-Encoding": "gzip"}).prepare()) as response:
        return response, b"".join(iter(lambda: response.raw.read(1000), b""))


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


def test_what_is_asked_and_answered(adapter):
    answer = b"HTTP/1.1 418 Teapot\r\nX-Kind: pot\r\nContent-Length: 5\r\n\r\nshort"
    with serving([answer]) as (url, heads):
        response, body = get(adapter, f"{url}/depth?symbol=BTCUSDT")
    assert (response.status_code, response.headers["x-kind"], body) == (418, "pot", b"short")
    assert response.url == f"{url}/depth?symbol=BTCUSDT"
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /depth?symbol=BTCUSDT HTTP/1.1"
    assert f"Host: {url.removeprefix('http://')}" in lines
    assert sum(line.lower().startswith(("host:", "accept-encoding:")) for line in lines) == 2


def test_user_and_password_of_an_address_are_no_part_of_the_host(adapter):
    with serving([ANSWER]) as (url, heads):
        assert get(adapter, url.replace("//", "//user:word@"))[1] == b"{}"
    lines = heads[0].decode().split("\r\n")
    assert f"Host: {url.removeprefix('http://')}" in lines
    assert "Authorization: Basic dXNlcjp3b3Jk" in lines


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(adapter):
    with serving([ANSWER] * 2, [ANSWER]) as (url, heads):
        assert get(adapter, url)[1] == b"{}"
        kept = next(iter(adapter._kept.values())).sock
        assert get(adapter, url)[1] == b"{}"
        kept.settimeout(PATIENCE)
        assert kept.recv(1) == b"", "the end, which is there to be seen at the next request"
        assert get(adapter, url)[1] == b"{}"
    assert len(heads) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["HTTP/1.0", "closing"],
)
def test_a_connection_that_is_not_to_be_kept_is_not(adapter, answer):
    with serving([answer]) as (url, _):
        assert get(adapter, url)[1] == b"{}"
    assert adapter._kept == {}


def test_chunks_are_joined(adapter):
    with serving([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"]) as (url, _):
        assert get(adapter, url)[1] == b"{}"


def test_a_connection_whose_answer_was_not_read_to_its_end_is_not_kept(adapter):
    with serving([b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b" " * 100_000], [ANSWER]) as (url, _):
        adapter.begin(0)
        with adapter.send(requests.Request("GET", url).prepare()) as response:
            assert response.raw.read(10) == b" " * 10
        assert adapter._kept == {}
        assert get(adapter, url)[1] == b"{}"


def test_a_kept_connection_is_closed_if_its_next_request_is_cut_before_it_is_sent(adapter, monkeypatch):
    with serving([ANSWER]) as (url, heads):
        get(adapter, url)
        (kept,) = adapter._kept.values()
        # Between the beginning of the request and the moment at which it has a connection.
        monkeypatch.setattr(module, "_is_silent", lambda _sock: adapter.abort() is None)
        with pytest.raises(ConnectionAbortedError):
            get(adapter, url)
    assert (kept.sock, len(heads)) == (None, 1)


@pytest.mark.parametrize("url", ["", "http://", "ftp://exchange.invalid", "http://exchange.invalid:x"])
def test_no_address_is_an_error(adapter, url):
    with pytest.raises(ValueError, match=r"."):
        get(adapter, url)


def test_a_request_that_waits_fails_at_once_and_so_does_any_after_it(adapter):
    failures, peer = [], Peer()

    def fetch():
        try:
            get(adapter, peer.url.replace("ws:", "http:"))
        except OSError as error:
            failures.append(str(error))

    with closing(peer.listener):
        thread = threading.Thread(target=fetch)
        thread.start()
        peer.accept()
        with peer.socket:
            peer.head()
            adapter.abort()
            thread.join(2)
            assert not thread.is_alive()
            fetch()
    assert failures == ["the request was cut"] * 2
