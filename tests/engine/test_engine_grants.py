"""A venue that grants fewer levels than it was asked for, or none, or old ones: what the books make of it."""

from decimal import Decimal

import pytest

from depthactors import Best, BookState, DepthEngine, DepthReader
from depthactors.exchange import Fault, LocalExchange
from depthactors.pacing import USUAL, Timing
from tests.support import Recorder, until

LIVE, STALE = BookState.LIVE, BookState.STALE
BTC, DEPTH = "BTCUSDT", 20
pytestmark = pytest.mark.usefixtures("fast")


@pytest.fixture
def serve(monkeypatch):
    """Start an exchange to which every engine of the test goes."""
    running = []

    def serve(symbols, *faults, **options):
        exchange = LocalExchange.with_order_flow(
            symbols, faults=faults, **{"rate": 50.0, "levels": 10.0, "depth": 700} | options
        )
        running.append(exchange.start())
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        return exchange

    yield serve
    for exchange in running:
        exchange.stop()


def assert_right(exchange, views, depth=DEPTH):
    for view in views:
        truth = exchange.book_at(view.symbol, view.last_update_id, levels=depth)
        assert (view.bids[:depth], view.asks[:depth]) == (truth.bids, truth.asks)


CAPS = [
    pytest.param({"levels": 15}, id="fifteen", marks=pytest.mark.full),
    pytest.param({"levels": 10}, id="ten", marks=pytest.mark.full),
    pytest.param({"levels": 3}, id="three"),
    pytest.param({"levels": 15, "side": "ask"}, id="asks only", marks=pytest.mark.full),
    pytest.param({}, id="another number each time", marks=pytest.mark.full),
]


@pytest.mark.parametrize("cap", CAPS)
def test_a_book_whose_snapshots_are_cut_is_never_live_and_wrong(serve, set_timing, cap):
    # Replies must be apart: those of one moment agree, whatever the venue leaves out of them.
    set_timing(Timing.fast(), short_backoff=USUAL.short_backoff)
    exchange, updates, events = serve(BTC, Fault("capped", every=1, **cap)), Recorder(), Recorder()
    with DepthEngine(number=Decimal) as engine:
        book = engine.subscribe(BTC, depth=DEPTH, on_update=updates, on_event=events)
        until(lambda: engine.status().books[0].counters.snapshots >= 4)
        if cap:
            cause = events.wait_for(lambda event: event.state is STALE).error
            granted = f"{'100' if cap.get('side') else cap['levels']} and {cap['levels']}"
            assert f"the exchange granted {granted}" in str(cause)
        view = book.view()
    assert_right(exchange, [*updates.seen, *([view] if view.state is LIVE else [])])


def test_a_cap_above_the_promise_is_a_book_like_any_other(serve):
    exchange, updates = serve(BTC, Fault("capped", every=1, levels=50)), Recorder()
    with DepthEngine(number=Decimal) as engine:
        engine.subscribe(BTC, depth=DEPTH, on_update=updates).wait_live(10)
        until(lambda: engine.status().books[0].counters.applied > 40)
    assert_right(exchange, updates.seen)


def test_a_book_with_fewer_levels_than_are_promised_is_live_soon(serve):
    exchange, updates = serve(BTC, depth=12, levels=3.0), Recorder()
    with DepthEngine(number=Decimal) as engine:
        book = engine.subscribe(BTC, depth=100, on_update=updates).wait_live(20)
        until(lambda: len(updates.seen) > 40)
        assert 0 < len(book.view().bids) < 100
    assert_right(exchange, updates.seen, 100)


def test_strikes_without_quotes_are_live_and_empty_and_cost_one_request_each(serve, set_timing):
    # As in programs: a book without a diff for long is compared with a further snapshot.
    set_timing(Timing.fast(), quiet_limit=USUAL.quiet_limit)
    strikes = [f"BTC-261225-{strike}-C" for strike in range(100_000, 100_010)]
    serve(strikes, Fault("empty-snapshot", every=1), market="options", rate=1e-6)
    with DepthEngine(market="options", name="strikes") as engine, DepthReader("strikes") as reader:
        books = engine.subscribe_many(strikes, depth=DEPTH)
        engine.wait_live(20)
        assert engine.status().pools[0].fetched == len(strikes)
        for view in (books[0].view(), books[0].ask(Best()), reader.view(strikes[0])):
            assert (view.state, view.bids, view.asks, view.best_bid, view.best_ask) == (LIVE, (), (), None, None)
            assert (view.mid, view.spread, view.microprice, view.imbalance(5)) == (None, None, None, None)
            assert (view.vwap("bid", 1.0), view.to_price("ask", 1.0), view.to_volume("bid", 1.0)) == (None, (), ())
            assert view.texts("bid") == []
            assert "0/0 levels" in repr(view)


def test_snapshots_from_a_cache_are_asked_for_until_it_is_renewed_and_not_at_every_turn(serve):
    exchange, updates, events = serve(BTC), Recorder(), Recorder()
    with DepthEngine(number=Decimal) as engine:
        engine.subscribe(BTC, depth=DEPTH, on_update=updates, on_event=events).wait_live(10)
        # The cache is filled by the request that follows the lost event, and is too old for the next one.
        exchange.inject(Fault("cached-snapshot", BTC, seconds=0.5))
        for _ in range(2):
            seen = len(events.seen)
            exchange.inject(Fault("drop", BTC))
            until(lambda seen=seen: any(each.state is STALE for each in events.seen[seen:]))
            until(lambda seen=seen: events.seen[-1].state is LIVE and len(events.seen) > seen)
        counters = engine.status().books[0].counters
    assert 1 <= counters.snapshots_too_old <= 6
    assert_right(exchange, updates.seen)


def test_a_single_answer_that_a_symbol_is_not_listed_ends_no_book_that_streams(serve):
    exchange, updates, events = serve(BTC), Recorder(), Recorder()
    with DepthEngine(number=Decimal) as engine:
        book = engine.subscribe(BTC, depth=DEPTH, on_update=updates, on_event=events).wait_live(10)
        exchange.inject(Fault("unlisted", BTC))
        exchange.inject(Fault("drop", BTC))
        assert "-1121" in str(events.wait_for(lambda event: "-1121" in str(event.error)).error)
        until(lambda: book.state is LIVE)
    assert_right(exchange, updates.seen)


@pytest.mark.one_process
def test_a_book_whose_session_is_closed_is_silent_and_not_stale(serve, set_timing):
    set_timing(Timing.fast(), quiet_limit=0.1)
    exchange, updates, events = serve(BTC, market="usdm"), Recorder(), Recorder()
    with DepthEngine(market="usdm", number=Decimal, refresh_interval=None) as engine:
        engine.subscribe(BTC, depth=DEPTH, on_update=updates, on_event=events).wait_live(10)
        refreshes = engine.status().books[0].counters.refreshes
        exchange.inject(Fault("closed", BTC, seconds=0.7))
        updates.wait_for(lambda _: exchange.strikes())
        seen = len(updates.seen)
        until(lambda: len(updates.seen) > seen + 5)
        counters = engine.status().books[0].counters
    assert [event.state for event in events.seen] == [LIVE, BookState.STOPPED]
    assert 1 <= counters.refreshes - refreshes <= 8, "it was asked about, ever more seldom"
    assert_right(exchange, updates.seen)


@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_ids_that_begin_anew_on_a_kept_connection_are_followed(serve, market):
    exchange, updates, events = serve(BTC, market=market), Recorder(), Recorder()
    with DepthEngine(market=market, number=Decimal) as engine:
        book = engine.subscribe(BTC, depth=DEPTH, on_update=updates, on_event=events).wait_live(10)
        before = book.view().last_update_id
        exchange.inject(Fault("new-ids", BTC))
        until(lambda: updates.seen[-1].last_update_id < before * 3 // 4)
        assert "ids begin anew" in str(events.wait_for(lambda event: event.state is STALE).error)
    assert_right(exchange, updates.seen)
