"""A book promises what its last snapshot vouches for, gets a fresh one in time, and says so when it cannot.

All of it in simulated time, in which no price moves while the machine is busy with something else.
"""

import pytest

from depthactors import Full
from tests.engine.simulated import BTC, LIVE, STALE, Simulated

DEPTH = 50
pytestmark = pytest.mark.one_process


@pytest.fixture
def simulated():
    """A market whose price leaves the range of a hundred levels in a minute or two."""
    simulated = Simulated([BTC], seed=5, moves=1.0)
    with simulated.simulation:
        yield simulated


def assert_shown_is_the_exchanges(simulated, view):
    """Each level of the view, however few they are, is the exchange's, in order from the best."""
    truth = simulated.exchange.book_at(BTC, view.last_update_id)
    assert view.bids == truth.bids[: len(view.bids)]
    assert view.asks == truth.asks[: len(view.asks)]


def test_a_fresh_snapshot_arrives_before_the_promised_depth_is_touched(simulated):
    with simulated.engine() as engine:
        (btc,) = simulated.follow(engine, BTC, depth=DEPTH)
        while btc.counters.refreshes < 3:
            simulated.run(10.0)
            assert simulated.now < 7_200.0
        assert btc.compared > 1_000
        assert btc.states == [LIVE]


def test_where_no_snapshot_can_be_had_the_book_says_how_many_levels_it_vouches_for(simulated):
    with simulated.engine() as engine:
        (btc,) = simulated.follow(engine, BTC, depth=DEPTH)
        simulated.strike("418", seconds=300.0)
        simulated.until(lambda: STALE in btc.states, 600.0)
        book = btc.handle
        view, full, row = book.view(), book.ask(Full()), book._cell.status()
        assert (view.state, full.state, row.state) == (STALE,) * 3
        assert min(row.trusted_bids, row.trusted_asks) < DEPTH
        assert (len(full.bids), len(full.asks)) == (row.trusted_bids, row.trusted_asks)
        for each in (view, full):
            assert_shown_is_the_exchanges(simulated, each)
        simulated.until(lambda: btc.states[-1] is LIVE, 600.0)
        down, up = btc.first(lambda event: event.state is STALE), btc.first(lambda event: event.previous is STALE)
        assert down.shown == up.shown, "no listener is called while less is vouched for than promised"
        simulated.until(lambda: len(btc.views) > up.shown)
    assert any("418" in str(error) for error in btc.errors)
    assert any("vouched-for levels" in str(error) for error in btc.errors)
    for view in btc.views:
        assert len(view.bids) == len(view.asks) == DEPTH
    assert simulated.exchange.strikes() == {"418": 1}


def test_a_deep_promise_is_kept_as_a_shallow_one(simulated):
    with simulated.engine() as engine:
        (btc,) = simulated.follow(engine, BTC, depth=300)
        simulated.run(10.0)
        full = btc.handle.ask(Full())
    assert full.state is LIVE
    assert len(full.bids) >= 300
    assert_shown_is_the_exchanges(simulated, full)
    assert btc.compared > 60
