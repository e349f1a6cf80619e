"""What the benchmarks are fed with joins: a snapshot, and every event from there on."""

import pytest

from tests.bench.frames import stage
from tests.bench.made import SYMBOL, make_recording
from tests.support import write_recording


def test_a_made_recording_is_a_stage(tmp_path):
    make_recording(tmp_path / "made.gz", events=50, levels=8, depth=200)
    given = stage(tmp_path / "made.gz")
    assert (given.market, given.symbol) == ("spot", SYMBOL)
    assert len(given.frames) == 50
    assert len(given.snapshot["bids"]) == 200


def test_the_same_seed_makes_the_same_books(tmp_path):
    for name, seed in (("a.gz", 1), ("b.gz", 1), ("c.gz", 2)):
        make_recording(tmp_path / name, events=5, levels=8, depth=50, seed=seed)
    books = [stage(tmp_path / name).snapshot["bids"] for name in ("a.gz", "b.gz", "c.gz")]
    assert books[0] == books[1] != books[2]


def test_a_recording_without_a_snapshot_is_refused(tmp_path):
    write_recording(tmp_path / "empty.gz", [(0, b'{"result":null,"id":1}')])
    with pytest.raises(ValueError, match="expected a snapshot and depth events behind it"):
        stage(tmp_path / "empty.gz")
