"""Connections are replaced, successor first: no update is lost, none comes twice, nothing is made anew."""

import pytest

from depthactors import BookState, DepthEngine
from depthactors.exchange import Fault, LocalExchange
from depthactors.pacing import USUAL, Timing
from tests.support import Recorder, comes_true, until

MARKETS = {"spot": ["BTCUSDT", "ETHUSDT"], "coinm": ["BTCUSD_PERP", "ETHUSD_PERP"]}


class Followed:
    """Books whose every update is kept, on an exchange that may misbehave."""

    def __init__(self, market, monkeypatch, **settings):
        self.symbols = MARKETS[market]
        self.exchange = LocalExchange.with_order_flow(self.symbols, market=market, rate=100.0, levels=5.0, depth=300)
        self.exchange.start()
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", self.exchange.url)
        self.updates = {symbol: Recorder() for symbol in self.symbols}
        self.events = Recorder()
        self.engine = DepthEngine(market=market, refresh_interval=None, **settings)
        # A snapshot of whole sides: none gets thin, so no refresh comes, however long this takes.
        self.handles = {
            symbol: self.engine.subscribe(symbol, depth=100, on_update=self.updates[symbol], on_event=self.events)
            for symbol in self.symbols
        }
        for symbol in self.symbols:
            # By its second update the stream has met the snapshot.
            until(lambda seen=self.updates[symbol].seen: len(seen) >= 2)
        self.before = len(self.events.seen)
        # A first snapshot that the stream has not reached may have been shown, and made anew, before that.
        self.resyncs = {row.symbol: row.counters.resyncs for row in self.engine.status().books}

    def wait_rotations(self, count, timeout):
        def rotated():
            return min(row.counters.handovers for row in self.engine.status().books) >= count

        assert comes_true(rotated, timeout), self.engine.status()

    def end(self):
        status = self.engine.status()
        self.engine.stop()
        self.exchange.stop()
        return status

    def assert_nothing_was_lost(self):
        """Every event between the first and the last that was shown was shown, once and in order.

        What a late book left out, the machine being slow, it has counted.
        """
        for feed in self.exchange._catalogue.feeds:
            shown = [view.last_update_id for view in self.updates[feed.symbol].seen]
            sent = [tick.last_id for tick in feed.since(0)]
            if shown[0] not in sent:
                # The first view may be of the snapshot's own id.
                del shown[0]
            wanted = sent[sent.index(shown[0]) : sent.index(shown[-1]) + 1]
            assert shown == sorted(set(shown) & set(wanted))
            assert len(wanted) - len(shown) <= self.handles[feed.symbol].cell.counted().coalesced


@pytest.fixture(params=["spot", pytest.param("coinm", marks=pytest.mark.proof)])
def follow(request, monkeypatch, set_timing):
    # The overlap is as in programs: a busy machine needs it. Such a machine makes no callback late here, so that every
    # update has to be shown.
    set_timing(Timing.fast(), overlap=USUAL.overlap, late=5.0)
    started = []

    def follow(**settings):
        started.append(Followed(request.param, monkeypatch, **settings))
        return started[-1]

    yield follow
    for each in started:
        each.engine.stop()
        each.exchange.stop()


def assert_untouched(status, followed):
    for row in status.books:
        counters = row.counters
        assert (counters.gaps, counters.faults, counters.resyncs) == (0, 0, followed.resyncs[row.symbol])
    told = [(event.state, event.error) for event in followed.events.seen[followed.before :]]
    assert told == [(BookState.STOPPED, None)] * 2, status
    assert [event.error for event in followed.events.seen if event.error is not None] == []


@pytest.mark.one_process
def test_a_rotation_before_the_exchanges_cut_loses_nothing(follow):
    followed = follow(rotate_after=0.2)
    followed.wait_rotations(1, timeout=20)
    status = followed.end()
    assert_untouched(status, followed)
    assert status.sockets[0].rotations >= 1
    followed.assert_nothing_was_lost()


@pytest.mark.one_process
@pytest.mark.parametrize("shutdowns", [1, pytest.param(2, marks=pytest.mark.proof)])
def test_an_announced_shutdown_loses_nothing(follow, shutdowns):
    followed = follow()
    for number in range(1, shutdowns + 1):
        followed.exchange.inject(Fault("shutdown", symbol=followed.symbols[0], seconds=6.0))
        followed.wait_rotations(number, timeout=20)
    status = followed.end()
    assert_untouched(status, followed)
    followed.assert_nothing_was_lost()


def test_without_rotation_the_exchanges_cut_is_mended_with_a_resync(monkeypatch, fast):
    followed = Followed("spot", monkeypatch, rotate_after=None)
    followed.exchange.inject(Fault("expire", symbol="BTCUSDT"))
    followed.events.wait_for(lambda event: event.previous is BookState.STALE and event.state is BookState.LIVE)
    status = followed.end()
    assert max(row.counters.resyncs for row in status.books) == 1
    assert status.sockets[0].rotations == 0
