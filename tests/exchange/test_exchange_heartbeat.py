import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.exchange.limits import Limits
from depthactors.exchange.server.heartbeat import Due, Heartbeat
from tests.support import table

LIMITS = Limits.of(markets.SPOT, {"ping_interval": 20, "pong_deadline": 60, "connection_life": 1_000})


@pytest.fixture
def heartbeat():
    return Heartbeat(LIMITS, 100.0)


def test_the_first_ping_is_due_an_interval_after_the_beginning(heartbeat):
    assert heartbeat.wait(100.0) == 20.0
    assert heartbeat.due(119.9) is Due.NONE
    assert heartbeat.wait(121.0) == 0.0
    assert heartbeat.due(120.0) is Due.PING


def test_the_next_ping_is_due_an_interval_after_the_last_answered_or_not(heartbeat):
    heartbeat.pinged(b"1", 121.0)
    assert heartbeat.due(140.9) is Due.NONE
    assert heartbeat.due(141.0) is Due.PING
    heartbeat.received(b"1")
    assert heartbeat.wait(121.0) == 20.0


def test_a_ping_that_is_not_answered_in_time_ends_the_connection(heartbeat):
    heartbeat.pinged(b"1", 120.0)
    heartbeat.pinged(b"2", 170.0)
    assert heartbeat.wait(170.0) == 10.0
    assert heartbeat.due(179.9) is Due.NONE
    assert heartbeat.due(180.0) is Due.LATE


def test_the_answer_to_a_later_ping_answers_those_before(heartbeat):
    heartbeat.pinged(b"1", 120.0)
    heartbeat.pinged(b"2", 140.0)
    heartbeat.pinged(b"3", 160.0)
    heartbeat.received(b"2")
    assert heartbeat.due(179.0) is Due.NONE
    assert heartbeat.due(219.9) is Due.PING
    assert heartbeat.due(220.0) is Due.LATE


@table("payload", [b"", b"9", b"11"])
def test_an_unsolicited_pong_answers_nothing(heartbeat, payload):
    heartbeat.received(payload)
    heartbeat.pinged(b"1", 120.0)
    heartbeat.received(payload)
    assert heartbeat.due(180.0) is Due.LATE


def test_a_pong_for_a_ping_that_was_answered_answers_no_later_one(heartbeat):
    heartbeat.pinged(b"1", 120.0)
    heartbeat.received(b"1")
    heartbeat.pinged(b"2", 140.0)
    heartbeat.received(b"1")
    assert heartbeat.due(200.0) is Due.LATE


def test_life_ends_whatever_else_is_due(heartbeat):
    heartbeat.pinged(b"1", 120.0)
    assert heartbeat.due(1_099.9) is Due.LATE
    assert heartbeat.due(1_100.0) is Due.OVER


def test_life_can_be_shortened_and_not_prolonged(heartbeat):
    heartbeat.end_by(5_000.0)
    assert heartbeat.due(1_100.0) is Due.OVER
    heartbeat.end_by(110.0)
    assert heartbeat.wait(105.0) == 5.0
    assert heartbeat.due(110.0) is Due.OVER


@given(st.lists(st.tuples(st.floats(0.1, 50), st.sampled_from(["answer last", "answer first", "wrong", "nothing"]))))
def test_something_is_due_exactly_when_the_wait_is_over(course):
    heartbeat = Heartbeat(LIMITS, 0.0)
    now, sent, open_pings = 0.0, 0, []
    for pause, answer in course:
        now += pause
        beat = heartbeat.due(now)
        assert (beat is Due.NONE) == (heartbeat.wait(now) > 0)
        late = bool(open_pings) and now >= open_pings[0][0] + 60
        assert beat is (Due.OVER if now >= 1_000 else Due.LATE if late else beat)
        if beat in {Due.OVER, Due.LATE}:
            assert now >= 1_000 or late
            return
        if beat is Due.PING:
            sent += 1
            open_pings.append((now, b"%d" % sent))
            heartbeat.pinged(b"%d" % sent, now)
        if answer == "wrong":
            heartbeat.received(b"?")
        elif answer != "nothing" and open_pings:
            place = -1 if answer == "answer last" else 0
            heartbeat.received(open_pings[place][1])
            open_pings = [] if place else open_pings[1:]
