"""The fixture `local_exchange`, as the author of a bot uses it: in a test suite of his own."""

import os
import subprocess
import sys

from depthactors.exchange import LocalExchange

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

def test_it_is_gone_afterwards():
    assert "DEPTHACTORS_EXCHANGE" not in os.environ
"""


def test_a_suite_of_its_own_uses_it_without_any_import(tmp_path):
    (tmp_path / "test_bot.py").write_text(SUITE)
    environment = {name: value for name, value in os.environ.items() if name != "DEPTHACTORS_EXCHANGE"}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert "3 passed" in ended.stdout, ended.stdout + ended.stderr


def test_here_too(local_exchange):
    assert isinstance(local_exchange, LocalExchange)
    assert local_exchange.symbols == ("BTCUSDT", "ETHUSDT", "BNBUSDT")
