"""The timers of a book: when it is refreshed, and when its stream or its snapshot is checked."""

import random
from itertools import pairwise
from types import SimpleNamespace

import pytest

from depthactors.actors.book_timers import AheadCheckDue, BookTimers, DoubtCheckDue
from depthactors.pacing import Timing
from depthactors.sync import Counters, Priority, RequestSnapshot, SnapshotRefused
from tests.actors.actor_support import spec

REQUEST = (RequestSnapshot(1, Priority.REFRESH),)
LET_GO = (SnapshotRefused(None),)
LIMIT = Timing().quiet_limit


class Scene:
    """Timers that are due one after the other, without a clock, and a state machine that agrees with everything."""

    def __init__(self, refresh_interval=None):
        self.now = 0.0
        self.set = []
        self.mailbox = SimpleNamespace(after=self._after, waiting_frames=0, now=lambda: self.now, random=random.random)
        self.sync = SimpleNamespace(
            epoch=1,
            counters=Counters(),
            held=1,
            doubted=False,
            in_sequence=True,
            refresh=lambda: REQUEST,
            overdue=lambda: LET_GO,
        )
        cell = SimpleNamespace(timing=Timing(), spec=spec(refresh_interval=refresh_interval))
        self.timers = BookTimers(cell, self.sync, self.mailbox)

    def _after(self, seconds, timer):
        self.set.append((self.now + seconds, timer))

    def pass_next(self):
        """Let time pass until the next timer is due; return what is to be done."""
        self.set.sort(key=lambda each: each[0])
        self.now, timer = self.set.pop(0)
        return self.timers.due(timer)

    def requests_until(self, end):
        """Return the times until `end` at which a snapshot is requested."""
        times = []
        while self.now < end:
            if self.pass_next() == REQUEST:
                times.append(self.now)
        return times


def test_a_stream_that_stays_silent_is_checked_ever_more_seldom():
    scene = Scene()
    scene.timers.watch_connection()
    times = scene.requests_until(100 * LIMIT)
    pauses = [second - first for first, second in pairwise(times)]
    assert LIMIT <= times[0] <= 2 * LIMIT
    assert pauses == sorted(pauses)
    assert pauses[3] > 4 * pauses[0]


def test_a_silent_stream_is_checked_no_more_seldom_than_the_book_is_refreshed():
    scene = Scene(refresh_interval=3 * LIMIT)
    scene.timers.watch_connection()
    times = scene.requests_until(100 * LIMIT)
    assert len(times) > 15
    assert all(second - first < 6 * LIMIT for first, second in pairwise(times))


@pytest.mark.parametrize("anew", ["watch_connection", "watch_stream"])
def test_a_stream_that_is_new_is_checked_as_soon_as_the_first_one(anew):
    scene = Scene()
    scene.timers.watch_connection()
    scene.requests_until(50 * LIMIT)
    begun = scene.now
    scene.sync.epoch = 2
    getattr(scene.timers, anew)()
    assert scene.requests_until(begun + 3 * LIMIT)[0] - begun <= 2 * LIMIT


def test_a_stream_that_brings_diffs_or_has_no_book_is_not_checked():
    scene = Scene()
    scene.timers.watch_connection()
    scene.timers.watch_connection()
    assert len(scene.set) == 1, "it is the same connection"
    while scene.now < 20 * LIMIT:
        scene.sync.counters.diffs += 1
        assert scene.pass_next() == ()
    scene.sync.in_sequence = False
    assert scene.requests_until(40 * LIMIT) == []
    begun, scene.sync.in_sequence = scene.now, True
    assert scene.requests_until(50 * LIMIT)[0] - begun >= LIMIT, "silence counts from when there is a book"


def test_a_book_is_refreshed_at_its_interval_and_not_at_the_same_moment_as_others():
    scene = Scene(refresh_interval=100.0)
    scene.timers.set_refresh()
    times = [0.0, *scene.requests_until(10_000.0)]
    pauses = [second - first for first, second in pairwise(times)]
    assert all(80.0 <= pause <= 100.0 for pause in pauses)
    assert max(pauses) - min(pauses) > 5.0


def test_a_shorter_interval_replaces_the_timer_and_none_sets_none():
    scene = Scene(refresh_interval=100.0)
    scene.timers.set_refresh()
    scene.timers.shorten_refresh(50.0)
    (_, former), (_, latter) = scene.set
    assert (scene.timers.due(former), scene.timers.due(latter)) == ((), REQUEST)
    scene = Scene()
    scene.timers.set_refresh()
    assert scene.set == []


def test_a_snapshot_that_the_stream_does_not_reach_is_let_go():
    scene = Scene()
    scene.timers.set_ahead_check()
    assert scene.set == [(Timing().ahead_deadline, AheadCheckDue(1))]
    scene.mailbox.waiting_frames = 1
    assert scene.pass_next() == (), "the stream may be there already"
    scene.mailbox.waiting_frames = 0
    assert scene.pass_next() == LET_GO
    scene.timers.set_ahead_check()
    scene.sync.held = 2
    assert scene.pass_next() == (), "it is another snapshot"


def test_a_doubted_book_is_checked_once_for_each_connection():
    scene = Scene()
    scene.timers.set_doubt_check()
    assert scene.set == [], "it is not doubted"
    scene.sync.doubted = True
    scene.timers.set_doubt_check()
    scene.timers.set_doubt_check()
    assert scene.set == [(Timing().ahead_deadline, DoubtCheckDue(1))]
    assert scene.pass_next() == REQUEST
    scene.sync.doubted = False
    assert scene.timers.due(DoubtCheckDue(1)) == ()
    scene.sync.doubted, scene.sync.epoch = True, 2
    assert scene.timers.due(DoubtCheckDue(1)) == ()
    scene.timers.set_doubt_check()
    assert scene.pass_next() == REQUEST
