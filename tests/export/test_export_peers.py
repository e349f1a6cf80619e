"""Other tools beside ours; skipped where they are not installed."""

import os
import sys

import pytest

pytest.importorskip("numpy", reason="the extra `export` is not installed")

from beside_hftbacktest import compare

from tests.export.command import has_hftbacktest

PYTHON = os.environ.get("DEPTHACTORS_PEERS_PYTHON", sys.executable)


@pytest.mark.timeout(300)
def test_hftbacktest_has_the_same_events_and_shows_the_same_best_prices(capture, tmp_path):
    if not has_hftbacktest(PYTHON):
        pytest.skip(f"{PYTHON} does not have hftbacktest; DEPTHACTORS_PEERS_PYTHON names an interpreter that does")
    found = compare(PYTHON, capture, tmp_path)
    assert found.is_explained(), found
