import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.exchange.limits import Limits
from depthactors.exchange.rest.weights import WeightCounter
from depthactors.pacing import WeightBudget
from tests.support import table

STEP = st.tuples(st.integers(0, 8 * 50), st.integers(1, 120))


def informed(per_minute=1000, share=1.0):
    """A budget that knows that it is alone so far: the first answer said so."""
    budget = WeightBudget(per_minute, share=share)
    budget.observe(0, 10.0, 10.0)
    return budget


@given(st.lists(STEP, max_size=60))
def test_alone_it_is_a_count_for_each_minute(steps):
    budget, allowed = informed(200, 0.5), 100
    wall, used = 10.0, {}
    for eighths, amount in steps:
        wall += eighths / 8
        minute = int(wall // 60)
        before = used.get(minute, 0)
        # The exchange's clock may be half a second behind ours.
        open_from = 60 * minute + 0.5
        wait = budget.take(amount, wall)
        if wall < open_from:
            assert wait == open_from - wall
        elif before and before + amount > allowed:
            # The end of the minute is waited for, to see what others used in it.
            assert wait == (60 * minute + 57 if wall < 60 * minute + 57 else 60 * (minute + 1) + 0.5) - wall > 0
        else:
            assert wait == 0.0
            used[minute] = before + amount
        assert budget.used == used.get(minute, 0)


@given(st.lists(st.integers(1, 250), min_size=1, max_size=80), st.integers(0, 10**9))
def test_a_patient_client_never_goes_beyond_its_share(weights, start):
    budget, wall, spent = informed(6000, 0.97), 60.0 + start, {}
    for weight in weights:
        while wait := budget.take(weight, wall):
            wall += wait
        spent[int(wall // 60)] = spent.get(int(wall // 60), 0) + weight
    assert max(spent.values()) <= 5820
    assert len(spent) <= sum(weights) // (5820 - 250) + 1


@given(st.lists(st.tuples(st.integers(-8 * 60, 8 * 60), st.integers(1, 120)), max_size=80))
def test_no_minute_is_spent_twice_by_a_clock_that_is_set_back(steps):
    budget, wall, peak, spent = informed(200, 0.5), 120.0, 120.0, {}
    budget.observe(0, 130.0, 130.0)
    for eighths, amount in steps:
        peak = max(peak, wall)
        wall = max(peak - 59.0, wall + eighths / 8)
        if budget.take(amount, wall) == 0.0:
            spent.setdefault(int(wall // 60), []).append(amount)
        assert 0.0 <= budget.estimate(amount, wall) <= 300.0
    # The first of a minute may be larger than all of it.
    assert all(len(each) == 1 or sum(each) <= 100 for each in spent.values())


def test_a_clock_that_was_wrong_by_hours_does_not_stop_everything():
    budget = informed()
    assert budget.take(900, 7 * 3600.0 + 30.0) == 0.0
    # What was spent may have been spent in this minute, but not in the next.
    assert 0.0 < budget.take(900, 30.0) <= 60.0
    assert budget.take(900, 90.0) == 0.0


def test_weight_that_others_spent_counts():
    budget = WeightBudget(6000)
    assert budget.take(250, 30.0) == 0.0
    budget.observe(5700, 30.5, 31.0)
    assert (budget.used, budget.take(250, 58.0)) == (5700, 2.5)
    assert budget.take(250, 60.5) == 0.0


def test_the_exchange_is_not_believed_when_it_has_counted_less():
    budget = informed(6000)
    budget.take(5600, 11.0)
    budget.observe(10, 11.5, 12.0)
    assert budget.used == 5600


def test_an_answer_from_before_the_new_minute_is_not_used():
    budget = informed(6000)
    budget.take(5800, 11.0)
    budget.observe(5800, 59.9, 60.1)
    assert budget.used == 0
    assert budget.take(25, 60.5) == 0.0


def test_the_less_urgent_leaves_a_reserve_to_the_urgent():
    budget = informed()
    assert budget.take(890, 11.0, 0.1) == 0.0
    assert budget.take(20, 12.0, 0.1) == 45.0
    assert budget.take(20, 12.0) == 0.0


def test_one_request_that_would_have_to_wait_is_sent_late_in_the_minute():
    budget = informed()
    budget.take(890, 11.0, 0.1)
    assert budget.take(20, 57.0, 0.1) == 0.0
    assert budget.take(20, 57.0, 0.1) == 3.5
    budget = informed()
    budget.take(990, 11.0, 0.1)
    assert budget.take(20, 57.0, 0.1) == 3.5


def test_most_is_left_to_others_before_anything_is_known_of_them():
    budget = WeightBudget(1000)
    assert budget.take(250, 1.0) == 0.0
    assert budget.take(10, 1.0) == 4.0
    assert budget.take(10, 5.0) == 0.0
    budget.observe(260, 5.0, 5.1)
    assert budget.take(600, 61.0) == 0.0, "known from then on"


def test_the_first_half_second_of_a_minute_is_left_to_the_exchanges_clock():
    assert informed().take(1, 60.1) == pytest.approx(0.4)


def test_room_is_left_for_what_others_used_in_the_minute_before():
    budget = informed()
    budget.take(100, 50.0)
    budget.observe(480, 57.0, 57.0)
    budget.take(1, 61.0)
    assert budget.expected_of_others == 400
    assert budget.take(598, 65.0) == 0.0
    assert budget.take(2, 65.0) > 0


def test_where_there_are_others_most_is_left_until_their_pace_in_this_minute_shows():
    budget = informed()
    budget.take(100, 50.0)
    budget.observe(300, 57.0, 57.0)
    assert budget.take(240, 61.0) == 0.0
    assert budget.take(20, 61.0) == 4.0
    budget.observe(300, 65.0, 65.0)
    assert budget.take(20, 65.0) == 0.0
    assert budget.expected_of_others == 720


def test_the_pace_of_others_within_a_minute_is_what_they_are_expected_to_go_on_at():
    budget = informed()
    budget.take(10, 11.0)
    budget.observe(210, 19.0, 20.0)
    assert budget.expected_of_others == 600


def test_however_busy_the_others_are_a_little_is_used():
    budget = informed()
    budget.take(10, 11.0)
    budget.observe(860, 19.0, 20.0)
    assert budget.take(80, 21.0) == 0.0
    assert budget.take(20, 21.0) > 0


def test_others_that_are_gone_are_forgotten_after_a_minute():
    budget = informed()
    budget.take(10, 11.0)
    budget.observe(810, 50.0, 50.0)
    assert budget.expected_of_others == 960
    budget.take(10, 61.0)
    budget.observe(10, 115.0, 115.0)
    assert budget.expected_of_others == 0


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.full if seed else ()) for seed in range(8)])
@table("outside, ahead, round_trip", list(product([0, 600, 2400, 4200], [120, 30], [0.02, 0.15])))
def test_beside_a_steady_outsider_no_request_is_refused_and_the_rest_is_used(outside, ahead, seed, round_trip):
    """The exchange's own counter, an outsider who spends evenly, and a client with endless work, for ten minutes."""
    draws, counter, limits = random.Random(seed), WeightCounter(), Limits.of(markets.SPOT)
    budget, start = WeightBudget(6000), 120 + draws.random() * 60
    lateness = draws.random() * 0.4
    outsiders = [start - ahead + number * 600 / outside for number in range(outside * 14 // 10)]
    wall, ours, refused = start, {}, 0
    while wall < start + 600:
        while outsiders and outsiders[0] <= wall:
            # The exchange's clock is a little behind ours.
            refused += counter.charge("spot", 10, limits, outsiders.pop(0) - lateness).status != 200
        wait = budget.take(25, wall, 0.04)
        if not wait:
            charge = counter.charge("spot", 25, limits, wall - lateness)
            refused += charge.status != 200
            budget.observe(charge.used, wall, wall + round_trip)
            ours[int(wall // 60)] = ours.get(int(wall // 60), 0) + 25
            wait = round_trip
        wall = min(wall + wait, outsiders[0]) if outsiders else wall + wait
    assert refused == 0
    whole = [spent for minute, spent in ours.items() if start < minute * 60 < start + 540]
    # What neither others need, nor the urgent, nor chance; the pace of others is seen in pieces.
    assert min(whole) >= 0.93 * 6000 - outside - 100


def test_the_estimate_is_the_time_that_it_takes():
    for queued in (1, 50, 200, 240, 700, 1000):
        budget, wall = informed(6000, 0.97), 42.0
        budget.take(1000, wall)
        foretold = budget.estimate(25 * queued, wall, 0.04)
        for _ in range(queued):
            while wait := budget.take(25, wall, 0.04):
                wall += wait
        assert foretold == pytest.approx(wall - 42.0)


def test_the_estimate_counts_from_the_end_of_a_ban():
    assert WeightBudget(6000).estimate(25, 10.0, after=90.0) == 90.0
