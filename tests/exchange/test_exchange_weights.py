from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.exchange.limits import Limits
from depthactors.exchange.rest.weights import Charge, WeightCounter

LIMITS = Limits.of(markets.SPOT, {"weight_per_minute": 60, "refusals": 2, "ban": 90.0})


def charge(counter, weight, now, pool="spot"):
    return counter.charge(pool, weight, LIMITS, now)


def test_a_pool_counts_from_zero_in_each_clock_minute():
    counter = WeightCounter()
    assert charge(counter, 50, 120.0) == Charge(50)
    assert charge(counter, 5, 179.9) == Charge(55)
    assert charge(counter, 5, 180.0) == Charge(5)


def test_pools_count_for_themselves():
    counter = WeightCounter()
    charge(counter, 50, 120.0)
    assert charge(counter, 20, 121.0, "futures") == Charge(20)


def test_the_limit_itself_is_allowed_and_one_more_is_refused_to_the_minutes_end():
    counter = WeightCounter()
    assert charge(counter, 60, 130.0) == Charge(60)
    assert charge(counter, 1, 130.0) == Charge(61, 429, 50)


def test_the_patience_for_refusals_begins_anew_each_minute():
    counter = WeightCounter()
    for minute in range(5):
        now = 120.0 + 60.0 * minute
        assert [charge(counter, 60, now).status for _ in range(3)] == [200, 429, 429]


def test_a_ban_holds_into_later_minutes_and_what_is_asked_meanwhile_counts():
    counter = WeightCounter()
    assert [charge(counter, 60, 170.0).status for _ in range(4)] == [200, 429, 429, 418]
    assert charge(counter, 50, 200.0) == Charge(50, 418, 60)
    assert charge(counter, 10, 239.5) == Charge(60, 418, 21)
    assert charge(counter, 1, 260.0) == Charge(1)


@given(st.lists(st.tuples(st.integers(0, 180), st.integers(1, 40)), max_size=80))
def test_any_sequence_of_requests_ends_as_the_rules_say(requests):
    counter = WeightCounter()
    now = 0.0
    used, refusals, bans, minute, banned_until = 0, 0, 0, 0, 0.0
    for pause, weight in requests:
        now += pause / 4
        if now // 60 != minute:
            minute, used, refusals = now // 60, 0, 0
        used += weight
        if now < banned_until:
            status = 418
        elif used <= 60:
            status = 200
        elif refusals < 2:
            status, refusals = 429, refusals + 1
        else:
            status, banned_until, bans, refusals = 418, now + 90.0 * 2**bans, bans + 1, refusals + 1
        result = charge(counter, weight, now)
        assert (result.used, result.status) == (used, status)
        if status == 429:
            assert result.retry_after - 1 < (minute + 1) * 60 - now <= result.retry_after
        if status == 418:
            assert result.retry_after - 1 < banned_until - now <= result.retry_after
