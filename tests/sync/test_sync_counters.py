from dataclasses import asdict

from depthactors.sync import Counters


def test_every_count_begins_at_zero():
    assert set(asdict(Counters()).values()) == {0}
