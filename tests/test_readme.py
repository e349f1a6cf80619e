"""The README's code and diagram are those of the package."""

import re
import time
from pathlib import Path

import pytest

from depthactors import markets
from depthactors.actors.book import _REFRESH_SPREAD
from depthactors.actors.snapshots import _RESERVES
from depthactors.exchange import LocalExchange
from depthactors.pacing import WeightBudget
from depthactors.sharing import book_size
from depthactors.sync import Priority
from depthactors.sync.table import diagram

PAGE = 4096
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
GUIDES = (ROOT / "examples" / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README + GUIDES, re.DOTALL)
TESTS = [block for block in BLOCKS if "def test_" in block]
PROGRAMS = [block for block in BLOCKS if block not in TESTS]


def test_the_state_diagram_is_drawn_from_the_table():
    assert f"```mermaid\n{diagram()}\n```" in README


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_each_program_runs(program, monkeypatch, capsys):
    with LocalExchange.with_order_flow(rate=50.0, levels=5.0) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_the_first_program_says_what_is_wrong_with_a_symbol_and_ends(monkeypatch, capsys):
    with LocalExchange.with_order_flow(rate=50.0, levels=5.0) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        program = PROGRAMS[0].replace("BNBBTC", "BNBBTX").replace("timeout=30", "timeout=10")
        began = time.monotonic()
        exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert time.monotonic() - began < 10.0
    out, err = capsys.readouterr()
    assert out.startswith("BinanceAPIException ")
    assert "does not list 'BNBBTX'" in out
    assert "Traceback" not in err


@pytest.mark.parametrize("block", TESTS, ids=range(len(TESTS)))
def test_each_test_passes(block, local_exchange):
    namespace = {}
    exec(compile(block, "README.md", "exec"), namespace)
    tests = [value for name, value in namespace.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test(local_exchange)


def test_the_memory_of_a_shared_book_is_what_it_says():
    sizes = [book_size(depth) for depth in (20, 100, 1_000)]
    kilobytes = [f"{size / 1000:.0f} kB" for size in sizes]
    said = f"{kilobytes[0]} of shared memory at 20 levels a side, {kilobytes[1]} at 100, {kilobytes[2]} at 1,000"
    assert said in README
    # In whole pages, beside the engine's own few.
    fitting = [((64 << 20) - 5 * PAGE) // (-(-size // PAGE) * PAGE) for size in sizes]
    said = re.search(r"`/dev/shm` of 64 MB has room for some ([\d,]+), ([\d,]+) or (\d+) of these", README).groups()
    assert [int(number.replace(",", "")) for number in said] == [5_400, 2_000, 250]
    assert all(0.95 * fits < int(number.replace(",", "")) <= fits for number, fits in zip(said, fitting, strict=True))


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


@pytest.mark.parametrize("depth", [67, 333, 667])
def test_what_an_address_has_weight_for_is_what_it_says(depth):
    spot = markets.SPOT
    limit = spot.snapshot_limit(depth)
    assert spot.snapshot_limit(depth + 1) > limit
    weight = spot.snapshot_weight(limit)
    begun = _in_a_minute(weight, _RESERVES[Priority.NEW])
    # Spread over the last fifth of the interval, a refresh comes every 27 minutes.
    refreshed = int((1 - _REFRESH_SPREAD / 2) * 30 * _in_a_minute(weight, _RESERVES[Priority.REFRESH]))
    assert f"| to {depth} | {limit:,} | {weight} | {begun:,} | {refreshed:,} |" in README


def _in_a_minute(weight, reserve):
    """Return how many requests of a weight fit into a minute that has just been looked at."""
    budget = WeightBudget(markets.SPOT.weight_per_minute)
    return next(number for number in range(10_000) if budget.take(weight, 90.0, reserve))
