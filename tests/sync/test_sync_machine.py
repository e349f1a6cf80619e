"""The machine's paths one by one; what any mixture of them comes to is the property test's business."""

import pytest
from sync_support import LIMIT, NaiveExchange, new_book, top_of

from depthactors.book import BookState
from depthactors.errors import BookIntegrityError, EscalatedError, ExchangeError, MalformedFrameError, StreamError
from depthactors.markets import Sequencing
from depthactors.sync import Ahead, Audited, Priority, Publish, RequestSnapshot, Resync, StateChanged, Synchronizer
from depthactors.sync.table import SyncState
from depthactors.sync.transitions import STALE_LIMIT
from depthactors.wire import Diff, Snapshot

BOTH = pytest.mark.parametrize("sequencing", Sequencing, ids=lambda each: each.value)


class Bench:
    """A machine on a naive exchange, with the effects of the last input at hand."""

    def __init__(self, sequencing=Sequencing.CONTIGUOUS, seed=3):
        self.exchange = NaiveExchange(sequencing, seed)
        self.sync = Synchronizer(sequencing, new_book, depth=3)
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
def test_a_snapshot_older_than_the_buffer_is_asked_for_again_and_the_buffer_kept(sequencing):
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
    assert list(bench.effects) == [Audited(bench.exchange.id, 0), Publish()]
    assert bench.sync.book is not before
    assert bench.sync.state is BookState.LIVE


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
def test_a_stream_that_never_reaches_a_snapshot_of_other_levels_is_doubted(sequencing):
    bench = Bench(sequencing).live()
    bench.sync.refresh()
    while bench.exchange.top(bench.exchange.id) == top_of(bench.sync.book):
        bench.exchange.event()
    assert [type(effect) for effect in bench.snapshot().effects] == [Ahead]
    effects = bench.sync.overdue()
    assert [type(effect) for effect in effects] == [StateChanged, Resync, RequestSnapshot]
    assert bench.sync.state is BookState.STALE


def test_a_snapshot_that_is_ahead_by_its_id_alone_is_taken_in_the_end():
    bench = Bench(Sequencing.CHAINED).live()
    bench.sync.refresh()
    in_the_hole = bench.exchange.snapshot()._replace(last_update_id=bench.exchange.id + 1)
    assert list(bench.sync.snapshot(1, in_the_hole, 0.0)) == [Ahead()]
    assert [type(effect) for effect in bench.sync.overdue()] == [Audited, Publish]
    assert (bench.sync.phase, bench.sync.state) == (SyncState.FOLLOWING, BookState.LIVE)
    assert not bench.sync.overdue(), "nothing is ahead any more"


@BOTH
def test_a_stream_that_only_repeats_old_ids_is_doubted(sequencing):
    bench = Bench(sequencing).live()
    old = bench.exchange.event()
    bench.sync.diff(1, old, 0.0)
    bench.trade(3)
    states = []
    for _ in range(STALE_LIMIT):
        bench.sync.diff(1, old, 0.0)
        states.append(bench.sync.state)
    assert set(states[:-1]) == {BookState.LIVE}
    assert states[-1] is BookState.STALE


def test_an_audit_counts_the_levels_that_differ():
    bench = Bench().live()
    bench.sync.refresh()
    snapshot = bench.exchange.snapshot()
    key, _ = snapshot.bids[0]
    wrong = snapshot._replace(bids=[(key, "77"), *snapshot.bids[1:]])
    effects = bench.sync.snapshot(1, wrong, 0.0)
    assert effects[0] == Audited(bench.exchange.id, 1)
    assert bench.sync.counters.audit_differences == 1


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


def test_a_lagging_snapshot_never_takes_readers_back():
    bench = Bench().live()
    bench.sync.stream_up(2)
    assert list(bench.sync.snapshot(2, bench.exchange.snapshot(lag=1), 0.0)) == [RequestSnapshot(2, Priority.RESYNC)]
    bench.sync.snapshot(2, bench.exchange.snapshot(), 0.0)
    assert bench.sync.state is BookState.LIVE


def test_an_exchange_that_begins_anew_at_lower_ids_is_believed_in_the_end():
    bench = Bench().live()
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
    crossing = Diff(bench.exchange.id + 1, bench.exchange.id + 1, bench.exchange.id, 0, [(-best_ask - 1, "1")], [])
    effects = bench.sync.diff(1, crossing, 0.0)
    assert [type(effect) for effect in effects] == [StateChanged, Resync, RequestSnapshot]
    assert isinstance(effects[0].error, BookIntegrityError)
    assert (bench.sync.book, bench.sync.state) == (None, BookState.SYNCING)


def test_a_crossed_snapshot_is_told_and_asked_for_again():
    bench = Bench()
    crossed = Snapshot(500, 0, LIMIT, 0, [(-20.0, "1")], [(19.0, "1")])
    effects = bench.sync.snapshot(1, crossed, 0.0)
    assert [type(effect) for effect in effects] == [Resync, RequestSnapshot]
    assert bench.sync.book is None


def test_a_side_that_runs_low_is_refilled_before_the_promise_is_touched_and_stale_when_it_is():
    bench = Bench().live()
    book, effects, labels = bench.sync.book, [], []
    last = bench.exchange.id
    while len(book.bids):
        diff = Diff(last + 1, last + 1, last, 0, [(book.bids.best(), None)], [])
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


@pytest.mark.parametrize("state", [BookState.STOPPED, BookState.FAILED])
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
    assert (bench.sync.book, bench.sync.state, bench.sync.wanted()) == (book, state, None)


def test_a_successor_shows_the_last_good_book_as_stale():
    book = Bench().live().sync.book
    sync = Synchronizer(Sequencing.CONTIGUOUS, new_book, depth=3, book=book)
    assert (sync.book, sync.state) == (book, BookState.STALE)
    assert list(sync.stream_up(5)) == [RequestSnapshot(5, Priority.RESYNC)]
