"""Ids that begin anew far below: events are recorded, and the gap is noted, whatever the file was waiting for."""

from depthactors.markets import Sequencing
from depthactors.recording.bridge import Bridge
from depthactors.recording.continuity import Continuity
from depthactors.recording.lines import Ids
from depthactors.recording.restart import Restart
from tests.support import table

CONTIGUOUS, CHAINED = Sequencing.CONTIGUOUS, Sequencing.CHAINED


def one(update_id):
    return Ids(update_id, update_id, update_id - 1)


def shown(*ids, first=1):
    restart = Restart()
    return [restart.is_shown_by(one(update_id), number) for number, update_id in enumerate(ids, start=first)]


def test_ten_old_events_that_follow_each_other_show_it():
    assert shown(*range(20, 30)) == [False] * 9 + [True]


def test_old_events_with_others_between_them_or_with_holes_do_not():
    assert not any(shown(*range(20, 29), *range(20, 29)))
    assert not any(shown(*range(20, 60, 2)))
    restart = Restart()
    assert not any(restart.is_shown_by(one(number), 2 * number) for number in range(20, 60))


def test_a_file_has_a_gap_there_and_goes_on_with_the_next_snapshot():
    continuity = Continuity(CONTIGUOUS)
    continuity.snapshot(1, 1_000)
    continuity.diff(2, one(1_001))
    for number in range(5, 20):
        assert continuity.diff(number, one(number)) is None
    assert (continuity.gaps, continuity.wants_snapshot) == (1, True)
    gap = continuity.snapshot(30, 18)
    assert (gap.from_id, gap.to_id, continuity.last_id) == (1_001, 18, 19)


@table("sequencing", [CONTIGUOUS, CHAINED])
@table("held", [None, 10_005], ids=["no snapshot", "a snapshot ahead"])
def test_a_file_that_waits_for_its_snapshot_begins_with_one_of_the_new_ids(sequencing, held):
    bridge = Bridge(sequencing, 10_000)
    bridge.diff(one(10_001), 10_001, 1)
    if held is not None:
        bridge.snapshot(held)
    for number in range(5, 700):
        bridge.diff(one(number), number, 1)
    assert bridge.wants_snapshot
    assert bridge.snapshot(697)
    assert [item for _, item in bridge] == [697, 698, 699] if sequencing is CHAINED else [698, 699]
