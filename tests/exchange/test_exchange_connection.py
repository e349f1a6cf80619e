import json
import socket
import threading
import time

import pytest
import websocket

from depthactors import markets
from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.exchange import Fault
from depthactors.exchange.limits import Limits
from depthactors.exchange.rest.reply import Reply
from depthactors.exchange.server import connection, http
from depthactors.exchange.server.connection import Connection, Opening
from depthactors.exchange.streams.message import text_frame

LONG = 5.0
LIMITS = Limits.of(markets.SPOT)
BODY = b'{"bids":[["1.0","2.0"]],"asks":[]}'


class Rest:
    """Replies by path, and keeps the paths."""

    def __init__(self):
        self.asked = []
        self.replies = {}

    def reply(self, path, headers):
        self.asked.append((path, headers.get("X-Test")))
        return self.replies.get(path, Reply(200, BODY, (("X-Header", "here"),)))


class Client:
    """A websocket's client that echoes."""

    def __init__(self, session):
        self.session = session
        self.combined = False
        self.started = threading.Event()

    def start(self):
        self.started.set()

    def leave(self):
        pass

    def counts(self):
        return True

    def handle(self, message):
        self.session.outbox.append(text_frame(message))


class Stage:
    """One connection over TCP, served in a thread of its own."""

    def __init__(self, *, pause=0.0, refuse=False):
        self.rest = Rest()
        self.paths = []
        self.full = False
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            self.peer = socket.create_connection(("127.0.0.1", self.port), timeout=LONG)
            sock, _ = listener.accept()
        self.connection = Connection(sock, "depthactors-exchange-test", self.rest, self._welcome, SYSTEM_CLOCK)
        self.thread = threading.Thread(target=self.connection.run, args=(pause,), kwargs={"refuse": refuse})
        self.thread.start()

    def _welcome(self, path):
        self.paths.append(path)
        return http.no_websocket(0.0) if self.full else Opening(LIMITS, Client)

    def send(self, text):
        self.peer.sendall(text.encode())

    def get(self, path="/api/v3/ping", **headers):
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(f"{name}: {text}" for name, text in headers.items())]
        self.send("\r\n".join(lines) + "\r\n\r\n")

    def head(self):
        """Read a reply's status and headers."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = self.peer.recv(1)
            assert part, head
            head += part
        status, *lines = head.decode().splitlines()
        return int(status.split()[1]), dict(line.split(": ", 1) for line in lines if line)

    def reply(self):
        status, headers = self.head()
        body = b""
        while len(body) < int(headers["Content-Length"]):
            body += self.peer.recv(65_536)
        return status, headers, body

    def rest_of_bytes(self):
        data = b""
        while part := self.peer.recv(65_536):
            data += part
        return data

    def websocket(self, path="/ws"):
        client = websocket.WebSocket()
        client.connect(f"ws://127.0.0.1:{self.port}{path}", socket=self.peer, timeout=LONG)
        return client

    def ended(self):
        self.thread.join(LONG)
        return not self.thread.is_alive()


@pytest.fixture
def stage():
    stages = []

    def make(**options):
        stages.append(Stage(**options))
        return stages[-1]

    yield make
    for each in stages:
        each.connection.give_up()
        each.peer.close()
        assert each.ended()


def test_requests_of_one_connection_are_answered_one_after_the_other(stage):
    here = stage()
    for number in range(3):
        here.get(f"/api/v3/depth?number={number}", **{"X-Test": str(number)})
        status, headers, body = here.reply()
        assert (status, headers["X-Header"], headers["Connection"], body) == (200, "here", "keep-alive", BODY)
    assert here.rest.asked == [(f"/api/v3/depth?number={number}", str(number)) for number in range(3)]


def test_a_client_may_ask_for_the_end_after_the_reply(stage):
    here = stage()
    here.get(Connection="close")
    assert here.reply()[1]["Connection"] == "close"
    assert here.rest_of_bytes() == b""
    assert here.ended()


def test_a_request_may_come_in_pieces(stage):
    here = stage()
    for piece in ("GET /api/v3/ping HT", "TP/1.1\r\nHost: a\r\nX-Te", "st: slow\r\n", "\r\n"):
        here.send(piece)
    assert here.reply()[0] == 200
    assert here.rest.asked == [("/api/v3/ping", "slow")]


def test_a_client_that_goes_without_a_request_is_left(stage):
    here = stage()
    here.peer.close()
    assert here.ended()
    assert here.rest.asked == []


@pytest.mark.parametrize("text", ["\x16\x03\x01 nonsense\r\n\r\n", "HELLO\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_request_is_a_bad_one_and_the_last(stage, text):
    here = stage()
    here.send(text)
    status, headers, _ = here.reply()
    assert (status, headers["Connection"]) == (400, "close")
    assert here.ended()
    assert here.rest.asked == []


def test_a_connection_without_a_request_ends_when_it_was_idle_for_long(stage, monkeypatch):
    monkeypatch.setattr(connection, "IDLE", 0.05)
    here = stage()
    assert here.rest_of_bytes() == b""
    assert here.ended()


def test_an_answer_with_a_pause_comes_after_it(stage):
    here = stage()
    here.rest.replies["/slow"] = Reply(200, BODY, pause=0.1)
    begun = time.monotonic()
    here.get("/slow")
    assert here.reply()[2] == BODY
    assert time.monotonic() - begun >= 0.1


def test_an_answer_that_is_cut_at_0_is_none_at_all(stage):
    here = stage()
    here.rest.replies["/gone"] = Reply(200, BODY, pause=0.05, cut=0)
    here.get("/gone")
    assert here.rest_of_bytes() == b""
    assert here.ended()


def test_an_answer_that_is_cut_promises_more_than_it_has(stage):
    here = stage()
    here.rest.replies["/cut"] = Reply(200, BODY, cut=10)
    here.get("/cut")
    _, headers = here.head()
    assert int(headers["Content-Length"]) == len(BODY)
    assert here.rest_of_bytes() == BODY[:10]
    assert here.ended()


def test_a_websocket_is_opened_and_served(stage):
    here = stage()
    assert here.connection.client is None
    client = here.websocket("/stream?streams=a@depth/b@depth")
    client.send("hello")
    assert client.recv() == "hello"
    assert here.connection.client.started.is_set()
    (path,) = here.paths
    assert (path.combined, path.streams) == (True, ("a@depth", "b@depth"))
    client.close()
    assert here.ended()


def test_a_websocket_may_follow_plain_requests(stage):
    here = stage()
    here.get()
    assert here.reply()[0] == 200
    client = here.websocket()
    client.send("hello")
    assert client.recv() == "hello"
    client.shutdown()


def test_a_websocket_too_many_is_reported_so(stage):
    here = stage()
    here.full = True
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        here.websocket()
    assert caught.value.status_code == 429
    assert here.ended()


def test_a_refused_connection_is_reset_before_anything_is_read(stage):
    here = stage(refuse=True, pause=10.0)
    with pytest.raises(ConnectionResetError):
        here.peer.recv(1)
    assert here.ended()
    assert here.rest.asked == []


def test_a_connection_with_a_pause_is_read_after_it(stage):
    begun = time.monotonic()
    here = stage(pause=0.1)
    here.get()
    assert here.reply()[0] == 200
    assert time.monotonic() - begun >= 0.1


def test_a_websocket_that_was_struck_by_a_reset_is_reset(stage):
    here = stage()
    client = here.websocket()
    client.send("hello")
    assert client.recv() == "hello"
    here.connection.client.session.suffer(Fault("reset"))
    with pytest.raises(ConnectionResetError):
        client.recv()
    assert here.ended()


@pytest.mark.parametrize("end", ["stop", "give_up"])
@pytest.mark.parametrize("case", ["nothing asked", "within a pause", "waiting to answer"])
def test_a_plain_connection_ends_at_once(stage, case, end):
    here = stage(pause=60.0 if case == "within a pause" else 0.0)
    if case == "waiting to answer":
        asked = threading.Event()
        here.rest.reply = lambda *_: asked.set() or Reply(200, BODY, pause=60.0)
        here.get()
        assert asked.wait(LONG)
    getattr(here.connection, end)()
    assert here.ended()


def test_a_websocket_is_stopped_by_a_close_frame_and_given_up_without_one(stage):
    polite, rude = stage(), stage()
    clients = [each.websocket() for each in (polite, rude)]
    for client in clients:
        client.send("hello")
        assert client.recv() == "hello"
    polite.connection.stop()
    opcode, data = clients[0].recv_data(control_frame=True)
    assert (opcode, int.from_bytes(data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1001)
    rude.connection.give_up()
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        clients[1].recv()
    assert polite.ended()
    assert rude.ended()


def test_ending_what_is_over_changes_nothing(stage):
    here = stage()
    here.peer.close()
    assert here.ended()
    here.connection.stop()
    here.connection.give_up()


def test_answers_have_the_headers_of_json(stage):
    here = stage()
    here.get("/api/v3/depth")
    _, headers, body = here.reply()
    assert json.loads(body) == json.loads(BODY)
    assert headers["Content-Type"].startswith("application/json")
    assert "Date" in headers
