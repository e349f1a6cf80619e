"""The life of an engine's threads: once, in one process, and whoever asks too late is told so."""

import sys
import threading
from dataclasses import replace

import pytest

from depthactors.actors.book_spec import BookSpec
from depthactors.actors.cell import Lease
from depthactors.actors.questions import Status
from depthactors.actors.watch import Watch
from depthactors.dispatcher.threads import THREAD_PREFIX
from depthactors.engine import runtime as module
from depthactors.engine.environment import resolve
from depthactors.engine.lifecycle import Running, running
from depthactors.engine.runtime import Runtime
from depthactors.errors import LifecycleError
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import USUAL


def unasked(*arguments):
    raise AssertionError(arguments)


@pytest.fixture
def runtime():
    runtime = Runtime(NetworkSettings(), None, Running(unasked, unasked))
    yield runtime
    runtime.stop(5.0)


def ours():
    return [thread for thread in threading.enumerate() if thread.name.startswith(THREAD_PREFIX)]


def test_nothing_runs_before_it_is_asked_and_nothing_after_it_was_stopped(runtime):
    assert (runtime.running, ours()) == (False, [])
    assert runtime.ask(Status()).cells == ()
    assert (runtime.running, len(ours()), runtime._owner in running) == (True, 2, True)
    runtime.stop(5.0)
    assert (runtime.running, ours(), runtime._owner in running) == (False, [], False)
    assert runtime.wait_stopped(1.0)
    with pytest.raises(LifecycleError, match="was stopped"):
        runtime.ask(Status())


def test_starting_twice_is_one_start_and_stopping_twice_one_stop(runtime):
    runtime.start()
    runtime.start()
    assert len(ours()) == 2
    runtime.stop(5.0)
    runtime.stop(5.0)


def test_waiting_for_the_end_ends_with_the_time_or_with_it(runtime):
    runtime.start()
    assert not runtime.wait_stopped(0.01)
    waited = []
    thread = threading.Thread(target=lambda: waited.append(runtime.wait_stopped(None)))
    thread.start()
    runtime.stop(5.0)
    thread.join(5)
    assert waited == [True]


def test_a_supervisor_that_died_is_said_to_have(runtime):
    runtime.start()
    runtime._supervisor.tell(object())
    for thread in ours():
        thread.join(5)
    with pytest.raises(LifecycleError, match="died"):
        runtime.ask(Status())


@pytest.mark.parametrize("enabled", [True, False])
def test_an_interpreter_without_the_global_lock_is_refused(runtime, monkeypatch, enabled):
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: enabled, raising=False)
    if enabled:
        runtime.start()
    else:
        with pytest.raises(LifecycleError, match="PYTHON_GIL=1"):
            runtime.start()
    assert runtime.running is enabled


def test_a_signal_handler_in_the_middle_of_the_start_starts_no_second_one(runtime, monkeypatch):
    def interrupted(*arguments):
        with pytest.raises(LifecycleError, match="just being started"):
            runtime.ask(Status())
        return Watch(*arguments)

    monkeypatch.setattr(module, "Watch", interrupted)
    assert runtime.ask(Status()).cells == ()
    assert len(ours()) == 2
    runtime.stop(5.0)
    assert ours() == []


def test_each_book_that_is_opened_has_its_time_so_that_many_may_take_long(runtime, dead_address):
    del dead_address
    runtime.settings = replace(runtime.settings, timing=replace(USUAL, call_deadline=0.0, opening_time=5.0))
    runtime.start()
    (cell,) = runtime.open((BookSpec(resolve("spot"), "BTCUSDT", 5, 100, None, float),))
    assert runtime.close(cell, Lease(), 5.0)
