"""Connections are replaced, successor first: no update is lost, none comes twice, nothing is made anew.

All of it in simulated time, with the durations of programs.
"""

import pytest

from depthactors import markets
from tests.engine.simulated import LIVE, STALE, following

MARKETS = {markets.SPOT: ("BTCUSDT", "ETHUSDT"), markets.COINM: ("BTCUSD_PERP", "ETHUSD_PERP")}
CASES = [
    pytest.param(each, id=each.name, marks=[pytest.mark.full] if each is markets.COINM else []) for each in MARKETS
]
pytestmark = [pytest.mark.one_process, pytest.mark.parametrize("market", CASES)]


def assert_nothing_was_lost(simulated, followers):
    """Every event between the first and the last that was shown was shown, once and in order; no book was disturbed."""
    for each in followers:
        sent = [change.ids[0] for change in simulated.exchange._feeds[each.symbol]._events]
        shown = [view.last_update_id for view in each.views]
        if shown[0] not in sent:
            # The first view may be of the snapshot's own id.
            del shown[0]
        assert shown == sent[sent.index(shown[0]) : sent.index(shown[-1]) + 1]
        assert (each.states, each.errors) == ([LIVE], [])
        counters = each.counters
        assert (counters.gaps, counters.faults, counters.resyncs, counters.coalesced) == (0, 0, 0, 0)


def handovers(followers):
    return min(each.counters.handovers for each in followers)


def test_a_rotation_before_the_exchanges_cut_loses_nothing(market):
    symbols = MARKETS[market]
    with following(*symbols, listed=symbols, market=market, rotate_after=20.0) as (simulated, engine, *followers):
        simulated.run(70.0)
        assert handovers(followers) >= 3
        assert engine.status().sockets[0].rotations >= 3
        assert_nothing_was_lost(simulated, followers)


def test_an_announced_shutdown_loses_nothing(market):
    symbols = MARKETS[market]
    with following(*symbols, listed=symbols, market=market) as (simulated, _, *followers):
        for number in (1, 2):
            simulated.strike("shutdown", symbols[0], seconds=5.0)
            simulated.run(20.0)
            assert handovers(followers) == number
        assert_nothing_was_lost(simulated, followers)


def test_without_rotation_the_exchanges_cut_is_mended_with_a_resync(market):
    symbols = MARKETS[market]
    with following(*symbols, listed=symbols, market=market, rotate_after=None) as (simulated, engine, *followers):
        simulated.strike("expire", symbols[0])
        simulated.until(lambda: all(each.states == [LIVE, STALE, LIVE] for each in followers))
        assert [each.counters.resyncs for each in followers] == [1, 1]
        assert engine.status().sockets[0].rotations == 0
