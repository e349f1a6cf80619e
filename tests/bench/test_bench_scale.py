"""`scale` and `share` with a few books: everybody is measured, and right."""

import pytest

from tests.bench import follower, pipe, scale, share
from tests.bench.bench_support import options


@pytest.fixture
def _short(monkeypatch):
    for name, value in {"BOOKS": 2, "FRAMES": 60, "LEVELS": 4, "DEPTHS": (5,), "SYMBOLS": 2}.items():
        monkeypatch.setattr(scale, name, value)
    monkeypatch.setattr(scale, "CLIENTS", (scale.WITH_TWO,))
    for name, value in {"RATE": 50.0, "WARM_UP": 0.2, "MOST": 60.0, "SETTLE": 0.4}.items():
        monkeypatch.setattr(follower, name, value)


@pytest.mark.proof
@pytest.mark.timeout(180)
@pytest.mark.usefixtures("_short")
def test_books_are_kept_by_one_process_and_by_two_and_are_right():
    # The system counts the CPU time of workers in hundredths of a second: less than one would be none.
    result = scale.run(options(seconds=3.0))
    assert result.passed, result.text
    rows = {row["way"]: row for row in result.figures["fed"]}
    assert {way: row["processes"] for way, row in rows.items()} == {"alone": 1, "1 process": 1, "2 processes": 2}
    assert rows["1 process"]["to_one"] == (1.0, 1.0, 1.0)
    assert all(row["rate"].least > 0 and row["cpu_us"].least > 0 and row["right"] for row in rows.values())
    through = {row["client"]: row for row in result.figures["through"]}
    with_workers = through[scale.WITH_TWO]
    assert "failure" not in with_workers, with_workers
    assert 0 < with_workers["own_us"].median < with_workers["cpu_us"].median
    assert "frames a second, 2 processes : 1, depth 5" in result.text


@pytest.mark.full
@pytest.mark.usefixtures("_short")
def test_a_wrong_book_would_be_seen(monkeypatch):
    monkeypatch.setattr(scale, "_truth", lambda *_: ([], []))
    monkeypatch.setattr(pipe, "follow", lambda *_, **__: [])
    monkeypatch.setattr(pipe, "_table", lambda _: "")
    assert not scale.run(options()).passed


@pytest.mark.full
def test_each_way_to_read_is_timed(monkeypatch):
    monkeypatch.setattr(share, "CALLS", 20)
    monkeypatch.setattr(share, "SYMBOLS", 2)
    monkeypatch.setattr(share, "RATE", 50.0)
    result = share.run(options())
    rows = {(row["process"], row["way"]): row for row in result.figures["rows"]}
    assert {process for process, _ in rows} == set(share.KINDS)
    assert rows[share.YARDSTICK]["ratio"] == (1.0, 1.0, 1.0)
    assert rows["reader", "DepthReader.view()"]["us"].median > 0
    assert len(result.figures["memory"]["workers"]["workers_mb"]) == 2
