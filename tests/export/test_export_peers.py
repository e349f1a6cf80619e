"""Other tools beside ours; skipped where they are not installed."""

import os
import sys

import pytest

pytest.importorskip("pyarrow", reason="the extra `export` is not installed")

from beside_hftbacktest import compare
from beside_tables import read

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
def test_whoever_reads_the_tables_has_every_level_of_the_replay(capture, tmp_path):
    found = read(PYTHON, capture, tmp_path)
    assert [(each.tool, each.books) for each in found if not each.levels] == []
    assert [each for each in found if each.books < each.moments] == []
