"""The life of an actor: whoever waits for its end goes on, and what is to be done after it is done once."""

import sys
import threading

import pytest

from depthactors.dispatcher.life import Life
from tests.support import PATIENCE, Recorder, until


@pytest.fixture
def life():
    return Life("book-BTCUSDT")


def test_it_is_alive_until_it_ends(life):
    assert (life.name, life.is_alive()) == ("book-BTCUSDT", True)
    life.end()
    life.end()
    assert not life.is_alive()


def test_a_wait_is_bounded_and_that_for_an_end_that_has_come_is_none(life):
    life.join(0.0)
    life.join(-1.0)
    assert life.is_alive()
    life.end()
    life.join()
    life.join(0.0)


def test_all_that_wait_go_on(life):
    over = Recorder()
    waits = [threading.Thread(target=lambda: (life.join(), over(life.is_alive()))) for _ in range(3)]
    for thread in waits:
        thread.start()
    until(lambda: len(life._over._waiting) == 3)
    assert over.seen == []
    life.end()
    assert over.wait(count=3) == [False] * 3
    for thread in waits:
        thread.join(PATIENCE)


def test_what_is_to_be_done_after_the_end_is_done_once_in_the_thread_that_ends_it(life):
    calls = []
    life.when_over(lambda: calls.append((threading.current_thread(), life.is_alive())))
    assert calls == []
    thread = threading.Thread(target=life.end)
    thread.start()
    thread.join(PATIENCE)
    life.end()
    assert calls == [(thread, False)]


def test_after_the_end_it_is_done_at_once_in_this_thread(life):
    calls = []
    life.end()
    life.when_over(lambda: calls.append(threading.current_thread()))
    assert calls == [threading.current_thread()]


def test_several_are_all_done(life):
    calls = []
    for number in range(3):
        life.when_over(lambda number=number: calls.append(number))
    life.end()
    assert sorted(calls) == [0, 1, 2]


@pytest.mark.parametrize("during", ["when_over", "end"])
def test_an_end_in_another_thread_at_any_place_is_told_once(during):
    number, has_come = 0, True
    while has_come:
        number += 1
        life, calls = Life("a"), []

        def request(life=life, calls=calls):
            life.when_over(lambda: calls.append(1))

        if during == "end":
            request()
        has_come = end_at(number, life, life.end if during == "end" else request)
        life.end()
        assert calls == [1]
    assert number > 3, "there are places where it comes"


def end_at(number, life, call):
    """Make a call, and end the life in another thread at its n-th place; return whether there is one."""
    left = number

    def trace(_frame, _event, _argument):
        nonlocal left
        left -= 1
        if left == 0:
            other = threading.Thread(target=life.end)
            other.start()
            other.join(PATIENCE)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return left <= 0
