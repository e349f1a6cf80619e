from hypothesis import given
from hypothesis import strategies as st

from depthactors.pacing import Backoff, Reconnects
from tests.support import table

PLAIN = Backoff(first=1.0, factor=2.0, cap=30.0)


def waits(ends, backoff=PLAIN):
    """Waits after connections that lasted so long, `None` for one that never served; each as long as it may be."""
    reconnects = Reconnects(backoff)
    return [reconnects.wait(lasted, 1.0) for lasted in ends]


def test_failed_tries_wait_ever_longer():
    assert waits([None] * 7) == [1, 2, 4, 8, 16, 30, 30]


def test_a_lasting_connection_is_replaced_soon_however_often():
    assert waits([60.0] * 4) == [1, 1, 1, 1]


def test_a_connection_that_is_cut_repeatedly_is_opened_more_slowly_but_within_five_seconds():
    assert waits([0.1] * 6) == [1, 2, 4, 5, 5, 5]


def test_earlier_short_lives_do_not_make_a_failed_try_wait_longer():
    assert waits([0.1, 0.1, 0.1, None, None]) == [1, 2, 4, 1, 2]


@table("tries", [1, 3])
def test_tries_are_used_up_by_failures_alone(tries):
    backoff = Backoff(first=1.0, tries=tries)
    assert None not in waits([0.1] * 10, backoff)
    assert waits([None] * tries, backoff)[-1] is None
    assert None not in waits([*[None] * (tries - 1), 0.1, *[None] * (tries - 1)], backoff)


def test_a_connection_that_serves_ends_the_count_of_failures():
    reconnects = Reconnects(Backoff(tries=2))
    assert reconnects.wait(None, 0.5) is not None
    assert reconnects.failures == 1
    reconnects.served()
    assert reconnects.wait(None, 0.5) is not None
    assert reconnects.wait(None, 0.5) is None


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=40), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_nothing_and_never_beyond_the_cap(ends, uniform):
    reconnects = Reconnects(PLAIN)
    for lasted in ends:
        wait = reconnects.wait(lasted, uniform)
        assert 0.5 <= wait <= (30.0 if lasted is None else 5.0)
