"""A task: it is queued when it has something to do, one thread at a time is in it, and no wake-up is lost."""

import threading

import pytest

from depthactors.dispatcher.current import current_task
from depthactors.dispatcher.task import Task
from tests.stepped import SteppedDispatcher
from tests.support import PATIENCE, Recorder, interrupted


class Items(Task):
    """Gives one item a turn to a function."""

    def __init__(self, dispatcher, function):
        super().__init__(dispatcher, "items")
        self.items, self.failures, self._function = [], [], function

    @property
    def has_work(self):
        return bool(self.items)

    def take_turn(self):
        if self.items:
            self._function(self.items.pop(0))

    def fail(self, error):
        self.failures.append(error)

    def put(self, item):
        self.items.append(item)
        self.schedule()


@pytest.fixture
def stepped():
    return SteppedDispatcher()


def test_it_is_queued_once_however_often_it_is_scheduled(stepped):
    seen = []
    task = Items(stepped, seen.append)
    for number in range(3):
        task.put(number)
    task.schedule_next()
    assert list(stepped.ready) == [task]
    stepped.run()
    assert seen == [0, 1, 2]


def test_it_has_one_turn_and_then_waits_behind_the_others(stepped):
    seen = []
    first, second = Items(stepped, seen.append), Items(stepped, seen.append)
    for number in range(3):
        first.put(("first", number))
        second.put(("second", number))
    stepped.run()
    assert seen == [(name, number) for number in range(3) for name in ("first", "second")]


def test_an_urgent_one_goes_before_the_others_and_the_next_one_before_those_that_wait(stepped):
    seen = []
    usual, following, urgent = (Items(stepped, seen.append) for _ in range(3))
    for task, item in ((usual, "usual"), (following, "next"), (urgent, "urgent")):
        task.items.append(item)
    usual.schedule()
    following.schedule_next()
    urgent.schedule(urgent=True)
    stepped.run()
    assert seen == ["urgent", "next", "usual"]


@pytest.mark.parametrize("error", [ZeroDivisionError(), MemoryError(), KeyboardInterrupt(), SystemExit()], ids=type)
def test_what_leaves_a_turn_is_given_to_the_task_and_the_next_turn_comes(stepped, error):
    seen = []

    def function(item):
        if isinstance(item, BaseException):
            raise item
        seen.append(item)

    task = Items(stepped, function)
    task.put(error)
    task.put("next")
    stepped.run()
    assert (task.failures, seen) == ([error], ["next"])


def test_what_comes_during_a_turn_is_taken_in_the_next_one(stepped):
    seen = []

    def function(item):
        seen.append(item)
        assert current_task() is task
        if item < 3:
            task.put(item + 1)

    task = Items(stepped, function)
    task.put(0)
    stepped.run()
    assert seen == [0, 1, 2, 3]


def test_what_another_thread_finds_while_one_is_in_it_is_done_by_the_one_that_is(stepped):
    """The other thread takes it from the queue in vain; then nobody else would look for what was put meanwhile."""
    entered, leave, seen = threading.Event(), threading.Event(), []

    def function(item):
        seen.append((item, threading.current_thread()))
        if item == 0:
            entered.set()
            leave.wait(PATIENCE)

    task = Items(stepped, function)
    task.items.append(0)
    inside = threading.Thread(target=task.run)
    inside.start()
    assert entered.wait(PATIENCE)
    task.put(1)
    stepped.run()
    assert [item for item, _ in seen] == [0], "one thread at a time"
    leave.set()
    inside.join(PATIENCE)
    stepped.run()
    assert [item for item, _ in seen] == [0, 1]


def test_ctrl_c_in_the_thread_that_schedules_keeps_no_task_out_of_the_queue():
    number, was_interrupted = 0, True
    while was_interrupted:
        number += 1
        stepped, seen = SteppedDispatcher(), []
        task = Items(stepped, seen.append)
        was_interrupted = interrupted(lambda task=task: task.put("first"), number)
        task.put("second")
        stepped.run()
        assert seen[-1:] == ["second"]
    assert number > 1, "there is a place where it was interrupted"


def test_many_threads_lose_nothing_and_one_at_a_time_is_in_it(dispatcher):
    done, inside = Recorder(), []

    def function(item):
        inside.append(item)
        assert len(inside) == 1
        inside.pop()
        done(item)

    task = Items(dispatcher, function)
    threads = [
        threading.Thread(target=lambda first=first: [task.put(first + number) for number in range(200)])
        for first in range(0, 800, 200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(done.wait(count=800)) == list(range(800))
    assert task.failures == []
