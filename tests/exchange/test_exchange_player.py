import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.errors import DepthActorsError, RecordingError
from depthactors.exchange.feeds.depth_event import Step
from depthactors.exchange.feeds.player import Player
from tests.support import SetClock

LONG = 5.0


class Script:
    """A feed of given due times whose steps are its name and a number."""

    def __init__(self, symbol, dues, *, speed=None, is_recording=True, fails_at=None, error=None):
        self.symbol, self.speed, self.is_recording = symbol, speed, is_recording
        self.dues, self.done = dues, 0
        self.fails_at, self.error = fails_at, error
        self.tickers = []

    def due(self):
        return self.dues[self.done] if self.done < len(self.dues) else None

    def step(self, *, tickers):
        self.tickers.append(tickers)
        if self.done == self.fails_at:
            raise self.error
        self.done += 1
        return Step(self.done, None)


class Flow(Script):
    """A feed that never ends, a step a second."""

    def __init__(self, symbol="flow", speed=1.0):
        super().__init__(symbol, [], speed=speed, is_recording=False)

    def due(self):
        return float(self.done + 1)


class Audience:
    """Keeps what is published, by feed and number."""

    def __init__(self):
        self.calls, self.waited, self.wanted, self.paces, self.left = [], [], set(), {}, []
        self.room = threading.Event()
        self.room.set()
        self.clock = None
        self.changed = threading.Condition()

    def wait_for_room(self, feed):
        self.waited.append(feed.symbol)
        assert self.room.wait(LONG)

    def wants_tickers(self, feed):
        return feed.symbol in self.wanted

    def release(self):
        return None

    def cut(self, feed):
        self.left.append(feed.symbol)

    def pace(self, feed):
        return self.paces.get(feed.symbol, 1.0)

    def publish(self, feed, step):
        with self.changed:
            self.calls.append((f"{feed.symbol}{step.number}", self.clock.now if self.clock else None))
            self.changed.notify_all()

    def names(self):
        return [name for name, _ in self.calls]

    def wait_calls(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.calls) >= count, LONG)


class Clock(SetClock):
    """A clock that jumps to what the player waits for, so that a run of hours takes no time."""

    def __init__(self):
        super().__init__(1_000.0)
        self.waits = []

    def attach(self, player):
        """Let the waits of the player's thread pass at once; those without an end stay real."""
        condition = player._changed
        wait = condition.wait

        def pass_time(timeout=None):
            if timeout is None or threading.current_thread() is not player._thread:
                return wait(timeout)
            self.waits.append(timeout)
            # A little late, as real timers are.
            self.now += timeout + 1e-6
            return False

        condition.wait = pass_time


@pytest.fixture
def audience():
    return Audience()


@pytest.fixture
def make(audience):
    """Make players that are stopped at the end of the test."""
    players = []

    def make(clock=None):
        player = Player(audience, clock) if clock else Player(audience)
        if clock:
            audience.clock = clock
            clock.attach(player)
        players.append(player)
        player.start()
        return player

    yield make
    audience.room.set()
    for player in players:
        player.stop()
        assert player.join(LONG)


@pytest.fixture
def player(make):
    return make()


def test_feeds_without_speed_are_interleaved_by_their_recorded_time(player, audience):
    player.play([Script("a", [0, 1, 5]), Script("b", [0, 2, 3])])
    assert player.wait_recordings(LONG)
    assert audience.names() == ["a1", "b1", "a2", "b2", "b3", "a3"]


def test_a_late_feed_starts_at_the_recorded_time_of_the_others(player, audience):
    audience.room.clear()
    player.play([Script("a", [0, 10, 20, 30])])
    player.play([Script("b", [0, 15])])
    audience.room.set()
    assert player.wait_recordings(LONG)
    assert [name for name in audience.names() if name[0] == "a"] == ["a1", "a2", "a3", "a4"]
    assert audience.names().index("b1") < audience.names().index("a2")


def test_a_feed_without_speed_waits_for_its_audience_and_one_by_the_clock_does_not(player, audience):
    audience.room.clear()
    player.play([Script("timed", [0, 0, 0], speed=1.0)])
    assert player.wait_recordings(LONG)
    assert (audience.names(), audience.waited) == (["timed1", "timed2", "timed3"], [])
    player.play([Script("a", [0, 1])])
    assert not player.wait_recordings(0.02)
    audience.room.set()
    assert player.wait_recordings(LONG)
    assert audience.waited == ["a", "a"]


@pytest.mark.parametrize("speed", [1.0, 20.0, 0.5])
def test_a_feed_by_the_clock_keeps_its_times(make, audience, speed):
    clock = Clock()
    player = make(clock)
    dues = [0.0, 10.0, 10.5, 3_600.0]
    player.play([Script("a", dues, speed=speed)])
    assert player.wait_recordings(LONG)
    assert audience.names() == ["a1", "a2", "a3", "a4"]
    for due, (_, at) in zip(dues, audience.calls, strict=True):
        assert 0 <= at - 1_000.0 - due / speed < 0.001


def test_feeds_that_are_played_together_start_at_the_same_instant(make, audience):
    clock = Clock()
    player = make(clock)
    player.play([Script("a", [1, 3], speed=1.0), Script("b", [2, 4], speed=1.0)])
    assert player.wait_recordings(LONG)
    assert audience.names() == ["a1", "b1", "a2", "b2"]


def test_a_clock_that_the_machine_cannot_follow_is_followed_late_and_nothing_is_left_out(make, audience):
    clock = Clock()
    player = make(clock)
    begun, go = threading.Event(), threading.Event()

    class Slow(Script):
        def step(self, *, tickers):
            if not self.done:
                begun.set()
                assert go.wait(LONG)
            return super().step(tickers=tickers)

    player.play([Slow("a", [0, 0.1, 0.2, 50.0], speed=1.0)])
    assert begun.wait(LONG)
    clock.now += 30.0
    go.set()
    assert player.wait_recordings(LONG)
    assert audience.names() == ["a1", "a2", "a3", "a4"]
    # The late steps follow at once; the last one comes at its own time again.
    assert [round(at - 1_000.0, 3) for _, at in audience.calls] == [30.0, 30.0, 30.0, 50.0]


def test_a_feed_that_is_to_hurry_saves_time_for_good_and_no_other_feed_does(make, audience):
    clock = Clock()
    player = make(clock)
    audience.paces = {"a": 10.0}
    player.play([Script("a", [0, 10, 20, 40], speed=2.0), Script("b", [0, 10, 20], speed=2.0)])
    assert player.wait_recordings(LONG)
    times = {name: round(at - 1_000.0, 3) for name, at in audience.calls}
    assert [times[name] for name in ("a1", "a2", "a3", "a4")] == [0.0, 0.5, 1.0, 2.0]
    assert [times[name] for name in ("b1", "b2", "b3")] == [0.0, 5.0, 10.0]


def test_a_feed_starts_once(player, audience):
    feed = Script("a", [0, 1])
    for _ in range(3):
        player.play([feed, feed])
        assert player.wait_recordings(LONG)
    assert audience.names() == ["a1", "a2"]


def test_a_feed_without_a_step_is_over_at_once(player, audience):
    player.play([Script("a", [])])
    assert player.wait_recordings(LONG)
    assert audience.names() == []


def test_tickers_are_made_for_feeds_with_a_listener_for_tickers(player, audience):
    audience.wanted = {"b"}
    first, second = Script("a", [0, 1]), Script("b", [0, 1])
    player.play([first, second])
    assert player.wait_recordings(LONG)
    assert (first.tickers, second.tickers) == ([False, False], [True, True])


def test_receive_times_that_step_back_keep_the_order(player, audience):
    player.play([Script("a", [0, 9, 1]), Script("b", [0, 5, 12])])
    assert player.wait_recordings(LONG)
    assert audience.names() == ["a1", "b1", "b2", "a2", "a3", "b3"]


def test_nothing_started_is_not_finished(player):
    assert not player.wait_recordings(0.0)


def test_feeds_that_never_end_are_not_waited_for(player):
    player.play([Flow()])
    assert not player.wait_recordings(0.0)
    player.play([Script("a", [0])])
    assert player.wait_recordings(LONG)


def test_a_broken_feed_is_reported_and_does_not_end_the_others(player, audience):
    error = RecordingError("x.gz", 3, "expected a depth event, was not")
    player.play([Script("a", [0, 1, 2], fails_at=1, error=error), Script("b", [0, 1, 2])])
    audience.wait_calls(4)
    assert audience.names() == ["a1", "b1", "b2", "b3"]
    with pytest.raises(RecordingError, match=r"x\.gz:3"):
        player.wait_recordings(LONG)
    assert audience.left == ["a"], "its clients are not left with a book that nothing changes any more"


def test_an_unforeseen_error_is_reported_too_with_its_symbol(player):
    player.play([Script("a", [0], fails_at=0, error=ZeroDivisionError("oh"))])
    with pytest.raises(DepthActorsError, match="the feed of a failed: ZeroDivisionError"):
        player.wait_recordings(LONG)


def test_the_first_failure_is_the_one_that_is_reported(player, audience):
    player.play([Script("a", [0, 2], fails_at=0, error=KeyError("first"))])
    with pytest.raises(DepthActorsError, match="first"):
        player.wait_recordings(LONG)
    player.play([Script("b", [0], fails_at=0, error=KeyError("second")), Script("c", [1])])
    audience.wait_calls(1)
    with pytest.raises(DepthActorsError, match="first"):
        player.wait_recordings(LONG)


def test_stop_ends_it_in_the_middle_of_a_wait_and_of_a_stream(make, audience):
    waiting = make()
    waiting.play([Script("a", [1e6], speed=1.0)])
    busy = make()
    busy.play([Script("b", range(10**9))])
    audience.wait_calls(100)
    for player in (waiting, busy):
        player.stop()
        player.stop()
        assert player.join(LONG)


def test_a_player_that_never_started_can_be_stopped_and_joined():
    player = Player(Audience())
    player.stop()
    assert player.join(0.0)


@given(
    st.lists(st.lists(st.integers(0, 10_000), min_size=1, max_size=15).map(sorted), min_size=1, max_size=4),
    st.none() | st.sampled_from([1.0, 7.0]),
)
def test_every_step_is_published_once_in_order_of_its_time(feeds, speed):
    audience, clock = Audience(), Clock()
    player = Player(audience, clock)
    clock.attach(player)
    audience.clock = clock
    player.play([Script("abcd"[number], dues, speed=speed) for number, dues in enumerate(feeds)])
    player.start()
    try:
        assert player.wait_recordings(LONG)
    finally:
        player.stop()
        assert player.join(LONG)
    expected = sorted((due, number, step) for number, dues in enumerate(feeds) for step, due in enumerate(dues, 1))
    assert audience.names() == [f"{'abcd'[number]}{step}" for _, number, step in expected]
