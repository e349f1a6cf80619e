"""A slow part delays itself alone: memory and lag are bounded and counted, and the other books do not notice."""

import threading
import time
from statistics import quantiles

import pytest

from depthactors import BookState, DepthCacheManager, DepthEngine
from depthactors.actors import supervisor
from depthactors.actors.questions import Status
from depthactors.actors.queued_listener import UPDATE_ROOM
from depthactors.dispatcher.mailbox import FRAME_LIMIT
from depthactors.errors import BacklogError, SlowCallbackError
from depthactors.exchange import Fault, LocalExchange
from depthactors.pacing import USUAL, Timing
from tests.engine.simulated import BNB, BTC, ETH, LIVE, Simulated, following
from tests.soak.memory import rss_mb
from tests.support import Recorder, until

SLOW, OTHERS = "SLOWUSDT", [f"QUICK{number}USDT" for number in range(5)]


class Latencies:
    """How long updates of the other books take from the exchange to a callback, in milliseconds."""

    def __init__(self):
        self.updates = Recorder()
        self._times = []

    def __call__(self, view):
        self._times.append(time.time() * 1_000 - view.event_time)
        self.updates(view.last_update_id)

    def over(self, seconds):
        """Collect for this time; return the median and the 95th percentile."""
        self._times.clear()
        time.sleep(seconds)
        cuts = quantiles(self._times, n=20)
        return cuts[9], cuts[18]


@pytest.fixture
def exchange(monkeypatch):
    with LocalExchange.with_order_flow([SLOW, *OTHERS], rate=50.0, levels=8.0, depth=300, history=2_000) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        yield exchange


@pytest.fixture
def engine(request, exchange, set_timing):
    """An engine of usual durations where a test goes by the clock, else of short ones."""
    by_the_clock = request.node.get_closest_marker("proof")
    if not by_the_clock:
        set_timing(Timing.fast(), lag_limit=1.0, ahead_deadline=USUAL.ahead_deadline)
    with DepthEngine(refresh_interval=None, read_timeout=3.0 if by_the_clock else 0.5) as engine:
        yield engine


@pytest.fixture
def latencies(engine):
    """Latencies of five other books, all of them live."""
    latencies = Latencies()
    for symbol in OTHERS:
        engine.subscribe(symbol, depth=20, on_update=latencies)
    engine.wait_live(15)
    return latencies


def row_of(engine, symbol=SLOW):
    return next(row for row in engine.status().books if row.symbol == symbol)


def report(what, before, during):
    print(f"\n{what}: latency of other books, ms, median and 95%: before {before[0]:.1f} {before[1]:.1f}, "
          f"during {during[0]:.1f} {during[1]:.1f}")  # fmt: skip


def assert_undisturbed(engine, what, before, during):
    report(what, before, during)
    # The machine is shared with the exchange and whatever else runs: a tenth of a second is a lot, and bounded.
    assert during[1] < 5 * before[1] + 100
    for symbol in OTHERS:
        row = row_of(engine, symbol)
        assert (row.state, row.counters.resyncs, row.counters.gaps) == (BookState.LIVE, 0, 0)


@pytest.mark.proof
def test_a_callback_that_sleeps_a_second_an_update_is_spared_updates_and_delays_nobody_else(engine, latencies):
    before, memory = latencies.over(2), rss_mb()
    calls, events, pause = [], Recorder(), threading.Event()

    def sleep(view):
        calls.append(view)
        pause.wait(1.0)

    book = engine.subscribe(SLOW, depth=20, on_update=sleep, on_event=events)
    try:
        during = latencies.over(6)
        row, told = row_of(engine), list(calls)
    finally:
        pause.set()
    assert_undisturbed(engine, "a callback that sleeps", before, during)
    assert 4 <= len(told) <= 9
    assert [view.last_update_id for view in told] == sorted({view.last_update_id for view in told})
    # Fifty frames a second wait for a second at most, and are all applied.
    assert (row.lag < 2.5, row.waiting_frames < 150, row.counters.lost_frames) == (True, True, 0)
    assert row.counters.coalesced > 100
    assert row.counters.gaps == 0
    assert [type(event.error) for event in events.seen if event.error is not None] == [SlowCallbackError], "one word"
    assert rss_mb() - memory < 30
    assert book.ask(Status()).counters.applied > 200, "every event was applied"


@pytest.mark.proof
@pytest.mark.one_process
def test_a_callback_that_never_returns_costs_nobody_else(engine, latencies):
    before = latencies.over(1)
    leave, entered = threading.Event(), threading.Event()

    def stuck(_view):
        entered.set()
        leave.wait(40)

    book = engine.subscribe(SLOW, depth=20, on_update=stuck)
    assert entered.wait(10)
    try:
        during = latencies.over(7)
        view, state, row = book.view(), book.state, row_of(engine)
    finally:
        leave.set()
    assert_undisturbed(engine, "a callback that never returns", before, during)
    assert (view.state, state, row.state) == (BookState.LIVE,) * 3, "no book waits for a callback"
    assert (row.lag < 1.0, row.waiting_frames < 150, row.counters.coalesced > 100) == (True, True, True)


@pytest.mark.proof
def test_ten_times_the_usual_rate_is_followed_and_costs_nobody_else(exchange, engine, latencies):
    updates = Recorder()
    book = engine.subscribe(SLOW, depth=20, on_update=updates).wait_live(10)
    before, memory = latencies.over(2), rss_mb()
    applied = row_of(engine).counters.applied
    exchange.inject(Fault("burst", symbol=SLOW, seconds=3.0))
    during = latencies.over(3)
    row = row_of(engine)
    assert_undisturbed(engine, "a burst of ten times the rate", before, during)
    assert row.counters.applied - applied > 800
    assert (row.lag < 1.0, row.waiting_frames < 1_000, row.counters.lost_frames, row.counters.gaps) == (
        True,
        True,
        0,
        0,
    )
    assert book.state is BookState.LIVE
    assert rss_mb() - memory < 30


@pytest.mark.proof
def test_stuck_snapshot_requests_hold_up_what_needs_one_and_nothing_else(exchange, engine, latencies):
    before = latencies.over(2)
    exchange.inject(Fault("time-out", count=4, every=1, seconds=30.0))
    book = engine.subscribe(SLOW, depth=20)
    during = latencies.over(2)
    assert_undisturbed(engine, "stuck REST calls", before, during)
    assert book.state is BookState.SYNCING
    # Each is given up after the time for an answer; then there is one that comes.
    until(lambda: book.state is BookState.LIVE, 40)
    assert exchange.strikes()["time-out"] >= 1


# The same without a clock: what is counted, and that the others go on.


def go_on(latencies, count=20):
    """Wait for this many further updates of the other books."""
    seen = len(latencies.updates.seen)
    latencies.updates.wait(count=seen + count)


def assert_others_untouched(engine):
    for symbol in OTHERS:
        # A busy machine may make a book anew; that none is, the tests by the clock hold.
        row = row_of(engine, symbol)
        assert (row.restarts, row.counters.lost_frames) == (0, 0)


@pytest.mark.one_process
def test_a_callback_that_never_returns_is_bounded_and_counted_and_its_book_goes_on(engine, latencies):
    leave, entered = threading.Event(), threading.Event()

    def stuck(_view):
        entered.set()
        leave.wait(40)

    book = engine.subscribe(SLOW, depth=20, on_update=stuck)
    assert entered.wait(10)
    try:
        until(lambda: row_of(engine).counters.coalesced > 20)
        go_on(latencies)
        seen = book.view().last_update_id
        until(lambda: book.view().last_update_id > seen)
        assert book.view().state is BookState.LIVE
        assert row_of(engine).waiting_frames <= FRAME_LIMIT
        assert len(book._listener._waiting) <= UPDATE_ROOM
    finally:
        leave.set()
    assert_others_untouched(engine)


def test_a_reader_that_never_reads_keeps_nothing_but_the_latest(exchange):
    manager = DepthCacheManager(None, SLOW, limit=20, ws_interval=100)
    with manager:
        manager.recv(timeout=10)
        memory = rss_mb()
        updates = Recorder()
        with DepthEngine() as engine:
            engine.subscribe(SLOW, depth=20, on_update=updates).wait_live(10)
            updates.wait(count=60)
        assert rss_mb() - memory < 20
        latest = manager.recv(timeout=10)
        assert latest.update_time >= updates.seen[-1].event_time - 1_000
        assert len(manager._messages) == 0


# In simulated time: what is awaited is what the exchange does.


@pytest.mark.one_process
def test_what_waits_for_all_books_together_is_bounded_and_they_get_over_it(monkeypatch):
    # As if there were thousands of books instead of six, none of which has a snapshot in the first seconds.
    monkeypatch.setattr(supervisor, "BACKLOG_LIMIT", 20_000)
    simulated, errors = Simulated([SLOW, *OTHERS]), []
    with simulated.simulation, simulated.engine(on_error=errors.append) as engine:
        simulated.strike("time-out", count=8, seconds=30.0)
        followers = [simulated.begin_to_follow(engine, symbol) for symbol in (SLOW, *OTHERS)]
        cells = [each.handle._cell for each in followers]
        largest = 0

        def some_have_lost_theirs():
            nonlocal largest
            largest = max(largest, sum(cell.backlog() for cell in cells))
            return any(cell.counters.drops for cell in cells)

        simulated.until(some_have_lost_theirs)
        # Between two looks it grows.
        assert 20_000 < largest < 100_000
        assert sum(cell.backlog() for cell in cells) < largest
        simulated.until(lambda: any(isinstance(error, BacklogError) for error in errors))
        monkeypatch.setattr(supervisor, "BACKLOG_LIMIT", 10**9)
        simulated.until(lambda: all(each.handle.state is LIVE for each in followers))
        simulated.until(lambda: all(len(each.views) > 10 for each in followers))


@pytest.mark.one_process
def test_a_burst_is_followed_to_its_last_event():
    with following(BTC, ETH) as (simulated, _, btc, eth):
        applied = btc.counters.applied
        simulated.strike("burst", BTC, seconds=3.0)
        simulated.run(5.0)
        assert btc.counters.applied - applied > 250
        assert (btc.counters.lost_frames, btc.counters.gaps, btc.states) == (0, 0, [LIVE])
        assert (eth.counters.resyncs, eth.states) == (0, [LIVE])


@pytest.mark.one_process
def test_a_book_without_an_answer_to_its_request_waits_alone():
    with following(BTC, ETH) as (simulated, engine, btc, eth):
        simulated.strike("time-out", BNB, count=4, seconds=30.0)
        seen, bnb = len(btc.views), simulated.begin_to_follow(engine, BNB)
        # Each request is given up after the time for an answer; then there is one that is answered.
        took = simulated.until(lambda: bnb.handle.state is LIVE)
        assert took > 40.0
        assert simulated.exchange.strikes() == {"time-out": 4}
        assert len(btc.views) - seen > 9 * took, "ten events a second"
        assert btc.states == eth.states == [LIVE]
        assert btc.counters.resyncs == eth.counters.resyncs == 0
