"""One connection against a peer that the test itself plays, byte by byte, on a real socket."""

import contextlib
import queue
import socket
import struct
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.server import serve

from depthactors.errors import HandshakeRefusedError, StreamError
from depthactors.net.stream import MAX_MESSAGE
from tests.net.net_support import (
    BINARY,
    CLOSE,
    CONTINUED,
    PATIENCE,
    PING,
    PONG,
    TEXT,
    Client,
    Peer,
    connected,
    connecting,
    frame,
)
from tests.support import table


@settings(max_examples=40)
@given(
    payloads=st.lists(st.sampled_from([0, 1, 125, 126, 300, 65535, 65536]), min_size=1, max_size=4),
    pieces=st.integers(1, 3),
    cuts=st.lists(st.integers(1, 140_000), max_size=6),
)
def test_frames_arrive_in_order_and_whole_however_they_are_cut(payloads, pieces, cuts):
    texts = [(b"%d" % number * size)[:size] for number, size in enumerate(payloads)]
    data = b""
    for text in texts:
        step = len(text) // pieces + 1
        parts = [text[place : place + step] for place in range(0, len(text), step)] or [b""]
        for number, part in enumerate(parts):
            data += frame(part, CONTINUED if number else TEXT, fin=number == len(parts) - 1)
            data += frame(b"between", PING)
    with connected() as (peer, client):
        for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
            peer.socket_send(data[begin:end])
        assert client.frames(len(texts)) == texts


def test_every_byte_in_a_segment_of_its_own():
    texts = [b'{"n":1}', b"x" * 200, b"", b"last"]
    with connected() as (peer, client):
        for byte in b"".join(map(frame, texts)):
            peer.socket_send(bytes([byte]))
        assert client.frames(4) == texts


def test_frames_that_arrive_together_are_handed_over_together():
    texts = [b"%d" % number for number in range(1000)]
    before = time.time()
    with connected(*map(frame, texts)) as (_, client):
        batch, recv_time = client.next()
        assert batch == texts
        assert all(type(text) is bytes for text in batch)
        assert before <= recv_time <= time.time()


def test_a_ping_is_answered_with_its_own_payload():
    with connected(frame(b"", PONG), frame(b"1770123456789", PING)) as (peer, client):
        assert peer.read() == (PONG, b"1770123456789")
        peer.socket_send(frame(b"on"))
        assert client.frames(1) == [b"on"]


def test_what_is_sent_arrives_as_text():
    with connected() as (peer, client):
        for text in (b'{"method":"SUBSCRIBE"}', b"x" * 70_000):
            client.connection.send(text)
            assert peer.read() == (TEXT, text)


@table(
    ("payload", "words"),
    [
        (struct.pack("!H", 1008) + b"Too many requests", ["1008", "Too many requests"]),
        (struct.pack("!H", 1001), ["1001"]),
        (b"", ["closed by the peer"]),
    ],
    ids=["code and reason", "code", "bare"],
)
def test_a_close_frame_is_reported_after_the_frames_before_it(payload, words):
    with connected(frame(b"last"), frame(payload, CLOSE)) as (peer, client):
        error = client.end()
        assert all(word in error for word in words)
        assert client.frames(1) == [b"last"]
        assert peer.read()[0] == CLOSE


@table("rest", [b"", frame(b"cut")[:1], frame(b"cut")[:-1]], ids=["whole", "cut head", "cut body"])
def test_a_peer_that_ends_the_connection(rest):
    with connected(frame(b"last"), rest) as (peer, client):
        assert client.frames(1) == [b"last"]
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.url in client.end()


def test_a_peer_that_resets_the_connection():
    with connected() as (peer, client):
        peer.reset()
        assert peer.url in client.end()


@table(
    "broken",
    [
        frame(b"x", 3),
        b"\xf1\x00",
        frame(b"x", CONTINUED),
        frame(b"", PING, fin=False),
        frame(b"x" * 126, PING),
        frame(b"\x03", CLOSE),
    ],
    ids=["opcode", "reserved bits", "continues nothing", "cut ping", "long ping", "close of one byte"],
)
def test_a_peer_that_breaks_the_protocol(broken):
    with connected(broken) as (_, client):
        client.end()


@table(
    "answer",
    [b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno", b"garbage\r\n\r\n",
     b"\r\n\r\n", b"HTTP/1.1 101 X\r\n\r\n", b"HTTP/1.1 x\r\n\r\n",
     b"HTTP/1.1 302 X\r\n\r\n", b"\xff\xff\r\n\r\n", b""],
)  # fmt: skip
def test_a_refused_upgrade(answer):
    with connecting(connect_timeout=1.0) as (peer, client):
        peer.request()
        peer.socket_send(answer)
        peer.socket.close()
        assert peer.url in client.end()
        assert not client.opened.is_set()


def test_a_refused_connection_and_a_wrong_address():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    for url in (f"ws://127.0.0.1:{port}", "ws://", "nonsense", "ws://127.0.0.1:99999"):
        with connecting(url=url) as (_, client):
            client.end()


def test_a_silent_server_is_given_up_after_the_time_for_connecting():
    with connecting(connect_timeout=0.3) as (peer, client):
        begun = time.monotonic()
        peer.request()
        client.end()
        assert time.monotonic() - begun < PATIENCE


def test_silence_is_noticed():
    with connected(silence_limit=0.2) as (peer, client):
        begun = time.monotonic()
        assert peer.read() == (PING, b"")
        assert "silent" in client.end()
        assert 0.35 < time.monotonic() - begun < PATIENCE


def test_a_quiet_peer_that_answers_pings_is_not_silent():
    with connected(silence_limit=0.4) as (peer, client):
        for _ in range(2):
            assert peer.read() == (PING, b"")
            peer.socket_send(frame(b"", PONG))
        peer.socket_send(frame(b"news"))
        assert client.frames(1) == [b"news"]
        assert client.closed.empty()


def test_a_frame_that_stops_half_way_is_finished_after_the_ping():
    first, rest = frame(b"x" * 300)[:150], frame(b"x" * 300)[150:]
    with connected(frame(b"before"), first, silence_limit=0.5) as (peer, client):
        assert client.frames(1) == [b"before"]
        assert peer.read() == (PING, b"")
        peer.socket_send(rest)
        assert client.frames(1) == [b"x" * 300]


class Reluctant:
    """A socket that takes nothing for a while: sends time out, as often as it is told."""

    def __init__(self, sock, timeouts):
        self._socket, self._timeouts = sock, timeouts

    def send(self, data):
        if self._timeouts:
            self._timeouts -= 1
            msg = "timed out"
            raise TimeoutError(msg)
        return self._socket.send(data)

    def __getattr__(self, name):
        return getattr(self._socket, name)


def test_a_pong_that_the_peer_does_not_take_ends_the_connection():
    def reluctant():
        web_socket = client.connection._web_socket
        web_socket.sock = Reluctant(web_socket.sock, timeouts=1)

    with connecting(on_open=reluctant, silence_limit=2.0) as (peer, client):
        peer.open(frame(b"before"), frame(b"", PING), frame(b"behind"), frame(b"cut")[:1])
        assert client.frames(1) == [b"before"]
        error = client.end()
        assert "timed out" in error
        assert client.batches.empty()


@table("when", ["reading", "shaking hands", "before the start"])
def test_close_from_another_thread(when):
    peer = Peer()
    client = Client(peer.url, connect_timeout=60.0)
    if when == "before the start":
        client.connection.abort()
    client.connection.start()
    if when == "reading":
        peer.open()
        assert client.opened.wait(PATIENCE)
    elif when == "shaking hands":
        peer.request()
    begun = time.monotonic()
    client.connection.abort()
    client.end()
    assert time.monotonic() - begun < PATIENCE
    client.connection.abort()
    for end in (peer.listener, peer.socket):
        if end is not None:
            end.close()


def test_each_message_is_handed_over_with_its_opcode():
    sent = [(TEXT, b"one"), (TEXT, b"two"), (BINARY, b"three"), (TEXT, b"four"), (BINARY, b"five")]
    with connected() as (peer, client):
        peer.socket_send(b"".join(frame(payload, opcode) for opcode, payload in sent))
        client.frames(len(sent))
        assert [(opcode, payload) for opcode, batch in client.opcodes for payload in batch] == sent


def test_an_end_by_this_side_is_not_blamed_on_the_peer():
    with connected() as (_, client):
        client.connection.abort()
        assert "closed by this side" in client.end()


@pytest.mark.parametrize("callback", ["on_open", "on_frames"])
def test_close_from_a_callback(callback):
    closing = {callback: lambda *_: client.connection.abort()}
    with connecting(**closing) as (peer, client):
        peer.open(frame(b"x"))
        client.end()


@pytest.mark.parametrize("callback", ["on_open", "on_frames"])
def test_a_callback_that_raises_is_an_end_like_any_other(callback, monkeypatch):
    unhandled = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", lambda report: unhandled.put(report.exc_type))
    with connecting(**{callback: lambda *_: {}["bug"]}) as (peer, client):
        peer.open(frame(b"x"))
        client.end()
        assert unhandled.get(timeout=PATIENCE) is KeyError


def test_sending_on_what_is_not_open():
    idle = Client("ws://127.0.0.1:1")
    with pytest.raises(StreamError, match=r"ws://127\.0\.0\.1:1"):
        idle.connection.send(b"x")
    with connected() as (_, client):
        client.connection.abort()
        client.end()
        with pytest.raises(StreamError):
            client.connection.send(b"x")


def test_a_send_that_the_peer_does_not_take_is_given_up():
    with connected(silence_limit=0.2) as (_, client):
        begun = time.monotonic()
        with pytest.raises(StreamError):  # noqa: PT012
            for _ in range(1000):
                client.connection.send(b"x" * 1_000_000)
        assert time.monotonic() - begun < PATIENCE


def test_a_real_server():
    def handler(connection):
        connection.send(connection.recv())
        assert connection.ping("are you there").wait(PATIENCE)
        connection.send("pong came")
        connection.close(1008, "Pong timeout")

    with serve(handler, "127.0.0.1", 0) as server:
        running = threading.Thread(target=server.serve_forever)
        running.start()
        with connecting(url=f"ws://127.0.0.1:{server.socket.getsockname()[1]}/stream") as (_, client):
            assert client.opened.wait(PATIENCE)
            client.connection.send(b"echo")
            assert client.frames(2) == [b"echo", b"pong came"]
            assert "1008 'Pong timeout'" in client.end()
        server.shutdown()
        running.join()


def head(payload_size, opcode=TEXT, *, fin=True):
    """The head of a frame that promises so many bytes."""
    return bytes([fin << 7 | opcode, 127]) + struct.pack("!Q", payload_size)


def flood(peer, piece):
    """Send as long as the client takes it."""
    with contextlib.suppress(OSError):
        while True:
            peer.socket.sendall(piece)


@pytest.mark.parametrize("size", [MAX_MESSAGE + 1, 2**62])
def test_a_message_that_is_too_large_ends_the_connection_before_it_is_read(size):
    with connected(head(size)) as (peer, client):
        flood(peer, b"x" * 65_536)
        assert "expected messages of at most 4194304 bytes" in client.end()


def test_fragments_that_make_no_end_are_too_large_together():
    fragments = frame(b"x" * 60_000, CONTINUED, fin=False)
    with connected(frame(b"x", TEXT, fin=False)) as (peer, client):
        flood(peer, fragments)
        assert "expected messages of at most" in client.end()


def test_the_largest_message_is_taken():
    text = b"x" * MAX_MESSAGE
    with connected() as (peer, client):
        peer.socket_send(frame(text))
        assert client.frames(1) == [text]


def test_a_frame_that_drips_is_no_sign_of_life():
    with connected(frame(b"whole"), silence_limit=0.2) as (peer, client):
        assert client.frames(1) == [b"whole"]
        peer.socket_send(frame(b"x" * 10_000)[:50])
        pause = threading.Event()
        with contextlib.suppress(OSError):
            for _ in range(200):
                pause.wait(0.02)
                peer.socket_send(b"x")
        assert "no whole message" in client.end()


def test_fragments_without_bytes_are_no_sign_of_life():
    with connected(frame(b"whole"), frame(b"", TEXT, fin=False), silence_limit=0.2) as (peer, client):
        assert client.frames(1) == [b"whole"]
        pause = threading.Event()
        with contextlib.suppress(OSError):
            for _ in range(200):
                pause.wait(0.02)
                peer.socket_send(frame(b"", CONTINUED, fin=False) + frame(b"", PING))
        assert "no whole message" in client.end()


def test_a_peer_that_pings_and_does_not_read_holds_up_no_thread():
    with connected(silence_limit=12 * PATIENCE) as (peer, client):
        client.connection._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.socket_send(frame(b"x" * 125, PING) * 1_000 + frame(b"here"))
        assert client.frames(1) == [b"here"]
        with pytest.raises(StreamError, match="the peer does not read"):
            client.connection.send(b"{}")
        client.connection.close(StreamError("over"))
        client.connection.abort()
        assert client.end() == "over"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\n" + b"X-Filler: yes\r\n" * 10_000,
        b"HTTP/1.1 101 " + b"x" * 100_000,
        b"HTTP/1.1 503 Busy\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100_000,
    ],
    ids=["endless head", "endless line", "endless body"],
)
def test_an_answer_to_the_handshake_that_makes_no_end(answer):
    with connecting() as (peer, client):
        peer.request()
        with contextlib.suppress(OSError):
            peer.socket_send(answer)
        error = client.end()
        assert "expected an answer to the handshake of at most 65536 bytes" in error
        assert len(error) < 400


def test_a_redirect_is_not_followed():
    with connecting() as (peer, client), contextlib.closing(Peer().listener) as elsewhere:
        peer.request()
        port = elsewhere.getsockname()[1]
        peer.socket_send(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:%d/\r\n\r\n" % port)
        assert "Redirect" in client.end()
        elsewhere.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


def test_what_the_peer_sends_before_it_ends_a_finished_connection_is_handed_over():
    with connected(frame(b"first")) as (peer, client):
        assert client.frames(1) == [b"first"]
        client.connection.close(StreamError("handed over"))
        opcode, _ = peer.read()
        assert opcode == CLOSE
        peer.socket_send(frame(b"second"), frame(b"last"), frame(struct.pack("!H", 1000), CLOSE))
        assert client.frames(2) == [b"second", b"last"]
        assert client.end() == "handed over"


def test_a_finished_connection_whose_peer_does_not_end_it_is_closed_by_force():
    with connected() as (peer, client):
        client.connection.close(StreamError("handed over"))
        assert peer.read()[0] == CLOSE
        client.connection.abort()
        assert client.end() == "handed over"
        client.connection.close(StreamError("twice"))


BAN = b'{"code":-1003,"msg":"banned until 1445412780000"}'


@table(
    ("answer", "retry_after"),
    [
        (b"HTTP/1.1 429 X\r\nRetry-After: 7\r\n\r\n", 7.0),
        (b"HTTP/1.1 418 X\r\nContent-Length: 48\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n" + BAN, 300.0),
        (b"HTTP/1.1 403 X\r\nContent-Length: 4\r\n\r\nnope", 60.0),
        (b"HTTP/1.1 503 X\r\nRetry-After: 3\r\n\r\n", 3.0),
    ],
    ids=["429", "418", "403", "503"],
)
def test_a_handshake_that_is_answered_not_now_says_for_how_long(answer, retry_after):
    with connecting() as (peer, client):
        peer.request()
        peer.socket_send(answer)
        error = client.closed.get(timeout=PATIENCE)
        assert (type(error), error.retry_after) == (HandshakeRefusedError, retry_after)
        assert peer.url in str(error)


@table("status", [200, 400, 502])
def test_another_answer_to_the_handshake_is_named(status):
    with connecting() as (peer, client):
        peer.request()
        peer.socket_send(b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nnope" % status)
        assert client.end().endswith(f"expected a websocket, was answered {status} nope")
