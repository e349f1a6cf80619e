"""Recordings with any value in any place: each target writes them or names the line, and nothing else happens."""

from itertools import product

import pytest
from export_support import BEGIN, Made, write

pytest.importorskip("pyarrow", reason="the extra `export` is not installed")

from depthactors import export
from depthactors.errors import RecordingError

TARGETS = {"tardis": "a.csv.gz", "hftbacktest": "a.npz", "parquet": "a"}
JUNK = [None, -1, 0, 2**63, 2**64 - 1, 1.5, True, "", "x", "1", [], [[]], [["1"]], [["1", 2]], [["1", "1\n"]], {}]
MADE = Made([{99: 1}, {101: 2}, {98: 1}], chained=True)
TRADE = {"e": "trade", "s": "BTCUSDT", "p": "99.1", "q": "1", "T": BEGIN, "m": True, "X": "MARKET"}
MESSAGES = [MADE.snapshot(17), *MADE.events, TRADE]
PLACES = [(number, key) for number, message in enumerate(MESSAGES) for key in message]


@pytest.mark.full
@pytest.mark.parametrize("target", TARGETS)
def test_any_value_in_any_place(tmp_path, target):
    out = tmp_path / TARGETS[target]
    refused = 0
    for (number, key), value in product(PLACES, JUNK):
        messages = [*MESSAGES]
        messages[number] = messages[number] | {key: value}
        path = write(tmp_path / "recording.gz", messages)
        try:
            done = getattr(export, f"to_{target}")(path, out)
        except RecordingError as error:
            assert error.path == str(path)  # noqa: PT017
            refused += 1
            assert not out.exists()
        else:
            assert done.rows > 0
            out.rename(tmp_path / f"{number}{key}{JUNK.index(value)}")
    assert refused > len(PLACES)
