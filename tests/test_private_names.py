"""Each name of another package that is used without its promise is looked for in time, and its absence is explained."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from websocket import WebSocket

from depthactors import private_names
from depthactors.errors import DependencyError
from tests.support import table

ROOT = Path(__file__).parents[1]
PRIVATE = re.compile(r"(?:pykka|websocket|subprocess|threading|_socket)\._\w+|from \S+ import .*\b_[a-zA-Z]\w*")
NAMED = [(requirement, name) for requirement, names in private_names.NAMES.items() for name in names]


def take_away(monkeypatch, name):
    """Have a name that is listed be missing, as in another release."""
    module, _, path = name.partition(":")
    owner, parts = import_module(module), path.split(".")
    if parts[0] == "WebSocket()":
        *way, last = parts[1:]
        kind = WebSocket if not way else type(getattr(WebSocket(), *way))

        def without(self, wanted):
            if wanted == last:
                raise AttributeError(wanted)
            return object.__getattribute__(self, wanted)

        monkeypatch.setattr(kind, "__getattribute__", without)
        return
    for part in parts[:-1]:
        owner = getattr(owner, part)
    for each in getattr(owner, "__mro__", [owner]):
        if parts[-1] in vars(each):
            monkeypatch.delattr(each, parts[-1])


def test_all_of_them_are_there():
    private_names.check()


@table(("requirement", "name"), [each for each in NAMED if each[1] != "_socket:socket.shutdown"])
def test_one_that_is_missing_is_an_error_that_says_what_to_install(monkeypatch, requirement, name):
    take_away(monkeypatch, name)
    with pytest.raises(DependencyError) as missing:
        private_names.check()
    monkeypatch.undo()
    words = str(missing.value)
    assert name.replace(":", ".") in words
    assert f"install '{requirement}'" in words
    assert re.search(r"was \S+ \d+\.\d+", words), "the version that is there"
    assert isinstance(missing.value, ImportError)


def test_the_engine_cannot_be_imported_without_one():
    program = "import pykka\ndel pykka.Actor._handle_receive\nfrom depthactors import DepthEngine"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("depthactors.errors.DependencyError: expected pykka.ThreadingActor._handle_receive")
    assert "install 'pykka>=" in last


def test_the_requirements_are_those_of_the_package():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    asked = [requirement for requirement in private_names.NAMES if not requirement.startswith("Python")]
    assert asked == [each for each in listed if each in asked]
    assert all("<" in requirement for requirement in asked)


def test_no_other_module_has_such_a_name():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "depthactors").rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if path.name != "private_names.py" and PRIVATE.search(line) and "depthactors" not in line
    ]
    assert found == []
