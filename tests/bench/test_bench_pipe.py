"""`pipe` with two symbols: the engine and the drop-in manager show what the exchange sends."""

import pytest

from tests.bench import pipe
from tests.bench.bench_support import options


@pytest.mark.proof
def test_both_of_ours_are_measured(monkeypatch):
    monkeypatch.setattr(pipe, "RATE", 50.0)
    monkeypatch.setattr(pipe, "WARM_UP", 0.5)
    monkeypatch.setattr(pipe, "HIGHEST", 60.0)
    monkeypatch.setattr(pipe, "STEP", 0.5)
    result = pipe.run(options(seconds=0.5))
    rows = result.figures["rows"]
    assert [row["client"] for row in rows] == list(pipe.OURS)
    for row in rows:
        assert "failure" not in row, row
        assert row["cpu_us"].median > 0
        assert row["shown"] == pytest.approx(1.0, abs=0.3)
        assert row["sustained"] > 0
        assert 0 < row["latency"]["p50"] <= row["latency"]["p99"]


def test_a_client_that_ends_has_a_failure_for_a_row(monkeypatch):
    monkeypatch.setattr(pipe, "OURS", ("no_such_client",))
    (row,) = pipe.follow(["no_such_client"], 1, seconds=0.1, repeat=1)
    assert "ended with 2" in row["failure"]
    assert "ended with 2" in pipe._table([row])
