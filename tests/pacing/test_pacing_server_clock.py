import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.pacing import ServerClock


def test_a_right_clock_is_not_corrected():
    clock = ServerClock()
    for now in (100.0, 100.9, 101.05):
        clock.observe(float(int(now)), now - 0.04, now)
    assert clock.offset == 0.0


@given(st.floats(-3600, 3600), st.lists(st.floats(0, 59), min_size=30, max_size=40), st.floats(0.001, 0.3))
def test_a_wrong_clock_is_corrected_to_within_the_bounds_of_what_is_known(error, times, round_trip):
    clock = ServerClock()
    for time in sorted(times):
        clock.observe(float(int(time + round_trip / 2)), time + error, time + error + round_trip)
    # The exchange's time is ours plus the offset, to a second at the worst.
    assert -error - 1.0 - round_trip <= clock.offset <= -error + 1.0 + round_trip


def test_many_answers_bound_the_offset_closely():
    clock = ServerClock()
    for tick in range(100):
        time = tick * 0.123
        clock.observe(float(int(time)), time + 7.3, time + 7.31)
    assert clock.offset == pytest.approx(-7.3, abs=0.15)


def test_a_clock_that_was_set_is_measured_again():
    clock = ServerClock()
    clock.observe(100.0, 100.4, 100.5)
    clock.observe(200.0, 260.4, 260.5)
    assert -61 < clock.offset < -59
    clock.observe(300.0, 300.4, 300.5)
    assert clock.offset == 0.0
