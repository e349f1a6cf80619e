from itertools import pairwise

import pytest

from depthactors.errors import HandshakeRefusedError, StreamError
from tests.sim.faults import PlannedFault
from tests.sim.sim_support import Stage

REASON = StreamError("not needed any more")


@pytest.fixture
def stage():
    return Stage()


def test_nothing_is_called_within_connect_and_the_connection_opens_before_its_frames(stage):
    follower = stage.connect("BTCUSDT")
    assert follower.calls == []
    stage.scheduler.run_for(5.0)
    assert (follower.calls[0], set(follower.calls[1:])) == ("open", {"frames"})
    ids = [(event["U"], event["u"]) for event in follower.events()]
    assert len(ids) > 40
    assert all(first == last + 1 for (_, last), (first, _) in pairwise(ids))
    assert follower.stream.is_alive
    assert stage.scheduler.monotonic() - 1.0 < follower.stream.read_at <= stage.scheduler.monotonic()


@pytest.mark.parametrize("after", [0.0, 5.0])
def test_an_abort_ends_it_soon_once_and_not_within_the_call(stage, after):
    follower = stage.connect("BTCUSDT")
    stage.scheduler.run_for(after)
    follower.stream.abort(REASON)
    follower.stream.abort(StreamError("too late"))
    assert "close" not in follower.calls
    stage.scheduler.run_for(0.01)
    assert follower.error is not None
    stage.scheduler.run_for(30.0)
    assert (follower.calls.count("close"), follower.calls[-1]) == (1, "close")
    assert not follower.stream.is_alive
    with pytest.raises(StreamError):
        follower.subscribe("BTCUSDT")


def test_a_close_brings_what_is_under_way_and_then_the_reason(stage):
    follower = stage.follow("BTCUSDT")
    follower.stream.close(REASON)
    stage.scheduler.run_for(1.0)
    assert follower.error is REASON
    assert follower.calls[-1] == "close"


def test_a_subscription_is_acknowledged_before_its_first_event(stage):
    follower = stage.follow()
    assert follower.frames == []
    follower.subscribe("BTCUSDT", "ETHUSDT", number=7)
    stage.scheduler.run_for(1.0)
    assert follower.answers() == [{"result": None, "id": 7}]
    assert follower.frames[0] == b'{"result":null,"id":7}'
    assert follower.events()
    assert follower.events("ETHUSDT")


def test_a_send_before_it_is_open_is_an_error(stage):
    follower = stage.connect()
    with pytest.raises(StreamError, match="could not send"):
        follower.subscribe("BTCUSDT")


def test_a_quiet_connection_stays_and_is_heard(stage):
    follower = stage.follow(seconds=300.0)
    assert follower.stream.is_alive
    assert follower.stream.read_at > 280.0


def test_a_half_open_connection_is_noticed_after_twice_the_limit():
    stage = Stage(faults=[PlannedFault(5.0, "half-open", "BTCUSDT")])
    follower = stage.follow("BTCUSDT", seconds=22.0)
    assert (follower.error, follower.stream.read_at < 5.5) == (None, True)
    stage.scheduler.run_for(5.0)
    assert "silent" in str(follower.error)


def test_a_half_open_connection_does_not_answer_a_close():
    stage = Stage(faults=[PlannedFault(5.0, "half-open", "BTCUSDT")])
    follower = stage.follow("BTCUSDT", seconds=6.0)
    follower.stream.close(REASON)
    stage.scheduler.run_for(3.0)
    assert follower.stream.is_alive
    follower.stream.abort()
    stage.scheduler.run_for(0.1)
    assert follower.error is REASON


def test_the_end_of_a_life_and_the_limit_of_messages_close_it():
    stage = Stage(limits={"connection_life": 60.0})
    follower, chatty = stage.connect("BTCUSDT"), stage.follow()
    for number in range(20):
        chatty.subscribe("BTCUSDT", number=number)
    stage.scheduler.run_for(62.0)
    assert (follower.error.close_code, chatty.error.close_code) == (1001, 1008)


def test_a_path_that_does_not_exist_is_refused(stage):
    stage.market = type("Row", (), {"stream_url": "wss://x", "stream_path": "/nothing"})
    assert "404" in str(stage.follow().error)


def test_a_refused_handshake_says_for_how_long():
    stage = Stage(faults=[PlannedFault(0.0, "handshake-429", seconds=7.0)])
    error = stage.follow("BTCUSDT").error
    assert isinstance(error, HandshakeRefusedError)
    assert (error.status, error.retry_after) == (429, 7.0)
