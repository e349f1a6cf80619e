"""Whether there was time for an answer in spite of what held it up."""

import pytest

from tests.sim.disturbances import ENOUGH, Disturbances


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def disturbances(clock, *times):
    made = Disturbances(clock)
    for clock.now, seconds in times:
        made.add(seconds)
    return made


@pytest.mark.parametrize(
    # Disturbed from 10 to 13 s, and from 12 to 15 s.
    ("begun", "now", "had_time"),
    [
        (10.0, 15.0 + ENOUGH - 0.1, False),
        (10.0, 15.0 + ENOUGH, True),
        (10.0 - ENOUGH, 14.0, True),
        (10.0 - ENOUGH / 2, 15.0, False),
        (15.0, 15.0, False),
        (20.0, 20.0 + ENOUGH - 0.1, False),
        (20.0, 20.0 + ENOUGH, True),
    ],
)
def test_there_was_time_if_nothing_disturbed_for_long_enough(begun, now, had_time):
    clock = Clock()
    disturbed = disturbances(clock, (10.0, 3.0), (12.0, 3.0))
    clock.now = now
    assert disturbed.had_time(begun) is had_time


def test_two_kinds_of_disturbances_can_leave_no_time_together():
    clock = Clock()
    disturbed, asleep = disturbances(clock, (10.0, 3.0)), disturbances(clock, (13.5, 3.0))
    clock.now = 13.0 + ENOUGH
    assert disturbed.had_time(10.0)
    assert not disturbed.had_time(10.0, asleep)
