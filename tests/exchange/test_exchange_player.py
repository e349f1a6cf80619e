import threading
import time

import pytest

from depthactors.errors import DepthActorsError, RecordingError
from depthactors.exchange.player import Player


class Script:
    """A feed of given due times whose events are its name and a number."""

    is_recording = True

    def __init__(self, symbol, dues, *, speed=None, fails_at=None, error=None):
        self.symbol, self.speed = symbol, speed
        self._dues, self._done = dues, 0
        self._fails_at, self._error = fails_at, error

    def due(self):
        return self._dues[self._done] if self._done < len(self._dues) else None

    def step(self):
        if self._done == self._fails_at:
            raise self._error
        self._done += 1
        return None if self._dues[self._done - 1] == 0.25 else f"{self.symbol}{self._done}".encode()


class Audience:
    def __init__(self):
        self.calls = []
        self.room = threading.Event()
        self.room.set()
        self.published = threading.Condition()

    def wait_for_room(self, _feed):
        self.room.wait(10)

    def publish(self, _feed, payload):
        with self.published:
            self.calls.append(payload.decode())
            self.published.notify_all()

    def wait_calls(self, count):
        with self.published:
            assert self.published.wait_for(lambda: len(self.calls) >= count, 10)


@pytest.fixture
def audience():
    return Audience()


@pytest.fixture
def player(audience):
    player = Player(audience)
    player.start()
    yield player
    audience.room.set()
    player.stop()
    assert player.join(5)


def test_feeds_without_speed_are_interleaved_by_recorded_time(player, audience):
    player.play([Script("a", [0, 1, 5]), Script("b", [0, 2, 3])])
    assert player.wait_recordings(10)
    assert audience.calls == ["a1", "b1", "a2", "b2", "b3", "a3"]


def test_late_feed_starts_at_the_recorded_time_of_the_others(player, audience):
    audience.room.clear()
    first, second = Script("a", [0, 10, 20, 30]), Script("b", [0, 15])
    player.play([first])
    player.play([second])
    audience.room.set()
    assert player.wait_recordings(10)
    assert [call for call in audience.calls if call[0] == "a"] == ["a1", "a2", "a3", "a4"]
    assert audience.calls.index("b1") < audience.calls.index("a2")


def test_feed_with_speed_waits_for_its_time(player, audience):
    begin = time.monotonic()
    player.play([Script("a", [0, 1.0], speed=20.0)])
    assert player.wait_recordings(10)
    assert time.monotonic() - begin >= 0.05
    assert audience.calls == ["a1", "a2"]


def test_feed_that_is_late_leaves_nothing_out(player, audience):
    audience.room.clear()
    player.play([Script("a", [0, 0.1, 0.2], speed=100.0)])
    audience.room.set()
    assert player.wait_recordings(10)
    assert audience.calls == ["a1", "a2", "a3"]


def test_a_feed_starts_once(player, audience):
    feed = Script("a", [0, 1])
    player.play([feed])
    player.play([feed])
    assert player.wait_recordings(10)
    player.play([feed])
    assert player.wait_recordings(10)
    assert audience.calls == ["a1", "a2"]


def test_steps_without_an_event_publish_nothing(player, audience):
    player.play([Script("a", [0, 0.25, 0.5])])
    assert player.wait_recordings(10)
    assert audience.calls == ["a1", "a3"]


def test_receive_times_that_step_back_keep_the_order(player, audience):
    player.play([Script("a", [0, 9, 1]), Script("b", [0, 5, 12])])
    assert player.wait_recordings(10)
    assert audience.calls == ["a1", "b1", "b2", "a2", "a3", "b3"]


def test_nothing_started_is_not_finished(player):
    assert not player.wait_recordings(0.0)


def test_broken_feed_is_told_and_does_not_end_the_others(player, audience):
    error = RecordingError("x.gz", 3, "expected a depth event, was not")
    player.play([Script("a", [0, 1, 2], fails_at=1, error=error), Script("b", [0, 1, 2])])
    audience.wait_calls(4)
    assert audience.calls == ["a1", "b1", "b2", "b3"]
    with pytest.raises(RecordingError, match=r"x\.gz:3"):
        player.wait_recordings(10)


def test_unforeseen_error_is_told_too(player):
    player.play([Script("a", [0], fails_at=0, error=ZeroDivisionError("oh"))])
    with pytest.raises(DepthActorsError, match="feed of a failed: ZeroDivisionError"):
        player.wait_recordings(10)


def test_join_before_start():
    assert Player(Audience()).join(0)
