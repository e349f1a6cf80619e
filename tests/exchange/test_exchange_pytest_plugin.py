"""The fixture `local_exchange`, as the author of a bot uses it: in a test suite of its own."""

import os
import subprocess
import sys

import pytest

from depthactors.exchange import LocalExchange, pytest_plugin

SUITE = """
import os
import pytest
from depthactors import DepthEngine
from depthactors.exchange import Fault

def test_books_go_live(local_exchange):
    assert os.environ["DEPTHACTORS_EXCHANGE"] == local_exchange.url
    with DepthEngine() as engine:
        book = engine.subscribe("BNBUSDT", depth=20)
        book.wait_live(timeout=20)

@pytest.mark.local_exchange(["SOLUSDT"], market="usdm", rate=50, depth=50, faults=[Fault("429")])
def test_the_marker_decides_what_is_served(local_exchange):
    assert local_exchange.symbols == ("SOLUSDT",)
    with DepthEngine(market="usdm") as engine:
        engine.subscribe("SOLUSDT", depth=20).wait_live(timeout=20)
    assert local_exchange.strikes() == {"429": 1}

def test_every_market_is_there(local_exchange):
    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", depth=20)
        engine.subscribe("BTCUSDT", depth=20, market="usdm")
        engine.wait_live(timeout=20)

def test_it_is_gone_afterwards():
    assert "DEPTHACTORS_EXCHANGE" not in os.environ
"""
ONE_FOR_ALL = """
import os
import pytest
from depthactors import DepthEngine

@pytest.fixture(scope="session")
def local_exchange_options():
    return {"symbols": ["ADAUSDT"], "market": "spot", "depth": 50}

@pytest.fixture(scope="module")
def engine(local_exchange_session):
    with DepthEngine() as engine:
        yield engine

@pytest.mark.parametrize("number", [1, 2])
def test_books_go_on(engine, local_exchange_session, number):
    assert local_exchange_session.symbols == ("ADAUSDT",)
    assert os.environ["DEPTHACTORS_EXCHANGE"] == local_exchange_session.url
    engine.subscribe("ADAUSDT", depth=20).wait_live(timeout=20)

def test_one_of_its_own_goes_before(local_exchange_session, local_exchange):
    assert os.environ["DEPTHACTORS_EXCHANGE"] == local_exchange.url != local_exchange_session.url
"""
LEFT_RUNNING = """
import queue
import pytest
from depthactors import ThreadedDepthCacheManager

@pytest.fixture(scope="module")
def kept():
    with ThreadedDepthCacheManager() as manager:
        yield manager

def test_one_that_fails_before_it_stops_its_manager(kept, local_exchange):
    caches = queue.Queue()
    manager = ThreadedDepthCacheManager()
    manager.start()
    manager.start_depth_cache(caches.put, "BTCUSDT")
    assert caches.get(timeout=20).symbol == "ETHUSDT"

def test_one_of_a_wider_scope_goes_on(kept):
    assert kept.is_alive()
"""
WITHOUT_THE_EXTRA = """
import sys

import pytest
sys.modules["websockets"] = None

def test_mine(local_exchange):
    raise AssertionError

def test_ours(local_exchange_session):
    raise AssertionError
"""


def suite_of(folder, **files):
    """Run a test suite in a process of its own; return what it wrote."""
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    environment = {name: value for name, value in os.environ.items() if name != "DEPTHACTORS_EXCHANGE"}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-rsf", "--strict-markers", "-p", "no:cacheprovider", str(folder)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert ended.stderr == ""
    return ended.stdout


def test_a_suite_of_its_own_uses_it_without_any_import(tmp_path):
    written = suite_of(tmp_path, bot=SUITE, left_running=LEFT_RUNNING, one_for_all=ONE_FOR_ALL)
    assert "1 failed, 8 passed" in written, written
    assert "FAILED test_left_running.py::test_one_that_fails_before_it_stops_its_manager" in written


def test_without_the_extra_there_is_no_exchange_and_the_test_is_skipped(monkeypatch):
    monkeypatch.setitem(sys.modules, "depthactors.exchange.local", None)
    with pytest.raises(pytest.skip.Exception, match=r"pip install 'depthactors\[demo\]'"), pytest_plugin._exchange():
        pass


@pytest.mark.full
def test_without_the_extra_the_fixtures_skip_and_name_the_remedy(tmp_path):
    written = suite_of(tmp_path, mine=WITHOUT_THE_EXTRA)
    assert "2 skipped" in written, written
    assert "pip install 'depthactors[demo]'" in written


def test_here_too(local_exchange):
    assert isinstance(local_exchange, LocalExchange)
    assert local_exchange.symbols[:3] == ("BTCUSDT", "ETHUSDT", "BNBUSDT")
    assert [market.name for market in local_exchange.markets] == ["spot", "coinm", "usdm", "options"]
