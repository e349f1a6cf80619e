"""A host that fails is asked by one at a time, one that is well by everybody."""

from depthactors.pacing import USUAL, HostPace
from depthactors.pacing.host_pace import PATIENCE


def failing(failures, now=0.0):
    pace = HostPace(USUAL.host_backoff)
    for _ in range(failures):
        pace.sent(now)
        pace.failed(now, 0.999)
    return pace


def test_a_few_failures_do_not_close_the_host_for_others():
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


def test_one_request_at_a_time_is_sent_to_a_failing_host():
    pace = failing(PATIENCE)
    assert pace.left(1.0) == 0.0
    pace.sent(1.0)
    assert pace.left(1.0) == 8.0
    # Should the answer never come, another one is let through.
    assert pace.left(9.0) == 0.0


def test_any_answer_opens_the_host_for_all():
    pace = failing(3 * PATIENCE)
    pace.answered()
    assert pace.left(0.0) == 0.0
    pace.sent(0.0)
    assert pace.left(0.0) == 0.0
