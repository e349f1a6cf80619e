"""A venue that grants fewer levels than it was asked for, or none, or old ones: what the books make of it."""

from contextlib import contextmanager
from decimal import Decimal

import pytest

from depthactors import Best, DepthEngine, DepthReader, markets
from depthactors.exchange import Fault, LocalExchange
from depthactors.pacing import USUAL, Timing
from tests.engine.simulated import BTC, LIVE, STALE, Simulated, following
from tests.support import Recorder, table, until

DEPTH = 20


@pytest.fixture
def serve(monkeypatch):
    """Start an exchange to which every engine of the test goes."""
    running = []

    def serve(symbols, *faults, **options):
        exchange = LocalExchange.with_order_flow(
            symbols, faults=faults, **{"rate": 50.0, "levels": 10.0, "depth": 150} | options
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


@contextmanager
def starting(symbol, fault):
    """Subscribe in simulated time, at an exchange with a fault from the beginning."""
    simulated = Simulated([symbol])
    simulated.inject(fault)
    with simulated.simulation, simulated.engine() as engine:
        yield simulated, simulated.begin_to_follow(engine, symbol, DEPTH)


CAPS = [
    pytest.param({"levels": 15}, id="fifteen"),
    pytest.param({"levels": 10}, id="ten"),
    pytest.param({"levels": 3}, id="three"),
    pytest.param({"levels": 15, "side": "ask"}, id="asks only"),
    pytest.param({}, id="another number each time", marks=pytest.mark.full),
]


@pytest.mark.one_process
@pytest.mark.parametrize("cap", CAPS)
def test_a_book_whose_snapshots_are_cut_is_never_live_and_wrong(cap):
    with starting(BTC, Fault("capped", every=1, **cap)) as (simulated, btc):
        simulated.until(lambda: btc.counters.snapshots >= 4)
        if cap:
            simulated.until(lambda: btc.errors)
            granted = f"{'100' if cap.get('side') else cap['levels']} and {cap['levels']}"
            assert f"the exchange granted {granted}" in str(btc.errors[0])
        view = btc.handle.view()
        if view.state is LIVE:
            btc.views.append(view)


@pytest.mark.one_process
def test_a_cap_above_the_promise_is_a_book_like_any_other():
    with starting(BTC, Fault("capped", every=1, levels=50)) as (simulated, btc):
        simulated.until(lambda: btc.counters.applied > 40)
        assert btc.states == [LIVE]


@pytest.mark.usefixtures("fast")
def test_a_book_with_fewer_levels_than_are_promised_is_live_soon(serve):
    exchange, updates = serve(BTC, depth=12, levels=3.0), Recorder()
    with DepthEngine(number=Decimal) as engine:
        book = engine.subscribe(BTC, depth=100, on_update=updates).wait_live(20)
        until(lambda: len(updates.seen) > 40)
        assert 0 < len(book.view().bids) < 100
    assert_right(exchange, updates.seen, 100)


@pytest.mark.usefixtures("fast")
def test_strikes_without_quotes_are_live_and_empty_and_cost_one_request_each(serve, set_timing):
    # As in programs: a book without a diff for long is compared with a further snapshot.
    set_timing(Timing.fast(), quiet_limit=USUAL.quiet_limit)
    strikes = [f"BTC-261225-{strike}-C" for strike in range(100_000, 100_010)]
    serve(strikes, Fault("empty-snapshot", every=1), market="options", rate=1e-6)
    with DepthEngine(market="options", name="strikes") as engine, DepthReader("strikes") as reader:
        books = engine.subscribe_many(strikes, depth=DEPTH)
        engine.wait_live(20)
        assert sum(pool.fetched for pool in engine.status().pools) == len(strikes)
        for view in (books[0].view(), books[0].ask(Best()), reader.view(strikes[0])):
            assert (view.state, view.bids, view.asks, view.best_bid, view.best_ask) == (LIVE, (), (), None, None)
            assert (view.mid, view.spread, view.microprice, view.imbalance(5)) == (None, None, None, None)
            assert (view.vwap("bid", 1.0), view.to_price("ask", 1.0), view.to_volume("bid", 1.0)) == (None, (), ())
            assert view.texts("bid") == []
            assert "0/0 levels" in repr(view)


@pytest.mark.one_process
def test_snapshots_from_a_cache_are_asked_for_until_it_is_renewed_and_not_at_every_turn():
    with following(BTC) as (simulated, _, btc):
        # The cache is filled by the request that follows the lost event, and is too old for the next one.
        simulated.strike("cached-snapshot", BTC, seconds=10.0)
        for number in (1, 2):
            simulated.strike("drop", BTC)
            simulated.until(lambda number=number: btc.states.count(STALE) >= number and btc.states[-1] is LIVE)
        assert 1 <= btc.counters.snapshots_too_old <= 6


@pytest.mark.one_process
def test_a_single_answer_that_a_symbol_is_not_listed_ends_no_book_that_streams():
    with following(BTC) as (simulated, _, btc):
        simulated.strike("unlisted", BTC)
        simulated.strike("drop", BTC)
        simulated.until(lambda: "-1121" in str(btc.errors))
        simulated.until(lambda: btc.handle.state is LIVE)


@pytest.mark.one_process
def test_a_book_whose_session_is_closed_is_silent_and_not_stale():
    with following(BTC, market=markets.USDM) as (simulated, _, btc):
        refreshes = btc.counters.refreshes
        simulated.strike("closed", BTC, seconds=120.0)
        simulated.until(simulated.exchange.strikes)
        seen = len(btc.views)
        simulated.run(110.0)
        assert len(btc.views) == seen
        simulated.until(lambda: len(btc.views) > seen + 5)
        assert set(btc.states) == {LIVE}
        assert 1 <= btc.counters.refreshes - refreshes <= 8, "it was asked about, ever more seldom"


@pytest.mark.one_process
@table("market", [markets.SPOT, markets.USDM])
def test_ids_that_begin_anew_on_a_kept_connection_are_followed(market):
    with following(BTC, market=market) as (simulated, _, btc):
        before = btc.handle.view().last_update_id
        simulated.strike("new-ids", BTC)
        simulated.until(lambda: btc.views[-1].last_update_id < before * 3 // 4)
        (down,) = [event for event in btc.events if event.state is STALE]
        assert "ids begin anew" in str(down.error)
