"""A program with a manager lives as long as with python-binance; Ctrl-C ends it, without a traceback from Python."""

import os
import signal
import subprocess
import sys
import time

import pytest

from depthactors.exchange import LocalExchange

BEGIN = """
import signal, sys, threading, time
from depthactors import ThreadedDepthCacheManager
def say_when():
    while not ({ready}):
        time.sleep(0.005)
    print("ready", flush=True)
threading.Thread(target=say_when, daemon=True).start()
dcm = ThreadedDepthCacheManager()
{before}
dcm.start()
def callback(cache):
    print("called", flush=True)
    {within}
dcm.start_depth_cache(callback, "BTCUSDT", ws_interval=100)
{after}
"""

CAUGHT = "try: dcm.join()\nexcept KeyboardInterrupt: print('interrupted')"
IMPATIENT = "from depthactors.python_binance import threaded; threaded._LAST_CALL = 0.1"

WAITED_FOR = "signal.getsignal(signal.SIGINT) is not signal.default_int_handler"
"""Whether the main thread is over: the interpreter waits for the manager."""
JOINING = "sys._current_frames()[threading.main_thread().ident].f_code.co_name == 'wait'"
LOOPING = "'looping' in globals()"

CHILD = """
import multiprocessing, signal, sys, threading, time
from depthactors import ThreadedDepthCacheManager

def work():
    def say_when():
        while not (WAITED_FOR):
            time.sleep(0.005)
        print("ready", flush=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=say_when, daemon=True).start()
    dcm = ThreadedDepthCacheManager()
    dcm.start()
    dcm.start_depth_cache(lambda cache: print("called", flush=True), "BTCUSDT", ws_interval=100)

if __name__ == "__main__":
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child.join()
    sys.exit(child.exitcode)
""".replace("WAITED_FOR", WAITED_FOR)


STARTS_NONE = (3, 12) <= sys.version_info < (3, 12, 2)
lives_on = pytest.mark.skipif(
    STARTS_NONE, reason="this interpreter starts no thread after the main thread's end: CPython issue 113964"
)


@pytest.fixture(scope="module")
def address():
    with LocalExchange.with_order_flow("BTCUSDT", rate=50.0, levels=5.0, depth=150) as exchange:
        yield exchange.url


@pytest.fixture
def run(address, monkeypatch):
    """Start a program; the lines that it prints come one after the other."""
    monkeypatch.setenv("DEPTHACTORS_EXCHANGE", address)
    started = []

    def begin(script):
        started.append(
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", script],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def program(before="", within="pass", after="", ready=WAITED_FOR):
    return BEGIN.format(before=before, within=within, after=after, ready=ready)


def wait_until_ready(process, calls=0):
    """Wait until the main thread is where it is to be, for a call, and for so many calls after that."""
    lines = []
    while not {"ready\n", "called\n"} <= {*lines} or lines.index("ready\n") + calls >= len(lines):
        lines.append(process.stdout.readline())
        assert lines[-1], process.communicate(timeout=10)


def ended(process, timeout=10):
    """Return its status, what else it printed, and its errors but for the line about the exchange."""
    output, errors = process.communicate(timeout=timeout)
    return process.returncode, output.replace("called\n", "").replace("ready\n", ""), errors.partition("\n")[2]


@lives_on
@pytest.mark.parametrize(
    ("script", "status", "printed"),
    [
        (program(after="import atexit; atexit.register(print, 'exit', flush=True)"), 0, "exit\n"),
        pytest.param(program(after="sys.exit(3)"), 3, "", marks=pytest.mark.full),
        pytest.param(
            program(after="try: dcm.join()\nexcept KeyboardInterrupt: print('interrupted')", ready=JOINING),
            0,
            "interrupted\n",
            marks=pytest.mark.full,
        ),
        pytest.param(program(before=IMPATIENT, within="threading.Event().wait()"), 0, "", marks=pytest.mark.full),
        pytest.param(CHILD, 0, "", marks=pytest.mark.full),
    ],
    ids=[
        "its end, then what is registered for the interpreter's",
        "sys.exit()",
        "join()",
        "a stuck callback",
        "a child whose target returned",
    ],
)
def test_it_lives_on_after_its_end_and_ctrl_c_ends_it_without_a_word(run, script, status, printed):
    process = run(script)
    wait_until_ready(process, 0 if "Event().wait" in script else 2)
    assert process.poll() is None
    begin = time.monotonic()
    # As a terminal does it: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process) == (status, printed, "")
    assert time.monotonic() - begin < 8


def test_an_uncaught_ctrl_c_ends_it_with_the_programs_own_traceback_alone(run):
    process = run(program(after="looping = True\nwhile True: time.sleep(60)", ready=LOOPING))
    wait_until_ready(process)
    process.send_signal(signal.SIGINT)
    status, _, errors = ended(process)
    assert status == -signal.SIGINT
    assert errors.count("Traceback") == 1
    assert errors.endswith("KeyboardInterrupt\n")


@lives_on
@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("", "1 / 0", ["ZeroDivisionError: division by zero"]),
        pytest.param("sys.ps1 = '>>> '", "", [], marks=pytest.mark.full),
    ],
    ids=["an exception", "an interactive interpreter"],
)
def test_whoever_waits_for_the_prompt_is_shown_what_the_program_waits_for(run, before, after, said):
    process = run(program(before=before, after=after))
    wait_until_ready(process)
    process.send_signal(signal.SIGINT)
    _, _, errors = ended(process)
    *shown, last = [line for line in errors.splitlines() if not line.startswith((" ", "Traceback"))]
    assert shown == said
    assert last.startswith(
        "depthactors: the main thread has ended, but ThreadedDepthCacheManager-1 goes on until stop()"
    )


@pytest.mark.skipif(not STARTS_NONE, reason="only Python 3.12.0 and 3.12.1 start no thread after the main thread's end")
def test_an_interpreter_that_starts_no_thread_after_that_is_named(run):
    process = run(program())
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    status, _, errors = ended(process)
    assert status == 0
    assert "ThreadedDepthCacheManager-1 cannot connect any more; end the program with join()" in errors


def test_a_daemon_is_not_waited_for(run):
    status, _, errors = ended(run(program(before="dcm.daemon = True", after="print(dcm.isDaemon())")))
    assert (status, errors) == (0, "")


@lives_on
def test_a_callback_that_stops_the_manager_finishes_before_the_program_ends(run):
    within = "dcm.stop(); time.sleep(0.3); print('saved', flush=True)"
    assert ended(run(program(within=within))) == (0, "saved\n", "")


@lives_on
def test_a_thread_of_the_programs_own_ends_by_ctrl_c_as_it_does_without_a_manager(run):
    process = run(program(after="threading.Thread(target=threading.Event().wait).start()"))
    wait_until_ready(process)
    process.send_signal(signal.SIGINT)
    status, _, errors = ended(process)
    assert (status, "KeyboardInterrupt" in errors) == (0, True)


@lives_on
def test_a_handler_of_the_programs_own_is_left_alone(run):
    after = "signal.signal(signal.SIGINT, lambda *_: (print('mine', flush=True), dcm.stop()))"
    process = run(program(after=after))
    wait_until_ready(process)
    process.send_signal(signal.SIGINT)
    assert ended(process) == (0, "mine\n", "")
