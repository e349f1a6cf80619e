"""When the silence of a worker process is its death."""

import pytest

from depthactors.pacing import Timing
from depthactors.shards.signs_of_life import SignsOfLife

TIMING = Timing(worker_look=0.5, worker_silence=5.0)


@pytest.fixture
def signs():
    return SignsOfLife(TIMING, 0.0)


def look(signs, begin, end):
    """Look each half second from one time to another; return the first fatal silence and its time."""
    for step in range(round((end - begin) / 0.5)):
        now = begin + 0.5 * (step + 1)
        if (silence := signs.fatal_silence(now)) is not None:
            return silence, now
    return None


def test_the_first_sign_may_take_long_and_the_next_ones_may_not(signs):
    assert look(signs, 0.0, 30.0) is None
    signs.note(30.0)
    assert look(signs, 30.0, 35.0) is None
    assert look(signs, 35.0, 36.0) == (5.5, 35.5)


def test_a_process_that_never_gives_a_sign_is_dead_in_the_end(signs):
    assert look(signs, 0.0, 40.0) == (30.5, 30.5)
    assert not signs.is_heard


def test_the_first_sign_is_late_long_before_the_process_counts_as_dead(signs):
    assert (signs.late_start(10.0), signs.late_start(10.5)) == (None, 10.5)
    signs.note(11.0)
    assert signs.late_start(30.0) is None


def test_each_sign_counts_anew(signs):
    for second in range(60):
        signs.note(float(second))
        assert look(signs, float(second), second + 1.0) is None
    assert signs.is_heard


def test_silence_while_this_process_was_stopped_does_not_count(signs):
    signs.note(0.0)
    assert signs.fatal_silence(0.5) is None
    assert signs.fatal_silence(1000.0) is None
    assert look(signs, 1000.0, 1010.0) == (5.5, 1004.5)


def test_silence_while_the_receiving_thread_is_busy_does_not_count(signs):
    signs.note(0.0)
    signs.begin_message(0.2)
    assert look(signs, 0.0, 100.0) is None
    signs.end_message()
    assert look(signs, 100.0, 110.0) == (5.5, 105.5)
