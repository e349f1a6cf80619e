"""`book` on a made-up recording: everybody is right, and a wrong book would be seen."""

from decimal import Decimal

import pytest

from tests.bench import book
from tests.bench.bench_support import options
from tests.bench.frames import stage
from tests.bench.made import make_recording


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "made.gz"
    make_recording(path, events=60, levels=8, depth=100)
    return path


def test_ours_are_right_and_have_their_ratios(made):
    result = book.run(options(recording=str(made)))
    assert result.passed, result.text
    rows = {row["contestant"]: row for row in result.figures["rows"]}
    assert set(rows) == set(book.OURS)
    assert all(row["right"] and row["reading"].least > 1 and row["frames"] == 60 for row in rows.values())
    assert "float : orjson.loads, made" in result.text


def test_the_truth_is_the_exchanges_book(made):
    given = stage(made)
    bids, asks = book._truth(given, 0)
    assert bids == [[float(price), float(size)] for price, size in given.snapshot["bids"][:5]]
    assert asks[0][0] == float(min(Decimal(price) for price, _ in given.snapshot["asks"]))
    assert book._truth(given, 60) != [bids, asks]
