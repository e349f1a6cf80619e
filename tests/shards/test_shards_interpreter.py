"""Which interpreter runs a worker, with what, and where none may."""

import importlib.util
import json
import multiprocessing.spawn
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from depthactors import DepthEngine
from depthactors.errors import UsageError
from depthactors.shards import interpreter
from tests.support import table

SEEN = """
import json, sys
from depthactors.shards import interpreter
print(json.dumps(interpreter.command(7)))
"""
SHOW = "import json; print(json.dumps([sys.flags.optimize, sys.flags.dev_mode, sys.path]))"


def refused(match):
    return pytest.raises(UsageError, match=match)


def output(*command, **environment):
    return json.loads(subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, check=True).stdout)


@pytest.fixture
def executable(monkeypatch):
    def set_both(path):
        monkeypatch.setattr(sys, "executable", path)
        monkeypatch.setattr(multiprocessing.spawn, "get_executable", lambda: path)

    return set_both


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(SEEN)
    return str(path)


def test_a_worker_has_the_options_and_the_search_path_of_the_program(program, tmp_path):
    options, modules = ["-O", "-X", "dev", "-W", "error::UserWarning"], str(tmp_path / "modules")
    command = output(sys.executable, *options, program, PYTHONPATH=modules)
    assert command[0] == sys.executable
    assert {"-O", "-P", "-Werror::UserWarning"} <= set(command)
    place = command.index("-c")
    before, _, _ = command[place + 1].partition("import depthactors.worker.worker")
    # The same command, which shows what it has instead of serving.
    optimize, dev_mode, path = output(*command[:place], "-c", before + SHOW, PYTHONPATH="/somewhere/else")
    assert (optimize, dev_mode) == (1, True)
    assert path[:2] == [str(tmp_path), modules], "what the program finds, and nothing before it"
    assert "/somewhere/else" not in path


@pytest.mark.full
def test_the_workers_of_an_isolated_program_are_isolated(program):
    assert "-I" in output(sys.executable, "-I", program)


def test_an_entry_that_is_the_working_folder_stays_that_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "/elsewhere", Path("/no/text")])
    assert repr([str(tmp_path), "/elsewhere"]) in interpreter.command(7)[-1]
    tmp_path.rmdir()
    assert repr(["", "/elsewhere"]) in interpreter.command(7)[-1]


def test_a_frozen_program_has_no_workers(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with refused("expected processes=None in a frozen program"):
        DepthEngine(processes=2)
    DepthEngine()


@table("path", ["/usr/sbin/uwsgi", "/usr/bin/uwsgi_python3", "/usr/sbin/apache2", "", None])
def test_a_server_with_python_inside_has_workers_only_on_an_interpreter_that_it_names(path, executable, monkeypatch):
    executable(path)
    with refused("no Python interpreter that could run a worker"):
        DepthEngine(processes=2)
    monkeypatch.setattr(multiprocessing.spawn, "get_executable", lambda: b"/opt/interpreters/mayapy")
    DepthEngine(processes=2)


@table("path", ["/usr/bin/python", "/v/bin/python3.13t", "/Library/Python", "/usr/bin/pypy3"])
def test_the_usual_interpreters_are_known(path, executable):
    executable(path)
    DepthEngine(processes=2)


def test_a_worker_has_no_workers_and_its_own_processes_are_not_workers(monkeypatch):
    monkeypatch.setattr(interpreter, "_is_worker", False)
    # Another program that was run as a worker, by mistake.
    monkeypatch.setattr(os, "environ", interpreter.environment())
    with refused("expected processes=None in a worker process of an engine"):
        DepthEngine(processes=2)
    interpreter.enter_worker()
    with refused("expected processes=None in a worker process of an engine"):
        DepthEngine(processes=2)
    assert "DEPTHACTORS_WORKER" not in os.environ


@pytest.mark.parametrize(
    ("module", "question", "name"),
    [("gevent.monkey", "is_module_patched", "threading"), ("eventlet.patcher", "is_monkey_patched", "thread")],
)
def test_with_replaced_threads_there_are_no_workers(module, question, name, monkeypatch):
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{question: lambda asked: asked == name}))
    with refused(f"a program whose threads {module.partition('.')[0]} has replaced"):
        DepthEngine(processes=2)
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{question: lambda _asked: False}))
    DepthEngine(processes=2)


@pytest.mark.parametrize(
    ("library", "patch"),
    [
        ("gevent", "from gevent import monkey; monkey.patch_all()"),
        ("eventlet", "import eventlet; eventlet.monkey_patch()"),
    ],
)
def test_the_real_ones_are_seen(library, patch):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install {library} for this one")
    program = f"{patch}\nfrom depthactors import DepthEngine\nDepthEngine(processes=1)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"a program whose threads {library} has replaced" in run.stderr
