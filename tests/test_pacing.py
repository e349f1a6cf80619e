import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.pacing import Backoff, RateWindow, RestartIntensity, WeightBudget

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


@pytest.mark.parametrize(("tried", "over"), [(1, False), (2, False), (3, True), (4, True)])
def test_backoff_gives_up_after_so_many_tries(tried, over):
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
def test_after_the_wait_that_was_told_the_window_is_open(count, seconds, times):
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


STEP = st.tuples(
    st.sampled_from(["take", "take", "take", "observe", "silence"]), st.integers(0, 8 * 50), st.integers(1, 120)
)


@given(st.lists(STEP, max_size=60))
def test_weight_budget_against_a_naive_model(steps):
    budget, allowed = WeightBudget(200, share=0.5), 100
    wall, used, silent_until = 0.0, {}, 0.0
    for kind, eighths, amount in steps:
        wall += eighths / 8
        minute = int(wall // 60)
        if kind == "observe":
            budget.observe(amount, wall)
            used[minute] = max(used.get(minute, 0), amount)
        elif kind == "silence":
            budget.silence(float(amount), wall)
            silent_until = max(silent_until, wall + amount)
        else:
            before = used.get(minute, 0)
            wait = budget.take(amount, wall)
            if wall < silent_until:
                assert wait == silent_until - wall
            elif before and before + amount > allowed:
                assert wait == 60 * (minute + 1) - wall > 0
            else:
                assert wait == 0.0
                used[minute] = before + amount
        assert kind == "silence" or wall < silent_until or budget.used == used.get(minute, 0)


@given(st.lists(st.integers(1, 250), min_size=1, max_size=80), st.integers(0, 10**9))
def test_a_patient_client_never_goes_beyond_its_share(weights, start):
    budget, wall, spent = WeightBudget(6000), float(start), {}
    for weight in weights:
        while wait := budget.take(weight, wall):
            wall += wait
        spent[int(wall // 60)] = spent.get(int(wall // 60), 0) + weight
    assert max(spent.values()) <= 5700
    assert len(spent) <= sum(weights) // (5700 - 250) + 1


def test_weight_that_others_spent_counts():
    budget = WeightBudget(6000)
    assert budget.take(250, 30.0) == 0.0
    budget.observe(5600, 31.0)
    assert (budget.used, budget.take(250, 32.0)) == (5600, 28.0)
    assert budget.take(250, 60.0) == 0.0


def test_the_exchange_is_not_believed_when_it_has_counted_less():
    budget = WeightBudget(6000)
    budget.take(5600, 1.0)
    budget.observe(10, 2.0)
    assert budget.used == 5600


def test_silence_outlasts_the_minute_and_a_shorter_one():
    budget = WeightBudget(6000)
    budget.silence(120.0, 30.0)
    budget.silence(5.0, 31.0)
    assert budget.take(5, 61.0) == 89.0
    assert budget.take(5, 150.0) == 0.0
