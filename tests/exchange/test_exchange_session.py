import json
import socket
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
import websocket
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from depthactors import markets
from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.exchange import Fault
from depthactors.exchange.limits import Limits
from depthactors.exchange.server.session import Session
from depthactors.exchange.shapes.shape import MICROSECOND, MILLISECOND
from depthactors.exchange.streams.message import text_frame
from tests.support import table

LONG = 5.0
LIMITS = Limits.of(markets.SPOT)
ABNF = websocket.ABNF


class Client:
    """A client whose messages are echoed, as the session needs it."""

    combined = False

    def __init__(self, session, allowed):
        self.session, self.allowed = session, allowed
        self.started, self.left = threading.Event(), threading.Event()
        self.counted, self.handled = 0, []

    def start(self):
        self.started.set()

    def leave(self):
        self.left.set()

    def counts(self):
        self.counted += 1
        if self.counted > self.allowed:
            self.session.close(1008, "Too many requests")
            return False
        return True

    def handle(self, message):
        self.handled.append(message)
        self.session.outbox.append(text_frame(message))


class Stage:
    """A session over a socket pair; `peer` is a plain websocket client at the other end."""

    def __init__(self, *, unit=MILLISECOND, combined=False, allowed=1_000, **limits):
        self.sock, other = socket.socketpair()
        other.settimeout(LONG)
        self.session = Session(self.sock, ServerProtocol(state=OPEN), replace(LIMITS, **limits), unit, SYSTEM_CLOCK)
        self.client = Client(self.session, allowed)
        self.client.combined = combined
        self.peer = websocket.WebSocket()
        self.peer.sock, self.peer.connected = other, True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.client.started.wait(LONG)

    def _run(self):
        with closing(self.sock):
            self.session.run(self.client, "depthactors-exchange-test-send")

    def put(self, text):
        self.session.outbox.append(text_frame(text.encode()))

    def read(self):
        """Read one frame of any kind, and reply to none."""
        frame = self.peer.recv_frame()
        return frame.opcode, frame.data

    def text(self):
        opcode, data = self.read()
        assert opcode == ABNF.OPCODE_TEXT
        return data.decode()

    def rest(self):
        """Read the raw bytes up to the end of the connection."""
        data = b""
        while part := self.peer.sock.recv(65_536):
            data += part
        return data

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
        each.session.give_up()
        each.peer.shutdown()
        assert each.ended()
        assert each.client.left.is_set()


def closing_of(data):
    return int.from_bytes(data[:2], "big"), data[2:].decode()


def test_what_is_queued_is_sent_in_order(stage):
    here = stage()
    for number in range(100):
        here.put(str(number))
    assert [here.text() for _ in range(100)] == [str(number) for number in range(100)]


def test_a_message_is_handled_also_in_fragments(stage):
    here = stage()
    here.peer.send("whole")
    for fin, opcode, part in ((0, ABNF.OPCODE_TEXT, "in "), (0, ABNF.OPCODE_CONT, "three "), (1, 0, "parts")):
        here.peer.send_frame(ABNF.create_frame(part, opcode, fin))
    assert [here.text(), here.text()] == ["whole", "in three parts"]
    assert here.client.handled == [b"whole", b"in three parts"]


def test_a_ping_between_fragments_is_answered_at_once(stage):
    here = stage()
    here.peer.send_frame(ABNF.create_frame("one ", ABNF.OPCODE_TEXT, 0))
    here.peer.ping(b"now")
    assert here.read() == (ABNF.OPCODE_PONG, b"now")
    here.peer.send_frame(ABNF.create_frame("two", ABNF.OPCODE_CONT, 1))
    assert here.text() == "one two"


def test_messages_pings_and_pongs_count_and_a_close_frame_does_not(stage):
    here = stage()
    here.peer.pong(b"")
    here.peer.send("message")
    here.peer.ping(b"")
    assert {here.read()[0], here.read()[0]} == {ABNF.OPCODE_TEXT, ABNF.OPCODE_PONG}
    here.peer.send_close()
    assert here.read()[0] == ABNF.OPCODE_CLOSE
    assert here.ended()
    assert here.client.counted == 3


def test_a_message_too_many_ends_the_connection_with_the_replies_before_it(stage):
    here = stage(allowed=2)
    for number in range(5):
        here.peer.send(str(number))
    assert [here.text(), here.text()] == ["0", "1"]
    opcode, data = here.read()
    assert (opcode, closing_of(data)) == (ABNF.OPCODE_CLOSE, (1008, "Too many requests"))
    # The end comes by FIN, however much was left unread.
    assert here.rest() == b""
    assert here.client.handled == [b"0", b"1"]


def test_the_clients_close_is_answered_and_ends_the_connection(stage):
    here = stage()
    here.peer.send_close(1000, b"enough")
    opcode, data = here.read()
    assert (opcode, closing_of(data)[0]) == (ABNF.OPCODE_CLOSE, 1000)
    assert here.rest() == b""
    assert here.ended()


def test_a_client_that_vanishes_is_left(stage):
    here = stage()
    here.peer.shutdown()
    assert here.client.left.wait(LONG)
    assert here.ended()


def test_a_client_that_breaks_the_protocol_is_reported_and_ended(stage):
    here = stage()
    # Clients must mask their frames.
    here.peer.sock.sendall(text_frame(b"bare"))
    opcode, data = here.read()
    assert (opcode, closing_of(data)[0]) == (ABNF.OPCODE_CLOSE, 1002)
    assert here.ended()
    assert here.client.handled == []


def test_close_sends_what_is_queued_and_then_the_code(stage):
    here = stage()
    here.put("last")
    here.session.close(1001, "bye")
    here.session.close(1008, "too late")
    assert here.text() == "last"
    opcode, data = here.read()
    assert (opcode, closing_of(data)) == (ABNF.OPCODE_CLOSE, (1001, "bye"))
    here.peer.send_close(1001)
    assert here.rest() == b""
    assert here.ended()


def test_a_client_that_does_not_answer_the_close_is_disconnected(stage):
    here = stage()
    begun = time.monotonic()
    here.session.close()
    assert here.read()[0] == ABNF.OPCODE_CLOSE
    assert here.rest() == b""
    assert 0.04 <= time.monotonic() - begun < 1.05
    assert here.ended()


def test_giving_up_ends_it_at_once_whatever_is_queued(stage):
    here = stage()
    for _ in range(100):
        here.put("x" * 100_000)
    # The writer is stuck by now or soon: the peer does not read.
    here.session.give_up()
    assert here.ended()
    assert len(here.rest()) < 100 * 100_000


def test_the_server_pings_and_a_copy_of_the_payload_keeps_the_connection(stage):
    here = stage(ping_interval=0.03, pong_deadline=0.1)
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        opcode, payload = here.read()
        assert opcode == ABNF.OPCODE_PING
        here.peer.pong(payload)
    here.peer.send("still here")
    while (frame := here.read())[0] == ABNF.OPCODE_PING:
        pass
    assert frame == (ABNF.OPCODE_TEXT, b"still here")


def test_a_ping_without_an_answer_ends_the_connection(stage):
    here = stage(ping_interval=0.03, pong_deadline=0.1)
    while (frame := here.read())[0] == ABNF.OPCODE_PING:
        here.peer.pong(b"something else")
    assert frame[0] == ABNF.OPCODE_CLOSE
    assert closing_of(frame[1]) == (1008, "Pong timeout")


def test_the_life_of_a_connection_ends_with_going_away(stage):
    here = stage(connection_life=0.05)
    opcode, data = here.read()
    assert (opcode, closing_of(data)[0]) == (ABNF.OPCODE_CLOSE, 1001)


def test_a_cut_sends_what_was_queued_and_then_ends_by_fin(stage):
    here = stage()
    here.put("before")
    here.session.suffer(Fault("cut"))
    here.put("after")
    assert here.text() == "before"
    assert here.rest() == b""
    assert here.ended()
    assert here.session.reset is False


def test_a_reset_asks_for_the_socket_to_be_reset(stage):
    here = stage()
    here.session.suffer(Fault("reset"))
    assert here.ended()
    assert here.session.reset is True
    # Until the owner of the socket closes it, nothing is sent: no close frame.
    assert here.rest() == b""


def test_half_open_says_nothing_any_more_and_stays(stage):
    here = stage(ping_interval=0.05, connection_life=0.3)
    here.session.suffer(Fault("half-open"))
    here.put("after")
    here.peer.ping(b"anybody?")
    here.peer.send("message")
    here.peer.send_close()
    here.peer.sock.settimeout(0.4)
    with pytest.raises(TimeoutError):
        here.peer.sock.recv(1)
    assert here.client.handled == []
    assert not here.client.left.is_set()


@table("end", ["close then give_up", "the client goes"])
def test_half_open_ends_when_either_side_ends_it(stage, end):
    here = stage()
    here.session.suffer(Fault("half-open"))
    if end == "the client goes":
        here.peer.shutdown()
    else:
        here.session.close()
        here.session.give_up()
    assert here.ended()


@table("unit", [MILLISECOND, MICROSECOND])
@table("combined", [False, True])
def test_a_shutdown_is_announced_and_follows_in_its_seconds(stage, combined, unit):
    here = stage(combined=combined, unit=unit)
    begun = time.monotonic()
    here.session.suffer(Fault("shutdown", seconds=0.1))
    here.put('{"e":"depthUpdate"}')
    event = json.loads(here.text())
    if combined:
        assert event.keys() == {"stream", "data"}
        assert event["stream"] == "!serverShutdown"
        event = event["data"]
    assert event.keys() == {"e", "E"}
    assert event["e"] == "serverShutdown"
    assert abs(event["E"] * unit / 1e6 - time.time()) < 1.0
    # Until then events go on.
    assert here.text() == '{"e":"depthUpdate"}'
    opcode, data = here.read()
    assert (opcode, closing_of(data)[0]) == (ABNF.OPCODE_CLOSE, 1001)
    assert time.monotonic() - begun >= 0.1


def test_an_expired_connection_is_closed_as_after_its_life(stage):
    here = stage()
    here.put("before")
    here.session.suffer(Fault("expire"))
    assert here.text() == "before"
    opcode, data = here.read()
    assert (opcode, closing_of(data)[0]) == (ABNF.OPCODE_CLOSE, 1001)


@table("kind", ["cut", "reset", "shutdown", "expire", "half-open"])
def test_a_fault_after_the_end_changes_nothing(stage, kind):
    here = stage()
    here.peer.shutdown()
    assert here.ended()
    here.session.suffer(Fault(kind))
    here.session.close()
    here.session.give_up()
