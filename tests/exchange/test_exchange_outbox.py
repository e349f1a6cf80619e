import threading
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.exchange.server.outbox import BATCH, OVERFLOW, Outbox
from tests.support import SetClock

LONG = 5.0


@pytest.fixture
def started():
    """Run functions in threads; each returns where its result will be."""
    threads = []

    def start(function, *args):
        results = []
        thread = threading.Thread(target=lambda: results.append(function(*args)))
        thread.start()
        threads.append(thread)

        def result():
            thread.join(LONG)
            (only,) = results
            return only

        return result

    yield start
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()


def test_frames_come_out_in_order_and_joined():
    outbox = Outbox()
    for frame in (b"1", b"2", b"3"):
        assert outbox.append(frame)
    assert outbox.take(0.0) == b"123"
    outbox.append(b"4")
    assert outbox.take(0.0) == b"4"


def test_nothing_comes_when_the_wait_is_over():
    outbox = Outbox()
    assert outbox.take(0.0) == b""
    assert outbox.take(0.01) == b""


def test_take_waits_for_a_frame(started):
    outbox = Outbox()
    taken = started(outbox.take, LONG)
    outbox.append(b"1")
    assert taken() == b"1"


def test_one_sending_holds_about_a_batch():
    outbox = Outbox()
    frame = b"x" * (BATCH // 4)
    for _ in range(10):
        outbox.append(frame)
    assert [len(outbox.take(0.0)) for _ in range(3)] == [BATCH, BATCH, BATCH // 2]


def test_a_frame_larger_than_a_batch_is_taken_whole():
    outbox = Outbox()
    outbox.append(b"x" * (2 * BATCH))
    outbox.append(b"y")
    assert outbox.take(0.0) == b"x" * (2 * BATCH)
    assert outbox.take(0.0) == b"y"


def test_finish_lets_what_waits_and_the_last_frame_go_first():
    outbox = Outbox()
    outbox.append(b"1")
    outbox.finish(b"2")
    assert outbox.append(b"3")
    assert outbox.take(LONG) == b"12"
    assert outbox.take(LONG) is None
    assert outbox.take(LONG) is None


def test_only_the_first_finish_has_a_last_frame():
    outbox = Outbox()
    outbox.finish(b"1")
    outbox.finish(b"2")
    assert outbox.take(LONG) == b"1"
    assert outbox.take(LONG) is None


def test_finish_wakes_a_thread_that_takes(started):
    outbox = Outbox()
    taken = started(outbox.take, LONG)
    outbox.finish()
    assert taken() is None


def test_close_drops_what_waits_and_lets_everybody_go(started):
    outbox = Outbox(room=1)
    outbox.append(b"1")
    waiter, sent = started(outbox.wait_for_room), started(outbox.wait_sent, LONG)
    outbox.close()
    outbox.close()
    assert waiter()
    assert sent()
    assert outbox.take(LONG) is None
    assert outbox.append(b"2")
    outbox.finish(b"3")
    assert outbox.take(LONG) is None
    assert outbox.wait_sent(0.0)
    assert outbox.wait_for_room()


def test_close_wakes_a_thread_that_takes(started):
    outbox = Outbox()
    taken = started(outbox.take, LONG)
    outbox.close()
    assert taken() is None


def test_a_client_that_takes_nothing_from_its_full_queue_is_given_up_when_the_patience_ends():
    clock = SetClock()
    outbox = Outbox(room=2, patience=5.0, clock=clock)
    clock.now = 100.0
    assert outbox.append(b"1")
    assert outbox.append(b"2")
    clock.now = 105.0
    assert outbox.append(b"3")
    clock.now = 105.1
    assert not outbox.append(b"4")


def test_a_client_that_takes_now_and_then_is_not():
    clock = SetClock()
    outbox = Outbox(room=2, patience=5.0, clock=clock)
    for _ in range(20):
        for _ in range(3):
            assert outbox.append(b"1")
        clock.now += 4.9
        assert outbox.take(0.0)


def test_a_client_behind_by_several_times_the_room_is_given_up_at_once():
    outbox = Outbox(room=3, patience=1e9)
    assert all(outbox.append(b"1") for _ in range(OVERFLOW * 3))
    assert not outbox.append(b"1")


def test_a_queue_that_is_not_full_is_left_alone_however_long():
    clock = SetClock()
    outbox = Outbox(room=3, patience=5.0, clock=clock)
    assert outbox.append(b"1")
    clock.now = 1e6
    assert outbox.append(b"2")
    assert outbox.wait_for_room()


def test_wait_for_room_waits_until_frames_are_taken(started):
    outbox = Outbox(room=1)
    outbox.append(b"1")
    waiter = started(outbox.wait_for_room)
    assert outbox.take(0.0) == b"1"
    assert waiter()


def test_wait_for_room_gives_up_a_client_that_takes_nothing():
    outbox = Outbox(room=1, patience=0.02)
    outbox.append(b"1")
    assert not outbox.wait_for_room()


def test_wait_for_room_does_not_wait_when_the_patience_is_over():
    clock = SetClock()
    outbox = Outbox(room=1, patience=5.0, clock=clock)
    outbox.append(b"1")
    clock.now = 5.0
    assert not outbox.wait_for_room()


def test_sent_is_what_was_taken_before_the_next_take(started):
    outbox = Outbox()
    assert outbox.wait_sent(0.0)
    outbox.append(b"1")
    assert not outbox.wait_sent(0.0)
    outbox.take(0.0)
    assert not outbox.wait_sent(0.0)
    sent = started(outbox.wait_sent, LONG)
    assert outbox.take(0.0) == b""
    assert sent()


def test_wait_sent_reports_when_time_ran_out():
    outbox = Outbox()
    outbox.append(b"1")
    assert not outbox.wait_sent(0.01)


@given(st.lists(st.sampled_from(["append", "take", "tick", "finish", "close"]), max_size=60))
def test_it_is_a_queue_with_an_end(actions):
    clock = SetClock()
    room, patience = 4, 3.0
    outbox = Outbox(room, patience, clock)
    waiting, number, finished, closed, free_since = deque(), 0, False, False, 0.0
    for action in actions:
        if action == "tick":
            clock.now += 1.0
        elif action == "finish":
            outbox.finish()
            finished = True
        elif action == "close":
            outbox.close()
            waiting.clear()
            closed = True
        elif action == "take":
            expected = b"".join(waiting) if waiting else None if finished or closed else b""
            assert outbox.take(0.0) == expected
            if waiting:
                free_since = clock.now
            waiting.clear()
        else:
            number += 1
            frame = b"%d," % number
            full = len(waiting) >= room
            stuck = full and (len(waiting) >= OVERFLOW * room or clock.now - free_since > patience)
            refused = stuck and not finished and not closed
            assert outbox.append(frame) is not refused
            if not (refused or finished or closed):
                waiting.append(frame)
                if len(waiting) == room:
                    free_since = clock.now


def test_frames_of_many_threads_arrive_once_and_in_each_threads_order():
    outbox = Outbox(room=10)
    taken = []

    def put(mark):
        for number in range(300):
            outbox.wait_for_room()
            assert outbox.append(b"%s%d," % (mark, number))

    def take():
        while (batch := outbox.take(LONG)) is not None:
            taken.append(batch)

    taker = threading.Thread(target=take)
    putters = [threading.Thread(target=put, args=(mark,)) for mark in (b"a", b"b", b"c")]
    for thread in (taker, *putters):
        thread.start()
    for thread in putters:
        thread.join(LONG)
    assert outbox.wait_sent(LONG)
    outbox.finish()
    taker.join(LONG)
    frames = b"".join(taken).decode().split(",")[:-1]
    for mark in "abc":
        assert [frame for frame in frames if frame[0] == mark] == [f"{mark}{number}" for number in range(300)]
