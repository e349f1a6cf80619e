"""Every example runs, against the local exchange, as a user would run it, and shows what its first line says.

Those that end by themselves and need nothing else run in one interpreter; that each has one of its own is `full`.
"""

import argparse
import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path

import pytest

from depthactors import DepthReader
from depthactors.cli import serving
from depthactors.exchange import Fault
from tests.support import complaints, table

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
OPTION = "BTC-261225-100000-C"
PRICE = r"\d+(\.\d+)?(e-?\d+)?"
LEVEL = rf"[\[(]{PRICE}, {PRICE}[\])]"
EXACT = rf"\[Decimal\('{PRICE}'\), Decimal\('{PRICE}'\)\]"
DEADLINE = 10.0


@pytest.fixture
def exchange(monkeypatch):
    """What a plain sandbox serves, only faster."""
    parser = argparse.ArgumentParser()
    serving.add_options(parser, port=0)
    with serving.open_exchange(parser.parse_args(["--rate", "50", "--levels", "5"])) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        monkeypatch.setenv("PYTHONWARNINGS", "default")
        yield exchange


@pytest.fixture
def other_exchange(monkeypatch):
    """One that lists none of the symbols that examples follow."""
    parser = argparse.ArgumentParser()
    serving.add_options(parser, port=0)
    with serving.open_exchange(parser.parse_args(["--symbols", "ADAUSDT"])) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        yield exchange


def run(name, *arguments, complaint=""):
    """Run an example to its end and return the lines it printed; each line on stderr has the complaint."""
    return lines_of(f"{name}.py", *map(str, arguments), complaint=complaint)


def lines_of(*command, complaint=""):
    """Run a program in the folder of the examples, as `run` does an example."""
    result = subprocess.run(
        [sys.executable, *command],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert result.returncode == 0
    told = complaints(result.stderr).splitlines()
    assert all(complaint and complaint in line for line in told), result.stderr
    return result.stdout.splitlines()


class Program:
    """A program under way: its lines as they come, then its status."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, name="reader", daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, pattern, count=1):
        """Return the matches of a pattern once there are so many lines of it."""

        def matches():
            return list(re.finditer(pattern, "\n".join(self.lines), re.MULTILINE))

        with self._news:
            self._news.wait_for(lambda: len(matches()) >= count or self._ended, DEADLINE)
            assert len(matches()) >= count, "\n".join(self.lines)
            return matches()

    def interrupt(self):
        """Press Ctrl-C; returns the status."""
        return self.end_by(signal.SIGINT)

    def end_by(self, number):
        """Send a signal; returns the status."""
        self.process.send_signal(number)
        return self.end()

    def end(self):
        status = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return status


@contextmanager
def program(*command, **environment):
    """Start a command in the folder of the examples; it is gone afterwards."""
    with subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=FOLDER,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        started = Program(process)
        try:
            yield started
        finally:
            # Its workers, too.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            started.end()


def get(port, path):
    """Ask a server for JSON."""
    connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@table("path", EXAMPLES)
def test_each_example_says_in_its_first_line_what_it_shows(path):
    text = path.read_text()
    first = text.splitlines()[0]
    assert first.startswith('"""')
    assert first.endswith('."""')
    assert ast.get_docstring(ast.parse(text)) == first.strip('"')


@table("path", EXAMPLES)
def test_each_example_is_run_by_a_test(path):
    tests = Path(__file__).read_text()
    assert re.search(rf"\b{path.stem}\b", tests)


PLAIN = {}
"""What is to be seen of each example that ends by itself, by its command."""


def plain(*arguments):
    def add(check):
        PLAIN[check.__name__, *arguments] = check
        return check

    return add


@plain(3)
def threaded_depth_cache(lines):
    assert len(lines) >= 3
    assert all(re.fullmatch(rf"BTCUSDT bid {LEVEL} ask {LEVEL}", line) for line in lines)


@plain()
def ask_a_book(lines):
    ref_ask, handle_ask, view = lines
    for line in (ref_ask, handle_ask, view):
        assert re.search("BTCUSDT", line)
    assert re.search(rf"spread {PRICE} vwap of 1 ask {PRICE}$", view)


@plain()
def worker_processes(lines):
    view, asked, called, processes = lines
    assert view.startswith("view        <BookView BTCUSDT LIVE")
    assert asked.startswith("handle.ask  <BookView ETHUSDT LIVE")
    assert called.startswith("called with <BookView ETHUSDT LIVE")
    assert re.search(r"^processes +worker-1 is \d+  worker-2 is \d+$", processes)


@plain()
def stop_one_stream(lines):
    assert lines == [
        "both came",
        "stopped btcusdt@depth10, ethusdt@depth10 goes on",
    ]


@plain(40)
def stop_all_streams(lines):
    assert lines[0] == "until 40 updates of one book, or Ctrl-C:"
    assert lines[-2:] == ["stopped by a callback", "running: False"]


@plain()
def context_manager(lines):
    assert [line[:9].strip() for line in lines] == ["recv", "iteration", "iteration", "iteration", "by hand"]
    assert all(re.search(rf"BTCUSDT bid {LEVEL} ask {LEVEL}$", line) for line in lines)


@plain(1, 0.3)
def refresh_intervals(lines):
    assert lines[:3] == [f"{symbol} is live" for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")]
    assert lines[3] == "fresh snapshots of ETHUSDT, one in about 0.3 s:"
    rows = dict(line.split(" ", 1) for line in lines[-3:])
    assert rows["BTCUSDT"] == "LIVE 0 refreshes"
    assert rows["BNBUSDT"] == "LIVE 0 refreshes"
    assert int(re.fullmatch(r"LIVE (\d+) refreshes", rows["ETHUSDT"])[1]) >= 1


@plain(OPTION)
def options_book(lines):
    assert len(lines) >= 2
    assert all(re.fullmatch(rf"callback {OPTION} {EXACT} {EXACT}", line) for line in lines[:-1])
    assert re.fullmatch(rf"recv {OPTION} {EXACT} {EXACT}", lines[-1])


@plain()
def futures_books(lines):
    *callbacks, received = lines
    for symbol, line in zip(("BTCUSDT", "BTCUSD_PERP"), sorted(callbacks), strict=True):
        assert re.fullmatch(rf"{symbol} 50 bids from {LEVEL}, 50 asks from {LEVEL}", line)
    assert received == "received BTCUSDT, 50 bids"


@plain(6, 0.2)
def legacy_poller(lines):
    found = [re.fullmatch(rf"BTCUSDT id (\d+) spread {PRICE}", line) for line in lines]
    ids = [int(match[1]) for match in found]
    assert len(ids) == 6
    assert ids == sorted(ids)
    assert ids[0] < ids[-1], "it reads the live book"


@plain()
def jupyter_cell(lines):
    *views, loop = lines
    assert len(views) == 3
    assert all(re.fullmatch(rf"BTCUSDT bid {LEVEL} ask {LEVEL}", line) for line in views)
    ticks, pause = re.fullmatch(r"the loop ticked (\d+) times, its longest pause was ([\d.]+) s", loop).groups()
    assert int(ticks) >= 3
    assert float(pause) < 1.0


IN_TURN = """
import runpy, sys
for example, *arguments in {commands!r}:
    sys.argv[:] = [example, *map(str, arguments)]
    runpy.run_path(example + ".py", run_name="__main__")
    print({end!r}, flush=True)
"""
END = "= the end of this one"


def test_the_plain_examples_show_what_they_say(exchange):
    lines = lines_of("-c", IN_TURN.format(commands=list(PLAIN), end=END))
    for check in PLAIN.values():
        end = lines.index(END)
        check(lines[:end])
        lines = lines[end + 1 :]
    assert lines == []


@pytest.mark.full
@pytest.mark.parametrize("command", PLAIN, ids=lambda command: command[0])
def test_a_plain_example_shows_what_it_says(exchange, command):
    PLAIN[command](run(*command))


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("threaded_depth_cache", "the stream is over"),
        pytest.param("stop_all_streams", "running: False", marks=pytest.mark.full),
        pytest.param("futures_books", "received {'e': 'error', 'type': 'BinanceAPIException'", marks=pytest.mark.full),
    ],
)
def test_an_example_ends_when_its_streams_are_over(other_exchange, name, last):
    lines = run(name, complaint="given up, no more data comes")
    assert any(line.startswith("BinanceAPIException: ") for line in lines[:2])
    assert lines[-1].startswith(last)


@pytest.mark.full
def test_stop_one_stream_ends_where_a_book_has_no_data(other_exchange):
    assert "a book has no data" in run("stop_one_stream", complaint="given up, no more data comes")


@pytest.mark.full
def test_stop_all_streams_by_ctrl_c(exchange):
    with program("stop_all_streams.py", 1_000_000) as example:
        example.wait_for("is followed", count=3)
        assert example.interrupt() == 0
    followed = re.findall(r"([A-Z]+) is followed", "".join(example.lines))
    assert sorted(followed) == ["BNBUSDT", "BTCUSDT", "ETHUSDT"]
    assert example.lines[-2:] == ["stopped by Ctrl-C", "running: False"]


def test_shared_socket_manager_connects_once(exchange):
    logged = "import logging, shared_socket_manager as it; logging.basicConfig(level='INFO'); it.main()"
    with program("-c", logged, PYTHONUNBUFFERED="") as example:
        assert example.end() == 0
        (_,) = example.wait_for(r"socket-spot-\d+ connected")
        for symbol in ("BTCUSDT", "ETHUSDT"):
            (_,) = example.wait_for(rf"^{symbol} bid {LEVEL} ask {LEVEL}$")


def test_handle_errors_of_an_unknown_symbol_and_of_a_lost_connection(exchange):
    # Not unbuffered: then a line and its end are two writes, and what the library says may come between.
    with program("handle_errors.py", 60, PYTHONUNBUFFERED="") as example:
        example.wait_for("BTCUSDT \\[\\[")
        before = len(example.lines)
        exchange.inject(Fault("cut", symbol="BTCUSDT"))
        example.wait_for("BinanceWebsocketClosed")
        closed = next(n for n, line in enumerate(example.lines) if "BinanceWebsocketClosed" in line)
        prices = sum("BTCUSDT [[" in line for line in example.lines[:closed])
        example.wait_for("BTCUSDT \\[\\[", count=prices + 2)
    # Without what the library itself says on stderr.
    lines = [line for line in example.lines if not line.startswith("depthactors: ")]
    assert lines[0] == "starting NOSUCHCOIN"
    assert lines[1].startswith("BinanceAPIException: ")
    assert lines[2] == "None: this stream is over and can be started anew"
    assert closed >= before
    assert sum("None" in line for line in lines) == 1


@pytest.mark.full
def test_handle_errors_of_an_exchange_that_is_gone(exchange):
    with program("handle_errors.py", 5, 1) as example:
        example.wait_for("BTCUSDT \\[\\[")
        exchange.stop()
        example.wait_for("None: this stream is over", count=3)
        assert example.end() == 0
    kinds = [line.partition(":")[0] for line in example.lines if re.match("Binance|None", line)]
    refused = ["BinanceAPIException", "None"]
    over = ["BinanceWebsocketUnableToConnect", "None"]
    assert kinds[:5] == [*refused, "BinanceWebsocketClosed", *over]
    assert kinds[-2:] == over
    assert [line for line in example.lines if "starting" in line] == [
        "starting NOSUCHCOIN",
        "starting BTCUSDT",
        "starting BTCUSDT",
    ]


@pytest.mark.full
def test_legacy_poller_by_ctrl_c(exchange):
    with program("legacy_poller.py", 1000, 0.1) as example:
        example.wait_for("BTCUSDT id")
        assert example.interrupt() == -signal.SIGINT


def test_flask_view_under_its_development_server(exchange):
    pytest.importorskip("flask", reason="the Flask example needs Flask, no dependency of the project")
    port = free_port()
    with program("flask_view.py", port) as example:
        example.wait_for("Running on")
        status, book = get(port, "/book/btcusdt")
        assert status == 200
        assert book["symbol"] == "BTCUSDT"
        assert book["bids"] == exchange_levels(exchange, book, "bids")
        assert book["asks"] == exchange_levels(exchange, book, "asks")
        status, error = get(port, "/book/nosuchcoin")
        assert (status, "NOSUCHCOIN" in error["error"]) == (404, True)
        assert example.interrupt() == 0


def exchange_levels(exchange, book, side):
    """Return the best five levels that the exchange had at the id of an answer."""
    truth = exchange.book_at("BTCUSDT", book["id"], market="spot")
    return [[float(price), float(quantity)] for price, quantity in getattr(truth, side)[:5]]


def test_celery_task_runs_without_a_broker(exchange):
    pytest.importorskip("celery", reason="the Celery example needs Celery, no dependency of the project")
    with program("celery_task.py") as example:
        example.wait_for(rf"^BTCUSDT {PRICE}$")
        assert example.end() == 0


WORKERS = """
import os
import celery_task

celery_task.app.conf.task_always_eager = True
for _ in range(2):
    if (child := os.fork()) == 0:
        print("worker", os.getpid(), celery_task.cost_of_buying.delay("BTCUSDT", 0.01).get(), flush=True)
        celery_task.stop_engine()
        os._exit(0)
    print("parent", child, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.full
def test_celery_task_in_forked_workers(exchange):
    pytest.importorskip("celery", reason="the Celery example needs Celery, no dependency of the project")
    with program("-c", WORKERS) as parent:
        assert parent.end() == 0
        prices = parent.wait_for(rf"worker (\d+) {PRICE}$", count=2)
        statuses = parent.wait_for(r"parent (\d+) 0$", count=2)
    assert {match[1] for match in prices} == {match[1] for match in statuses}


TASKS = """
import filesystem_broker
from celery_task import cost_of_buying

for _ in range(2):
    print("cost", cost_of_buying.delay("BTCUSDT", 0.01).get(timeout=10, interval=0.05), flush=True)
"""


@pytest.mark.full
def test_celery_task_in_two_worker_processes_one_after_the_other(exchange, tmp_path):
    pytest.importorskip("celery", reason="the Celery example needs Celery, no dependency of the project")
    folders = dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), str(tmp_path))
    (tmp_path / "filesystem_broker.py").write_text(
        "from celery_task import app\n"
        f"app.conf.broker_transport_options = {folders | {'polling_interval': 0.05}!r}\n"
        f"app.conf.result_backend = 'file://{tmp_path}'\n"
    )
    setting = {"CELERY_BROKER_URL": "filesystem://", "PYTHONPATH": f"{tmp_path}{os.pathsep}{FOLDER}"}
    options = ("--pool", "prefork", "--concurrency", "1", "--max-tasks-per-child", "1", "--loglevel", "INFO")
    quick = ("--without-mingle", "--without-gossip", "--without-heartbeat")
    with program("-m", "celery", "--app", "filesystem_broker:app", "worker", *options, *quick, **setting) as worker:
        worker.wait_for("ready")
        with program("-c", TASKS, **setting) as client:
            client.wait_for(rf"^cost {PRICE}$", count=2)
            assert client.end() == 0
        live = worker.wait_for(r"/(ForkPoolWorker-\d+)\] = BTCUSDT SYNCING -> LIVE", count=2)
        stopped = worker.wait_for(r"/(ForkPoolWorker-\d+)\] = BTCUSDT LIVE -> STOPPED", count=2)
    assert [match[1] for match in live] == [match[1] for match in stopped]
    assert len({match[1] for match in live}) == 2


def test_gunicorn_app_and_gunicorn_conf_answer_from_forked_workers(exchange):
    pytest.importorskip("gunicorn", reason="the gunicorn example needs gunicorn, no dependency of the project")
    port = free_port()
    command = (
        "-m",
        "gunicorn",
        "--config",
        "gunicorn_conf.py",
        "--bind",
        f"127.0.0.1:{port}",
        "gunicorn_app:application",
    )
    with program(*command) as server:
        workers = {match[1] for match in server.wait_for(r"worker (\d+) follows BTCUSDT, ETHUSDT", count=2)}
        answered = set()
        deadline = time.monotonic() + DEADLINE
        while answered != workers and time.monotonic() < deadline:
            status, answer = get(port, "/BTCUSDT")
            assert (status, answer["symbol"]) == (200, "BTCUSDT")
            assert answer["bid"][0] < answer["ask"][0]
            answered.add(str(answer["process"]))
        assert answered <= workers
        assert str(server.process.pid) not in answered
        assert get(port, "/NOSUCHCOIN") == (404, {"error": "followed are BTCUSDT, ETHUSDT"})
        # At Ctrl-C gunicorn's worker takes the lock of its pool in a signal handler; the interrupted code may hold it.
        assert server.end_by(signal.SIGTERM) == 0
        assert len(server.wait_for("has stopped its engine", count=2)) == 2


FORKING = """
import os
import gunicorn_app

for _ in range(2):
    if (child := os.fork()) == 0:
        gunicorn_app.follow("BTCUSDT")
        gunicorn_app.application({"PATH_INFO": "/BTCUSDT"}, lambda status, _: print(os.getpid(), status, flush=True))
        gunicorn_app.engine.stop()
        os._exit(0)
    print("parent", child, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.full
def test_gunicorn_app_without_gunicorn_after_a_fork(exchange):
    with program("-c", FORKING) as parent:
        assert parent.end() == 0
        answers = parent.wait_for(r"^(\d+) 200 OK$", count=2)
        statuses = parent.wait_for(r"parent (\d+) 0$", count=2)
    assert [match[1] for match in answers] == [match[1] for match in statuses]


@pytest.fixture
def shared_name(monkeypatch):
    """Share under a name that no other program of this machine has."""
    name = f"examples-{os.getpid()}"
    monkeypatch.setenv("SHARED_BOOKS", name)
    return name


@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGINT, id="ctrl-c", marks=pytest.mark.full), pytest.param(signal.SIGTERM, id="sigterm")],
)
def test_shared_engine_is_read_by_another_process_until_a_signal(exchange, shared_name, number):
    with program("shared_engine.py") as engine:
        engine.wait_for(f"^BTCUSDT, ETHUSDT are shared as {shared_name}$")
        with DepthReader(shared_name) as reader:
            view = reader.wait_live("ETHUSDT", timeout=DEADLINE)
            assert (len(view.bids), len(view.asks)) == (20, 20)
            engine.process.send_signal(number)
            assert engine.end() == 0
            assert not reader.alive
    assert engine.lines[-2:] == ["a signal: ending", "shared no longer"]


@pytest.mark.full
def test_shared_engine_for_some_seconds(exchange, shared_name):
    with program("shared_engine.py", 0.1) as engine:
        assert engine.end() == 0
    assert engine.lines[-1] == "shared no longer"


SERVING = """
import sys
from wsgiref.simple_server import make_server
import gunicorn_reader_app

with make_server("127.0.0.1", int(sys.argv[1]), gunicorn_reader_app.application) as server:
    print("serving", flush=True)
    server.serve_forever()
"""


def wait_for_answer(port, path, fits):
    """Ask until an answer fits, and return it."""
    deadline = time.monotonic() + DEADLINE
    while not fits(answer := get(port, path)):
        assert time.monotonic() < deadline, answer
    return answer


def is_live(answer):
    status, book = answer
    return status == 200 and book["state"] == "LIVE"


@pytest.mark.full
def test_gunicorn_reader_app_without_gunicorn_before_between_and_after_engines(exchange, shared_name):
    port = free_port()
    with program("-c", SERVING, port) as server:
        server.wait_for("^serving$")
        status, answer = get(port, "/BTCUSDT")
        assert (status, answer["error"].endswith(f"the engine {shared_name!r} does not run on this machine")) == (
            503,
            True,
        )
        for number, end in ((signal.SIGTERM, "was stopped"), (signal.SIGKILL, "was killed, or ended without")):
            with program("shared_engine.py") as engine:
                _, book = wait_for_answer(port, "/btcusdt", is_live)
                assert (book["symbol"], book["process"]) == ("BTCUSDT", server.process.pid)
                assert book["bid"][0] < book["ask"][0]
                assert 0 <= book["age"] < DEADLINE
                status, answer = get(port, "/NOSUCHCOIN")
                assert (status, "does not share NOSUCHCOIN; it shares BTCUSDT, ETHUSDT" in answer["error"]) == (
                    404,
                    True,
                )
                engine.process.send_signal(number)
                engine.end()
                # That one was killed is noticed within a hundredth of a second.
                _, answer = wait_for_answer(port, "/BTCUSDT", lambda answer: answer[0] == 503)
                assert end in answer["error"]
    # What the killed one left is the next one's to remove.
    assert run("shared_engine", 0.1)[-1] == "shared no longer"


def test_gunicorn_reader_app_answers_from_each_worker(exchange, shared_name):
    pytest.importorskip("gunicorn", reason="the gunicorn example needs gunicorn, no dependency of the project")
    port = free_port()
    command = ("-m", "gunicorn", "--workers", 2, "--bind", f"127.0.0.1:{port}", "gunicorn_reader_app:application")
    with program("shared_engine.py") as engine, program(*command) as server:
        workers = {match[1] for match in server.wait_for(r"Booting worker with pid: (\d+)", count=2)}
        wait_for_answer(port, "/BTCUSDT", is_live)
        answered = set()
        wait_for_answer(port, "/BTCUSDT", lambda answer: answered.add(str(answer[1]["process"])) or len(answered) > 1)
        assert answered <= workers
        engine.interrupt()
        assert get(port, "/BTCUSDT")[0] == 503
        assert server.interrupt() == 0


# What they need is no dependency of the project.
IMPORTED = {"flask_view": "flask", "celery_task": "celery", "gunicorn_reader_app": None}


def test_nothing_is_started_or_read_before_a_request_or_a_task(exchange):
    found = [module for module, needs in IMPORTED.items() if needs is None or find_spec(needs)]
    # The thread that writes to stderr is there while there is something to write.
    code = (
        f"import threading, {', '.join(found)}\n"
        "[thread.join(5) for thread in threading.enumerate() if thread.name == 'depthactors-reporting']\n"
        "print(*(thread.name for thread in threading.enumerate()), sep='\\n')"
    )
    assert lines_of("-c", code) == ["MainThread"]
