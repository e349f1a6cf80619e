"""Rules of this folder: a test file for each module, and no test that lets time pass without the mark `proof`."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.support import table

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "depthactors"
FILES = sorted(HERE.rglob("test_*.py"))


IMPORT = re.compile(r"^ *(?:from|import) (depthactors[\w.]*)(?: import (\([^)]*\)|.*))?", re.MULTILINE)
PASSES_TIME = re.compile(r"time\s*\.\s*sleep\b|\bEvent\(\)\s*\.\s*wait\b")


def modules_of(source):
    """Return the modules that a test file or a program in it imports, and those from which the names come."""
    for name, imported in IMPORT.findall(source):
        yield name
        try:
            module = import_module(name)
        except ImportError:
            continue  # It needs an extra that is not installed.
        for each in re.findall(r"(\w+)(?: as \w+)?", imported):
            yield f"{name}.{each}"
            yield getattr(getattr(module, each, None), "__module__", None)


THROUGH_OTHERS = {
    "actors.sockets": "actors/test_actor_supervisor.py",
    "cli.demo_symbol": "cli/test_cli_demo.py",
    "cli.live": "cli/test_cli_watch.py",
    "cli.shown": "cli/test_cli_showing.py",
    "dispatcher.dispatcher": "dispatcher/test_dispatcher_pooled.py",
    "dispatcher.pool_thread": "dispatcher/test_dispatcher_pooled.py",
    "dispatcher.queue_watch": "dispatcher/test_dispatcher_pooled.py",
    "dispatcher.turns": "dispatcher/test_dispatcher_pinned_lane.py",
    "engine.inside": "python_binance/test_python_binance_threaded.py",
    "engine.stopping": "engine/test_runtime.py",
    "exchange.feeds.changes": "exchange/test_exchange_order_flow.py",
    "exchange.feeds.recorded_lines": "exchange/test_exchange_recording_feed.py",
    "exchange.rest.depth_faults": "exchange/test_exchange_faults_seen.py",
    "export.result": "cli/test_cli_export.py",
    "net.dial": "net/test_net_connecting.py",
    "net.handshake": "net/test_net_connecting.py",
    "python_binance.callback_stream": "python_binance/test_python_binance_threaded.py",
    "recording.left_files": "recording/test_recording_notes_end.py",
    "recording.book_file": "recording/test_recording_book_files.py",
    "recording.step": "recording/test_recording_sampling.py",
    "reporting.trouble": "reporting/test_reporting_notices.py",
    "reporting.words": "reporting/test_reporting_notices.py",
    "sharing.forks": "sharing/test_sharing_reader.py",
    "worker.worker_engine": "worker/test_worker.py",
}
"""Modules that are tested through others alone, and where."""


def test_every_module_has_a_test_file():
    """One that has its name, or that imports what it defines, or one of the table."""
    stems = " ".join(path.stem for path in FILES)
    tested = {name for path in FILES for name in modules_of(path.read_text())}
    modules = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path.stem
        for path in PACKAGE.rglob("*.py")
        if not path.name.startswith("__")
    }
    assert len(modules) > 100
    missing = [
        name
        for name, stem in modules.items()
        if f"depthactors.{name}" not in tested and not re.search(rf"{stem}\b", stems)
    ]
    assert [name for name in missing if not (HERE / THROUGH_OTHERS.get(name, "none")).is_file()] == []


def lets_time_pass(node):
    """Whether this is `time.sleep(...)`, or `Event().wait(...)` on an event that nobody else can set."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    owner = node.func.value
    if node.func.attr == "sleep":
        return isinstance(owner, ast.Name) and owner.id == "time"
    return node.func.attr == "wait" and isinstance(owner, ast.Call) and ast.unparse(owner.func).endswith("Event")


def is_proof(marked):
    return "mark.proof" in ast.unparse(ast.Module([ast.Expr(each) for each in marked], []))


def sleeps_in(source):
    """Return the tests of a file that let time pass and do not have the mark, and the lines."""
    if not PASSES_TIME.search(source):
        return []  # Nor is it parsed, which takes long.
    tree = ast.parse(source)
    marks = [each.value for each in tree.body if isinstance(each, ast.Assign) and "pytestmark" in ast.unparse(each)]
    if is_proof(marks):
        return []
    return [
        f"{each.name}: {node.lineno}"
        for each in tree.body
        if isinstance(each, ast.FunctionDef) and each.name.startswith("test_") and not is_proof(each.decorator_list)
        for node in ast.walk(each)
        if lets_time_pass(node)
    ]


def test_no_test_lets_time_pass_without_the_mark_for_it():
    found = {str(path.relative_to(HERE)): sleeps_in(path.read_text()) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}


@table(
    ("source", "found"),
    [
        ("def test_a():\n    time.sleep(1)", ["test_a: 2"]),
        ("def test_a():\n    def inner():\n        threading.Event().wait(0.1)\n    inner()", ["test_a: 3"]),
        ("@pytest.mark.proof\ndef test_a():\n    time.sleep(1)", []),
        ("pytestmark = pytest.mark.proof\ndef test_a():\n    time.sleep(1)", []),
        ("def test_a():\n    done.wait(1)", []),
    ],
)
def test_the_rule_finds_a_sleep(source, found):
    assert sleeps_in(source) == found


def test_the_files_that_ci_names_are_there():
    """pytest that gets the name of a missing file runs nothing, which was taken for a dependency that broke."""
    script = HERE.parent / ".ci" / "run"
    if not script.exists():
        pytest.skip("a source distribution has no .ci")
    named = re.findall(r"\btests/[\w/]+(?:\.py)?", script.read_text())
    assert len(named) > 5
    assert [name for name in named if not (HERE.parent / name).exists()] == []
