"""`record` with a few books: both clients are measured, and what one of them wrote."""

import pytest

from tests.bench import follower, record
from tests.bench.bench_support import options


@pytest.mark.full
def test_following_and_recording_are_compared(monkeypatch):
    monkeypatch.setattr(record, "SYMBOLS", 2)
    for name, value in {"RATE": 50.0, "WARM_UP": 2.0, "MOST": 60.0, "SETTLE": 0.4}.items():
        monkeypatch.setattr(follower, name, value)
    result = record.run(options(seconds=0.5))
    assert result.passed
    assert set(result.figures["cpu_us"]) == {record.PLAIN, record.RECORDING}
    assert result.figures["bytes"] > 0
    assert "CPU of 2 books, recorded : followed: " in result.text
