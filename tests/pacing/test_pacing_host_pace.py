"""A host that fails is asked by one at a time, one that is well by everybody."""

from depthactors.pacing import USUAL, HostPace
from depthactors.pacing.host_pace import PATIENCE


def failing(failures, now=0.0):
    pace = HostPace(USUAL.host_backoff)
    for _ in range(failures):
        pace.sent(now)
        pace.failed(now, 0.999)
    return pace


def test_some_failures_are_nobodys_business_but_the_askers():
    pace = failing(PATIENCE - 1)
    assert pace.left(0.0) == 0.0
    pace.sent(0.0)
    assert pace.left(0.0) == 0.0


def test_waits_grow_to_a_few_seconds():
    pace, now, waits = failing(PATIENCE - 1), 0.0, []
    for _ in range(7):
        pace.sent(now)
        assert pace.failed(now, 0.999)
        waits.append(round(pace.left(now), 1))
        now += pace.left(now)
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]


def test_one_at_a_time_is_asked_for():
    pace = failing(PATIENCE)
    assert pace.left(1.0) == 0.0
    pace.sent(1.0)
    assert pace.left(1.0) == 8.0
    # Should the answer never come, another one is let through.
    assert pace.left(9.0) == 0.0


def test_whatever_comes_opens_it_for_all():
    pace = failing(3 * PATIENCE)
    pace.answered()
    assert pace.left(0.0) == 0.0
    pace.sent(0.0)
    assert pace.left(0.0) == 0.0
