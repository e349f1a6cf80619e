"""The highest rate that holds is found to the precision, with few measurements; a window holds for what was shown."""

import pytest

from tests.bench.bisection import highest
from tests.bench.window import Window
from tests.support import table


@table("limit", [130.0, 999.0, 1000.0, 7_777.0, 21_000.0, 59_000.0])
@table("start", [100.0, 2_000.0, 60_000.0])
def test_a_known_limit_is_found_to_five_per_cent(limit, start):
    tried = []

    def holds(rate):
        tried.append(rate)
        return rate <= limit

    found = highest(holds, start, least=100, most=60_000, precision=0.05)
    assert found <= limit <= found * 1.05
    assert len(tried) <= 16


@table("limit, found", [(50.0, 0.0), (100.0, 100.0), (90_000.0, 1000.0)])
def test_there_are_a_lowest_and_a_highest_rate(limit, found):
    assert highest(lambda rate: rate <= limit, 400, least=100, most=1000, precision=0.05) == pytest.approx(
        found, rel=0.05
    )


def test_a_good_hint_needs_few_measurements():
    tried = []
    highest(lambda rate: tried.append(rate) or rate <= 10_000, 9_800, least=100, most=60_000, step=1.25, precision=0.05)
    assert len(tried) <= 5


def window(*, sent=1000, updates=1000, coalesced=0, p99=5.0, seconds=1.0):
    late = {"p50": 1.0, "p99": p99, "p99.9": p99} if updates else None
    return Window(1000.0, sent, {"updates": updates, "coalesced": coalesced, "late_ms": late, "seconds": seconds})


def test_a_client_that_shows_all_in_time_holds_the_rate():
    assert window().holds
    assert window(updates=990).holds


@table(
    "what",
    [
        {"updates": 989},
        {"updates": 0},
        {"p99": 100.0},
        {"coalesced": 1},
        {"sent": 900, "updates": 900},
    ],
)
def test_none_of_these_holds_the_rate(what):
    assert not window(**what).holds


def test_a_client_that_coalesces_sustains_nothing_however_little_late_it_is():
    # It shows 500 updates a second, whatever it is sent, each in time.
    def coalescing(rate):
        return window(sent=int(rate), updates=min(int(rate), 500), p99=0.1)._replace(rate=rate).holds

    assert highest(coalescing, 2000, least=100, most=60_000, precision=0.05) == pytest.approx(500, rel=0.06)
    assert highest(lambda _: window(coalesced=1).holds, 2000, least=100, most=60_000, precision=0.05) == 0
