"""`start` and `stop` on a few books."""

import pytest

from tests.bench import start, stop
from tests.bench.bench_support import options


@pytest.mark.full
def test_a_few_books_are_live_within_their_weight(monkeypatch):
    monkeypatch.setattr(start, "SPEEDS", ((5, 5),))
    monkeypatch.setattr(start, "SIZES", ((100, 5),))
    monkeypatch.setattr(start, "BOOKS", 5)
    result = start.run(options())
    assert result.passed
    (speed,), (size,) = result.figures["speeds"], result.figures["sizes"]
    assert (speed["books"], speed["ideal"], speed["refused"]) == (5, 0.0, 0)
    assert speed["threads"] >= 5
    assert 0 <= size["kb"] < 5_000


def test_an_engine_ends_and_leaves_no_thread(monkeypatch):
    monkeypatch.setattr(stop, "BOOKS", (3,))
    result = stop.run(options())
    assert result.passed
    assert [row["left"] for row in result.figures["rows"]] == [0]
    assert all(0 < row["seconds"].most < 5 for row in result.figures["rows"])
