import json
import threading

import pytest

from depthactors import markets
from depthactors.exchange.client import Client
from depthactors.exchange.flow_feed import FlowFeed
from depthactors.exchange.hub import Hub
from depthactors.exchange.outbox import Outbox


class FakeWire:
    """Keeps what is sent; blocks in `send` while `stuck`, until cut."""

    def __init__(self):
        self.sent = []
        self.closed_with = None
        self.was_cut = threading.Event()
        self.in_send = threading.Event()
        self.stuck = False

    def send(self, frame):
        self.in_send.set()
        if self.stuck:
            self.was_cut.wait(10)
            return False
        self.sent.append(frame)
        return True

    def close(self, code, reason):
        self.closed_with = (code, reason)

    def cut(self):
        self.was_cut.set()


class Stage:
    def __init__(self, *, combined=True, outbox=None):
        self.wire, self.hub = FakeWire(), Hub()
        self.feed = FlowFeed("BTCUSDT", markets.SPOT)
        self.played = []
        self.client = Client(
            self.wire,
            self.hub,
            find=lambda name: self.feed if name.startswith("btcusdt@") else None,
            play=self.played.extend,
            combined=combined,
            name="depthactors-exchange-test-send",
            outbox=outbox,
        )

    def handle(self, method, *params):
        self.client.handle(json.dumps({"method": method, "params": list(params), "id": 1}))

    def frames(self):
        assert self.client.wait_sent(5)
        return [json.loads(frame) for frame in self.wire.sent]


@pytest.fixture
def stage():
    made = []

    def make(*, combined=True, outbox=None, streams=()):
        stage = Stage(combined=combined, outbox=outbox)
        made.append(stage)
        stage.client.start(streams)
        return stage

    yield make
    for each in made:
        assert each.client.leave(5)


ACK = {"result": None, "id": 1}


def test_ack_comes_before_the_first_event_and_playing_starts_after_both(stage):
    here = stage()
    here.handle("SUBSCRIBE", "btcusdt@depth", "unknown@depth")
    assert here.played == [here.feed]
    here.hub.publish(here.feed, b'{"u":1}')
    assert here.frames() == [ACK, {"stream": "btcusdt@depth", "data": {"u": 1}}]


def test_streams_of_the_path_have_no_ack(stage):
    here = stage(combined=False, streams=("btcusdt@depth",))
    here.hub.publish(here.feed, b'{"u":1}')
    assert here.frames() == [{"u": 1}]


def test_no_event_after_the_ack_of_unsubscribe(stage):
    here = stage(streams=("btcusdt@depth",))
    audience = here.hub._audience_of(here.feed)
    here.handle("UNSUBSCRIBE", "btcusdt@depth")
    # The player may have looked up its audience before.
    for name, clients in audience:
        for client in clients:
            client.deliver(name, b"{}", b"{}")
    assert here.frames() == [ACK]


def test_properties_and_list(stage):
    here = stage(streams=("btcusdt@depth", "UNKNOWN@depth"))
    here.handle("LIST_SUBSCRIPTIONS")
    here.handle("GET_PROPERTY", "combined")
    here.handle("SET_PROPERTY", "combined", False)
    here.hub.publish(here.feed, b'{"u":1}')
    here.handle("GET_PROPERTY", "combined")
    expected = [["btcusdt@depth", "UNKNOWN@depth"], True, None]
    assert here.frames() == [*({"result": each, "id": 1} for each in expected), {"u": 1}, {"result": False, "id": 1}]


def test_bad_request_is_answered_and_changes_nothing(stage):
    here = stage(streams=("btcusdt@depth",))
    here.client.handle("{")
    here.hub.publish(here.feed, b'{"u":1}')
    first, second = here.frames()
    assert first["error"]["code"] == 3
    assert second["data"] == {"u": 1}


def test_close_goes_through_the_writer(stage):
    here = stage()
    here.client.close(1001, "bye")
    assert here.client.leave(5)
    assert here.wire.closed_with == (1001, "bye")


def test_client_that_takes_nothing_is_cut_off_by_the_waiting_player(stage):
    here = stage(outbox=Outbox(room=1, patience=0.05), streams=("btcusdt@depth",))
    here.wire.stuck = True
    here.hub.publish(here.feed, b"{}")
    assert here.wire.in_send.wait(5)
    here.hub.publish(here.feed, b"{}")
    here.feed.speed = None
    here.hub.wait_for_room(here.feed)
    assert here.wire.was_cut.is_set()
    here.hub.publish(here.feed, b"{}")


def test_stuck_client_is_cut_off_without_holding_up_a_feed_that_runs_by_the_clock(stage):
    ticks = iter(range(0, 10_000, 10))
    here = stage(outbox=Outbox(room=1, patience=15.0, clock=lambda: next(ticks)), streams=("btcusdt@depth",))
    here.wire.stuck = True
    for _ in range(10):
        here.hub.wait_for_room(here.feed)
        here.hub.publish(here.feed, b"{}")
    assert here.wire.was_cut.is_set()


def test_leave_takes_the_client_out_of_the_hub(stage):
    here = stage(streams=("btcusdt@depth",))
    assert here.client.leave(5)
    assert here.hub._audience_of(here.feed) == []
