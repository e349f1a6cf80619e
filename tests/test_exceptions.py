"""The exception names of python-binance: what they are, and who catches them."""

import inspect
import logging
import os
import pickle
import subprocess
import sys
from importlib import import_module

import pytest

from depthactors import DepthCacheManager, exceptions
from depthactors.errors import DepthActorsError, ExchangeError, LifecycleError, SnapshotError, StreamError
from depthactors.exceptions import own
from tests.support import table

BASES = [
    ("BinanceWebsocketClosed", StreamError),
    ("BinanceWebsocketUnableToConnect", StreamError),
    ("BinanceWebsocketQueueOverflow", ExchangeError),
    ("ReadLoopClosed", LifecycleError),
    ("BinanceAPIException", SnapshotError),
    ("BinanceRequestException", SnapshotError),
    ("BinanceOrderException", DepthActorsError),
]


def test_the_names_are_those_of_the_table():
    assert sorted(exceptions.__all__) == sorted(name for name, _ in BASES)


def test_every_class_of_ours_is_public():
    names = [name for name, kind in inspect.getmembers(own, inspect.isclass) if issubclass(kind, DepthActorsError)]
    assert set(exceptions.__all__) <= set(names)
    assert set(exceptions.__all__) <= set(dir(exceptions))


def test_another_name_is_none():
    assert not hasattr(exceptions, "BinanceNothing")


@table(("name", "base"), BASES)
def test_a_class_is_caught_by_our_base_and_has_its_documentation(name, base):
    kind = getattr(exceptions, name)
    assert issubclass(kind, base)
    assert issubclass(kind, DepthActorsError)
    assert kind.__doc__
    with pytest.raises(DepthActorsError, match="why"):
        raise kind(*["why"])


def test_the_end_of_reading_is_a_runtime_error_too():
    assert issubclass(exceptions.ReadLoopClosed, RuntimeError)


def test_a_refusal_has_the_numbers_of_the_exchange():
    error = exceptions.BinanceAPIException("no", status=400, code=-1121)
    assert (str(error), error.status, error.code) == ("no", 400, -1121)


# Beside python-binance.


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Write a package of python-binance's name with a module of exceptions."""

    def install(source):
        package = tmp_path / "binance"
        package.mkdir()
        (package / "__init__.py").write_text("")
        if source is not None:
            (package / "exceptions.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)

    names = ("binance", own.THEIRS)
    exceptions._imported.cache_clear()
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield install
    exceptions._imported.cache_clear()
    for name in names:
        # Not by `monkeypatch`, which would put it back for the tests that follow.
        sys.modules.pop(name, None)


THEIRS = "".join(f"class {name}(Exception):\n    pass\n" for name, _ in BASES)


@pytest.mark.parametrize("name", [name for name, _ in BASES])
def test_where_theirs_is_installed_its_classes_are_meant(install, name):
    install(THEIRS)
    ours = getattr(exceptions, name)
    assert ours is getattr(import_module(own.THEIRS), name)


def test_an_except_of_either_library_catches_what_the_other_raises(install):
    install(THEIRS)
    theirs = import_module(own.THEIRS)

    def receive():
        DepthCacheManager(None, "BTCUSDT").recv()

    for kind in (theirs.ReadLoopClosed, exceptions.ReadLoopClosed, DepthActorsError, LifecycleError):
        with pytest.raises(kind, match="the manager is not open"):
            receive()
    with pytest.raises(exceptions.BinanceAPIException):
        raise theirs.BinanceAPIException


def test_the_reader_of_a_closed_manager_ends_beside_theirs_too(install):
    install(THEIRS)
    assert exceptions.ReadLoopClosed is not own.ReadLoopClosed
    assert list(DepthCacheManager(None, "BTCUSDT")) == []


def test_what_is_raised_beside_theirs_can_be_pickled(install):
    install(THEIRS)
    with pytest.raises(exceptions.ReadLoopClosed) as caught:
        DepthCacheManager(None, "BTCUSDT").recv()
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (type(copied), str(copied)) == (type(caught.value), str(caught.value))


def test_a_program_that_asks_for_no_name_does_not_load_theirs(install):
    install(THEIRS)
    with pytest.raises(own.ReadLoopClosed):
        DepthCacheManager(None, "BTCUSDT").recv()
    assert own.THEIRS not in sys.modules


def test_the_package_itself_does_not_load_theirs(install, tmp_path):
    install("raise SystemExit('loaded')")
    program = "import depthactors, depthactors.exceptions"
    result = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("source", [None, "import no_such_module", "1 / 0"], ids=["another package", "unmet", "broken"])
def test_without_a_module_that_can_be_imported_ours_are_meant(install, caplog, source):
    install(source)
    with caplog.at_level(logging.INFO, "depthactors"):
        assert exceptions.ReadLoopClosed is own.ReadLoopClosed
    assert ("cannot be imported" in caplog.text) is (source is not None)
