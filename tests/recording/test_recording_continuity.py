import pytest

from depthactors.markets import Sequencing
from depthactors.recording.continuity import NEXT_FILE, NOT_REPAIRED, SAME_FILE, Continuity, Tally
from depthactors.recording.lines import Ids
from tests.support import table


def one(update_id):
    return Ids(update_id, update_id, update_id - 1)


@pytest.fixture
def continuity():
    """A file with a snapshot of id 5 and the events 6 and 7."""
    continuity = Continuity(Sequencing.CONTIGUOUS)
    continuity.snapshot(50, 5)
    for update_id in (6, 7):
        assert continuity.diff(update_id * 10, one(update_id)) is None
    return continuity


def test_a_file_without_a_gap(continuity):
    continuity.other()
    continuity.diff(80, one(7))
    assert continuity.tally == Tally(4, 3, 1, first_id=6, first_ns=60, last_id=7, last_ns=70)
    assert continuity.tally.in_sequence
    assert continuity.end(None, None, NOT_REPAIRED) is None


def test_a_gap_reaches_to_the_snapshot_that_repairs_it(continuity):
    continuity.diff(90, one(9))
    assert continuity.wants_snapshot
    assert continuity.tally.broken
    continuity.diff(100, one(10))
    gap = continuity.snapshot(105, 9)
    assert (gap.from_id, gap.to_id, gap.from_ns, gap.to_ns, gap.repaired) == (7, 9, 70, 105, SAME_FILE)
    assert gap.why == "expected an event that follows 7, was one that follows 8"
    assert (continuity.last_id, continuity.gaps, continuity.tally.broken) == (10, 1, False)


def test_a_snapshot_of_the_last_event_repairs_a_gap_at_once(continuity):
    continuity.diff(90, one(9))
    assert continuity.snapshot(105, 9) is not None
    assert continuity.tally.in_sequence
    assert continuity.diff(110, one(10)) is None


def test_a_snapshot_ahead_repairs_it_when_its_event_comes(continuity):
    continuity.diff(90, one(9))
    assert continuity.snapshot(105, 11) is None
    assert not continuity.wants_snapshot
    assert [continuity.diff(update_id * 10, one(update_id)) for update_id in (10, 11)] == [None, None]
    gap = continuity.diff(120, one(12))
    assert (gap.to_id, gap.to_ns) == (11, 120)


def test_an_interruption_is_a_gap_only_if_an_event_is_missing(continuity):
    continuity.interrupt("reset")
    continuity.interrupt("no room", lost=2)
    continuity.interrupt("no room", lost=1)
    gap = continuity.diff(80, one(8))
    assert (gap.why, gap.lost, gap.is_loss, gap.from_id, gap.to_id) == ("reset; no room", 3, False, 7, 7)
    continuity.interrupt("reset again")
    continuity.diff(100, one(10))
    gap = continuity.end(12, 120, NEXT_FILE)
    assert (gap.why, gap.lost, gap.is_loss, gap.to_id) == ("reset again", 0, True, 12)
    assert continuity.gaps == 1


def test_an_interruption_that_nothing_follows_may_be_a_gap(continuity):
    continuity.interrupt("reset")
    gap = continuity.end(None, None, NOT_REPAIRED)
    assert (gap.from_id, gap.to_id, gap.is_loss) == (7, None, True)
    assert continuity.tally.gaps == 1


def test_before_its_first_snapshot_a_file_has_no_gap():
    continuity = Continuity(Sequencing.CHAINED)
    continuity.interrupt("reset")
    for ids in (Ids(1, 2, 0), Ids(9, 9, 7), Ids(12, 13, 9)):
        assert continuity.diff(1, ids) is None
    assert continuity.end(None, None, NOT_REPAIRED) is None
    assert continuity.snapshot(2, 8) is None
    assert (continuity.tally.in_sequence, continuity.first_id, continuity.last_id) == (True, 9, 13)


@pytest.mark.parametrize("tally", [Tally(), Tally(4, 3, 1, 6, 60, 7, 70, 2, broken=True)])
def test_a_tally_is_what_its_bytes_say(tally):
    assert Tally.from_bytes(tally.as_bytes()) == tally


@table("text", [b"", b"1 2 3", b"a b c d e f g h i", b"1 2 3 4 5 6 7 8 9 0"])
def test_other_bytes_are_no_tally(text):
    with pytest.raises(ValueError, match=r"zip\(\)|invalid literal"):
        Tally.from_bytes(text)


def test_a_file_is_continued_after_its_tally(continuity):
    again = Continuity.after(Sequencing.CONTIGUOUS, continuity.tally)
    assert again.tally == continuity.tally
    assert again.diff(80, one(8)) is None
    assert again.end(None, None, NOT_REPAIRED) is None
    again.diff(100, one(10))
    assert (again.wants_snapshot, again.tally.gaps) == (True, 1)
    assert [each.in_sequence for each in (Tally(), continuity.tally, again.tally)] == [False, True, False]
