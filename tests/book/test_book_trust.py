"""When a side with fewer levels than were asked for is believed to be all there is."""

from math import inf

from depthactors.book import BookSide
from depthactors.book.side import ASK
from depthactors.book.trust import (
    AGREEMENTS_IF_CUT,
    AGREEMENTS_IF_ROUND,
    AGREEMENTS_IF_SAME,
    LEAST_CAP,
    ROUND,
    look,
    settle,
)
from tests.support import flat, table

ASKED = 40


def reply(count, *, asked=ASKED, first=1):
    """A side as a reply has it: one level at each price from `first` on."""
    levels = flat((float(price), 1.0) for price in range(first, first + count))
    return BookSide(levels, ASK, whole=False, keep_unvouched=False, max_levels=None, window=0, asked=asked)


def whole(count, *, believed=None):
    side = reply(count)
    side.take_for_whole(believed)
    return side


def set_levels(*prices):
    return flat((float(price), 1.0) for price in prices)


def gone(*prices):
    return flat((float(price), 0.0) for price in prices)


def looked_at(side, last_good=None, *, quiet=True, was_cut=False):
    look(side, last_good, quiet=quiet, was_cut=was_cut)
    side.check("side")
    return side


def settled(old, new, *, was_cut=False):
    side, was_cut = settle(old, new, was_cut=was_cut)
    side.check("side")
    return side, was_cut


def test_a_side_vouches_down_to_its_last_level_whatever_was_asked_for():
    side = reply(7)
    assert (side.short, side.whole, side.edge, side.vouched(), side.spare(5)) == (True, False, 7.0, 7, 2)
    assert not reply(ASKED).short


def test_what_a_short_side_has_beyond_its_edge_is_kept_apart_until_it_is_taken_for_whole():
    side = reply(3)
    side.apply(set_levels(9, 8, 2) + gone(8, 77))
    side.check("side")
    assert (len(side), side.known, side.best_keys()) == (3, 4, [1.0, 2.0, 3.0])
    side.take_for_whole(None)
    side.check("side")
    assert (side.best_keys(), side.edge, side.spare(100)) == ([1.0, 2.0, 3.0, 9.0], inf, inf)


def test_a_side_with_more_levels_than_were_asked_for_is_no_short_one_any_more():
    side = reply(3)
    side.apply(set_levels(*range(100, 100 + ASKED)))
    side.check("side")
    assert (side.short, side.known, side.edge) == (False, 3, 3.0)


@table("count", [0, 1, LEAST_CAP - 1])
def test_few_levels_or_none_are_believed_at_the_first_look(count):
    side = looked_at(reply(count))
    assert (side.whole, side.believed, side.spare(20)) == (True, count, inf)


@table(
    ("count", "circumstances"),
    [
        (LEAST_CAP, {}),
        (LEAST_CAP + 1, {}),
        (0, {"quiet": False}),
        (3, {"quiet": False}),
        (3, {"last_good": reply(LEAST_CAP)}),
        (0, {"last_good": whole(30)}),
        (3, {"was_cut": True}),
    ],
)
def test_a_side_that_may_have_been_cut_is_not_believed(count, circumstances):
    assert looked_at(reply(count), **circumstances).short


def test_the_same_levels_as_before_an_outage_are_whole_if_they_were():
    assert looked_at(reply(12), whole(12)).believed is None
    assert looked_at(reply(12), whole(12, believed=12)).believed == 12
    assert looked_at(reply(12), reply(12)).short
    assert looked_at(reply(12), whole(13)).short


def run_of(*counts, asked=ASKED, change=None, was_cut=False):
    """Replies one after the other, each settled with what came of those before."""
    side = reply(counts[0], asked=asked)
    for count in counts[1:]:
        if change is not None:
            change(side, count)
        side, proved_cut = settled(side, reply(count, asked=asked), was_cut=was_cut)
        assert not proved_cut
    return side


def follow(side, count):
    """Let the stream change the side to that many levels."""
    known = side.known
    side.apply(set_levels(*range(known + 1, count + 1)) + gone(*range(count + 1, known + 1)))


def test_replies_that_agree_though_their_numbers_differ_prove_a_side_to_be_whole():
    side = run_of(7, 9, 8, change=follow)
    assert (side.whole, side.believed) == (True, None)
    assert run_of(10, 11, 10, change=follow).believed is None, "at a round number too"
    assert run_of(7, 9, change=follow).short, "one agreement may be chance"


def test_replies_that_agree_with_as_many_levels_each_time_are_believed_after_more_of_them():
    assert run_of(*[7] * AGREEMENTS_IF_SAME).short
    assert run_of(*[7] * (AGREEMENTS_IF_SAME + 1)).believed == 7
    assert {5, 10, 20, 50, 100, 500, 1000, 5000} <= ROUND
    assert run_of(*[10] * AGREEMENTS_IF_ROUND).short
    assert run_of(*[10] * (AGREEMENTS_IF_ROUND + 1)).believed == 10
    assert run_of(0, 0).believed == 0, "no level is no cap"
    assert run_of(3, 3).believed == 3, "nor are few"
    assert run_of(3, 3, was_cut=True).short
    assert run_of(*[7] * AGREEMENTS_IF_CUT, was_cut=True).short
    assert run_of(*[7] * (AGREEMENTS_IF_CUT + 1), was_cut=True).believed == 7


def test_few_levels_or_none_after_a_good_book_with_more_take_as_many_replies_as_others():
    for count in (0, 3):
        side = looked_at(reply(count), whole(30))
        # A connection that is made anew between the replies changes nothing.
        side = looked_at(reply(count), side)
        for _ in range(AGREEMENTS_IF_SAME):
            assert side.short
            side, _ = settled(side, reply(count))
        assert side.believed == count


def test_replies_to_other_requests_differ_for_other_reasons():
    side = reply(7, asked=20)
    for count in (9, 8):
        follow(side, count)
        side, _ = settled(side, reply(count))
    assert side.believed is None, "the last two are to the same"
    side = reply(7, asked=20)
    for count in (9, 9, 9):
        follow(side, count)
        side, _ = settled(side, reply(count))
    assert side.believed == 9


def test_a_cap_is_found_when_the_stream_brings_a_level_that_the_reply_lacks():
    side = reply(7)
    follow(side, 8)
    side, _ = settled(side, reply(7))
    assert (side.short, side.agreements, side.edge) == (True, 0, 7.0)


def test_a_cap_is_found_when_the_reply_has_a_level_that_the_stream_did_not_bring():
    side = reply(7)
    side.apply(gone(7))
    side, _ = settled(side, reply(7))
    assert (side.short, side.agreements) == (True, 0)


def test_a_side_that_is_believed_to_be_whole_is_looked_at_again_when_its_number_of_levels_changes():
    side = whole(7, believed=7)
    side.apply([3.0, 5.0])
    assert side.spare(20) == inf
    side.apply(set_levels(8))
    assert side.spare(20) == 0
    side = whole(7, believed=7)
    side.apply([side.best() * side.sign, 0.0])
    assert (len(side), side.spare(20)) == (6, 0)
    side = run_of(*[7] * (AGREEMENTS_IF_SAME + 1))
    follow(side, 8)
    proven, was_cut = settled(side, reply(8))
    assert (proven.whole, proven.believed, was_cut) == (True, None, False)
    side = run_of(*[7] * (AGREEMENTS_IF_SAME + 1))
    follow(side, 8)
    cut, was_cut = settled(side, reply(7))
    assert (cut.short, was_cut) == (True, True)


def test_a_shorter_reply_for_a_side_that_is_known_to_be_whole_was_cut():
    old = whole(12)
    side, was_cut = settled(old, reply(7))
    assert (side.whole, side.levels(), was_cut) == (True, old.levels(), False)
    side.apply(set_levels(50))
    assert len(old) == 12, "readers may still be at the old one"
    same, _ = settled(old, reply(12))
    assert (same.whole, same.believed) == (True, None)


def test_a_refresh_takes_no_trust_away():
    wide = reply(ASKED)
    side, _ = settled(wide, reply(7))
    assert (side.vouched(), side.levels()) == (ASKED, wide.levels())
    narrow = reply(7)
    side, _ = settled(narrow, reply(12))
    assert (side.vouched(), side.short) == (12, True)
    full, _ = settled(wide, reply(ASKED))
    assert (full.vouched(), full.short) == (ASKED, False)
