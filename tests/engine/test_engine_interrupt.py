"""Ctrl-C, `stop` and the interpreter's end: gone in time, and nothing is left running."""

import signal
import subprocess
import sys
import time

import pytest

from depthactors.exchange import LocalExchange
from tests.support import complaints

PROMPT = 6.0
"""Seconds, on a busy machine too: less than what a stop that waits for its deadline takes."""

JOINING = """
import sys, threading
from depthactors import ThreadedDepthCacheManager
manager = ThreadedDepthCacheManager()
manager.start()
live = threading.Event()
manager.start_depth_cache(lambda cache: live.set(), "BTCUSDT")
assert live.wait(10)
try:
    print("ready", flush=True)
    manager.join()
except KeyboardInterrupt:
    manager.stop()
    print([thread.name for thread in threading.enumerate()], flush=True)
    sys.exit(7)
"""

UNGUARDED = JOINING.partition("try:")[0] + "print('ready', flush=True)\nmanager.join()\n"

HANDLER = """
import signal, sys, threading
from depthactors import DepthEngine
engine = DepthEngine()
engine.subscribe_many(["BTCUSDT", "ETHUSDT"])
engine.wait_live(10)
signal.signal(signal.SIGINT, lambda *_: engine.stop())
print("ready", flush=True)
engine.wait_stopped()
print([thread.name for thread in threading.enumerate()], flush=True)
sys.exit(9)
"""

FORGOTTEN = """
from depthactors import DepthEngine
engine = DepthEngine()
engine.subscribe("BTCUSDT").wait_live(10)
print("ready", flush=True)
"""


@pytest.fixture
def run(monkeypatch):
    """Start a script against a local exchange and wait until it says that it is ready."""
    started = []
    with LocalExchange.with_order_flow(["BTCUSDT", "ETHUSDT"], rate=50.0, levels=5.0, depth=150) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)

        def begin(script):
            process = subprocess.Popen(
                [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            started.append(process)
            assert process.stdout.readline() == "ready\n", process.communicate(timeout=10)
            return process

        yield begin
        for process in started:
            process.kill()
            process.communicate(timeout=10)


@pytest.mark.parametrize(
    ("script", "status"),
    [(JOINING, 7), (HANDLER, 9)],
    ids=["join() and stop()", "stop() in a signal handler"],
)
def test_an_interrupted_script_ends_in_time_without_a_thread_left(run, script, status):
    process = run(script)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=10)
    assert time.monotonic() - begin < PROMPT
    assert (process.returncode, output) == (status, "['MainThread']\n"), errors


@pytest.mark.full
def test_an_unguarded_interrupt_ends_as_any_program_does(run):
    process = run(UNGUARDED)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert time.monotonic() - begin < PROMPT
    # A shell shows this as 130.
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors


def test_a_program_that_forgets_to_stop_still_ends(run):
    process = run(FORGOTTEN)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, complaints(errors)) == (0, "")
