import json
import threading

import orjson
from hypothesis import given
from hypothesis import strategies as st

from depthactors.exchange import Fault
from depthactors.exchange.fault import KINDS, Place
from depthactors.exchange.fault_plan import FaultPlan
from depthactors.exchange.feeds.depth_event import DepthEvent, Step
from depthactors.exchange.shapes.shape import MICROSECOND, MILLISECOND
from depthactors.exchange.streams.broadcaster import CONNECTION_FAULTS, Broadcaster
from depthactors.exchange.streams.kinds import DiffStream, PartialStream, TickerStream
from depthactors.exchange.streams.subscription import Subscription
from tests.exchange.exchange_support import StillFeed, spot_event
from tests.support import SetClock, table

FAST, SLOW, PARTIAL, TICKER = DiffStream(100), DiffStream(1000), PartialStream(5, 100), TickerStream()


class RepeatedEvents(StillFeed):
    """A feed whose steps the test makes."""

    def __init__(self, market="spot", symbol=None):
        super().__init__(market, symbol)
        self.ticks, self.renumbered, self.closed_for = [], 0, []

    def renumber(self):
        self.renumbered += 1

    def close_session(self, seconds):
        self.closed_for.append(seconds)

    def next(self, *, moved=True, tickers=()):
        number = len(self.ticks) + 1
        event = orjson.dumps(spot_event(number, number, bids=[("100.00", f"{number}.0")], symbol=self.symbol))
        tick = DepthEvent(number, number, number, number - 1, 1_700_000_000_123_456 + number, event)
        self.ticks.append(tick)
        return Step(number, tick if moved else None, tickers)

    def since(self, number):
        return [tick for tick in self.ticks if tick.number > number]


class Listener:
    """A client that keeps what it gets."""

    def __init__(self):
        self.messages, self.suffered, self.waits = [], [], 0

    def deliver(self, message):
        self.messages.append(message)

    def suffer(self, fault):
        # What was delivered before, to see the order.
        self.suffered.append((fault.kind, len(self.messages)))

    def wait_for_room(self):
        self.waits += 1

    def heard(self):
        return [(each.stream, self._payload(each).get("u")) for each in self.messages]

    @staticmethod
    def _payload(message):
        # A short frame has two bytes before its payload, a longer one four.
        wire = message.wire(combined=False, unit=MILLISECOND)
        return json.loads(wire[2:] if wire[1] < 126 else wire[4:])


class Stage:
    """A broadcaster with one feed, and a time that the test sets."""

    def __init__(self, *faults):
        self.clock = SetClock()
        self.plan = FaultPlan(faults)
        self.broadcaster = Broadcaster(self.plan, self.clock)
        self.feed = RepeatedEvents()

    def listen(self, *kinds, listener=None, feed=None):
        listener = listener or Listener()
        self.broadcaster.add(listener, self.streams(*kinds, feed=feed))
        return listener

    def leave(self, listener, *kinds):
        self.broadcaster.remove(listener, self.streams(*kinds))

    def streams(self, *kinds, feed=None):
        feed = feed or self.feed
        names = {FAST: "@depth@100ms", SLOW: "@depth", PARTIAL: "@depth5@100ms", TICKER: "@bookTicker"}
        return [Subscription(f"{feed.symbol.lower()}{names[kind]}", feed, kind) for kind in kinds or (FAST,)]

    def publish(self, count=1, feed=None, **step):
        feed = feed or self.feed
        for _ in range(count):
            self.broadcaster.publish(feed, feed.next(**step))


def test_an_event_goes_to_each_listener_once_under_the_name_it_subscribed_to():
    stage = Stage()
    first, second, other = stage.listen(), stage.listen(), stage.listen(SLOW)
    stage.listen(listener=first)
    stage.publish(10)
    expected = [("btcusdt@depth@100ms", number) for number in range(1, 11)]
    assert first.heard() == second.heard() == expected
    assert other.heard() == [("btcusdt@depth", 10)]


def test_events_of_a_feed_go_to_its_own_listeners_only():
    stage = Stage()
    eth = RepeatedEvents(symbol="ETHUSDT")
    first, second = stage.listen(), stage.listen(feed=eth)
    stage.publish()
    assert (len(first.messages), second.messages) == (1, [])
    stage.publish(feed=eth)
    assert second.heard() == [("ethusdt@depth@100ms", 1)]


def test_a_feed_that_failed_takes_its_listeners_connections_along_and_no_others():
    stage = Stage()
    first, second, other = stage.listen(FAST, SLOW), stage.listen(), stage.listen(feed=RepeatedEvents(symbol="ETHUSDT"))
    stage.broadcaster.cut(stage.feed)
    assert [[kind for kind, *_ in each.suffered] for each in (first, second, other)] == [["cut"], ["cut"], []]


def test_all_listeners_of_a_stream_share_one_encoding():
    stage = Stage()
    first, second = stage.listen(), stage.listen()
    stage.publish()
    form = {"combined": True, "unit": MILLISECOND}
    assert first.messages[0].wire(**form) is second.messages[0].wire(**form)


def test_a_removed_listener_gets_no_more_and_the_others_go_on():
    stage = Stage()
    first, second = stage.listen(FAST, SLOW), stage.listen()
    stage.leave(first, FAST, SLOW, PARTIAL)
    stage.publish()
    assert (first.messages, len(second.messages)) == ([], 1)
    stage.leave(second)
    stage.publish()
    assert len(second.messages) == 1


def test_removing_a_client_that_never_listened_changes_nothing():
    stage = Stage()
    first = stage.listen()
    stage.leave(Listener())
    stage.leave(Listener(), PARTIAL)
    stage.publish()
    assert len(first.messages) == 1


def test_tickers_are_wanted_while_a_client_listens_to_them():
    stage = Stage()
    assert not stage.broadcaster.wants_tickers(stage.feed)
    listener = stage.listen(FAST, TICKER)
    assert stage.broadcaster.wants_tickers(stage.feed)
    assert not stage.broadcaster.wants_tickers(RepeatedEvents(symbol="ETHUSDT"))
    stage.leave(listener, TICKER)
    assert not stage.broadcaster.wants_tickers(stage.feed)


def test_a_step_without_a_change_brings_its_tickers_only():
    stage = Stage()
    listener = stage.listen(FAST, PARTIAL, TICKER)
    stage.publish(moved=False, tickers=[b'{"u":7}', b'{"u":8}'])
    assert listener.heard() == [("btcusdt@bookTicker", 7), ("btcusdt@bookTicker", 8)]


def test_spots_events_can_be_had_in_microseconds_and_those_of_futures_cannot():
    stage = Stage()
    for feed, expected in ((stage.feed, 1_700_000_000_123_457), (RepeatedEvents("usdm"), 1_700_000_000_001)):
        listener = stage.listen(feed=feed)
        stage.publish(feed=feed)
        wire = listener.messages[0].wire(combined=False, unit=MICROSECOND)
        assert json.loads(wire[wire.index(b"{") :])["E"] == expected


def test_waiting_for_room_asks_the_listeners_of_the_feed():
    stage = Stage()
    first, other = stage.listen(), stage.listen(feed=RepeatedEvents(symbol="ETHUSDT"))
    stage.broadcaster.wait_for_room(stage.feed)
    assert (first.waits, other.waits) == (1, 0)


def test_a_listener_may_leave_while_it_is_served():
    stage = Stage()

    class Leaver(Listener):
        def deliver(self, message):
            super().deliver(message)
            stage.leave(self)

    leaver = stage.listen(listener=Leaver())
    other = stage.listen()
    stage.publish(3)
    assert (len(leaver.messages), len(other.messages)) == (1, 3)


def test_a_fault_strikes_all_listeners_of_the_stream_alike():
    stage = Stage(Fault("drop", at=2), Fault("duplicate", at=4))
    first, second = stage.listen(), stage.listen()
    stage.publish(5)
    assert [number for _, number in first.heard()] == [1, 3, 4, 4, 5]
    assert first.heard() == second.heard()
    assert stage.plan.strikes() == {"drop": 1, "duplicate": 1}


def test_an_occasion_is_an_event_of_a_stream_however_many_listen():
    stage = Stage(Fault("drop", every=3))
    listeners = [stage.listen() for _ in range(4)]
    stage.publish(7)
    assert all([number for _, number in each.heard()] == [1, 2, 4, 5, 7] for each in listeners)


def test_events_without_a_listener_are_no_occasions():
    stage = Stage(Fault("drop", at=2))
    stage.publish(5)
    listener = stage.listen()
    stage.publish(3)
    assert [number for _, number in listener.heard()] == [6, 8]


def test_each_diff_stream_of_a_symbol_has_occasions():
    stage = Stage(Fault("drop", at=11))
    listener = stage.listen(FAST, SLOW)
    stage.publish(10)
    assert len(listener.heard()) == 10
    assert stage.plan.strikes() == {"drop": 1}
    assert listener.heard()[-1][1] == 10


def test_partial_depth_and_tickers_are_no_occasions():
    stage = Stage(Fault("drop", chance=1.0))
    listener = stage.listen(PARTIAL, TICKER)
    stage.publish(5, tickers=[b'{"u":7}'])
    assert len(listener.messages) == 10
    assert stage.plan.strikes() == {}


@table("kind", sorted(CONNECTION_FAULTS))
def test_a_fault_of_the_connection_strikes_the_streams_listeners_before_the_event(kind):
    stage = Stage(Fault(kind, at=2))
    first, second, other = stage.listen(), stage.listen(), stage.listen(PARTIAL)
    elsewhere = stage.listen(feed=RepeatedEvents(symbol="ETHUSDT"))
    stage.publish(3)
    assert first.suffered == second.suffered == [(kind, 1)]
    assert other.suffered == elsewhere.suffered == []


@table("kind", sorted({kind for kind, (place, _) in KINDS.items() if place is Place.EVENT} - CONNECTION_FAULTS))
def test_a_fault_of_the_event_leaves_the_connection_alone(kind):
    stage = Stage(Fault(kind, at=2))
    listener = stage.listen()
    stage.publish(3)
    assert listener.suffered == []


def test_a_session_is_closed_once_for_the_seconds_of_the_fault_and_after_the_event():
    stage = Stage(Fault("closed", at=2, seconds=3.0))
    listener = stage.listen()
    stage.publish(1)
    assert stage.feed.closed_for == []
    stage.publish(2)
    assert (stage.feed.closed_for, len(listener.messages)) == ([3.0], 3)


def test_ids_begin_anew_once_and_after_the_event():
    stage = Stage(Fault("new-ids", at=2))
    listener = stage.listen()
    stage.publish(1)
    assert stage.feed.renumbered == 0
    stage.publish(2)
    assert (stage.feed.renumbered, len(listener.messages)) == (1, 3)


def test_a_fault_of_a_symbol_spares_the_other():
    stage = Stage(Fault("drop", "ETHUSDT", chance=1.0))
    eth = RepeatedEvents(symbol="ETHUSDT")
    first, second = stage.listen(), stage.listen(feed=eth)
    stage.publish(3)
    stage.publish(3, feed=eth)
    assert (len(first.messages), second.messages) == (3, [])
    assert stage.plan.strikes() == {"drop": 3}


def test_a_delay_of_one_stream_holds_back_no_other():
    stage = Stage(Fault("delay", at=10, seconds=5.0))
    listener = stage.listen(FAST, SLOW)
    stage.publish(10)
    # The tenth event of the fast stream was struck, not the first one of the slow stream.
    assert listener.heard()[9:] == [("btcusdt@depth", 10)]
    stage.clock.now = 5.0
    stage.publish()
    assert listener.heard()[10:] == [("btcusdt@depth@100ms", 10), ("btcusdt@depth@100ms", 11)]


@table("kind", ["delay", "reorder"])
def test_a_client_that_comes_after_all_others_left_gets_nothing_that_was_held_back(kind):
    stage = Stage(Fault(kind, at=2, seconds=5.0))
    first = stage.listen()
    stage.publish(2)
    stage.leave(first)
    stage.clock.now = 100.0
    stage.publish(50)
    late = stage.listen()
    stage.publish(3)
    assert [number for _, number in late.heard()] == [53, 54, 55]


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "publish"]), st.integers(0, 2), st.integers(0, 1)), max_size=40
    )
)
def test_a_listener_gets_every_event_from_then_until_it_leaves(actions):
    stage = Stage()
    feeds = [stage.feed, RepeatedEvents(symbol="ETHUSDT")]
    listeners = [Listener() for _ in range(3)]
    expected = [[] for _ in listeners]
    members = set()
    for action, who, which in actions:
        feed = feeds[which]
        if action == "add":
            stage.listen(listener=listeners[who], feed=feed)
            members.add((who, which))
        elif action == "remove":
            stage.broadcaster.remove(listeners[who], stage.streams(feed=feed))
            members.discard((who, which))
        else:
            stage.publish(feed=feed)
            for each in range(3):
                if (each, which) in members:
                    expected[each].append((f"{feed.symbol.lower()}@depth@100ms", len(feed.ticks)))
    assert [each.heard() for each in listeners] == expected


def test_listeners_come_and_go_while_events_are_published():
    stage = Stage()
    constant = stage.listen()
    done = threading.Event()
    failures = []

    def come_and_go():
        try:
            while not done.is_set():
                listener = stage.listen()
                stage.leave(listener)
        except Exception as error:  # noqa: BLE001 - told by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=come_and_go) for _ in range(3)]
    for thread in threads:
        thread.start()
    stage.publish(500)
    done.set()
    for thread in threads:
        thread.join(5)
    assert failures == []
    assert [number for _, number in constant.heard()] == list(range(1, 501))
