"""`ask`: each way is timed from each number of threads."""

import pytest

from tests.bench import ask
from tests.bench.bench_support import options


@pytest.mark.full
def test_each_way_has_a_ratio(monkeypatch):
    monkeypatch.setattr(ask, "CALLS", 40)
    result = ask.run(options())
    rows = {(row["way"], row["threads"]): row for row in result.figures["rows"]}
    assert {threads for _, threads in rows} == {1, 8}
    assert rows[ask.YARDSTICK, 1]["ratio"] == (1.0, 1.0, 1.0)
    assert 0 < rows["view", 1]["ratio"].median < rows["ref.ask(Top(5))", 1]["ratio"].median
