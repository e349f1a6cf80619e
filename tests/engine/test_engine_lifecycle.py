"""Starting, stopping and forking an engine."""

import gc
import subprocess
import sys
import threading
import weakref

import pykka
import pytest

from depthactors import BookState, DepthEngine
from depthactors.errors import (
    LifecycleError,
    MalformedFrameError,
)
from tests.support import Recorder, complaints, until


def test_lifecycle(exchange):
    foreign = pykka.ThreadingActor.start()
    try:
        engine = DepthEngine()
        book = engine.subscribe("BTCUSDT").wait_live(10)
        engine.stop()
        engine.stop()
        assert book.view().state is BookState.STOPPED
        assert foreign.is_alive(), "the host program's own actors are not the library's to stop"
        for call in (engine.start, lambda: engine.subscribe("BTCUSDT"), engine.status):
            with pytest.raises(LifecycleError, match="stopped"):
                call()
    finally:
        foreign.stop()


def test_a_stop_during_the_start_is_not_undone(exchange, monkeypatch):
    engine = DepthEngine()
    start = engine._runtime._start_supervisor

    def interrupted():
        ref = start()
        engine.stop()
        return ref

    monkeypatch.setattr(engine._runtime, "_start_supervisor", interrupted)
    with pytest.raises(LifecycleError, match="stopped"):
        engine.subscribe("BTCUSDT")
    assert not engine.running


def test_on_error_may_ask_the_engine_and_stop_it(exchange):
    told, ended = Recorder(), threading.Event()

    def on_error(error):
        told(engine.status().books[0].symbol)
        engine.stop()
        told(error)
        ended.set()
        raise SystemExit

    engine = DepthEngine(on_error=on_error)
    book = engine.subscribe("BTCUSDT").wait_live(10)
    engine._runtime.notifier.report_error(MalformedFrameError("garbage"))
    assert ended.wait(10)
    assert engine.wait_stopped(10)
    assert told.seen[0] == "BTCUSDT"
    told.wait_for(lambda error: isinstance(error, MalformedFrameError))
    for thread in threading.enumerate():
        if thread.name.startswith("depthactors-") and "exchange" not in thread.name:
            thread.join(10)
    assert book.state is BookState.STOPPED


def test_an_engine_made_before_a_fork_may_be_started_after_it(exchange):
    script = """
import os, sys
from depthactors import DepthEngine
engine = DepthEngine()
child = os.fork()
if child == 0:
    engine.subscribe("BTCUSDT").wait_live(10)
    engine.stop()
    os._exit(0)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", script], timeout=30, check=False)
    assert result.returncode == 0


def test_an_engine_that_nobody_keeps_goes_on_calling_back(exchange):
    updates = Recorder()
    engine = weakref.ref(DepthEngine().start())
    engine().subscribe("BTCUSDT", on_update=updates)
    gc.collect()
    until(lambda: len(updates.seen) >= 3)
    engine().stop()


def test_stop_from_a_callback(exchange):
    stopped = threading.Event()
    engine = DepthEngine()

    def on_update(_view):
        engine.stop()
        stopped.set()

    engine.subscribe("BTCUSDT", on_update=on_update)
    assert stopped.wait(10)
    assert engine.wait_stopped(10)


def test_a_fork_is_told_that_its_engine_stayed_behind_in_a_loop_over_updates_too(exchange):
    script = """
import os, sys
from depthactors import DepthEngine, Top

def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

with DepthEngine() as engine:
    book = engine.subscribe("BTCUSDT").wait_live(10)
    child = None
    try:
        for view in book.updates(timeout=10):
            if child is None:
                child = os.fork()
            if child:
                break
    except RuntimeError as error:
        os._exit(0 if "its fork" in str(error) else 2)
    if child == 0:
        os._exit(1)
    in_a_loop = ended(child)

    child = os.fork()
    if child == 0:
        for call in (lambda: engine.subscribe("ETHUSDT"), lambda: book.ask(Top(1)), lambda: next(book.updates())):
            try:
                call()
            except RuntimeError as error:
                assert "fork" in str(error), error
            else:
                os._exit(1)
        engine.stop()
        os._exit(0 if book.view().state == "STOPPED" else 2)
    by_calls = ended(child)
    assert book.view().state == "LIVE"
assert (in_a_loop, by_calls) == (0, 0), (in_a_loop, by_calls)
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert (result.returncode, complaints(result.stderr)) == (0, "")
