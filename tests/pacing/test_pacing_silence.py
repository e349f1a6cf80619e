"""How long a stream may bring nothing until it is asked about."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from depthactors.pacing import SilenceWatch
from tests.support import table

HOUR = 3600.0


class Stream:
    """A watched stream, on a clock of its own."""

    def __init__(self, longest=1800.0):
        self.watch, self.now, self.diffs = SilenceWatch(15.0, longest), 1000.0, 5
        self.watch.begin(self.diffs, self.now)

    def run(self, seconds, rate=0.0):
        """Let it bring `rate` diffs a second; returns when it was asked about, in seconds from now."""
        begun, asked, brought = self.now, [], 0.0
        while self.now < begun + seconds:
            self.now += self.watch.pause
            brought += rate * self.watch.pause
            self.diffs, brought = self.diffs + int(brought), brought % 1
            if self.watch.look(self.diffs, self.now):
                self.watch.asked(self.now)
                asked.append(self.now - begun)
        return asked


def test_a_silent_stream_is_checked_after_the_limit_and_one_look_more_at_most():
    stream = Stream()
    stream.run(60, rate=5)
    assert 15.0 <= stream.run(30)[0] <= 22.5


def test_a_stream_with_more_frequent_refreshes_is_given_no_longer_than_their_interval():
    stream = Stream()
    stream.run(4 * HOUR)
    stream.watch.shorten(60.0)
    asked = stream.run(HOUR)
    assert asked[0] <= 90.0
    assert all(60.0 <= later - earlier <= 90.0 for earlier, later in pairwise(asked))
    stream.watch.shorten(1.0)
    assert all(15.0 <= later - earlier <= 22.5 for earlier, later in pairwise(stream.run(HOUR)))


def test_a_quiet_stream_is_checked_more_and_more_rarely_up_to_the_longest_time():
    asked = Stream(longest=1800.0).run(12 * HOUR)
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 1800.0
    assert len(asked) <= 12 * 2 + 7


def test_after_a_quiet_night_a_busy_stream_is_watched_as_closely_as_ever():
    stream = Stream()
    stream.run(12 * HOUR)
    stream.run(HOUR, rate=2)
    assert stream.run(60)[0] <= 22.5


@table("every", [30, 60, 600])
def test_a_stream_with_rare_diffs_costs_few_checks(every):
    stream = Stream()
    assert len(stream.run(6 * HOUR, rate=1 / every)) <= 10


def test_a_new_stream_has_a_new_start():
    stream = Stream()
    stream.run(12 * HOUR)
    stream.watch.begin(stream.diffs, stream.now)
    assert stream.run(60)[0] <= 22.5


@given(st.lists(st.tuples(st.floats(0.01, 100.0), st.integers(0, 50)), max_size=80))
def test_a_check_comes_never_before_the_shortest_time_nor_after_the_longest(steps):
    watch, now, diffs, last = SilenceWatch(15.0, 120.0), 0.0, 0, 0.0
    for seconds, news in steps:
        now, diffs = now + seconds, diffs + news
        if watch.look(diffs, now):
            assert not news
            assert now - last >= 15.0
            watch.asked(now)
            last = now
        elif news:
            last = now
        else:
            assert now - last < 120.0
        assert 7.5 <= watch.pause <= 60.0
