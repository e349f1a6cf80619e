"""Other tools beside ours; skipped where they are not installed."""

import os
import sys

import pytest

pytest.importorskip("pyarrow", reason="the extra `export` is not installed")

from beside_hftbacktest import compare
from beside_tables import read
from export_support import Made, write

from tests.export.command import has_hftbacktest

PYTHON = os.environ.get("DEPTHACTORS_PEERS_PYTHON", sys.executable)


@pytest.fixture(autouse=True)
def _has_peers():
    if not has_hftbacktest(PYTHON):
        pytest.skip(f"{PYTHON} does not have hftbacktest; DEPTHACTORS_PEERS_PYTHON names an interpreter that does")


@pytest.mark.timeout(300)
def test_hftbacktest_has_the_same_events_and_shows_the_same_best_prices(capture, tmp_path):
    found = compare(PYTHON, capture, tmp_path)
    assert found.is_explained(), found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("chained", [False, True])
def test_its_backtest_shows_the_best_prices_of_the_replay_through_gaps_and_fresh_snapshots(tmp_path, chained):
    edges = {90: 1, 110: 1}
    made = Made([edges, *({90 + number * 7 % 21: number % 3} | edges for number in range(1, 60))], chained=chained)
    ids = [event["u"] for event in made.events]
    messages = [*made.events[:5], made.snapshot(ids[2]), *made.events[5:20], made.snapshot(ids[17])]
    messages += [*made.events[20:30], *made.events[33:35], made.snapshot(ids[33]), *made.events[35:45]]
    messages += [made.snapshot(ids[50]), *made.events[48:]]
    found = compare(PYTHON, write(tmp_path / "gaps.gz", messages), tmp_path, moments=200, has_gaps=True)
    assert found.is_explained(), found


@pytest.mark.timeout(300)
def test_whoever_reads_the_tables_has_every_level_of_the_replay(capture, tmp_path):
    found = read(PYTHON, capture, tmp_path)
    assert [(each.tool, each.books) for each in found if not each.levels] == []
    assert [each for each in found if each.books < each.moments] == []
