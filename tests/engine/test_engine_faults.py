"""What goes wrong on the way is noticed in the time stated, told once, and mended; the other books go on.

All of it in simulated time, with the durations of programs.
"""

import pytest

from depthactors.actors import book as book_module
from depthactors.actors.book_timers import RefreshDue
from depthactors.errors import AuditError, SilentStreamError, StreamError, SubscriptionError
from tests.engine.simulated import BNB, BTC, ETH, LIVE, STALE, Simulated, following
from tests.support import table

pytestmark = pytest.mark.one_process


def limited(engine):
    """Count the 429s and 418s that an engine got."""
    return sum(pool.limited for pool in engine.status().pools)


def test_a_half_open_connection_is_noticed_within_twice_the_silence_limit():
    with following(BTC, ETH, silence_limit=10.0) as (simulated, _, btc, eth):
        begun = simulated.now
        simulated.strike("half-open", BTC)
        simulated.until(lambda: STALE in btc.states)
        assert btc.told[-1].at - begun <= 20.0
        (error,) = btc.errors
        assert (type(error), "pinged without an answer" in str(error)) == (StreamError, True)
        simulated.until(lambda: btc.states[-1] is eth.states[-1] is LIVE)


def test_a_stream_that_is_acknowledged_and_not_served_is_noticed_and_mended():
    with following(ETH) as (simulated, engine, eth):
        simulated.strike("unserved", BTC, count=2)
        (btc,) = simulated.follow(engine, BTC)
        simulated.until(lambda: STALE in btc.states)
        (silent,) = [event for event in btc.events if isinstance(event.error, SilentStreamError)]
        assert (silent.previous, silent.state) == (LIVE, STALE)
        # The second time it is subscribed to anew it is served.
        simulated.until(lambda: btc.handle.state is LIVE and btc.counters.applied > 9)
        assert eth.counters.resyncs == 0
        assert simulated.exchange.strikes() == {"unserved": 2}


def test_a_refused_subscription_harms_no_other_book_and_is_mended():
    with following(BTC, ETH) as (simulated, engine, btc, eth):
        # With the others, alone, and once more: then on a connection of its own.
        simulated.strike("refused-subscribe", BNB, count=3)
        bnb = simulated.begin_to_follow(engine, BNB, 5)
        simulated.until(lambda: bnb.errors)
        refused = bnb.errors[0]
        assert (type(refused), "refused bnbusdt@depth" in str(refused)) == (SubscriptionError, True)
        assert bnb.handle.error is refused
        simulated.until(lambda: bnb.handle.state is LIVE)
        assert simulated.exchange.strikes() == {"refused-subscribe": 3}
        assert btc.states == eth.states == [LIVE]


def test_where_a_connection_takes_fewer_streams_there_are_more_connections():
    symbols = [f"SYM{number}USDT" for number in range(7)]
    simulated = Simulated(symbols, limits={"max_streams": 3})
    with simulated.simulation, simulated.engine() as engine:
        simulated.follow(engine, *symbols, depth=5)
        rows = [row for row in engine.status().sockets if row.streams]
        assert sum(row.streams for row in rows) == len(symbols)
        assert max(row.streams for row in rows) <= 3


def test_another_books_snapshot_is_never_shown():
    with following(BTC, ETH, refresh_interval=30.0) as (simulated, _, btc, _):
        for _ in range(4):
            simulated.strike("mismatch")
            simulated.run(20.0)
        simulated.until(lambda: btc.counters.refreshes >= 2)
        assert simulated.exchange.strikes() == {"mismatch": 4}


def test_a_snapshot_that_differs_from_the_book_is_told_and_the_book_made_anew():
    with following(BTC) as (simulated, _, btc):
        # A level that the stream will not touch soon: the book is wrong, and nobody can know before an audit.
        book = btc.handle._cell.current[0]
        keys = sorted(book.bids.quantities)
        book.bids.quantities[keys[60]] = "123.45678900"
        btc.handle.ref.tell(RefreshDue(0))
        simulated.until(lambda: btc.states == [LIVE, STALE, LIVE])
        assert [type(error) for error in btc.errors] == [AuditError]
        assert btc.counters.audit_differences >= 1
        btc.handle.ref.tell(RefreshDue(0))
        simulated.until(lambda: btc.counters.refreshes >= 2)
        assert btc.handle.state is LIVE


def test_a_poisoned_symbol_is_given_up_alone(monkeypatch):
    plain = book_module.BookActor._take_frames

    def poisoned(actor, message):
        if actor.name == f"book-{BTC}" and armed:
            raise MemoryError
        plain(actor, message)

    armed = []
    monkeypatch.setattr(book_module.BookActor, "_take_frames", poisoned)
    with following(BTC, ETH) as (simulated, _, btc, eth):
        armed.append(True)
        simulated.until(lambda: btc.states[-1].over)
        assert "keeps dying" in str(btc.errors[-1])
        before = len(eth.views)
        simulated.until(lambda: len(eth.views) > before + 100)
        assert (eth.row.state, eth.row.restarts, eth.counters.resyncs) == (LIVE, 0, 0)
        assert btc.row.state.over


def test_after_any_fault_of_a_book_the_others_were_not_disturbed():
    with following(BTC, ETH) as (simulated, _, btc, eth):
        for number, kind in enumerate(("drop", "garbage", "wrong-types", "reorder"), 1):
            simulated.strike(kind, BTC)
            simulated.until(lambda number=number: btc.states == [LIVE, *(STALE, LIVE) * number])
        assert btc.counters.resyncs == 4
        assert eth.counters.resyncs == 0
        assert eth.states == [LIVE]


@table("fault", ["cut", "reset", "expire"])
def test_a_lost_connection_is_told_once_and_every_book_of_it_is_live_again(fault):
    with following(BTC, ETH) as (simulated, _, btc, eth):
        simulated.strike(fault, BTC)
        simulated.until(lambda: btc.states == eth.states == [LIVE, STALE, LIVE])
        for each in (btc, eth):
            assert [type(error) for error in each.errors] == [StreamError]
            _, down, up = (told.at for told in each.told)
            assert up - down < 5.0


def test_two_engines_of_one_process_share_what_the_address_is_allowed():
    with following(BTC) as (simulated, one, _), simulated.engine() as other:
        simulated.follow(other, ETH)
        simulated.strike("429", seconds=30.0)
        bnb = simulated.begin_to_follow(one, BNB)
        simulated.until(lambda: limited(one) == 1)
        # The other one was not refused, and is silent too.
        assert other.status().pools[0].silent_for > 0
        btc = simulated.begin_to_follow(other, BTC)
        assert simulated.until(lambda: bnb.handle.state is btc.handle.state is LIVE) > 25.0
        assert simulated.exchange.strikes() == {"429": 1}
        assert [limited(engine) for engine in (one, other)] == [1, 0]


def test_an_exchange_that_is_gone_for_long_is_waited_for():
    with following(BTC) as (simulated, engine, btc):
        simulated.strike("refuse", count=6)
        simulated.strike("cut", BTC)
        simulated.until(lambda: engine.status().sockets[0].failures >= 6)
        assert btc.states == [LIVE, STALE]
        simulated.until(lambda: btc.handle.state is LIVE)
        assert [type(error) for error in btc.errors] == [StreamError], "one error an outage, however many tries"
