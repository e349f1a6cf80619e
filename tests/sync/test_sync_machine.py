"""The machine's paths one by one; what any mixture of them comes to is the property test's business."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.binance import Diff, Snapshot
from depthactors.book import BookState
from depthactors.book.trust import AGREEMENTS_IF_SAME
from depthactors.errors import (
    AuditError,
    BookIntegrityError,
    EscalatedError,
    ExchangeError,
    MalformedFrameError,
    SilentStreamError,
    StreamError,
    UnknownSymbolError,
)
from depthactors.markets import Sequencing
from depthactors.sync import (
    NEVER_SHOWN,
    Ahead,
    Audited,
    Former,
    Priority,
    Publish,
    RequestSnapshot,
    Resync,
    Silent,
    SnapshotRefused,
    StateChanged,
    Synchronizer,
)
from depthactors.sync.doubts import EMPTIED_AFTER, LAGGING_AFTER, OVERLAP_MS, STALE_LIMIT, STALE_LIMIT_JOINED
from depthactors.sync.phases import SyncState
from tests.support import flat, pairs, table
from tests.sync.sync_support import LIMIT, NaiveExchange, new_book, top_of

BOTH = table("sequencing", Sequencing)


class Bench:
    """A machine on a naive exchange, with the effects of the last input at hand."""

    def __init__(self, sequencing=Sequencing.CONTIGUOUS, seed=3, former=NEVER_SHOWN):
        self.exchange = NaiveExchange(sequencing, seed)
        self.sync = Synchronizer(sequencing, new_book, former=former)
        self.effects = self.sync.stream_up(1)

    def trade(self, count=1):
        for _ in range(count):
            self.effects = self.sync.diff(1, self.exchange.event(), 1.0)
        return self

    def snapshot(self, lag=0):
        self.effects = self.sync.snapshot(1, self.exchange.snapshot(lag), 2.0)
        return self

    def live(self):
        self.trade(3).snapshot(lag=1)
        assert self.sync.state is BookState.LIVE
        return self

    def kinds(self):
        return [type(effect) for effect in self.effects]


@BOTH
def test_stream_first_then_snapshot_then_replay(sequencing):
    bench = Bench(sequencing)
    assert list(bench.effects) == [RequestSnapshot(1, Priority.NEW)]
    bench.trade(3)
    assert (bench.sync.state, bench.sync.buffered) == (BookState.SYNCING, 3)
    bench.snapshot(lag=1)
    assert bench.kinds() == [StateChanged, Publish]
    assert (bench.sync.state, bench.sync.book.last_update_id) == (BookState.LIVE, bench.exchange.id)


@BOTH
def test_a_quiet_book_is_live_on_its_snapshot_alone(sequencing):
    bench = Bench(sequencing).snapshot()
    assert bench.sync.state is BookState.LIVE
    bench.trade()
    assert bench.kinds() == [Publish]


@BOTH
def test_after_another_process_a_book_is_live_on_a_snapshot_alone_only_at_the_update_that_was_shown(sequencing):
    shown = Former(NaiveExchange(sequencing, 3).id, 1_000)
    assert Bench(sequencing, former=shown).snapshot().sync.state is BookState.LIVE
    bench = Bench(sequencing, former=shown._replace(last_update_id=shown.last_update_id - 1)).snapshot()
    assert bench.sync.state is BookState.STALE
    bench.trade()
    assert (bench.sync.state, bench.sync.book.last_update_id) == (BookState.LIVE, bench.exchange.id)


@BOTH
def test_after_another_process_an_older_snapshot_is_requested_again(sequencing):
    bench = Bench(sequencing, former=Former(NaiveExchange(sequencing, 3).id + 1, 1_000)).snapshot()
    assert bench.kinds() == [RequestSnapshot]
    assert bench.sync.state is BookState.SYNCING


def test_after_another_process_one_answer_that_a_book_is_not_listed_is_not_believed():
    bench, error = Bench(former=Former(1, 1_000)), UnknownSymbolError("delisted")
    assert list(bench.effects) == [RequestSnapshot(1, Priority.RESYNC)], "as for a book that was live here"
    states = []
    for _ in range(3):
        bench.sync.unlisted(1, error)
        states.append(bench.sync.state)
    assert states == [BookState.SYNCING, BookState.SYNCING, BookState.FAILED]


def cut_off_and_back(bench):
    bench.sync.stream_down(1, StreamError("cut"))
    bench.sync.stream_up(2)
    return bench


@BOTH
def test_a_quiet_book_that_did_not_change_while_it_was_cut_off_is_live_on_its_snapshot_alone(sequencing):
    bench = cut_off_and_back(Bench(sequencing).live())
    bench.sync.snapshot(2, bench.exchange.snapshot(), 3.0)
    assert bench.sync.state is BookState.LIVE


@BOTH
@table("told_by", ["stream", "second snapshot"])
def test_a_quiet_book_that_changed_while_it_was_cut_off_is_live_after_a_diff_or_a_second_snapshot(sequencing, told_by):
    bench = cut_off_and_back(Bench(sequencing).live())
    while bench.exchange.top(bench.exchange.id) == top_of(bench.sync.book):
        bench.exchange.event()
    bench.sync.snapshot(2, bench.exchange.snapshot(), 3.0)
    assert (bench.sync.phase, bench.sync.state) == (SyncState.FOLLOWING, BookState.STALE)
    if told_by == "stream":
        bench.sync.diff(2, bench.exchange.event(), 4.0)
    else:
        bench.sync.refresh()
        bench.sync.snapshot(2, bench.exchange.snapshot(), 4.0)
    assert bench.sync.state is BookState.LIVE
    assert top_of(bench.sync.book) == bench.exchange.top(bench.exchange.id)


@BOTH
def test_a_snapshot_of_another_book_is_not_live_for_a_moment_where_the_stream_is_quiet(sequencing):
    bench = cut_off_and_back(Bench(sequencing).live())
    foreign = NaiveExchange(sequencing, seed=99)
    foreign.mid = 10
    for _ in range(5):
        foreign.event()
    bench.sync.snapshot(2, foreign.snapshot()._replace(last_update_id=10**9), 3.0)
    assert bench.sync.state is BookState.STALE
    bench.sync.diff(2, bench.exchange.event(), 4.0)
    assert bench.sync.state is BookState.STALE
    assert bench.sync.phase is not SyncState.FOLLOWING


@BOTH
def test_a_snapshot_older_than_the_buffer_is_requested_again_and_the_buffer_kept(sequencing):
    bench = Bench(sequencing)
    old = bench.exchange.snapshot()
    bench.exchange.event()
    bench.trade(2)
    assert bench.sync.snapshot(1, old, 0.0) == [RequestSnapshot(1, Priority.NEW)]
    assert bench.sync.buffered == 2
    assert bench.snapshot().sync.state is BookState.LIVE


@BOTH
def test_a_gap_keeps_the_event_that_showed_it_and_the_old_book(sequencing):
    bench = Bench(sequencing).live()
    before = bench.sync.book
    bench.exchange.event()
    bench.trade()
    changed, resync, request = bench.effects
    assert (changed.previous, changed.state) == (BookState.LIVE, BookState.STALE)
    assert changed.error is resync.error
    assert isinstance(resync.error, ExchangeError)
    assert request == RequestSnapshot(1, Priority.RESYNC)
    assert (bench.sync.book, bench.sync.buffered) == (before, 1)
    assert bench.snapshot().sync.state is BookState.LIVE
    assert (bench.sync.counters.gaps, bench.sync.counters.resyncs) == (1, 1)


@BOTH
def test_a_refresh_behind_the_stream_is_caught_up_compared_and_swapped(sequencing):
    bench = Bench(sequencing).live()
    before = bench.sync.book
    assert list(bench.sync.refresh()) == [RequestSnapshot(1, Priority.REFRESH)]
    bench.trade(3)
    assert bench.sync.book is before
    bench.snapshot(lag=1)
    assert list(bench.effects) == [Audited(bench.exchange.id, 0)], "no update: readers have seen it"
    assert bench.sync.book is not before
    assert (bench.sync.state, bench.sync.counters.refreshes) == (BookState.LIVE, 1)


@BOTH
def test_a_refresh_ahead_of_the_stream_waits_until_the_stream_has_reached_it(sequencing):
    bench = Bench(sequencing).live()
    before = bench.sync.book
    bench.sync.refresh()
    held_up = [bench.exchange.event() for _ in range(3)]
    bench.snapshot()
    assert (bench.sync.phase, bench.sync.book) == (SyncState.ALIGNING, before)
    for diff in held_up[:2]:
        assert list(bench.sync.diff(1, diff, 1.0)) == [Publish()]
    assert bench.sync.book is before
    effects = bench.sync.diff(1, held_up[2], 1.0)
    assert effects[1] == Audited(bench.exchange.id, 0)
    assert bench.sync.book is not before
    assert top_of(bench.sync.book) == bench.exchange.top(bench.exchange.id)


@BOTH
def test_a_stream_that_brings_nothing_though_the_book_changes_is_silent_and_the_book_not_live_until_a_diff_comes(
    sequencing,
):
    bench = Bench(sequencing).live()
    bench.sync.refresh()
    missed = [bench.exchange.event()]
    while bench.exchange.top(bench.exchange.id) == top_of(bench.sync.book):
        missed.append(bench.exchange.event())
    assert [type(effect) for effect in bench.snapshot().effects] == [Ahead]
    effects = bench.sync.overdue()
    assert [type(effect) for effect in effects] == [StateChanged, Resync, RequestSnapshot, Silent]
    assert type(effects[3].error) is SilentStreamError
    assert bench.sync.state is BookState.STALE
    # A fresh base is taken, but nothing shows yet that the stream brings what changes it.
    bench.snapshot()
    assert (bench.sync.phase, bench.sync.state) == (SyncState.FOLLOWING, BookState.STALE)
    assert top_of(bench.sync.book) == bench.exchange.top(bench.exchange.id)
    bench.trade()
    assert bench.kinds() == [StateChanged, Publish]
    assert bench.sync.state is BookState.LIVE


def test_a_book_that_does_not_change_any_more_is_live_after_the_next_comparison_though_its_stream_is_silent():
    bench = Bench().live()
    bench.sync.refresh()
    while bench.exchange.top(bench.exchange.id) == top_of(bench.sync.book):
        bench.exchange.event()
    bench.snapshot()
    bench.sync.overdue()
    bench.snapshot()
    assert bench.sync.state is BookState.STALE
    bench.sync.refresh()
    assert bench.snapshot().sync.state is BookState.LIVE


@BOTH
def test_a_refresh_that_the_stream_does_not_meet_is_of_another_book(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.refresh()
    foreign = NaiveExchange(sequencing, seed=99)
    foreign.mid = 10
    for _ in range(5):
        foreign.event()
    bench.sync.snapshot(1, foreign.snapshot()._replace(last_update_id=10**9), 0.0)
    bench.trade(3)
    effects = bench.sync.overdue()
    assert [type(effect) for effect in effects] == [SnapshotRefused, RequestSnapshot]
    assert (bench.sync.state, bench.sync.counters.snapshots_refused) == (BookState.LIVE, 1)
    assert bench.snapshot().kinds() == [Audited]


@BOTH
def test_a_snapshot_ahead_of_a_stream_that_is_heard_is_not_believed_before_the_stream_meets_it(sequencing):
    bench = Bench(sequencing).trade(2)
    held_up = [bench.exchange.event() for _ in range(3)]
    bench.snapshot()
    assert bench.kinds() == [Ahead]
    states = []
    for diff in [*held_up, bench.exchange.event()]:
        bench.effects = bench.sync.diff(1, diff, 1.0)
        states.append(bench.sync.state)
    assert set(states[:-2]) == {BookState.SYNCING}
    assert states[-1] is BookState.LIVE
    assert top_of(bench.sync.book) == bench.exchange.top(bench.sync.book.last_update_id)


@BOTH
def test_snapshots_that_stay_too_old_are_an_error_once_in_several(sequencing):
    bench = Bench(sequencing)
    for _ in range(4):
        bench.exchange.event()
    bench.trade(3)
    effects = []
    for _ in range(2 * LAGGING_AFTER):
        bench.snapshot(lag=5)
        effects.append(bench.kinds())
    several = [[RequestSnapshot]] * (LAGGING_AFTER - 1) + [[SnapshotRefused, RequestSnapshot]]
    assert effects == several * 2
    error = bench.effects[0].error
    assert str(bench.exchange.id) in str(error), "where the stream is"
    assert str(bench.exchange.snapshot(5).last_update_id) in str(error), "where the snapshot is"
    assert bench.snapshot(lag=1).sync.state is BookState.LIVE


@BOTH
def test_another_books_snapshot_is_refused_when_the_stream_goes_on_without_meeting_it(sequencing):
    bench = Bench(sequencing).trade(2)
    foreign = NaiveExchange(sequencing, seed=99)
    bench.sync.snapshot(1, foreign.snapshot()._replace(last_update_id=10**9), 0.0)
    bench.trade(3)
    assert bench.sync.state is BookState.SYNCING
    assert [type(effect) for effect in bench.sync.overdue()] == [SnapshotRefused, RequestSnapshot]
    assert bench.trade(1).snapshot(lag=1).sync.state is BookState.LIVE


@BOTH
def test_a_snapshot_ahead_of_a_silent_stream_is_believed_when_a_second_one_is_equal(sequencing):
    bench = Bench(sequencing).trade(2)
    bench.exchange.event()
    bench.snapshot()
    assert list(bench.sync.overdue()) == [RequestSnapshot(1, Priority.NEW)]
    assert bench.sync.state is BookState.SYNCING
    assert bench.snapshot().kinds() == [StateChanged, Publish]
    assert bench.sync.state is BookState.LIVE


@BOTH
def test_a_book_that_changes_between_two_snapshots_while_its_stream_is_silent_is_not_live(sequencing):
    bench = Bench(sequencing).trade(2)
    bench.exchange.event()
    bench.snapshot()
    bench.sync.overdue()
    top = bench.exchange.top(bench.exchange.id)
    while bench.exchange.top(bench.exchange.id) == top:
        bench.exchange.event()
    assert bench.snapshot().kinds() == [StateChanged, Publish, Silent]
    assert bench.sync.state is BookState.STALE
    bench.trade()
    assert bench.sync.state is BookState.LIVE


def unmet_on_an_empty_base(sequencing):
    """A book whose base after an outage was an empty snapshot, with a snapshot that its stream did not reach."""
    bench = Bench(sequencing).live()
    bench.sync.stream_down(1, StreamError("cut"))
    bench.sync.stream_up(2)
    bench.sync.snapshot(2, empty(bench.exchange), 2.0)
    assert bench.sync.state is BookState.STALE
    bench.exchange.event()
    assert [type(effect) for effect in bench.sync.snapshot(2, bench.exchange.snapshot(), 2.0)] == [Ahead]
    assert [type(effect) for effect in bench.sync.overdue()] == [Resync, RequestSnapshot]
    return bench


@BOTH
def test_a_silent_stream_is_noticed_though_an_empty_snapshot_is_the_base(sequencing):
    bench = unmet_on_an_empty_base(sequencing)
    top = bench.exchange.top(bench.exchange.id)
    while bench.exchange.top(bench.exchange.id) == top:
        bench.exchange.event()
    effects = bench.sync.snapshot(2, bench.exchange.snapshot(), 2.0)
    assert Silent in map(type, effects)
    assert not any(type(effect) is StateChanged and effect.state is BookState.LIVE for effect in effects)
    assert bench.sync.state is BookState.STALE


@BOTH
def test_a_quiet_book_is_live_though_an_empty_snapshot_was_its_base(sequencing):
    bench = unmet_on_an_empty_base(sequencing)
    effects = bench.sync.snapshot(2, bench.exchange.snapshot(), 2.0)
    assert [type(effect) for effect in effects] == [StateChanged, Publish]
    assert bench.sync.state is BookState.LIVE


@BOTH
def test_snapshots_before_and_after_an_outage_prove_no_silence(sequencing):
    bench = Bench(sequencing).trade(2)
    bench.exchange.event()
    bench.snapshot()
    bench.sync.overdue()
    bench.sync.stream_down(1, StreamError("cut"))
    for _ in range(20):
        bench.exchange.event()
    bench.sync.stream_up(2)
    effects = bench.sync.snapshot(2, bench.exchange.snapshot(), 2.0)
    assert [type(effect) for effect in effects] == [StateChanged, Publish]
    assert bench.sync.state is BookState.LIVE


@BOTH
def test_an_answer_to_an_earlier_connection_does_not_count_as_held(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.refresh()
    held = bench.sync.held
    bench.sync.snapshot(0, bench.exchange.snapshot(), 2.0)
    assert bench.sync.held == held
    bench.exchange.event()
    bench.snapshot()
    assert bench.sync.held == held + 1
    bench.sync.snapshot(0, bench.exchange.snapshot(), 2.0)
    assert bench.sync.held == held + 1


@BOTH
def test_a_diff_that_ends_at_the_id_of_a_snapshot_that_is_ahead_meets_it(sequencing):
    bench = Bench(sequencing).trade(2)
    late = bench.exchange.event()
    bench.snapshot()
    assert (bench.kinds(), bench.sync.state) == ([Ahead], BookState.SYNCING)
    bench.effects = bench.sync.diff(1, late, 1.0)
    assert (bench.kinds(), bench.sync.state) == ([StateChanged, Publish], BookState.LIVE)
    assert top_of(bench.sync.book) == bench.exchange.top(bench.exchange.id)
    assert bench.sync.overdue() == ()
    assert bench.trade().kinds() == [Publish]
    assert bench.sync.counters.gaps == 0


@BOTH
def test_a_diff_that_ends_at_the_id_of_a_book_that_was_believed_without_one_confirms_it(sequencing):
    bench = Bench(sequencing)
    late = bench.exchange.event()
    assert bench.snapshot().sync.state is BookState.LIVE
    bench.effects = bench.sync.diff(1, late, 1.0)
    assert bench.sync.state is BookState.LIVE
    # A chained diff may end at the snapshot's id and still be the first to apply.
    assert bench.kinds() == ([Publish] if sequencing is Sequencing.CHAINED else [])
    older = late._replace(first_id=1, last_id=late.last_id - 1, previous_id=0)
    bench.sync.diff(1, older, 1.0)
    assert bench.sync.state is BookState.LIVE, "it is not doubted any more"


@BOTH
def test_a_book_that_was_believed_without_a_diff_is_doubted_when_the_first_one_is_older(sequencing):
    bench = Bench(sequencing)
    late = [bench.exchange.event() for _ in range(2)]
    assert bench.snapshot().sync.state is BookState.LIVE
    bench.effects = bench.sync.diff(1, late[0], 1.0)
    assert bench.kinds() == [StateChanged, Ahead]
    assert bench.sync.state is BookState.STALE
    bench.sync.diff(1, late[1], 1.0)
    bench.trade()
    assert (bench.sync.state, bench.sync.counters.resyncs) == (BookState.LIVE, 0)


def test_a_snapshot_that_is_ahead_by_its_id_alone_is_used_when_it_is_overdue():
    bench = Bench(Sequencing.CHAINED).live()
    bench.sync.refresh()
    in_the_hole = bench.exchange.snapshot()._replace(last_update_id=bench.exchange.id + 1)
    assert list(bench.sync.snapshot(1, in_the_hole, 0.0)) == [Ahead()]
    assert [type(effect) for effect in bench.sync.overdue()] == [Audited]
    assert (bench.sync.phase, bench.sync.state) == (SyncState.FOLLOWING, BookState.LIVE)
    assert not bench.sync.overdue(), "nothing is ahead any more"


@BOTH
@table("joined", [True, False], ids=["its own", "its predecessor's"])
def test_a_stream_that_only_repeats_old_ids_is_doubted(sequencing, joined):
    bench = Bench(sequencing).live()
    old = bench.exchange.event()
    bench.sync.diff(1, old, 0.0)
    bench.trade(3)
    if not joined:
        bench.sync.stream_up(2, 1)
        bench.sync.stream_down(1, StreamError("handed over"))
    states, limit = [], STALE_LIMIT_JOINED if joined else STALE_LIMIT
    for _ in range(limit):
        bench.sync.diff(bench.sync.epoch, old, 0.0)
        states.append(bench.sync.state)
    assert set(states[:-1]) == {BookState.LIVE}
    assert states[-1] is BookState.STALE


@BOTH
@table("phase", [SyncState.BUFFERING, SyncState.FOLLOWING, SyncState.REFRESHING])
def test_ids_that_begin_anew_on_the_same_connection_are_noticed_at_once_and_followed(sequencing, phase):
    bench = Bench(sequencing).live()
    if phase is SyncState.BUFFERING:
        bench.sync.fault(1, MalformedFrameError("garbled"))
        bench.trade(2)
    elif phase is SyncState.REFRESHING:
        bench.sync.refresh()
    assert bench.sync.phase is phase
    bench.exchange.begin_anew()
    faults = bench.sync.counters.faults
    bench.trade()
    assert (bench.sync.state, bench.sync.counters.faults) == (BookState.STALE, faults + 1)
    assert bench.sync.buffered == 1, "it is the first of the new chain"
    bench.trade(2).snapshot(lag=1)
    assert bench.sync.state is BookState.LIVE, "the first snapshot that the stream meets is believed"
    assert bench.sync.book.last_update_id == bench.exchange.id
    assert top_of(bench.sync.book) == bench.exchange.top(bench.exchange.id)


@BOTH
def test_diffs_that_come_twice_for_long_are_repetitions(sequencing):
    bench = Bench(sequencing).live()
    for _ in range(2 * STALE_LIMIT):
        diff = bench.exchange.event()
        bench.sync.diff(1, diff, 1.0)
        bench.sync.diff(1, diff, 1.0)
    assert bench.sync.counters.faults == 0
    bench.sync.fault(1, MalformedFrameError("garbled"))
    for _ in range(2 * STALE_LIMIT):
        diff = bench.exchange.event()
        bench.sync.diff(1, diff, 1.0)
        bench.sync.diff(1, diff, 1.0)
    assert bench.sync.counters.faults == 1, "nor while they wait for a snapshot"


def test_a_symbol_without_a_diff_that_is_not_listed_is_given_up_at_once():
    bench, error = Bench(), UnknownSymbolError("no such symbol")
    assert not bench.sync.unlisted(0, error), "an answer to an earlier connection"
    assert list(bench.sync.unlisted(1, error)) == [StateChanged(BookState.SYNCING, BookState.FAILED, error)]


@table("phase", [SyncState.BUFFERING, SyncState.REFRESHING])
def test_a_symbol_whose_stream_brings_diffs_is_not_given_up_though_it_is_not_listed(phase):
    bench, error = Bench(), UnknownSymbolError("no such symbol")
    if phase is SyncState.REFRESHING:
        bench.live().sync.refresh()
    for _ in range(10):
        state = bench.trade().sync.state
        assert not bench.sync.unlisted(1, error)
        assert (bench.sync.phase, bench.sync.state) == (phase, state)
        assert bench.sync.request_again() is not None, "it is asked again"
    assert bench.snapshot(lag=1).sync.state is BookState.LIVE


def test_a_book_that_was_live_is_given_up_after_several_answers_that_it_is_not_listed():
    bench, error = Bench().live(), UnknownSymbolError("delisted")
    bench.sync.refresh()
    states = []
    for _ in range(3):
        bench.sync.unlisted(1, error)
        states.append(bench.sync.state)
    assert states == [BookState.LIVE, BookState.LIVE, BookState.FAILED]


@BOTH
@table("way", ["refresh", "refresh whose id alone is ahead", "outage"])
def test_a_snapshot_at_the_books_own_update_changes_no_time_of_it(sequencing, way):
    bench = Bench(sequencing).live().trade()
    times = bench.sync.book.event_time, bench.sync.book.recv_time
    assert times == (bench.exchange.now, 1.0)
    snapshot = bench.exchange.snapshot()._replace(event_time=77)
    if way == "outage":
        cut_off_and_back(bench)
    else:
        bench.sync.refresh()
    if way == "refresh whose id alone is ahead":
        snapshot = snapshot._replace(last_update_id=snapshot.last_update_id + 1)
    before = bench.sync.book
    bench.sync.snapshot(bench.sync.epoch, snapshot, 9.0)
    if way == "refresh whose id alone is ahead":
        bench.sync.overdue()
    assert bench.sync.book is not before
    assert bench.sync.state is BookState.LIVE
    assert (bench.sync.book.event_time, bench.sync.book.recv_time) == times


@table("place", [0, -1], ids=["best", "worst vouched for"])
def test_an_audit_that_finds_a_difference_believes_neither_book(place):
    bench = Bench().live()
    before = bench.sync.book
    bench.sync.refresh()
    snapshot = bench.exchange.snapshot()
    asks = dict(pairs(snapshot.asks))
    common = [price for price in asks if price <= before.asks.edge]
    asks[common[place]] = 77.0
    effects = bench.sync.snapshot(1, snapshot._replace(asks=flat(asks.items())), 0.0)
    assert [type(effect) for effect in effects] == [Audited, StateChanged, Resync, RequestSnapshot]
    assert effects[0] == Audited(bench.exchange.id, 1)
    assert type(effects[1].error) is AuditError
    assert "differs in 1 levels" in str(effects[1].error)
    assert effects[3].priority is Priority.RESYNC
    assert (bench.sync.state, bench.sync.book) == (BookState.STALE, before)
    assert bench.sync.counters.audit_differences == 1
    assert bench.trade(1).snapshot(lag=1).sync.state is BookState.LIVE


def test_an_audit_says_nothing_about_levels_that_only_one_of_the_two_vouches_for():
    bench = Bench().live()
    bench.sync.refresh()
    snapshot = bench.exchange.snapshot()
    deeper = snapshot._replace(limit=LIMIT + 2, bids=[*snapshot.bids, 0.5, 9.0, 0.25, 9.0])
    assert bench.sync.snapshot(1, deeper, 0.0)[0] == Audited(bench.exchange.id, 0)


class TwoConnections:
    """A connection and from time to time its successor, which bring the same updates, each in its own time.

    With `merged`, every other connection brings two events as one, as a slower stream does.
    """

    def __init__(self, bench, *, merged):
        self.bench, self.merged = bench, merged
        self.wires, self.half = {1: []}, []

    def merges(self, epoch):
        return self.merged and epoch % 2 == 0

    def trade(self, _data):
        diff = self.bench.exchange.event()
        for epoch, wire in self.wires.items():
            if not self.merges(epoch):
                wire.append(diff)
            elif self.half:
                wire.append(join(self.half.pop(), diff))
            else:
                self.half.append(diff)

    def deliver(self, data):
        epoch = data.draw(st.sampled_from(sorted(self.wires)))
        wire = self.wires[epoch]
        for diff in [wire.pop(0) for _ in range(min(len(wire), data.draw(st.integers(1, 3))))]:
            self.bench.sync.diff(epoch, diff, 1.0)

    def open(self, _data):
        if len(self.wires) == 1:
            (epoch,) = self.wires
            self.wires[epoch + 1] = []
            if self.merges(epoch + 1):
                # An event that straddles the opening is the old connection's.
                self.half.clear()
            assert not self.bench.sync.stream_up(epoch + 1, epoch)

    def hand_over(self, _data):
        if len(self.wires) == 2:
            old = min(self.wires)
            # A connection is kept until what was under way when its successor opened has come.
            for diff in [*self.wires.pop(old), *(self.half if self.merges(old) else [])]:
                self.bench.sync.diff(old, diff, 1.0)
            self.bench.sync.stream_down(old, StreamError("handed over"))


@pytest.mark.parametrize("sequencing", Sequencing, ids=lambda each: each.value)
@pytest.mark.parametrize("merged", [False, True], ids=["the same events", "longer events"])
@given(data=st.data())
def test_a_successor_takes_over_without_a_gap_whatever_the_order_of_the_two(sequencing, merged, data):
    bench = Bench(sequencing).live()
    two = TwoConnections(bench, merged=merged)
    for step in data.draw(st.lists(st.sampled_from([two.trade, two.deliver, two.open, two.hand_over]), max_size=40)):
        step(data)
        bench.sync.check()
        assert bench.sync.state is BookState.LIVE
        assert top_of(bench.sync.book) == bench.exchange.top(bench.sync.book.last_update_id)
    counters = bench.sync.counters
    assert (counters.gaps, counters.faults, counters.resyncs) == (0, 0, 0)


@BOTH
def test_a_connection_whose_end_was_not_reported_is_over_when_the_next_one_begins(sequencing):
    bench = Bench(sequencing).live()
    effects = bench.sync.stream_up(2)
    assert [type(effect) for effect in effects] == [StateChanged, RequestSnapshot]
    assert type(effects[0].error) is StreamError
    assert not bench.sync.stream_up(2), "the same once more"
    assert not bench.sync.stream_up(1), "an older one, as good as over"
    assert bench.sync.epoch == 2


def join(one, other):
    """Two events in a row as one, as a slower stream brings them."""
    changes = [
        flat(dict(pairs(first) + pairs(second)).items())
        for first, second in ((one.bids, other.bids), (one.asks, other.asks))
    ]
    return Diff(one.first_id, other.last_id, one.previous_id, other.event_time, *changes)


@BOTH
@table("first", ["the end", "the beginning"])
def test_a_stream_that_moves_to_an_older_connection_goes_on_whichever_is_reported_first(sequencing, first):
    bench = Bench(sequencing).live()
    bench.sync.stream_down(1, StreamError("cut"))
    bench.sync.stream_up(7)
    bench.sync.snapshot(7, bench.exchange.snapshot(), 2.0)
    if first == "the end":
        bench.sync.stream_down(7, StreamError("moved"))
        effects = bench.sync.stream_up(3)
    else:
        assert not bench.sync.stream_up(3)
        effects = bench.sync.stream_down(7, StreamError("moved"))
    assert [effect.epoch for effect in effects if type(effect) is RequestSnapshot] == [3]
    assert (bench.sync.epoch, bench.sync.state) == (3, BookState.STALE)
    bench.sync.diff(3, bench.exchange.event(), 3.0)
    bench.sync.snapshot(3, bench.exchange.snapshot(), 3.0)
    assert bench.sync.state is BookState.LIVE


@BOTH
def test_an_older_connection_that_has_ended_is_not_gone_on_with(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.stream_up(7)
    assert not bench.sync.stream_up(3)
    assert not bench.sync.stream_down(3, StreamError("cut"))
    bench.sync.stream_down(7, StreamError("cut"))
    assert bench.sync.epoch is None


@BOTH
def test_the_end_of_a_connection_that_was_never_up_changes_nothing(sequencing):
    bench = Bench(sequencing).live()
    assert not bench.sync.stream_down(7, StreamError("refused"))
    assert bench.trade().sync.state is BookState.LIVE
    bench.sync.stream_down(1, StreamError("cut"))
    assert not bench.sync.stream_down(7, StreamError("refused"))
    assert (bench.sync.epoch, bench.sync.counters.late) == (None, 2)


@BOTH
def test_a_successor_takes_over_where_it_alone_brought_the_last_updates(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.stream_up(2, 1)
    shared = bench.exchange.event()
    assert not bench.sync.diff(2, shared, 1.0)
    bench.sync.diff(1, shared, 1.0)
    for _ in range(3):
        assert not bench.sync.diff(2, bench.exchange.event(), 1.0)
    bench.effects = bench.sync.stream_down(1, StreamError("cut"))
    assert bench.kinds() == [Publish]
    assert (bench.sync.state, bench.sync.book.last_update_id) == (BookState.LIVE, bench.exchange.id)
    assert (bench.sync.counters.handovers, bench.sync.counters.coalesced) == (1, 2)


@BOTH
def test_a_book_is_resynced_when_a_successor_has_missed_something(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.stream_up(2, 1)
    bench.exchange.event()
    bench.sync.diff(2, bench.exchange.event(), 1.0)
    bench.effects = bench.sync.stream_down(1, StreamError("cut"))
    assert bench.kinds() == [StateChanged, Resync, RequestSnapshot]
    assert bench.effects[2].epoch == 2
    assert bench.sync.buffered == 1


@BOTH
def test_a_fault_beside_a_successor_is_that_of_the_connection_it_names(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.stream_up(2, 1)
    assert not bench.sync.fault(2, MalformedFrameError("garbled"))
    assert (bench.sync.counters.faults, bench.sync.counters.late) == (0, 0)
    bench.effects = bench.sync.fault(1, MalformedFrameError("garbled"))
    assert bench.kinds() == [StateChanged, Resync, RequestSnapshot]
    assert bench.sync.counters.faults == 1


@BOTH
def test_a_successor_that_ends_first_leaves_no_trace(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.stream_up(2, 1)
    bench.sync.diff(2, bench.exchange.event(), 1.0)
    assert not bench.sync.fault(2, MalformedFrameError("garbled"))
    assert not bench.sync.stream_down(2, StreamError("cut"))
    assert bench.sync.state is BookState.LIVE
    bench.sync.stream_down(1, StreamError("cut"))
    assert bench.sync.state is BookState.STALE


@BOTH
@table("phase", [SyncState.BUFFERING, SyncState.BRIDGING, SyncState.REFRESHING, SyncState.ALIGNING])
def test_a_handover_while_a_snapshot_is_under_way(sequencing, phase):
    bench = Bench(sequencing)
    if phase is SyncState.BUFFERING:
        bench.trade(2)
    elif phase is SyncState.BRIDGING:
        bench.trade(2)
        held_up = [bench.exchange.event() for _ in range(2)]
        bench.snapshot()
    else:
        bench.live()
        bench.sync.refresh()
        held_up = [bench.exchange.event() for _ in range(2)]
        if phase is SyncState.ALIGNING:
            bench.snapshot()
        else:
            for diff in held_up:
                bench.sync.diff(1, diff, 1.0)
    assert bench.sync.phase is phase
    bench.sync.stream_up(2, 1)
    if phase in {SyncState.BRIDGING, SyncState.ALIGNING}:
        for diff in held_up:
            bench.sync.diff(2, diff, 1.0)
    effects = bench.sync.stream_down(1, StreamError("handed over"))
    asked = [effect.epoch for effect in effects if isinstance(effect, RequestSnapshot)]
    assert asked == ([2] if phase in {SyncState.BUFFERING, SyncState.REFRESHING} else [])
    bench.sync.check()
    for _ in range(3):
        bench.sync.diff(2, bench.exchange.event(), 1.0)
    if asked:
        bench.sync.snapshot(2, bench.exchange.snapshot(lag=1), 2.0)
    assert (bench.sync.state, bench.sync.phase) == (BookState.LIVE, SyncState.FOLLOWING)
    assert top_of(bench.sync.book) == bench.exchange.top(bench.exchange.id)
    assert bench.sync.counters.resyncs == 0


def test_what_an_old_connection_brings_is_dropped_and_counted():
    bench = Bench().live()
    bench.sync.stream_down(1, StreamError("cut"))
    assert bench.sync.state is BookState.STALE
    bench.sync.stream_up(2)
    event = bench.exchange.event()
    assert not bench.sync.diff(1, event, 0.0)
    assert not bench.sync.snapshot(1, bench.exchange.snapshot(), 0.0)
    assert not bench.sync.fault(1, MalformedFrameError("late"))
    assert not bench.sync.stream_down(1, StreamError("late"))
    assert bench.sync.counters.late == 4
    assert bench.sync.phase is SyncState.BUFFERING


def test_a_snapshot_older_than_the_book_is_not_used():
    bench = Bench().live()
    bench.sync.stream_down(1, StreamError("cut"))
    bench.sync.stream_up(2)
    assert list(bench.sync.snapshot(2, bench.exchange.snapshot(lag=1), 0.0)) == [RequestSnapshot(2, Priority.RESYNC)]
    bench.sync.snapshot(2, bench.exchange.snapshot(), 0.0)
    assert bench.sync.state is BookState.LIVE


@BOTH
def test_ids_that_begin_anew_on_a_successor_are_noticed_when_its_times_are_no_overlap(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.stream_up(2, 1)
    bench.sync.stream_down(1, StreamError("handed over"))
    bench.exchange.begin_anew()
    diff = bench.exchange.event()
    bench.sync.diff(2, diff, 1.0)
    assert bench.sync.state is BookState.LIVE
    bench.sync.diff(2, diff._replace(event_time=diff.event_time + OVERLAP_MS), 1.0)
    assert bench.sync.state is BookState.STALE


@BOTH
def test_ids_that_began_anew_during_an_outage_are_believed_with_the_first_snapshot_that_the_stream_meets(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.stream_down(1, StreamError("cut"))
    bench.exchange.begin_anew()
    bench.sync.stream_up(2)
    for _ in range(2):
        bench.sync.diff(2, bench.exchange.event(), 1.0)
    bench.sync.snapshot(2, bench.exchange.snapshot(lag=1), 1.0)
    assert (bench.sync.state, bench.sync.book.last_update_id) == (BookState.LIVE, bench.exchange.id)


def test_an_exchange_that_begins_anew_at_lower_ids_is_believed_in_the_end():
    bench = Bench().live()
    bench.sync.stream_down(1, StreamError("cut"))
    bench.sync.stream_up(2)
    fresh = NaiveExchange(Sequencing.CONTIGUOUS, seed=8)
    bench.sync.book.last_update_id = 10**9
    states = []
    for _ in range(3):
        bench.sync.diff(2, fresh.event(), 0.0)
        bench.sync.snapshot(2, fresh.snapshot(), 0.0)
        states.append(bench.sync.state)
    assert states == [BookState.STALE, BookState.STALE, BookState.LIVE]


def test_a_crossed_book_is_not_shown():
    bench = Bench().live()
    best_ask = bench.sync.book.asks.best()
    crossing = Diff(bench.exchange.id + 1, bench.exchange.id + 1, bench.exchange.id, 0, [best_ask + 1, 1.0], [])
    effects = bench.sync.diff(1, crossing, 0.0)
    assert [type(effect) for effect in effects] == [StateChanged, Resync, RequestSnapshot]
    assert isinstance(effects[0].error, BookIntegrityError)
    assert (bench.sync.book, bench.sync.state) == (None, BookState.SYNCING)


def test_a_crossed_snapshot_is_reported_and_requested_again():
    bench = Bench()
    crossed = Snapshot(500, 0, LIMIT, (0, 0), [20.0, 1.0], [19.0, 1.0])
    effects = bench.sync.snapshot(1, crossed, 0.0)
    assert [type(effect) for effect in effects] == [SnapshotRefused, RequestSnapshot]
    assert (bench.sync.book, bench.sync.counters.snapshots_refused) == (None, 1)


def test_a_side_that_runs_low_is_refilled_before_the_promise_is_touched_and_stale_when_it_is():
    bench = Bench().live()
    book, effects, labels = bench.sync.book, [], []
    last = bench.exchange.id
    while len(book.bids):
        diff = Diff(last + 1, last + 1, last, 0, [-book.bids.best(), 0.0], [])
        effects += bench.sync.diff(1, diff, 0.0)
        last += 1
        labels.append((len(book.bids), bench.sync.state))
    requests = [effect.priority for effect in effects if isinstance(effect, RequestSnapshot)]
    assert requests == [Priority.REFRESH, Priority.RESYNC]
    assert all(state is (BookState.LIVE if left >= book.depth else BookState.STALE) for left, state in labels)


def test_a_deeper_promise_makes_a_thin_book_stale_until_it_is_refreshed():
    bench = Bench().live()
    effects = bench.sync.deepen(LIMIT + 1)
    assert RequestSnapshot in [type(effect) for effect in effects]
    assert bench.sync.state is BookState.STALE


@table("state", [BookState.STOPPED, BookState.FAILED])
def test_after_the_end_nothing_changes_any_more(state):
    bench = Bench().live()
    book, error = bench.sync.book, EscalatedError("given up")
    assert list(bench.sync.close(state, error)) == [StateChanged(BookState.LIVE, state, error)]
    for effects in (
        bench.sync.stream_up(2),
        bench.sync.diff(1, bench.exchange.event(), 0.0),
        bench.sync.snapshot(1, bench.exchange.snapshot(), 0.0),
        bench.sync.refresh(),
        bench.sync.close(BookState.STOPPED),
    ):
        assert not effects
    assert (bench.sync.book, bench.sync.state, bench.sync.request_again()) == (book, state, None)


def test_a_successor_shows_the_last_good_book_as_stale():
    book = Bench().live().sync.book
    sync = Synchronizer(Sequencing.CONTIGUOUS, new_book, book=book)
    assert (sync.book, sync.state) == (book, BookState.STALE)
    assert list(sync.stream_up(5)) == [RequestSnapshot(5, Priority.RESYNC)]


def empty(exchange):
    """A snapshot without a level, of the exchange's present id."""
    return exchange.snapshot(caps=(0, 0))


@BOTH
def test_an_empty_snapshot_of_a_quiet_stream_is_a_book_without_levels(sequencing):
    bench = Bench(sequencing)
    bench.sync.snapshot(1, empty(bench.exchange), 2.0)
    assert bench.sync.state is BookState.LIVE
    assert top_of(bench.sync.book) == ([], [])
    assert bench.sync.refresh(), "it can be refreshed"
    bench.sync.snapshot(1, empty(bench.exchange), 2.0)
    assert (bench.sync.state, bench.sync.request_again()) == (BookState.LIVE, None)


@BOTH
def test_an_empty_snapshot_of_a_new_book_that_has_heard_its_market_on_another_connection_is_not_believed(sequencing):
    bench = Bench(sequencing).trade(3)
    bench.sync.stream_down(1, StreamError("cut"))
    bench.sync.stream_up(2)
    bench.sync.snapshot(2, empty(bench.exchange), 2.0)
    assert bench.sync.state is BookState.STALE
    bench.sync.snapshot(2, bench.exchange.snapshot(), 2.0)
    assert bench.sync.state is BookState.LIVE


def test_a_listing_that_opens_is_seen_with_its_first_diff_and_looked_at_again():
    bench = Bench()
    bench.exchange.bids, bench.exchange.asks = {}, {}
    bench.sync.snapshot(1, empty(bench.exchange), 2.0)
    bench.trade()
    assert bench.kinds() == [Publish, RequestSnapshot]
    assert bench.sync.state is BookState.LIVE
    assert top_of(bench.sync.book) == bench.exchange.top(bench.exchange.id)
    bench.snapshot()
    assert (bench.sync.state, bench.sync.book.believed, bench.sync.request_again()) == (BookState.LIVE, False, None)


@BOTH
def test_an_empty_snapshot_against_what_the_stream_brought_is_not_believed(sequencing):
    bench = Bench(sequencing).trade(3)
    bench.sync.snapshot(1, empty(bench.exchange), 2.0)
    assert bench.sync.state is BookState.STALE
    assert bench.snapshot().sync.state is BookState.LIVE


@BOTH
@table("ahead", [0, 1], ids=["met", "ahead by its id"])
def test_an_empty_snapshot_of_a_live_book_is_requested_again_and_believed_when_it_repeats(sequencing, ahead):
    bench = Bench(sequencing).live()
    bench.sync.refresh()
    effects, states = [], []
    for _ in range(EMPTIED_AFTER):
        effects += bench.sync.snapshot(1, empty(bench.exchange)._replace(last_update_id=bench.exchange.id + ahead), 2.0)
        effects += bench.sync.overdue()
        assert bench.sync.state is BookState.LIVE
        assert bench.sync.request_again() is not None
    assert [type(effect) for effect in effects if not isinstance(effect, Ahead)] == [
        SnapshotRefused,
        RequestSnapshot,
    ] * 2
    # The first of them contradicts the book, the second is a new base, with which the others agree.
    for _ in range(2 + AGREEMENTS_IF_SAME):
        bench.sync.snapshot(1, empty(bench.exchange), 2.0)
        states.append(bench.sync.state)
    assert states == [BookState.STALE] * (1 + AGREEMENTS_IF_SAME) + [BookState.LIVE]
    assert (bench.sync.state, top_of(bench.sync.book)) == (BookState.LIVE, ([], []))


@BOTH
def test_a_single_empty_snapshot_of_a_live_book_changes_nothing(sequencing):
    bench = Bench(sequencing).live()
    for _ in range(5):
        bench.sync.refresh()
        bench.sync.snapshot(1, empty(bench.exchange), 2.0)
        assert bench.sync.state is BookState.LIVE
        assert bench.snapshot().sync.state is BookState.LIVE
    assert (bench.sync.counters.snapshots_refused, bench.sync.counters.audit_differences) == (5, 0)


@BOTH
def test_a_refresh_that_was_granted_few_levels_leaves_a_live_book_what_it_had(sequencing):
    bench = Bench(sequencing).live()
    before = bench.sync.book.trusted_bids, bench.sync.book.trusted_asks
    bench.sync.refresh()
    bench.sync.snapshot(1, bench.exchange.snapshot(caps=(1, 1)), 2.0)
    assert bench.sync.state is BookState.LIVE
    assert (bench.sync.book.trusted_bids, bench.sync.book.trusted_asks) == before
    bench.sync.check()


@BOTH
def test_a_book_whose_snapshots_are_cut_below_its_promise_is_not_live_and_says_why(sequencing):
    exchange = NaiveExchange(sequencing, 3)
    sync = Synchronizer(sequencing, partial(new_book, depth=7))
    sync.stream_up(1)
    sync.diff(1, exchange.event(), 1.0)
    (changed,) = [
        effect for effect in sync.snapshot(1, exchange.snapshot(caps=(5, 5)), 1.0) if isinstance(effect, StateChanged)
    ]
    assert changed.state is BookState.STALE
    assert "of 8 levels asked for the exchange granted 5 and 5" in str(changed.error)
    for _ in range(60):
        sync.diff(1, exchange.event(), 1.0)
        sync.snapshot(1, exchange.snapshot(caps=(5, 5)), 1.0)
        if sync.state is BookState.LIVE:
            # More levels came within the range that is vouched for.
            assert top_of(sync.book, 7) == exchange.top(sync.book.last_update_id, 7)
    assert sync.counters.audit_differences == 0


@BOTH
def test_each_diff_is_counted_once_whichever_way_it_goes(sequencing):
    bench = Bench(sequencing).live()
    bench.trade(4)
    bench.sync.refresh()
    bench.trade(2)
    counters = bench.sync.counters
    # Of the three before the snapshot; with chained ids the diff that ends at its id is applied.
    stale = 2 if sequencing is Sequencing.CONTIGUOUS else 1
    assert (counters.diffs, counters.applied, counters.stale, counters.faults) == (9, 9 - stale, stale, 0)


def test_after_a_refresh_of_a_quiet_book_the_rule_for_the_next_diff_still_holds():
    bench = Bench(Sequencing.CHAINED).live()
    bench.sync.refresh()
    assert bench.snapshot().kinds() == [Audited]
    straddling = bench.exchange.event()
    straddling = straddling._replace(previous_id=straddling.previous_id - 1)
    bench.effects = bench.sync.diff(1, straddling, 1.0)
    assert bench.kinds() == [StateChanged, Resync, RequestSnapshot]
    assert bench.sync.counters.gaps == 1


def test_a_refresh_that_makes_a_stale_book_live_is_published():
    bench = Bench().live()
    bench.sync.deepen(LIMIT)
    assert (bench.sync.state, bench.sync.phase) == (BookState.STALE, SyncState.REFRESHING)
    bench.sync.deepen(3)
    assert bench.sync.state is BookState.LIVE
    bench.sync.deepen(LIMIT)
    deeper = bench.exchange.snapshot(caps=(20, 20))
    bench.effects = bench.sync.snapshot(1, deeper, 2.0)
    assert bench.sync.state is BookState.LIVE
    assert {StateChanged, Audited, Publish} <= set(bench.kinds())


def test_a_refresh_that_has_become_a_repair_is_requested_once_more_and_no_oftener():
    bench = Bench().live()
    bench.sync.refresh()
    bench.sync.book.promise(LIMIT + 1)
    bench.trade()
    (request,) = [effect for effect in bench.effects if isinstance(effect, RequestSnapshot)]
    assert (request.priority, bench.sync.state) == (Priority.RESYNC, BookState.STALE)
    assert bench.sync.request_again() == request
    for _ in range(3):
        assert RequestSnapshot not in bench.trade().kinds()


def test_a_request_that_was_sent_again_as_a_repair_is_not_sent_once_more():
    bench = Bench().live()
    bench.sync.refresh()
    bench.sync.book.promise(LIMIT + 1)
    assert bench.sync.request_again().priority is Priority.RESYNC
    assert RequestSnapshot not in bench.trade().kinds()


@table("way", ["crossed", "silent"])
def test_a_fault_is_counted_once(way):
    bench = Bench().live()
    if way == "crossed":
        last = bench.exchange.id
        bench.sync.diff(1, Diff(last + 1, last + 1, last, 0, [bench.sync.book.asks.best() + 1, 1.0], []), 0.0)
    else:
        bench.sync.refresh()
        while bench.exchange.top(bench.exchange.id) == top_of(bench.sync.book):
            bench.exchange.event()
        bench.snapshot()
        bench.sync.overdue()
    assert bench.sync.state is not BookState.LIVE
    assert bench.sync.counters.faults == 1


def test_a_check_finds_a_broken_book():
    bench = Bench().live()
    bench.sync.check()
    bench.sync.book.bids.window.reverse()
    with pytest.raises(BookIntegrityError, match="window"):
        bench.sync.check()
