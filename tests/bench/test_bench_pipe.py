"""`pipe` with two books: the engine and the drop-in manager show what the exchange sends."""

import pytest

from tests.bench import follower, pipe
from tests.bench.bench_support import options
from tests.support import table


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    for name, value in {"RATE": 50.0, "WARM_UP": 0.5, "MOST": 100.0, "LEAST": 20.0, "SETTLE": 0.4}.items():
        monkeypatch.setattr(follower, name, value)
    monkeypatch.setattr(pipe, "QUICK", follower.Plan(0.5, 1, 0.5))


@pytest.mark.proof
@pytest.mark.timeout(180)
def test_both_of_ours_are_measured_beside_the_generator_and_the_machine():
    result = pipe.run(options(quick=True))
    rows = result.figures["rows"]
    assert [row["client"] for row in rows] == ["drain", *pipe.OURS]
    for row in rows:
        assert "failure" not in row, row
        assert row["cpu_us"].median > 0
        assert row["shown"] == 1.0
        assert row["sustained"] > 0
        assert 0 < row["latency"]["p50"] <= row["latency"]["p99"]
    assert "Calibration: `orjson.loads` of a frame" in result.text


def test_a_client_that_ends_has_a_failure_for_a_row():
    (row,) = pipe.follow([follower.Contestant("none", "no_such_client")], 1, follower.Plan(0.1, 1))
    assert "ended with 2" in row["failure"]
    assert "ended with 2" in pipe._table([row])


@table("ceiling, behind, limit", [(1300, False, False), (1299, False, True), (9000, True, True)])
def test_a_rate_that_the_generator_does_not_exceed_by_far_is_said_to_be_its_own(ceiling, behind, limit):
    assert pipe.generator_is_limit({"sustained": 1000, "generator_behind": behind}, ceiling) is limit


def test_ours_is_measured_once_for_each_checkout():
    checkouts = pipe.checkouts_of(options(checkout=["before=/a", "after=/b"]))
    found = pipe.contestants(["drain", "depthactors_engine"], checkouts, peers=False)
    assert [(each.name, each.checkout) for each in found] == [
        ("drain", None),
        ("depthactors_engine before", "/a"),
        ("depthactors_engine after", "/b"),
    ]
