"""Connecting, of both kinds: it ends by its deadline whatever the other side does, or when another thread says so."""

import contextlib
import itertools
import re
import socket
import threading
import time

import pytest

from depthactors.errors import SnapshotError
from depthactors.markets import SPOT
from tests.net.net_support import PATIENCE, Client, Peer, black_hole, connecting, frame, resolving, rest_client, through
from tests.support import table

LONG = 60.0
SHORT = 0.4
IN_TIME = 5 * SHORT
"""Less than the time that each of six addresses, or each of many bytes, would take."""
HEAD = b"HTTP/1.1 200 Yes\r\n" + b"X-Filler: yes\r\n" * 100
HELLO = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + b"x" * 1000


@contextlib.contextmanager
def fetching(url, **settings):
    """A thread that asks for a snapshot; what came of it is in the list."""
    replies = []
    with contextlib.closing(rest_client(**settings)) as client:
        ask = client.fetch_depth
        thread = threading.Thread(target=lambda: replies.append(ask(SPOT.at(url), "BTCUSDT", 5).result), daemon=True)
        thread.start()
        try:
            yield client, thread, replies
        finally:
            client.abort()
            thread.join(PATIENCE)


@contextlib.contextmanager
def listening():
    peer = Peer()
    with contextlib.closing(peer.listener):
        try:
            yield peer
        finally:
            if peer.socket is not None:
                peer.socket.close()


@contextlib.contextmanager
def names_that_wait(monkeypatch):
    """Have a look-up of a name set `asked`, and wait for `answer`; in the end its address must have no connection."""
    asked, answer = threading.Event(), threading.Event()
    with listening() as peer:

        def look_up(*_, flags=0, **__):
            if flags:
                raise socket.gaierror(socket.EAI_NONAME, "no address")
            asked.set()
            answer.wait(PATIENCE)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", peer.listener.getsockname())]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        yield asked, answer
        peer.listener.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            peer.listener.accept()


@contextlib.contextmanager
def dripping(peer, data):
    """Let the peer drip, in a thread, as long as the test looks at something else."""
    over = threading.Event()
    thread = threading.Thread(target=peer.drip, args=(data, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)


def stream_ends(client):
    begun = time.monotonic()
    client.end()
    return time.monotonic() - begun


def test_a_stream_whose_proxy_drips_is_given_up():
    with through(connect_timeout=SHORT) as (peer, client):
        peer.accept()
        peer.head()
        with dripping(peer, HEAD):
            assert stream_ends(client) < IN_TIME


def test_a_stream_whose_handshake_drips_is_given_up():
    with connecting(connect_timeout=SHORT) as (peer, client):
        peer.request()
        with dripping(peer, HEAD):
            assert stream_ends(client) < IN_TIME


@contextlib.contextmanager
def securing(way, **limits):
    """A client that waits for TLS, with its peer or through it."""
    if way == "direct":
        peer = Peer()
        with connecting(peer, url=f"wss://127.0.0.1:{peer.port}/", **limits) as ends:
            peer.accept()
            yield ends
    else:
        with through("wss://exchange.invalid/", **limits) as (peer, client):
            peer.accept()
            peer.head()
            peer.socket_send(b"HTTP/1.1 200 Yes\r\n\r\n")
            yield peer, client


@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_a_stream_whose_tls_drips_is_given_up(way):
    with securing(way, connect_timeout=SHORT) as (peer, client), dripping(peer, HELLO):
        assert stream_ends(client) < IN_TIME


def test_a_stream_that_nobody_answers_is_given_up():
    with black_hole() as (_, port), connecting(url=f"ws://127.0.0.1:{port}/", connect_timeout=SHORT) as (_, client):
        assert stream_ends(client) < IN_TIME


def test_a_stream_to_a_name_with_many_addresses_is_given_up_in_the_same_time(monkeypatch):
    with black_hole() as hole:
        resolving(monkeypatch, *[hole] * 6)
        with connecting(url="ws://exchange.invalid/", connect_timeout=SHORT) as (_, client):
            assert stream_ends(client) < IN_TIME


def test_an_address_that_does_not_answer_leaves_time_for_the_others(monkeypatch):
    with black_hole() as hole, listening() as peer:
        refused = ("127.0.0.1", 1)
        resolving(monkeypatch, hole, refused, peer.listener.getsockname(), hole)
        with connecting(peer, url="ws://exchange.invalid/", connect_timeout=1.0) as (_, client):
            peer.open(frame(b"there"))
            assert client.frames(1) == [b"there"]


def test_a_name_without_an_address_is_an_end_like_any_other(monkeypatch):
    resolving(monkeypatch)
    for url in ("ws://exchange.invalid/", f"ws://{'x' * 70}.invalid/"):
        with connecting(url=url) as (_, client):
            client.end()
            monkeypatch.undo()


def ends_when_closed(client):
    begun = time.monotonic()
    client.connection.abort()
    assert "closed by this side" in client.end()
    return time.monotonic() - begun < PATIENCE


def test_close_from_another_thread_ends_a_stream_that_is_not_answered():
    with black_hole() as (_, port), connecting(url=f"ws://127.0.0.1:{port}/", connect_timeout=LONG) as (_, client):
        assert ends_when_closed(client)


def test_close_from_another_thread_ends_a_stream_whose_proxy_is_silent():
    with through(connect_timeout=LONG) as (peer, client):
        peer.accept()
        peer.head()
        assert ends_when_closed(client)


@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_close_from_another_thread_ends_a_stream_that_waits_for_tls(way):
    with securing(way, connect_timeout=LONG) as (peer, client):
        assert peer.exactly(100)
        assert ends_when_closed(client)


def test_close_while_the_name_is_looked_up_prevents_the_connection(monkeypatch):
    with names_that_wait(monkeypatch) as (asked, answer):
        client = Client("ws://exchange.invalid/", connect_timeout=LONG)
        client.connection.start()
        assert asked.wait(PATIENCE)
        client.connection.abort()
        answer.set()
        assert "closed by this side" in client.end()


def test_a_request_to_a_name_with_many_addresses_is_given_up_in_time(monkeypatch):
    with black_hole() as hole:
        resolving(monkeypatch, *[hole] * 6)
        begun = time.monotonic()
        with fetching("http://exchange.invalid", connect_timeout=SHORT) as (_, thread, replies):
            thread.join(PATIENCE)
            assert time.monotonic() - begun < IN_TIME
            assert type(replies[0]) is SnapshotError
            assert re.search(
                r"no connection to exchange.invalid port 80: (timed out|not connected within)", str(replies[0])
            )


@pytest.mark.parametrize("data", [HEAD, HEAD[:8]], ids=["endless", "stops"])
def test_a_request_whose_proxy_drips_is_given_up(data):
    with listening() as peer:
        proxy = f"127.0.0.1:{peer.port}"
        with fetching("https://exchange.invalid", proxy=proxy, connect_timeout=SHORT) as (_, thread, replies):
            peer.accept()
            peer.head()
            begun = time.monotonic()
            with dripping(peer, data):
                thread.join(PATIENCE)
                assert time.monotonic() - begun < IN_TIME
                assert type(replies[0]) is SnapshotError


@table("how", ["cut", "abort"])
@table("phase", ["tcp", "proxy", "tls", "tls behind a proxy"])
def test_a_request_that_is_being_connected_is_cut_by_another_thread(phase, how):
    with contextlib.ExitStack() as stack:
        settings = {"connect_timeout": LONG, "read_timeout": LONG}
        if phase == "tcp":
            _, port = stack.enter_context(black_hole())
            client, thread, replies = stack.enter_context(fetching(f"http://127.0.0.1:{port}", **settings))
        else:
            peer = stack.enter_context(listening())
            if phase == "tls":
                asking = fetching(f"https://127.0.0.1:{peer.port}", **settings)
            else:
                asking = fetching("https://exchange.invalid", proxy=f"127.0.0.1:{peer.port}", **settings)
            client, thread, replies = stack.enter_context(asking)
            peer.accept()
            if phase != "tls":
                peer.head()
            if phase == "tls behind a proxy":
                peer.socket_send(b"HTTP/1.1 200 Yes\r\n\r\n")
            if phase != "proxy":
                assert peer.exactly(100)
        # Nothing tells when a thread begins to connect; a cut before it has begun concerns nothing.
        for _ in itertools.takewhile(lambda _: thread.is_alive(), range(40)):
            getattr(client, how)()
            thread.join(0.05)
        assert not thread.is_alive()
        assert type(replies[0]) is SnapshotError


def test_a_request_that_is_cut_while_its_name_is_looked_up_is_not_sent(monkeypatch):
    with (
        names_that_wait(monkeypatch) as (asked, answer),
        fetching("http://exchange.invalid") as (client, thread, replies),
    ):
        assert asked.wait(PATIENCE)
        client.cut()
        answer.set()
        thread.join(PATIENCE)
        assert type(replies[0]) is SnapshotError


def test_connecting_leaves_no_second_handle_open():
    with listening() as peer, fetching(f"http://127.0.0.1:{peer.port}") as (client, thread, _):
        peer.accept()
        peer.head()
        peer.socket_send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        thread.join(PATIENCE)
        client.close()
        assert peer.socket.recv(1) == b"", "closing the connection ends it"
