"""Diffs that wait for a snapshot."""

import pytest

from depthactors.binance import Diff
from depthactors.errors import BookIntegrityError
from depthactors.markets import Sequencing
from depthactors.sync.buffer import DiffBuffer
from depthactors.sync.sequencing import Follower, Verdict
from tests.support import table
from tests.sync.sync_support import NaiveExchange, new_book, top_of

BOTH = table("sequencing", Sequencing)


@BOTH
def test_a_replay_brings_the_book_to_the_end_of_the_run(sequencing):
    exchange = NaiveExchange(sequencing, seed=5)
    buffer = DiffBuffer(50, sequencing)
    for _ in range(4):
        buffer.append(exchange.event())
    snapshot = exchange.snapshot(lag=2)
    for _ in range(3):
        buffer.append(exchange.event())
    follower = Follower(new_book(snapshot, 0.0))
    assert buffer.joins(snapshot.last_update_id)
    # The event that ends at the snapshot's own id is applied once more where ids are chained.
    assert buffer.replay(follower, 1.0) == (5 if sequencing is Sequencing.CONTIGUOUS else 6)
    assert follower.joined
    assert follower.book.last_update_id == buffer.last_id == exchange.id
    assert top_of(follower.book) == exchange.top(exchange.id)
    buffer.check()


@BOTH
def test_a_snapshot_from_before_the_run_does_not_join(sequencing):
    exchange = NaiveExchange(sequencing, seed=5)
    old = exchange.snapshot()
    exchange.event()
    buffer = DiffBuffer(50, sequencing)
    assert buffer.joins(old.last_update_id), "nothing is missing before an empty run"
    buffer.append(exchange.event())
    assert not buffer.joins(old.last_update_id)


@BOTH
def test_a_full_buffer_drops_the_oldest_and_returns_how_many(sequencing):
    exchange = NaiveExchange(sequencing, seed=1)
    snapshot = exchange.snapshot()
    buffer = DiffBuffer(3, sequencing)
    assert [buffer.append(exchange.event()) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert len(buffer) == 3
    assert not buffer.joins(snapshot.last_update_id)


def test_its_levels_are_bounded_too_but_for_the_newest_diff():
    sequencing = Sequencing.CONTIGUOUS
    buffer = DiffBuffer(100, sequencing, max_levels=10)

    def add(update_id, levels):
        bids = [(-float(price), "1") for price in range(1, levels + 1)]
        return buffer.append(Diff(update_id, update_id, update_id - 1, 0, bids, []))

    assert [add(1, 4), add(2, 4), add(3, 4), add(4, 30), add(5, 1), add(6, 1)] == [0, 0, 1, 2, 1, 0]
    assert [each.first_id for each in buffer] == [5, 6]
    buffer.forget(5)
    assert add(7, 10) == 1
    assert [each.first_id for each in buffer] == [7]


@table(("bids", "asks"), [(6, 2), (3, 5), (0, 4), (7, 7)])
def test_both_sides_count_for_the_size(bids, asks):
    buffer = DiffBuffer(100, Sequencing.CONTIGUOUS)
    buffer.append(Diff(1, 1, 0, 0, [1.0] * bids, [2.0] * asks))
    together = buffer.size
    one_side = DiffBuffer(100, Sequencing.CONTIGUOUS)
    one_side.append(Diff(1, 1, 0, 0, [1.0] * (bids + asks), []))
    assert together == one_side.size > 0
    buffer.forget(1)
    assert buffer.size == 0


@BOTH
def test_a_broken_run_is_found(sequencing):
    exchange = NaiveExchange(sequencing, seed=1)
    buffer = DiffBuffer(9, sequencing)
    buffer.append(exchange.event())
    exchange.event()
    later = exchange.event()
    assert buffer.judge(later) is Verdict.GAP
    buffer.append(later)
    with pytest.raises(BookIntegrityError, match="run of diffs"):
        buffer.check()
