import json
import threading
from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.exchange import Fault
from depthactors.exchange.catalogue import Catalogue
from depthactors.exchange.fault_plan import FaultPlan
from depthactors.exchange.feeds.depth_event import DepthEvent, Step
from depthactors.exchange.limits import Limits
from depthactors.exchange.server.client import Client
from depthactors.exchange.server.outbox import Outbox
from depthactors.exchange.shapes.shape import MICROSECOND, MILLISECOND
from depthactors.exchange.streams.broadcaster import Broadcaster
from depthactors.exchange.streams.message import Message
from depthactors.exchange.streams.path import StreamPath
from tests.exchange.exchange_support import StillFeed, spot_event
from tests.support import SetClock, table

ACK = {"result": None, "id": 1}
FAST, ETH = "btcusdt@depth@100ms", "ethusdt@depth@100ms"
LIMITS = Limits.of(markets.SPOT)


class Line:
    """A connection that only notes how it is ended."""

    def __init__(self):
        self.closed, self.given_up, self.suffered = [], 0, []

    def close(self, code, reason):
        self.closed.append((code, reason))

    def give_up(self):
        self.given_up += 1

    def suffer(self, fault):
        self.suffered.append(fault)


class Stage:
    """One client of an exchange with two symbols, a time that the test sets, and no socket."""

    def __init__(self, *streams, combined=True, unit=MILLISECOND, faults=(), outbox=None, **limits):
        self.clock = SetClock()
        self.line, self.outbox = Line(), outbox or Outbox()
        self.feeds = [StillFeed(), StillFeed(symbol="ETHUSDT")]
        self.plan = FaultPlan(faults)
        self.broadcaster = Broadcaster(self.plan)
        self.played, self.log = [], []
        self.ids = 0
        catalogue = Catalogue(self.feeds)
        self.client = Client(
            self.line,
            self.outbox,
            StreamPath("", combined, streams, unit),
            broadcaster=self.broadcaster,
            find=lambda name: catalogue.stream(name, ""),
            play=self.play,
            limits=replace(LIMITS, **limits),
            faults=self.plan,
            clock=self.clock,
        )
        self.client.start()

    def play(self, feeds):
        # A feed that is started publishes at once, as the player may.
        for feed in feeds:
            if feed not in self.played:
                self.played.append(feed)
                self.publish(feed)

    def publish(self, feed=None):
        self.ids += 1
        feed = feed or self.feeds[0]
        event = orjson.dumps(spot_event(self.ids, self.ids, symbol=feed.symbol))
        self.broadcaster.publish(
            feed, Step(self.ids, DepthEvent(self.ids, self.ids, self.ids, self.ids - 1, 1_000_001, event))
        )

    def ask(self, method, *params):
        request = {"method": method, "id": 1} | ({"params": list(params)} if params else {})
        self.client.handle(json.dumps(request).encode())
        return self.frames()

    def frames(self):
        """Return what has been queued since the last call."""
        wire, found = self.outbox.take(0.0) or b"", []
        while wire:
            size, start = (wire[1], 2) if wire[1] < 126 else (int.from_bytes(wire[2:4], "big"), 4)
            found.append(json.loads(wire[start : start + size]))
            wire = wire[start + size :]
        return found


def test_the_ack_comes_before_the_first_event_and_playing_starts_after_both_are_sure():
    stage = Stage()
    ack, event = stage.ask("SUBSCRIBE", FAST, "unknown@depth")
    assert ack == ACK
    assert (event["stream"], event["data"]["u"]) == (FAST, 1)
    assert stage.played == [stage.feeds[0]]


@table("combined", [False, True])
def test_streams_of_the_path_are_served_from_the_start_without_an_ack(combined):
    stage = Stage(FAST, combined=combined)
    (event,) = stage.frames()
    assert ("stream" in event) is combined
    assert stage.client.combined is combined


def test_a_path_without_streams_starts_nothing():
    stage = Stage()
    assert (stage.played, stage.frames()) == ([], [])


def test_a_stream_that_does_not_exist_is_acked_listed_and_starts_nothing():
    stage = Stage()
    assert stage.ask("SUBSCRIBE", "BTCUSDT@depth", "btcusdt@depth@7ms") == [ACK]
    assert stage.ask("LIST_SUBSCRIPTIONS") == [{"result": ["BTCUSDT@depth", "btcusdt@depth@7ms"], "id": 1}]
    assert stage.played == []


def test_no_event_is_queued_after_the_ack_of_unsubscribe():
    stage = Stage(FAST)
    stage.frames()
    # The player may have looked up the listeners before.
    message = Message(FAST, b"{}")
    stage.client.deliver(message)
    assert stage.ask("UNSUBSCRIBE", FAST) == [{"stream": FAST, "data": {}}, ACK]
    stage.client.deliver(message)
    stage.publish()
    assert stage.frames() == []
    assert stage.ask("LIST_SUBSCRIPTIONS") == [{"result": [], "id": 1}]


def test_a_stream_may_be_subscribed_again():
    stage = Stage(FAST)
    stage.ask("UNSUBSCRIBE", FAST)
    assert stage.ask("SUBSCRIBE", FAST) == [ACK]
    stage.publish()
    assert [frame["stream"] for frame in stage.frames()] == [FAST]


def test_unsubscribing_what_is_not_subscribed_is_acked():
    assert Stage().ask("UNSUBSCRIBE", FAST, "unknown@depth") == [ACK]


def test_the_envelope_can_be_changed_and_asked_for():
    stage = Stage(FAST)
    stage.frames()
    assert stage.ask("GET_PROPERTY", "combined") == [{"result": True, "id": 1}]
    assert stage.ask("SET_PROPERTY", "combined", False) == [ACK]
    stage.publish()
    assert [frame["e"] for frame in stage.frames()] == ["depthUpdate"]
    assert stage.ask("GET_PROPERTY", "combined") == [{"result": False, "id": 1}]
    assert stage.client.combined is False


def test_times_are_in_the_unit_of_the_path():
    assert Stage(FAST, unit=MICROSECOND).frames()[0]["data"]["E"] == 1_000_001


def test_a_bad_request_is_answered_and_changes_nothing():
    stage = Stage(FAST)
    stage.frames()
    stage.client.handle(b"{")
    (refusal,) = stage.frames()
    assert refusal["error"]["code"] == 3
    stage.publish()
    assert len(stage.frames()) == 1


def test_so_many_messages_a_second_and_not_one_more():
    stage = Stage(messages_per_second=3)
    assert [stage.client.counts() for _ in range(3)] == [True] * 3
    stage.clock.now = 0.99
    assert not stage.client.counts()
    assert stage.line.closed == [(1008, "Too many requests")]


def test_messages_of_the_last_second_count_only():
    stage = Stage(messages_per_second=2)
    for _ in range(10):
        assert stage.client.counts()
        stage.clock.now += 0.51
    assert stage.line.closed == []


def test_too_many_streams_are_reported_and_end_the_connection():
    stage = Stage(max_streams=2)
    assert stage.ask("SUBSCRIBE", "a@depth", "b@depth") == [ACK]
    assert stage.ask("SUBSCRIBE", "b@depth", "c@depth") == [{"error": {"code": 4, "msg": "Too many subscriptions"}}]
    assert stage.line.closed == [(1008, "Invalid request")]


def test_leaving_gives_every_subscription_back():
    stage = Stage(FAST, "btcusdt@bookTicker", "unknown@depth")
    assert stage.broadcaster.wants_tickers(stage.feeds[0])
    stage.client.leave()
    stage.client.leave()
    assert not stage.broadcaster.wants_tickers(stage.feeds[0])
    stage.frames()
    stage.publish()
    assert stage.frames() == []


def test_a_client_that_is_too_far_behind_is_given_up():
    stage = Stage(FAST, outbox=Outbox(room=1, patience=1e9))
    for _ in range(20):
        stage.publish()
    assert stage.line.given_up


def test_a_client_that_makes_no_room_is_given_up_by_who_waits_for_it():
    stage = Stage(FAST, outbox=Outbox(room=1, patience=0.0))
    stage.client.wait_for_room()
    assert stage.line.given_up == 1


def test_a_client_with_room_is_waited_for_and_kept():
    stage = Stage(FAST)
    stage.client.wait_for_room()
    assert stage.line.given_up == 0


def test_sent_is_when_the_queue_is_empty():
    stage = Stage(FAST)
    assert not stage.client.wait_sent(0.0)
    stage.frames()
    stage.frames()
    assert stage.client.wait_sent(0.0)


def test_a_fault_of_the_connection_is_handed_to_the_line():
    fault = Fault("cut", at=2)
    stage = Stage(FAST, faults=[fault])
    stage.publish()
    assert stage.line.suffered == [fault]


def test_an_unserved_stream_is_acked_listed_silent_and_starts_nothing():
    stage = Stage(faults=[Fault("unserved")])
    assert stage.ask("SUBSCRIBE", FAST) == [ACK]
    assert stage.ask("LIST_SUBSCRIPTIONS") == [{"result": [FAST], "id": 1}]
    stage.publish()
    assert (stage.frames(), stage.played) == ([], [])
    assert stage.plan.strikes() == {"unserved": 1}


def test_an_unserved_stream_is_served_when_it_is_subscribed_again():
    stage = Stage(FAST, faults=[Fault("unserved")])
    assert stage.frames() == []
    ack, event = stage.ask("SUBSCRIBE", FAST)
    assert (ack, event["stream"]) == (ACK, FAST)


def test_a_request_with_a_refused_stream_subscribes_to_none_of_its_streams():
    stage = Stage(faults=[Fault("refused-subscribe", "ETHUSDT")])
    (refusal,) = stage.ask("SUBSCRIBE", FAST, ETH)
    assert refusal == {"error": {"code": 2, "msg": "Invalid request"}, "id": 1}
    assert stage.ask("LIST_SUBSCRIPTIONS") == [{"result": [], "id": 1}]
    stage.publish()
    assert (stage.frames(), stage.played) == ([], [])
    assert stage.ask("SUBSCRIBE", FAST, ETH)[0] == ACK


def test_one_stream_too_many_is_an_error_without_a_number_and_the_end():
    stage = Stage(faults=[Fault("too-many-streams")])
    assert stage.ask("SUBSCRIBE", FAST) == [{"error": {"code": 4, "msg": "Too many subscriptions"}}]
    assert stage.line.closed == [(1008, "Invalid request")]


@table("kind", ["refused-subscribe", "too-many-streams"])
def test_the_streams_of_a_path_cannot_be_refused(kind):
    assert Stage(FAST, faults=[Fault(kind)]).frames()[0]["stream"] == FAST


def test_each_stream_of_a_request_is_an_occasion_and_only_the_struck_one_is_silent():
    stage = Stage(faults=[Fault("unserved", at=2)])
    stage.ask("SUBSCRIBE", FAST, ETH, "unknown@depth")
    stage.publish(stage.feeds[0])
    stage.publish(stage.feeds[1])
    assert {frame["stream"] for frame in stage.frames()} == {FAST}


def test_a_fault_of_a_symbol_spares_the_other():
    stage = Stage(FAST, ETH, faults=[Fault("unserved", "ETHUSDT", chance=1.0)])
    assert {frame["stream"] for frame in stage.frames()} == {FAST}


NAMES = [FAST, ETH, "btcusdt@bookTicker", "BTCUSDT@depth", "nothing@depth"]
REQUESTS = st.tuples(
    st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "SET_PROPERTY", "publish"]),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
    st.booleans(),
)


@given(st.lists(REQUESTS, max_size=25))
def test_the_list_and_the_frames_are_what_was_asked_for(requests):
    stage, subscribed, combined = Stage(), {}, True
    for method, names, wanted in requests:
        match method:
            case "SUBSCRIBE":
                assert stage.ask(method, *names)[0] == ACK
                subscribed |= dict.fromkeys(names)
            case "UNSUBSCRIBE":
                assert stage.ask(method, *names) == [ACK]
                for name in names:
                    subscribed.pop(name, None)
            case "SET_PROPERTY":
                assert stage.ask(method, "combined", wanted) == [ACK]
                combined = wanted
            case _:
                stage.publish(stage.feeds[0])
                stage.publish(stage.feeds[1])
                frames = stage.frames()
                assert len(frames) == len({FAST, ETH} & set(subscribed))
                assert all(("stream" in frame) is combined for frame in frames)
        assert stage.ask("LIST_SUBSCRIPTIONS") == [{"result": list(subscribed), "id": 1}]


def test_events_never_come_between_the_ack_of_unsubscribe_and_that_of_the_next_subscribe():
    stage = Stage()
    stop = threading.Event()

    def publish():
        while not stop.is_set():
            stage.publish()

    publisher = threading.Thread(target=publish)
    publisher.start()
    frames = []
    try:
        for request in range(300):
            method = "UNSUBSCRIBE" if request % 2 else "SUBSCRIBE"
            stage.client.handle(json.dumps({"method": method, "params": [FAST], "id": request}).encode())
            frames += stage.frames()
    finally:
        stop.set()
        publisher.join(5)
    subscribed = False
    for frame in frames:
        if "id" in frame:
            subscribed = frame["id"] % 2 == 0
        else:
            assert subscribed
