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
from depthactors import DepthEngine, ThreadedDepthCacheManager, reporting
from depthactors.pacing import Timing
DepthEngine._timing = Timing.fast()
enough = threading.Event()

def handle(argument):
    enough.set()
    calls.append(argument)
    if len(calls) <= 3:
        raise TypeError("the user's mistake\\nin two lines")

def wait_for_calls():
    while len(calls) < 4:
        threading.Event().wait(0.01)

def wait_for_two_tries(it):
    while not any(socket.connections > 1 for socket in it.status().sockets):
        threading.Event().wait(0.01)

calls = []
"""
MARK = "= the next part\n"
NEXT = f"""
reporting.flush()
sys.stderr.write({MARK!r})
enough.clear()
calls.clear()
"""
"""Between the parts of a program: each begins anew, and no other has the line that the former one wrote."""


def stderr_of(*parts):
    """Run a program that sets up no logging; returns what each part wrote to stderr, without the exchange's line."""
    ran = subprocess.run(
        [sys.executable, "-c", BEGIN + "".join(textwrap.dedent(part) + NEXT for part in parts)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    *said, rest = complaints(ran.stderr).split(MARK)
    assert (len(said), rest) == (len(parts), ""), ran.stderr
    return said


@pytest.mark.parametrize(
    "follow",
    [
        "DepthEngine() as it: it.subscribe('BTCUSDT')",
        pytest.param("DepthEngine(processes=1) as it: it.subscribe('BTCUSDT')", marks=pytest.mark.full),
        pytest.param(
            "ThreadedDepthCacheManager() as it: it.start_depth_cache(lambda _: None, 'BTCUSDT')", marks=pytest.mark.full
        ),
    ],
    ids=["engine", "workers", "drop-in"],
)
def test_no_network_and_the_end_of_the_supervisor_are_on_stderr_once(dead_address, follow):
    network, ended = stderr_of(
        f"""
    with {follow}; wait_for_two_tries(it)
    """,
        """
    with DepthEngine() as engine:
        engine.start()
        engine._runtime._supervisor.tell(object())
        engine.wait_stopped(20)
    """,
    )
    (line,) = network.splitlines()
    assert line.startswith("depthactors: BTCUSDT (spot): no connection, so no data: ws://127.0.0.1:")
    assert "Connection refused" in line
    assert ended.startswith("depthactors: the engine has ended and all its books are given up; make a new engine")


def check_that_a_callback_raised(said, symbol):
    first, *trace = said.splitlines()
    assert first == (
        f"depthactors: {symbol} (spot): the callback __main__.handle raised TypeError: "
        "the user's mistake\\nin two lines"
    )
    assert trace[0] == "Traceback (most recent call last):"
    assert "in handle" in trace[1]
    assert said.count("Traceback") == 1


@pytest.mark.parametrize("options", ["", pytest.param("processes=1", marks=pytest.mark.full)])
def test_an_unknown_symbol_and_what_callbacks_do_wrong_are_on_stderr_once(exchange, options):
    unknown, raised, drop_in_raised, left, outlived = stderr_of(
        f"""
    with DepthEngine({options}) as engine:
        engine.subscribe("BTCUSDX", on_event=lambda event: enough.set())
        enough.wait(20)
    """,
        f"""
    with DepthEngine({options}) as engine:
        engine.subscribe("BTCUSDT", on_update=handle)
        wait_for_calls()
    """,
        """
    with ThreadedDepthCacheManager() as manager:
        manager.start_depth_cache(handle, "ETHUSDT")
        wait_for_calls()
    """,
        """
    def leave(view):
        enough.set()
        sys.exit(3)

    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", on_update=leave)
        enough.wait(20)
    """,
        """
    def block(view):
        enough.set()
        threading.Event().wait()

    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", on_update=block)
        enough.wait(10)
        engine.stop(timeout=1)
    """,
    )
    (line,) = unknown.splitlines()
    assert line.startswith("depthactors: BTCUSDX (spot): given up, no more data comes: spot ")
    assert "does not list 'BTCUSDX'" in line
    check_that_a_callback_raised(raised, "BTCUSDT")
    check_that_a_callback_raised(drop_in_raised, "ETHUSDT")
    assert "the callback __main__.leave raised SystemExit: 3; in a callback this ends nothing" in left.splitlines()[0]
    (line,) = outlived.splitlines()
    assert line.startswith("depthactors: stopped while a call had not returned: depthactors-")
    assert line.endswith(", in BTCUSDT (spot)")


def test_a_program_with_logging_of_its_own_has_it_in_its_log_alone(dead_address):
    (said,) = stderr_of("""
    import logging
    logging.basicConfig(stream=sys.stdout)
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", on_event=handle)
        enough.wait(20)
    """)
    assert said == ""


def fail(_argument):
    raise ZeroDivisionError


@pytest.mark.parametrize("options", [{}, pytest.param({"processes": 1}, id="worker", marks=pytest.mark.full)])
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


def test_a_loss_that_was_said_is_said_to_be_over_and_a_connection_that_is_back_at_once_is_no_notice(exchange):
    exchange.inject(Fault("refuse", count=1))
    exchange.inject(Fault("500", symbol="BTCUSDT", count=1))
    exchange.inject(Fault("429", symbol="ETHUSDT", count=1, seconds=1.0))
    exchange.inject(Fault("cut", symbol="BNBUSDT", every=100))
    lost, limited, cut = stderr_of(
        """
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT").wait_live(20)
    """,
        """
    with DepthEngine() as engine:
        engine.subscribe("ETHUSDT").wait_live(20)
    """,
        """
    states = []
    with DepthEngine() as engine:
        engine.subscribe("BNBUSDT", on_event=lambda event: states.append(event.state))
        while states[-2:] != ["STALE", "LIVE"]:
            enough.wait(0.01)
    """,
    )
    no_connection, connected, no_snapshot, snapshots = lost.splitlines()
    assert no_connection.startswith("depthactors: BTCUSDT (spot): no connection, so no data: ")
    assert connected == "depthactors: BTCUSDT (spot): connected to the stream"
    assert no_snapshot.startswith(
        "depthactors: no snapshot, without which no book becomes live; requested again: BTCUSDT: spot answered 500"
    )
    assert snapshots == "depthactors: spot: snapshots come again"
    assert limited.splitlines()[0].startswith("depthactors: no snapshots, without which no book becomes live: ")
    assert "429" in limited
    assert cut == ""


@pytest.mark.parametrize(
    ("symbol", "why"),
    [
        pytest.param("BTCUSDT", "expected the stream to meet update ", marks=pytest.mark.full),
        ("ETHUSDT", "3 in a row are too old"),
    ],
)
def test_snapshots_that_do_not_fit_are_said(exchange, symbol, why):
    """Another symbol's snapshots: their ids are above the stream's, or below."""
    exchange.inject(Fault("mismatch", symbol=symbol, every=1))
    (said,) = stderr_of(f"""
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


@pytest.mark.full
def test_the_end_of_a_workers_supervisor_is_not_the_engines(exchange, tmp_path, monkeypatch):
    """It is replaced with its process, and its book is back."""
    (tmp_path / "sitecustomize.py").write_text(HARM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (said,) = stderr_of("""
    with DepthEngine(processes=1) as engine:
        book = engine.subscribe("BTCUSDT")
        while not any(worker.restarts for worker in engine.status().workers):
            enough.wait(0.01)
        book.wait_live(20)
    """)
    assert "the engine has ended" not in said
    assert "given up" not in said
