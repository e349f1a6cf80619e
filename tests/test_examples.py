"""Every example runs, against the local exchange, as a user would run it."""

import subprocess
import sys
from pathlib import Path

import pytest

from depthactors.exchange import LocalExchange

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, monkeypatch):
    with LocalExchange.with_order_flow(["BTCUSDT"], rate=50.0, levels=5.0) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        result = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=30, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "BTCUSDT" in result.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_says_in_its_first_line_what_it_shows(path):
    assert path.read_text().startswith('"""')
