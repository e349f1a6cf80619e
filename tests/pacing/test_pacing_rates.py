from hypothesis import given
from hypothesis import strategies as st

from depthactors.pacing import Backoff, RateWindow, RestartIntensity, stagger
from tests.support import table

# Eighths of a second are exact in a float, so that the models may compare with `==`.
TIMES = st.lists(st.integers(0, 8 * 150), max_size=60).map(lambda eighths: [tick / 8 for tick in sorted(eighths)])
UNIFORM = st.floats(0, 1, exclude_max=True)


@given(st.floats(0.01, 10), st.floats(1, 10), st.floats(0.01, 1000), st.integers(1, 10**6), UNIFORM)
def test_backoff_waits_between_half_and_the_whole_of_the_growing_bound(first, factor, cap, tried, uniform):
    wait = Backoff(first, factor, cap).wait(0, tried, uniform)
    try:
        bound = min(cap, first * factor ** (tried - 1))
    except OverflowError:
        bound = cap
    if tried <= 64:
        assert bound / 2 <= wait <= bound
    assert 0 < wait <= cap


def test_backoff_grows_to_the_cap():
    backoff = Backoff(first=1.0, factor=2.0, cap=30.0)
    assert [backoff.wait(0, tried, 0.0) for tried in (1, 2, 3, 4, 5, 6, 7)] == [0.5, 1, 2, 4, 8, 15, 15]


@table(("tried", "over"), [(1, False), (2, False), (3, True), (4, True)])
def test_backoff_gives_up_after_the_last_try(tried, over):
    assert (Backoff(tries=3).wait(tried, 1, 0.5) is None) == over


@given(st.integers(1, 5), st.integers(1, 20), TIMES)
def test_rate_window_against_a_list_of_all_times(count, seconds, times):
    window, taken = RateWindow(count, float(seconds)), []
    for now in times:
        wait = window.take(now)
        recent = [time for time in taken if time > now - seconds]
        if len(recent) < count:
            assert wait == 0.0
            taken.append(now)
        else:
            assert wait == recent[-count] + seconds - now > 0


@given(st.integers(1, 5), st.integers(1, 20), TIMES)
def test_after_the_wait_that_it_returned_the_window_is_open(count, seconds, times):
    window = RateWindow(count, float(seconds))
    for now in times:
        wait = window.take(now)
        if wait:
            assert window.take(now + wait) == 0.0
            return


@given(st.integers(1, 4), st.integers(1, 20), TIMES)
def test_restart_intensity_is_n_restarts_in_t_seconds(restarts, seconds, times):
    intensity, allowed = RestartIntensity(restarts, float(seconds)), []
    for now in times:
        expected = len([time for time in allowed if time > now - seconds]) < restarts
        assert intensity.allows(now) is expected
        if expected:
            allowed.append(now)


def test_an_intensity_of_no_restarts_allows_none():
    assert RestartIntensity(0, 60.0).allows(1.0) is False


@table("count", [2, 3, 5, 8, 13, 100])
def test_staggered_things_keep_apart(count):
    places = sorted(stagger(number) for number in range(count))
    gaps = [after - before for before, after in zip(places, [*places[1:], places[0] + 1.0], strict=True)]
    assert min(gaps) > 0.35 / count
    assert max(gaps) < 2.7 / count
