"""What every test gets: the recordings of real traffic, and proof that it left no thread behind."""

from __future__ import annotations

import gc
import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import wraps
from itertools import islice
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings
from pykka import ActorRegistry

from depthactors import DepthEngine, reporting
from depthactors.actors.base import EngineActor
from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.exchange import LocalExchange
from depthactors.net.allowance import forget_allowances
from depthactors.pacing import USUAL

TESTS = Path(__file__).parent
CAPTURES = Path(os.environ.get("DEPTHACTORS_CAPTURES", TESTS.parents[1] / "shared" / "captures"))
LARGE_RECORDING, LINES = 200_000, 4_000
"""Bytes from which on a recording is large, and what is taken of it."""
DEADLINE = 5.0
PROCESSES = os.environ.get("DEPTHACTORS_PROCESSES")

if PROCESSES:
    # Every engine of the tests that does not say otherwise keeps its books in so many workers.
    plain_init = DepthEngine.__init__

    @wraps(plain_init)
    def init_with_workers(self, *arguments, **options):
        plain_init(self, *arguments, **options | {"processes": options.get("processes") or int(PROCESSES)})

    DepthEngine.__init__ = init_with_workers

# Many programs are started: each module is compiled once for all of them, even where Python is told to keep nothing.
# (The workers' own: `pytest_xdist_setupnodes`.)
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell's background jobs ignore Ctrl-C, and so would every program that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What the package would write to the stderr of a program is no part of what tests capture.
reporting.quiet()

settings.register_profile("quick", deadline=None, max_examples=30, derandomize=bool(os.environ.get("CI")))
settings.register_profile("full", deadline=None, max_examples=200, derandomize=bool(os.environ.get("CI")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config):
    """Have two processes compile all tests in a fresh checkout, before each of the workers would do so for itself."""
    compiled = any((TESTS / "__pycache__").glob("test_rules.*-pytest-*"))
    if compiled or config.args != [TESTS.name]:
        return
    paths = sorted(TESTS.glob("[a-z]*"))
    halves = [path for path in paths if path.name < "f"], [path for path in paths if path.name >= "f"]
    command = [sys.executable, "-m", "pytest", "--collect-only", "--numprocesses", "0", "-qqq"]
    for process in [subprocess.Popen([*command, *half], stdout=subprocess.DEVNULL) for half in halves]:
        process.wait()


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Keep the garbage collector from going through thousands of tests again and again, now and while they run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_generate_tests(metafunc):
    """Run a test that takes `capture` with the smallest recording of each market; with all others it is `full`.

    Of a market whose smallest recording is large, its beginning is taken in its place. A test that takes
    `short_capture` has the beginning of every large one, and never the whole.
    """
    for name in {"capture", "short_capture"}.intersection(metafunc.fixturenames):
        files = sorted(CAPTURES.glob("*/*/*.gz"), key=lambda path: (path.parts[-3], path.stat().st_size))
        smallest = {path.parts[-3]: path for path in reversed(files)}.values()
        large = {path for path in files if path.stat().st_size > LARGE_RECORDING}
        cases = [_case(path, path in smallest, LINES if path in large else None) for path in files]
        if name == "capture":
            cases = [case for path, case in zip(files, cases, strict=True) if path in smallest or path not in large]
            cases += [_case(path, is_default=False) for path in files if path in large]
        skip = pytest.mark.skip(reason=f"no recordings in DEPTHACTORS_CAPTURES ({CAPTURES})")
        metafunc.parametrize(name, cases or [pytest.param(None, marks=skip, id="none")], indirect=True)


def _case(path, is_default, lines=None):
    words = "" if lines is None else f"the first {lines} lines of "
    marks = () if is_default else pytest.mark.full
    return pytest.param((path, lines), id=f"{words}{path.parent.name}-{path.stem}", marks=marks)


@pytest.fixture
def capture(request, tmp_path):
    """Return a recording's path, whose last three parts are market, folder and file."""
    path, lines = request.param
    if lines is None:
        return path
    beginning = tmp_path.joinpath(*path.parts[-3:])
    beginning.parent.mkdir(parents=True)
    with gzip.open(path) as whole, gzip.open(beginning, "wb") as part:
        part.writelines(islice(whole, lines))
    return beginning


short_capture = capture


def pytest_collection_modifyitems(items):
    """Begin with what takes longest alone; leave out what reaches into a book where books are in workers."""
    # Whoever begins a test of ten seconds last lets the others wait for it.
    items.sort(
        key=lambda item: (
            not item.nodeid.startswith(
                ("tests/typing/", "tests/test_readme.py", "tests/test_examples.py", "tests/share/")
            )
        )
    )
    if PROCESSES:
        skip = pytest.mark.skip(reason="reaches into an actor, a thread or a connection that is in a worker here")
        for item in items:
            if item.get_closest_marker("one_process"):
                item.add_marker(skip)


def pytest_runtest_protocol(item, nextitem):
    """Report a test that passed in one message to the process that prints, where xdist sends it five."""
    if not hasattr(item.config, "workerinput") or item.config.option.verbose > 0:
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.fixture
def captures():
    """Return the folder of recordings."""
    if not CAPTURES.is_dir():
        pytest.skip(f"no recordings in DEPTHACTORS_CAPTURES ({CAPTURES})")
    return CAPTURES


@pytest.fixture(autouse=True)
def _no_thread_left():
    """Fail a test whose own threads or actors of the package outlive it."""
    before, actors = set(threading.enumerate()), set(ActorRegistry.get_all())
    yield
    deadline = time.monotonic() + DEADLINE
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("depthactors")]
    for thread in ours:
        if thread not in before:
            thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in ours if thread.is_alive() and thread not in before]
    assert left == [], f"threads left behind: {left}"
    left = [ref for ref in ActorRegistry.get_all() if issubclass(ref.actor_class, EngineActor) and ref not in actors]
    assert left == [], f"actors left behind: {left}"


@pytest.fixture(autouse=True)
def _no_allowance_kept():
    """Forget what the exchange of another test, perhaps on the same port, has allowed."""
    forget_allowances()


class FlushedLog(pytest.LogCaptureFixture):
    """A `caplog` that waits for what was said before: handlers are called in a thread of the package's own."""

    @property
    def handler(self):
        reporting.flush()
        return super().handler

    @contextmanager
    def at_level(self, *arguments):
        with super().at_level(*arguments):
            yield
            reporting.flush()


@pytest.fixture
def caplog(caplog):
    """Return pytest's own fixture, which has what was said before it is looked at."""
    caplog.__class__ = FlushedLog
    return caplog


@pytest.fixture
def dispatcher():
    """Return a dispatcher that runs actors until the test ends, and leaves no thread behind."""
    dispatcher = PooledDispatcher("test")
    dispatcher.start()
    yield dispatcher
    threads = dispatcher.threads
    dispatcher.close()
    for thread in threads:
        thread.join(10)
    assert not [thread.name for thread in threads if thread.is_alive()]


@pytest.fixture
def exchange(monkeypatch):
    """Three busy symbols on a local exchange, to which every engine of the test goes."""
    with LocalExchange.with_order_flow(
        ["BTCUSDT", "ETHUSDT", "BNBUSDT"], rate=100.0, levels=5.0, depth=150
    ) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        yield exchange


@pytest.fixture
def engine(exchange):
    """An engine of exact numbers on that exchange."""
    with DepthEngine(number=Decimal) as engine:
        yield engine


@pytest.fixture
def set_timing(monkeypatch):
    """Return a function that sets the durations of all engines made from then on: `set_timing(lost_after=0.1)`.

    What is not named is as in programs; `set_timing(Timing.fast())` is short throughout.
    """

    def set_timing(timing=USUAL, **changes):
        monkeypatch.setattr(DepthEngine, "_timing", replace(timing, **changes))

    return set_timing


@pytest.fixture
def dead_address(monkeypatch):
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("DEPTHACTORS_EXCHANGE", address)
    return address
