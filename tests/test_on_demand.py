"""Names that are imported at their first use: to programs, `help()` and `dir()` they are like any others."""

import ast
import inspect
import pickle
import pydoc
import sys
import threading
import types
from pathlib import Path

import pytest

import depthactors
import tests
from depthactors import exchange, export, recording
from depthactors.errors import DependencyError
from depthactors.on_demand import on_demand
from tests.support import PATIENCE, table

PACKAGES = [depthactors, exchange, export, recording]


def known_to_type_checkers(package):
    """Return the module of each name that a package imports `if TYPE_CHECKING`, and its name there."""
    tree = ast.parse(Path(package.__file__).read_text())
    (guarded,) = [each for each in tree.body if isinstance(each, ast.If) and isinstance(each.test, ast.Name)]
    return {
        name.name: f"{line.module}.{name.name}"
        for line in guarded.body
        for name in line.names
        if isinstance(line, ast.ImportFrom)
    }


@table("package", PACKAGES)
def test_a_program_gets_what_a_type_checker_is_shown(package):
    known = known_to_type_checkers(package)
    assert set(known) == set(package.__all__)
    for name, place in known.items():
        assert getattr(package, name) is pydoc.locate(place), name


@table("package", PACKAGES)
def test_help_and_dir_have_every_name_and_so_has_a_star(package):
    page = pydoc.render_doc(package, renderer=pydoc.plaintext)
    namespace = {}
    exec(f"from {package.__name__} import *", namespace)
    for name in package.__all__:
        assert name in dir(package)
        assert namespace[name] is getattr(package, name)
        assert not inspect.isclass(namespace[name]) or f"class {name}" in page


@pytest.mark.parametrize("package", [exchange, export])
def test_help_works_without_the_extra_and_leaves_out_what_needs_it(monkeypatch, package):
    for name in ("websockets", "numpy", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    page = pydoc.render_doc(package, renderer=pydoc.plaintext)
    assert ("class Fault(" in page, "to_tardis(" in page) == (package is exchange, package is export)
    assert {"LocalExchange", "to_parquet", "to_hftbacktest"} & {*dir(package)} == set()


def test_an_object_of_such_a_class_can_be_pickled():
    question = depthactors.Top(5)
    assert pickle.loads(pickle.dumps(question)) == question


def test_a_package_that_a_name_needs_is_named_and_another_one_is_no_affair_of_ours(tmp_path, monkeypatch):
    (tmp_path / "lazily.py").write_text("import no_such_package.part")
    find, _ = on_demand(
        "tests", {"Needed": "lazily", "Other": "lazily"}, extra="demo", needs={"Needed": ["no_such_package"]}
    )
    monkeypatch.setattr("tests.__path__", [str(tmp_path)])
    with pytest.raises(
        DependencyError, match=r"tests.Needed needs the package 'no_such_package': .*depthactors\[demo\]"
    ):
        find("Needed")
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'"):
        find("Other")


def test_two_threads_may_use_a_package_and_a_module_of_it_at_once(tmp_path, monkeypatch):
    """Python alone would find a deadlock, and end the import of one of them."""
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "__init__.py").write_text("import between\nbetween.pause()\nfrom . import part\n")
    (whole / "part.py").write_text("import tests.whole\nPart = 1\n")
    find, _ = on_demand("tests", {"whole": "whole", "Part": "whole.part"})
    monkeypatch.setattr("tests.__path__", [*tests.__path__, str(tmp_path)])
    found, has_part = [], threading.Event()

    def use_the_part():
        found.append(find("Part"))
        has_part.set()

    other = threading.Thread(target=use_the_part)

    def start_the_other():
        other.start()
        # It imports, or waits for this import.
        has_part.wait(0.2)

    monkeypatch.setitem(sys.modules, "between", types.SimpleNamespace(pause=start_the_other))
    assert find("whole").part.Part == 1
    other.join(PATIENCE)
    assert found == [1]


def test_a_module_without_a_spec_stands_for_a_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "standing_in", types.ModuleType("standing_in"))
    _, names = on_demand("tests", {"Needed": "support"}, needs={"Needed": ["standing_in"]})
    assert "Needed" in names()


def test_any_other_name_is_an_attribute_error():
    find, _ = on_demand("depthactors.recording", {})
    with pytest.raises(AttributeError, match=r"'depthactors\.recording' has no attribute 'views'"):
        find("views")
