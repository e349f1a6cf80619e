"""A gate opens for all threads that wait, and no signal handler finds it locked."""

import sys
import threading

import pytest

from depthactors.dispatcher.gate import Gate
from tests.support import PATIENCE, places_in, until


@pytest.fixture
def gate():
    return Gate()


def test_it_opens_and_shuts(gate):
    assert (gate.is_set(), gate.wait(0.0), gate.wait(-1.0)) == (False, False, False)
    gate.set()
    gate.set()
    assert (gate.is_set(), gate.wait(0.0), gate.wait(float("inf"))) == (True, True, True)
    gate.clear()
    assert (gate.is_set(), gate.wait(0.01)) == (False, False)


def test_all_waiting_threads_pass_even_if_it_shuts_at_once(gate):
    passed = []
    threads = [threading.Thread(target=lambda: passed.append(gate.wait(PATIENCE))) for _ in range(5)]
    for thread in threads:
        thread.start()
    until(lambda: len(gate._waiting) == 5)
    gate.set()
    gate.clear()
    for thread in threads:
        thread.join(PATIENCE)
    assert (passed, len(gate._waiting)) == ([True] * 5, 0)


@pytest.mark.parametrize("opens_at", [0, 2, 4, None])
def test_a_signal_handler_may_come_anywhere_in_a_wait(gate, opens_at):
    stuck, entered = [], []

    def interrupt(_frame, _event, _argument):
        # What another thread has to say meanwhile is said, however long the handler runs.
        other = threading.Thread(target=gate.set if len(entered) == opens_at else gate.is_set)
        other.start()
        other.join(PATIENCE)
        stuck.append(other.is_alive())
        entered.append(gate.wait(0.0))
        return interrupt

    before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        passed = gate.wait(0.0)
    finally:
        sys.settrace(before)
    assert passed is (opens_at is not None)
    assert len(entered) > 3
    assert (any(entered), any(stuck)) == (opens_at is not None, False)


def test_a_thread_passes_at_the_second_opening_wherever_ctrl_c_came_in_the_first():
    def opening():
        gate, passed = Gate(), []
        thread = threading.Thread(target=lambda: passed.append(gate.wait(PATIENCE)))
        thread.start()
        until(lambda: gate._waiting)
        return gate.set, (gate, thread, passed)

    for gate, thread, passed in places_in(opening):
        gate.set()
        thread.join(PATIENCE)
        assert passed == [True]


def test_it_does_not_keep_threads_that_wait_no_longer(gate):
    for _ in range(3):
        assert not gate.wait(0.001)
    assert len(gate._waiting) == 0
