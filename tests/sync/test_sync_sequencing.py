"""The exchange's rules, case by case: `u`, `U`, `pu` against the id that is held."""

from depthactors.binance import Diff
from depthactors.markets import Sequencing
from depthactors.sync.sequencing import Verdict, classify_first, classify_next
from tests.support import table

CONTIGUOUS, CHAINED = Sequencing.CONTIGUOUS, Sequencing.CHAINED
STALE, BRIDGE, NEXT, GAP = Verdict.STALE, Verdict.BRIDGE, Verdict.NEXT, Verdict.GAP


def diff(first, last, previous=None):
    return Diff(first, last, first - 1 if previous is None else previous, 0, [], [])


@table(
    ("event", "verdict"),
    [
        (diff(90, 99), STALE),
        (diff(90, 100), STALE),
        (diff(90, 101), BRIDGE),
        (diff(100, 105), BRIDGE),
        (diff(101, 105), BRIDGE),
        (diff(101, 101), BRIDGE),
        (diff(102, 105), GAP),
    ],
)
def test_first_on_contiguous_ids_at_snapshot_100(event, verdict):
    assert classify_first(event, 100, CONTIGUOUS) is verdict


@table(
    ("event", "verdict"),
    [
        (diff(90, 99, 80), STALE),
        (diff(90, 100, 80), BRIDGE),
        (diff(95, 105, 90), BRIDGE),
        # The id lies in the hole between pu and U.
        (diff(103, 105, 99), BRIDGE),
        (diff(103, 105, 100), BRIDGE),
        (diff(103, 105, 101), GAP),
    ],
)
def test_first_on_chained_ids_at_snapshot_100(event, verdict):
    assert classify_first(event, 100, CHAINED) is verdict


@table(
    ("event", "verdict"),
    [
        (diff(101, 103), NEXT),
        (diff(95, 103), NEXT),
        (diff(95, 100), STALE),
        (diff(90, 95), STALE),
        (diff(102, 103), GAP),
    ],
)
def test_next_on_contiguous_ids_after_100(event, verdict):
    assert classify_next(event, 100, CONTIGUOUS) is verdict


@table(
    ("event", "verdict"),
    [
        (diff(107, 109, 100), NEXT),
        # The event that was applied last, once more.
        (diff(95, 100, 90), STALE),
        (diff(85, 90, 80), STALE),
        # An overlap would be harmless too, but the documentation wants pu == id.
        (diff(95, 103, 90), GAP),
        (diff(107, 109, 105), GAP),
    ],
)
def test_next_on_chained_ids_after_100(event, verdict):
    assert classify_next(event, 100, CHAINED) is verdict
