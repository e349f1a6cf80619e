"""An answer that contradicts the book is not believed at first, and believed when it comes repeatedly."""

from depthactors.binance import Diff
from depthactors.markets import Sequencing
from depthactors.sync.buffer import DiffBuffer
from depthactors.sync.doubts import (
    EMPTIED_AFTER,
    LAGGING_AFTER,
    OVERLAP_MS,
    RESTARTED_AFTER,
    STALE_LIMIT,
    STALE_LIMIT_JOINED,
    UNLISTED_AFTER,
    Doubts,
)
from depthactors.sync.sequencing import Follower
from tests.sync.sync_support import NaiveExchange, new_book

SHOWN_AT = 1_000


def diff(last_id=5, event_time=SHOWN_AT):
    return Diff(last_id, last_id, last_id - 1, event_time, [], [])


def buffer_of(*diffs):
    buffer = DiffBuffer(100, Sequencing.CONTIGUOUS)
    for each in diffs:
        buffer.append(each)
    return buffer


def follower_at(event_time, *, joined):
    follower = Follower(new_book(NaiveExchange(Sequencing.CONTIGUOUS, 1).snapshot(), 0.0))
    follower.book.event_time = event_time
    follower.joined = joined
    return follower


def stale_in_a_row(follower, buffer, limit):
    """Count the repetitions until they are a fault."""
    doubts = Doubts()
    for number in range(1, limit + 2):
        fault = doubts.contradicts(diff(), follower, buffer, fresh=7, last_id=100)
        if fault is not None:
            assert (fault.first, str(limit) in str(fault.error)) == (None, True)
            return number
    return None


def test_old_diffs_are_repetitions_until_there_are_too_many_in_a_row():
    assert stale_in_a_row(follower_at(SHOWN_AT, joined=True), buffer_of(), STALE_LIMIT_JOINED) == STALE_LIMIT_JOINED
    assert stale_in_a_row(follower_at(SHOWN_AT, joined=False), buffer_of(), STALE_LIMIT) == STALE_LIMIT
    assert stale_in_a_row(None, buffer_of(diff(200)), STALE_LIMIT) == STALE_LIMIT


def test_after_a_fault_as_many_repetitions_are_needed_as_before():
    doubts, follower = Doubts(), follower_at(SHOWN_AT, joined=True)
    faults = [
        doubts.contradicts(diff(), follower, buffer_of(), fresh=7, last_id=100) is not None
        for _ in range(2 * STALE_LIMIT_JOINED)
    ]
    assert faults == 2 * [*[False] * (STALE_LIMIT_JOINED - 1), True]


def test_a_diff_that_is_not_old_begins_the_count_anew():
    doubts, follower = Doubts(), follower_at(SHOWN_AT, joined=True)
    for news in range(5 * STALE_LIMIT_JOINED):
        assert doubts.contradicts(diff(), follower, buffer_of(), fresh=news, last_id=100) is None


def first_of(event_time, follower, buffer=None):
    """Return whether an old diff of a time is the first of a new chain."""
    fault = Doubts().contradicts(
        diff(event_time=event_time), follower, buffer_of() if buffer is None else buffer, fresh=0, last_id=100
    )
    return fault is not None and fault.first == diff(event_time=event_time)


def test_an_old_id_with_a_time_that_no_repetition_has_is_the_first_of_a_new_chain():
    joined, successor = follower_at(SHOWN_AT, joined=True), follower_at(SHOWN_AT, joined=False)
    assert [first_of(time, joined) for time in (SHOWN_AT, SHOWN_AT + 1)] == [False, True]
    overlap = SHOWN_AT + OVERLAP_MS
    assert [first_of(time, successor) for time in (SHOWN_AT + 1, overlap, overlap + 1)] == [False, False, True]
    assert [first_of(time, None, buffer_of(diff(200))) for time in (SHOWN_AT, SHOWN_AT + 1)] == [False, True]
    unknown = follower_at(0, joined=False)
    assert not first_of(10**15, unknown)


def test_snapshots_that_are_older_than_the_book_are_believed_after_several_with_diffs_behind_them():
    book = new_book(NaiveExchange(Sequencing.CONTIGUOUS, 1).snapshot(), 0.0)
    older, waiting = book.last_update_id - 1, buffer_of(diff())
    doubts = Doubts()
    assert [doubts.is_behind(older, book, waiting) for _ in range(RESTARTED_AFTER)] == [True] * (
        RESTARTED_AFTER - 1
    ) + [False]
    doubts.based()
    assert doubts.is_behind(older, book, waiting), "a new base begins the count anew"
    doubts = Doubts()
    assert {doubts.is_behind(older, book, buffer_of()) for _ in range(10)} == {True}
    assert not doubts.is_behind(book.last_update_id, book, waiting)
    assert not doubts.is_behind(older, None, waiting)


def test_snapshots_that_are_too_old_are_reported_after_several_in_a_row_and_after_as_many_more():
    doubts = Doubts()
    assert [doubts.lagging(old=True) for _ in range(LAGGING_AFTER - 1)] == [0] * (LAGGING_AFTER - 1)
    assert doubts.lagging(old=False) == 0
    counts = [doubts.lagging(old=True) for _ in range(2 * LAGGING_AFTER)]
    assert [count for count in counts if count] == [LAGGING_AFTER, 2 * LAGGING_AFTER], "one that fits begins anew"


def test_a_stream_that_is_later_at_lower_ids_makes_an_older_snapshot_believed_at_once():
    book = new_book(NaiveExchange(Sequencing.CONTIGUOUS, 1).snapshot(), 0.0)
    book.event_time = SHOWN_AT
    older = book.last_update_id - 1
    assert Doubts().is_behind(older, book, buffer_of(diff(event_time=SHOWN_AT)))
    assert not Doubts().is_behind(older, book, buffer_of(diff(event_time=SHOWN_AT + 1)))


def test_an_empty_snapshot_is_believed_after_several_in_a_row():
    doubts = Doubts()
    assert [doubts.refuses_empty() for _ in range(EMPTIED_AFTER + 1)] == [True] * EMPTIED_AFTER + [False]
    doubts.compared()
    assert doubts.refuses_empty()


def test_a_symbol_that_was_never_live_is_unlisted_at_the_first_answer():
    assert Doubts().is_unlisted(0)
    assert not Doubts().is_unlisted(1), "its stream has brought a diff"
    assert Doubts(unlisted_at=500).is_unlisted(500), "the diffs were a predecessor's"


def test_a_book_that_was_live_is_unlisted_after_several_answers_without_a_diff_between_them():
    doubts = Doubts(was_live=True)
    assert [doubts.is_unlisted(0) for _ in range(UNLISTED_AFTER)] == [False] * (UNLISTED_AFTER - 1) + [True]
    doubts.listed()
    assert not doubts.is_unlisted(0)
    doubts = Doubts(was_live=True)
    assert not any(doubts.is_unlisted(diffs) for diffs in range(1, 5 * UNLISTED_AFTER))


def test_the_streams_first_diff_ends_the_doubt_about_a_book():
    doubts, follower = Doubts(unheard=True), follower_at(0, joined=False)
    assert doubts.doubted(follower)
    doubts.followed(follower)
    assert doubts.doubted(follower)
    follower.confirmed = True
    assert not doubts.doubted(follower)
    assert doubts.unheard, "a question changes nothing"
    doubts.followed(follower)
    follower.confirmed = False
    assert not doubts.doubted(follower), "it is over for good"


def test_what_came_since_a_snapshot_was_kept():
    doubts = Doubts()
    doubts.hold(7)
    assert (doubts.held, doubts.heard_since_held(7), doubts.heard_since_held(8)) == (1, False, True)
