"""A pinned lane: one thread, calls in the order in which turns were asked for, and an end that waits for nobody."""

import ctypes
import threading

import pytest

from depthactors.actors.queued_listener import QueuedListener
from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.dispatcher.pinned_lane import PinnedLane
from depthactors.dispatcher.threads import THREAD_PREFIX
from depthactors.errors import LifecycleError
from tests.support import PATIENCE, Recorder


@pytest.fixture
def lane():
    lane = PinnedLane()
    lane.start()
    yield lane
    lane.close()
    lane.thread.join(PATIENCE)
    assert not lane.thread.is_alive()


def mailbox(lane, update, name="BTCUSDT"):
    return QueuedListener(lane, SYSTEM_CLOCK, name, capture=lambda book: (name, book), update=update, event=None)


def test_all_are_called_in_one_daemon_thread_in_the_order_of_arrival(lane):
    calls, threads = Recorder(), set()

    def call(item):
        threads.add(threading.current_thread())
        calls(item)

    boxes = [mailbox(lane, call, name) for name in "ABC"]
    for number in range(20):
        boxes[number % 3].update(number)
    assert calls.wait(count=20) == [("ABC"[number % 3], number) for number in range(20)]
    (thread,) = threads
    assert (thread, thread.daemon, thread.name.startswith(THREAD_PREFIX)) == (lane.thread, True, True)


def test_it_says_in_its_callbacks_that_they_are_its_own(lane):
    seen = Recorder()
    mailbox(lane, lambda _item: seen((lane.is_current,))).update(0)
    assert (seen.wait_one(), lane.is_current) == ((True,), False)


def test_a_function_that_raises_does_not_end_it(lane):
    calls = Recorder()

    def call(item):
        calls(item)
        raise SystemExit

    box = mailbox(lane, call)
    box.update(1)
    box.update(2)
    assert len(calls.wait(count=2)) == 2


def test_one_that_always_has_something_to_do_does_not_grow(lane):
    done, waiting = Recorder(), set()

    def call(item):
        _, number = item
        waiting.add(lane._wake.qsize() + len(lane._waiting))
        if number < 1_000:
            box.update(number + 1)
        else:
            done(item)

    box = mailbox(lane, call)
    box.update(0)
    done.wait_one()
    assert max(waiting) < 5


def test_close_waits_for_no_call_that_is_under_way_and_nobody_is_called_after_it():
    lane, entered, leave, calls = PinnedLane(), threading.Event(), threading.Event(), Recorder()
    lane.start()

    def call(item):
        calls(item)
        entered.set()
        leave.wait(PATIENCE)

    box = mailbox(lane, call)
    box.update(1)
    box.update(2)
    assert entered.wait(PATIENCE)
    lane.close()
    assert lane.thread.is_alive()
    leave.set()
    lane.thread.join(PATIENCE)
    assert calls.seen == [("BTCUSDT", 1)]


def test_a_system_without_a_thread_to_give_is_an_error_of_ours(monkeypatch):
    def refuse(_thread):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(LifecycleError, match=r"callbacks.*can't start new thread"):
        PinnedLane().start()


def test_a_turn_that_fails_ends_neither_the_lane_nor_the_listeners_behind_it(lane):
    class Failing:
        def take_turn(self):
            raise MemoryError

    calls = Recorder()
    box = mailbox(lane, calls)
    lane.give_turn(Failing())
    box.update(1)
    assert calls.wait_one() == ("BTCUSDT", 1)


@pytest.mark.skipif(not hasattr(ctypes, "pythonapi"), reason="only CPython raises in another thread")
def test_an_exception_that_comes_while_it_waits_costs_no_call(lane):
    calls = Recorder()
    box = mailbox(lane, calls)
    for number in range(1, 4):
        raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(lane.thread.ident), ctypes.py_object(SystemExit)
        )
        assert raised == 1
        # This wakes it, and is when it notices.
        box.update(number)
        assert calls.wait(count=number)[-1] == ("BTCUSDT", number)
