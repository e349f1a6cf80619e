"""Which task the calling thread runs, and that a thread which is about to wait lets others run."""

import os
import threading

import pytest

from depthactors.dispatcher.current import about_to_wait, current_task, register, unregister
from depthactors.errors import LifecycleError
from tests.support import PATIENCE


class FakeThread:
    """A thread of a dispatcher; it counts how often it was to give the queue away, or has nobody to give it to."""

    def __init__(self, task=None, error=None):
        self.task, self.error, self.left = task, error, 0

    def let_others_run(self, _is_over, timeout):
        self.left += 1
        if self.error is not None:
            raise self.error
        return timeout


@pytest.fixture
def enter():
    yield register
    unregister()


def test_a_thread_of_no_dispatcher_runs_no_task_and_may_wait():
    assert current_task() is None
    about_to_wait()
    unregister()


def test_a_thread_knows_the_task_that_it_runs_now(enter):
    thread = FakeThread("first")
    enter(thread)
    assert current_task() == "first"
    thread.task = None
    assert current_task() is None
    thread.task = "second"
    unregister()
    assert current_task() is None


def test_before_a_wait_it_gives_the_queue_away(enter):
    thread = FakeThread("task")
    enter(thread)
    about_to_wait()
    assert thread.left == 1


def test_where_nobody_can_take_the_queue_the_wait_is_refused(enter):
    enter(FakeThread("task", LifecycleError("no thread is left")))
    with pytest.raises(LifecycleError, match="no thread is left"):
        about_to_wait()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_has_none_of_its_parents_threads(enter):
    thread = FakeThread("task")
    enter(thread)
    child = os.fork()
    if child == 0:
        about_to_wait()
        os._exit(int(current_task() is not None or thread.left))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert current_task() == "task"


def test_each_thread_has_its_own(enter):
    enter(FakeThread("here"))
    seen = []

    def run():
        seen.append(current_task())
        register(FakeThread("there"))
        seen.append(current_task())
        unregister()

    other = threading.Thread(target=run)
    other.start()
    other.join(PATIENCE)
    assert (seen, current_task()) == ([None, "there"], "here")
