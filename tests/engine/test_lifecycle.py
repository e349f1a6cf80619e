"""Waiting for threads under one deadline, never for oneself."""

import threading
import time

import pytest

from depthactors.dispatcher.life import Life
from depthactors.dispatcher.simulated import SimulatedDispatcher
from depthactors.engine.lifecycle import join


def test_join_names_the_threads_that_did_not_end_and_shares_one_deadline():
    release = threading.Event()
    stuck = [threading.Thread(target=release.wait, args=(20,), daemon=True) for _ in range(3)]
    done = threading.Thread(target=lambda: None)
    for thread in (*stuck, done):
        thread.start()
    begin = time.monotonic()
    assert join([done, *stuck, threading.current_thread()], begin + 0.3) == stuck
    assert time.monotonic() - begin < 2
    release.set()
    assert join(stuck, time.monotonic() + 10) == []


def test_join_passes_over_a_thread_that_was_never_started():
    assert join([threading.Thread(target=bool)], time.monotonic() + 10) == []


def test_a_simulation_is_waited_for_in_its_own_time():
    dispatcher, begun = SimulatedDispatcher(1), time.monotonic()
    ending, never = Life("ends"), Life("never ends")
    with dispatcher.simulation:
        dispatcher.simulation.after(500.0, ending.end)
        assert join([ending, never], 1000.0, clock=dispatcher) == [never]
    assert dispatcher.monotonic() == pytest.approx(1000.0)
    assert time.monotonic() - begun < 5.0
