"""What makes a program see no data is said to somebody who set up nothing, and what a callback raises to everybody."""

import subprocess
import sys
import textwrap

import pytest

from depthactors import BookState, DepthEngine
from depthactors.errors import CallbackError
from depthactors.exchange import Fault
from tests.support import Recorder, complaints, until

BEGIN = """
import sys, threading
from depthactors import DepthEngine, ThreadedDepthCacheManager
from depthactors.pacing import Timing
DepthEngine._timing = Timing.fast()
enough = threading.Event()

def handle(argument):
    enough.set()
    calls.append(argument)
    if len(calls) <= 3:
        raise TypeError("the user's mistake\\nin two lines")

calls = []
"""


def stderr_of(program):
    """Run a program that sets up no logging; returns what it wrote to stderr beside the line about its exchange."""
    ran = subprocess.run(
        [sys.executable, "-c", BEGIN + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return complaints(ran.stderr)


@pytest.mark.parametrize("options", ["", pytest.param("processes=1", marks=pytest.mark.full)])
def test_no_network_is_on_stderr_once(dead_address, options):
    said = stderr_of(f"""
    with DepthEngine({options}) as engine:
        engine.subscribe("BTCUSDT")
        while not any(socket.connections > 1 for socket in engine.status().sockets):
            enough.wait(0.01)
    """)
    (line,) = said.splitlines()
    assert line.startswith("depthactors: BTCUSDT (spot): no connection, so no data: ws://127.0.0.1:")
    assert "Connection refused" in line


def test_no_network_is_on_stderr_of_the_drop_in_too(dead_address):
    said = stderr_of("""
    manager = ThreadedDepthCacheManager()
    manager.start()
    manager.start_depth_cache(lambda message: None, symbol="BNBBTC", limit=20)
    while not any(socket.connections > 1 for socket in manager.status().sockets):
        enough.wait(0.01)
    manager.stop()
    """)
    assert said.startswith("depthactors: BNBBTC (spot): no connection, so no data: ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("options", ["", pytest.param("processes=1", marks=pytest.mark.full)])
def test_an_unknown_symbol_is_on_stderr_once(exchange, options):
    said = stderr_of(f"""
    with DepthEngine({options}) as engine:
        engine.subscribe("BTCUSDX", on_event=lambda event: enough.set())
        enough.wait(20)
    """)
    assert said.startswith("depthactors: BTCUSDX (spot): given up, no more data comes: spot ")
    assert "does not list 'BTCUSDX'" in said
    assert len(said.splitlines()) == 1


FOLLOW = {
    "engine": "with DepthEngine() as it: it.subscribe('BTCUSDT', on_update=handle); wait()",
    "workers": "with DepthEngine(processes=1) as it: it.subscribe('BTCUSDT', on_update=handle); wait()",
    "drop-in": "with ThreadedDepthCacheManager() as it: it.start_depth_cache(handle, 'BTCUSDT'); wait()",
}


@pytest.mark.parametrize(
    "follow",
    [pytest.param(FOLLOW[each], id=each, marks=pytest.mark.full if each == "workers" else ()) for each in FOLLOW],
)
def test_what_a_callback_raises_is_on_stderr_once_with_its_traceback(exchange, follow):
    said = stderr_of(f"""
    def wait():
        while len(calls) < 4:
            threading.Event().wait(0.01)
    {follow}
    """)
    first, *trace = said.splitlines()
    assert first == (
        "depthactors: BTCUSDT (spot): the callback __main__.handle raised TypeError: the user's mistake\\nin two lines"
    )
    assert trace[0] == "Traceback (most recent call last):"
    assert "in handle" in trace[1]
    assert said.count("Traceback") == 1


def test_an_exit_in_a_callback_is_said_to_end_nothing(exchange):
    said = stderr_of("""
    def leave(view):
        enough.set()
        sys.exit(3)

    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", on_update=leave)
        enough.wait(20)
    """)
    assert "the callback __main__.leave raised SystemExit: 3; in a callback this ends nothing" in said.splitlines()[0]


def test_a_program_with_logging_of_its_own_has_it_in_its_log_alone(dead_address):
    said = stderr_of("""
    import logging
    logging.basicConfig(stream=sys.stdout)
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", on_event=handle)
        enough.wait(20)
    """)
    assert said == ""


def fail(_argument):
    raise ZeroDivisionError


@pytest.mark.parametrize("options", [{}, pytest.param({"processes": 1}, id="worker")])
def test_the_first_exception_of_a_callback_is_an_event_and_an_error_and_the_others_are_counted(exchange, options):
    errors, events, others, updates = Recorder(), Recorder(), Recorder(), Recorder()

    def raising(view):
        updates(view)
        fail(view)

    with DepthEngine(on_error=errors, **options) as engine:
        book = engine.subscribe("BTCUSDT", depth=5, on_update=raising, on_event=events)
        engine.subscribe("BTCUSDT", depth=5, on_event=others)
        event = events.wait_for(lambda each: isinstance(each.error, CallbackError))
        assert (event.symbol, event.previous, event.state) == ("BTCUSDT", BookState.LIVE, BookState.LIVE)
        assert "BTCUSDT (spot): the callback test_engine_silence" in str(event.error)
        assert "raising raised ZeroDivisionError" in str(event.error)
        assert isinstance(event.error.__cause__, ZeroDivisionError)
        assert errors.wait_for(lambda each: isinstance(each, CallbackError)) is event.error
        until(lambda: len(updates.seen) > 20)
        until(lambda: book.error is event.error)
        assert engine.status().books[0].counters.callback_errors > 10
    for heard in (events.seen, errors.seen):
        assert len([each for each in heard if isinstance(getattr(each, "error", each), CallbackError)]) == 1
    assert not any(isinstance(each.error, CallbackError) for each in others.seen)


def test_an_event_callback_that_raises_at_the_news_is_an_error_and_no_event(exchange):
    errors, events = Recorder(), Recorder()

    def on_event(event):
        events(event)
        if isinstance(event.error, CallbackError):
            raise SystemExit

    def on_error(error):
        errors(error)
        raise KeyboardInterrupt

    with DepthEngine(on_error=on_error) as engine:
        engine.subscribe("BTCUSDT", depth=5, on_update=fail, on_event=on_event)
        errors.wait_for(lambda _: len(errors.seen) == 2)
        first, second = (str(each) for each in errors.seen)
        assert "fail raised ZeroDivisionError" in first
        assert "on_event raised SystemExit" in second
        assert "ends nothing" in second
    assert len([each for each in events.seen if isinstance(each.error, CallbackError)]) == 1
    assert len(errors.seen) == 2


RECOVERIES = {
    "connection": (
        Fault("refuse", count=1),
        "depthactors: BTCUSDT (spot): no connection, so no data: ",
        "depthactors: BTCUSDT (spot): connected to the stream",
    ),
    "snapshots": (
        Fault("500", count=1),
        "depthactors: no snapshot, without which no book becomes live; requested again: BTCUSDT: spot answered 500",
        "depthactors: spot: snapshots come again",
    ),
}


@pytest.mark.parametrize(("fault", "loss", "recovery"), RECOVERIES.values(), ids=RECOVERIES)
def test_a_loss_that_was_said_is_said_to_be_over(exchange, fault, loss, recovery):
    exchange.inject(fault)
    said = stderr_of("""
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT").wait_live(20)
    """)
    first, second = said.splitlines()
    assert first.startswith(loss)
    assert second == recovery


def test_a_rate_limit_is_said(exchange):
    exchange.inject(Fault("429", count=1, seconds=1.0))
    said = stderr_of("""
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT").wait_live(20)
    """)
    assert said.splitlines()[0].startswith("depthactors: no snapshots, without which no book becomes live: ")
    assert "429" in said


@pytest.mark.parametrize(
    ("symbol", "why"),
    [
        ("BTCUSDT", "expected the stream to meet update "),
        pytest.param("ETHUSDT", "3 in a row are too old", marks=pytest.mark.full),
    ],
)
def test_snapshots_that_do_not_fit_are_said(exchange, symbol, why):
    """Another symbol's snapshots: their ids are above the stream's, or below."""
    exchange.inject(Fault("mismatch", symbol=symbol, every=1))
    said = stderr_of(f"""
    from depthactors.errors import SnapshotError
    with DepthEngine() as engine:
        engine.subscribe("{symbol}", on_event=lambda event: isinstance(event.error, SnapshotError) and enough.set())
        enough.wait(20)
    """)
    first = said.splitlines()[0]
    assert first.startswith(
        f"depthactors: {symbol} (spot): no snapshot that fits, without which the book is not live; "
    )
    assert why in first


def test_a_connection_that_served_and_is_back_at_once_is_no_notice(exchange):
    exchange.inject(Fault("cut", symbol="BTCUSDT", every=100))
    said = stderr_of("""
    states = []
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", on_event=lambda event: states.append(event.state))
        while states[-2:] != ["STALE", "LIVE"]:
            enough.wait(0.01)
    """)
    assert said == ""


HARM = """
import os, threading, time

def harm():
    import pykka
    while not (found := [ref for ref in pykka.ActorRegistry.get_all() if str(ref).startswith("Supervisor ")]):
        time.sleep(0.01)
    os.close(os.open("harmed", os.O_CREAT))
    found[0].tell(object())

if "DEPTHACTORS_WORKER" in os.environ and not os.path.exists("harmed"):
    threading.Thread(target=harm, daemon=True).start()
"""
"""A module that Python runs at its start: in the first worker process it ends the supervisor."""


def test_the_end_of_the_supervisor_is_said(dead_address):
    said = stderr_of("""
    with DepthEngine() as engine:
        engine.start()
        engine._runtime._supervisor.tell(object())
        engine.wait_stopped(20)
    """)
    assert said.startswith("depthactors: the engine has ended and all its books are given up; make a new engine")


@pytest.mark.full
def test_the_end_of_a_workers_supervisor_is_not_the_engines(exchange, tmp_path, monkeypatch):
    """It is replaced with its process, and its book is back."""
    (tmp_path / "sitecustomize.py").write_text(HARM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said = stderr_of("""
    with DepthEngine(processes=1) as engine:
        book = engine.subscribe("BTCUSDT")
        while not any(worker.restarts for worker in engine.status().workers):
            enough.wait(0.01)
        book.wait_live(20)
    """)
    assert "the engine has ended" not in said
    assert "given up" not in said


def test_a_call_that_outlives_the_engine_is_on_stderr(exchange):
    said = stderr_of("""
    def wait(view):
        enough.set()
        threading.Event().wait()

    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", on_update=wait)
        enough.wait(10)
        engine.stop(timeout=1)
    """)
    (line,) = said.splitlines()
    assert line.startswith("depthactors: stopped while a call had not returned: depthactors-")
    assert line.endswith(", in BTCUSDT (spot)")
