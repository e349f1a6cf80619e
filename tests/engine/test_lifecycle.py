"""Waiting for threads under one deadline, never for oneself."""

import threading
import time

from depthactors.engine.lifecycle import Latch, join
from tests.support import places_in


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


def test_a_latch_is_passed_by_all_once_it_is_set():
    latch = Latch()
    assert not latch.wait(0.01)
    waiting = [threading.Thread(target=latch.wait, args=(20,)) for _ in range(3)]
    for thread in waiting:
        thread.start()
    latch.set()
    latch.set()
    assert join(waiting, time.monotonic() + 10) == []
    assert latch.wait(0)


def test_a_latch_that_is_set_stays_so_wherever_ctrl_c_comes():
    def waiting():
        latch = Latch()
        latch.set()
        return lambda: latch.wait(0), latch

    for latch in places_in(waiting):
        assert latch.wait(0)


def test_join_passes_over_a_thread_that_was_never_started():
    assert join([threading.Thread(target=bool)], time.monotonic() + 10) == []
