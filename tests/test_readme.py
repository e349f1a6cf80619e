"""The README's code and diagram are those of the package."""

import re
from pathlib import Path

import pytest

from depthactors.exchange import LocalExchange
from depthactors.sync.table import diagram

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
TESTS = [block for block in BLOCKS if "def test_" in block]
PROGRAMS = [block for block in BLOCKS if block not in TESTS]


def test_the_state_diagram_is_drawn_from_the_table():
    assert f"```mermaid\n{diagram()}\n```" in README


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_each_program_runs(program, monkeypatch, capsys):
    with LocalExchange.with_order_flow(["BTCUSDT", "ETHUSDT", "BNBBTC"], rate=50.0, levels=5.0) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


@pytest.mark.parametrize("block", TESTS, ids=range(len(TESTS)))
def test_each_test_passes(block, local_exchange):
    namespace = {}
    exec(compile(block, "README.md", "exec"), namespace)
    tests = [value for name, value in namespace.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test(local_exchange)


def test_the_top_level_is_the_layout_it_shows():
    files = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.suffix != ".egg-info"}
    shown = set(re.findall(r"^(\w[\w.]*)/?  ", README.partition("## Layout")[2], re.MULTILINE))
    assert shown == files - {"build"}
    assert files - {"build"} == {
        "LICENSE",
        "README.md",
        "depthactors",
        "examples",
        "pyproject.toml",
        "setup.cfg",
        "tests",
    }
