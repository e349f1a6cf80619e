"""A book promises what its last snapshot vouches for, gets a fresh one in time, and says so when it cannot."""

from decimal import Decimal
from random import Random

import pytest

from depthactors import BookState, DepthEngine, Full, Status
from depthactors.dispatcher.simulated import SimulatedDispatcher
from depthactors.engine.machine import Machine
from depthactors.exchange import Fault, LocalExchange
from depthactors.markets import SPOT
from tests.sim.exchange import SimulatedExchange
from tests.sim.network import SimulatedNetwork
from tests.support import Recorder, until

BTC, DEPTH = "BTCUSDT", 50
pytestmark = pytest.mark.usefixtures("fast")


@pytest.fixture
def exchange(monkeypatch):
    """A market whose price leaves the range of a hundred levels in a few seconds."""
    with LocalExchange.with_order_flow(BTC, seed=5, rate=100.0, levels=20.0, depth=1_000) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        yield exchange


def assert_shown_is_the_exchanges(exchange, view):
    """Each level of the view, however few they are, is the exchange's, in order from the best."""
    truth = exchange.book_at(BTC, view.last_update_id)
    assert view.bids == truth.bids[: len(view.bids)]
    assert view.asks == truth.asks[: len(view.asks)]


@pytest.mark.one_process
def test_a_fresh_snapshot_arrives_before_the_promised_depth_is_touched():
    # In simulated time: no price moves while the machine is busy with something else.
    updates, events = Recorder(), Recorder()
    dispatcher = SimulatedDispatcher(seed=5)
    simulation = dispatcher.simulation
    exchange = SimulatedExchange(simulation, Random(5), [BTC], SPOT, rate=10.0)
    allowance = exchange.allowance()

    class SimulatedEngine(DepthEngine):
        _machine = Machine(lambda: dispatcher, lambda _: SimulatedNetwork(exchange, allowance))

    with simulation, SimulatedEngine(SPOT, refresh_interval=None) as engine:
        book = engine.subscribe(BTC, depth=DEPTH, on_update=updates, on_event=events)
        compared = 0
        while book.ask(Status()).counters.refreshes < 3:
            simulation.run_for(60.0)
            assert simulation.monotonic() < 7_200.0
            for view in updates.seen[compared:]:
                assert (list(view.bids), list(view.asks)) == exchange.top(BTC, view.last_update_id, DEPTH)
            compared = len(updates.seen)
    assert compared > 1_000
    assert [event.state for event in events.seen] == [BookState.LIVE, BookState.STOPPED], events.seen


@pytest.mark.one_process
def test_where_no_snapshot_can_be_had_the_book_says_how_many_levels_it_vouches_for(exchange):
    updates, events, thin, shown = Recorder(), Recorder(), [], []

    def on_event(event):
        if event.state is BookState.STALE and event.previous is BookState.LIVE:
            thin.append((book.view(), book.ask(Full()), book.cell.status()))
        if BookState.STALE in {event.state, event.previous}:
            shown.append(len(updates.seen))
        events(event)

    with DepthEngine(number=Decimal, refresh_interval=None) as engine:
        book = engine.subscribe(BTC, depth=DEPTH, on_update=updates, on_event=on_event).wait_live(10)
        exchange.inject(Fault("418", seconds=8.0))
        events.wait_for(lambda event: event.state is BookState.STALE, 20)
        view, full, row = thin[0]
        assert (view.state, full.state, row.state) == (BookState.STALE,) * 3
        assert min(row.trusted_bids, row.trusted_asks) < DEPTH
        assert (len(full.bids), len(full.asks)) == (row.trusted_bids, row.trusted_asks)
        for each in (view, full):
            assert_shown_is_the_exchanges(exchange, each)
        events.wait_for(lambda event: event.previous is BookState.STALE and event.state is BookState.LIVE, 30)
        assert shown[0] == shown[1], "no listener is called while less is vouched for than promised"
    told = [event.error for event in events.seen if event.error is not None]
    assert any("418" in str(error) for error in told)
    assert any("vouched-for levels" in str(error) for error in told)
    for view in updates.seen:
        assert len(view.bids) == len(view.asks) == DEPTH
    assert exchange.strikes() == {"418": 1}


def test_a_deep_promise_is_kept_as_a_shallow_one(exchange):
    updates = Recorder()
    with DepthEngine(number=Decimal, refresh_interval=None) as engine:
        book = engine.subscribe(BTC, depth=300, on_update=updates).wait_live(10)
        until(lambda: book.ask(Status()).counters.applied > 60)
        full = book.ask(Full())
    assert full.state is BookState.LIVE
    assert len(full.bids) >= 300
    assert_shown_is_the_exchanges(exchange, full)
    for view in updates.seen[::20]:
        assert_shown_is_the_exchanges(exchange, view)
