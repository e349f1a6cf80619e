import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.markets import Sequencing
from depthactors.recording.bridge import Bridge
from depthactors.recording.lines import Ids

CONTIGUOUS, CHAINED = Sequencing.CONTIGUOUS, Sequencing.CHAINED


def one(update_id, previous_id=None):
    return Ids(update_id, update_id, update_id - 1 if previous_id is None else previous_id)


def items(bridge):
    return [item for _, item in bridge]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 8), st.booleans())
def test_the_diffs_that_continue_a_snapshot_are_kept(count, snapshot, at, chained):
    """Ids from 1 on without a hole: the snapshot of any id that is not too old fits, whenever it arrives."""
    bridge, bridged = Bridge(CHAINED if chained else CONTIGUOUS, 1_000), False
    for update_id in range(1, count + 1):
        if update_id == at + 1:
            bridged = bridge.snapshot(snapshot) or bridged
        if not bridged:
            bridged = bridge.diff(one(update_id), update_id, 1)
    if count <= at:
        bridged = bridge.snapshot(snapshot)
    first = max(1, snapshot) if chained else snapshot + 1
    assert bridged == bridge.bridged == (first <= count)
    if bridged:
        assert bridge.snapshot_id == snapshot
        assert items(bridge) == list(range(first, bridge.last_id + 1))
        assert (bridge.first_id, bridge.size) == (first, len(items(bridge)))


def test_a_snapshot_that_is_too_old_leaves_the_run_for_a_newer_one():
    bridge = Bridge(CONTIGUOUS, 1_000)
    bridge.diff(one(5), "5", 1)
    assert not bridge.snapshot(3)
    assert bridge.wants_snapshot
    assert bridge.snapshot(4)
    assert items(bridge) == ["5"]


def test_a_snapshot_ahead_of_a_gap_is_given_up():
    bridge = Bridge(CONTIGUOUS, 1_000)
    bridge.diff(one(5), "5", 1)
    assert not bridge.snapshot(6)
    assert not bridge.wants_snapshot
    assert not bridge.snapshot(5), "older than the one that is held"
    assert not bridge.diff(one(9), "9", 1)
    assert bridge.wants_snapshot
    assert bridge.snapshot(8)
    assert items(bridge) == ["9"]


def test_a_gap_begins_the_run_anew_and_an_event_that_comes_twice_is_kept_once():
    bridge = Bridge(CHAINED, 1_000)
    for ids in (Ids(5, 9, 4), Ids(5, 9, 4), Ids(12, 13, 9), Ids(5, 9, 4)):
        bridge.diff(ids, ids.last_id, 1)
    assert items(bridge) == [9, 13]
    bridge.diff(Ids(20, 21, 18), 21, 1)
    assert items(bridge) == [21]
    assert bridge.snapshot(19), "an id in a hole"


def test_a_full_run_drops_its_oldest_diffs_with_what_is_behind_them():
    bridge = Bridge(CONTIGUOUS, 10)
    bridge.other("before any diff", 1)
    for update_id in range(1, 6):
        bridge.diff(one(update_id), update_id, 3)
        bridge.other(f"after {update_id}", 1)
    assert items(bridge) == [4, "after 4", 5, "after 5"]
    assert bridge.size == 8
    assert bridge.dropped > 0
    assert not bridge.snapshot(1)
    assert bridge.snapshot(4)
    assert items(bridge) == [5, "after 5"]


def test_a_bridge_that_could_not_be_used_wants_another_snapshot():
    bridge = Bridge(CONTIGUOUS, 10)
    bridge.diff(one(5), "5", 1)
    assert bridge.snapshot(4)
    bridge.reopen()
    assert (bridge.bridged, bridge.wants_snapshot) == (False, True)
    bridge.diff(one(6), "6", 1)
    assert bridge.snapshot(5)
    assert items(bridge) == ["6"]


@pytest.mark.parametrize("previous_id", [4, 6])
def test_ids_say_what_they_are(previous_id):
    assert str(one(5, previous_id)) == f"Ids(first_id=5, last_id=5, previous_id={previous_id})"
