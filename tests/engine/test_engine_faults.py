"""What goes wrong on the way is noticed in the time stated, told once, and mended; the other books go on."""

import time
from decimal import Decimal

import pytest

from depthactors import BookState, DepthEngine
from depthactors.actors import book as book_module
from depthactors.actors.book_timers import RefreshDue
from depthactors.errors import AuditError, SilentStreamError, StreamError, SubscriptionError
from depthactors.exchange import Fault, LocalExchange
from depthactors.pacing import Timing
from tests.support import Recorder, until

LIVE, STALE, FAILED = BookState.LIVE, BookState.STALE, BookState.FAILED
BTC, ETH = "BTCUSDT", "ETHUSDT"
pytestmark = pytest.mark.usefixtures("fast")


class Books:
    """Two books and all that was told of them; every LIVE view that a callback got is compared in the end."""

    def __init__(self, exchange, depth=20, **settings):
        self.exchange = exchange
        self.engine = DepthEngine(number=Decimal, refresh_interval=settings.pop("refresh_interval", None), **settings)
        self.updates, self.events, self.handles = {}, {}, {}
        for symbol in (BTC, ETH):
            self.updates[symbol], self.events[symbol] = Recorder(), Recorder()
            self.handles[symbol] = self.engine.subscribe(
                symbol, depth=depth, on_update=self.updates[symbol], on_event=self.events[symbol]
            )
        self.engine.wait_live(15)

    def goes_down_and_up(self, symbol=BTC, timeout=30.0):
        """Wait for the book to be stale and live again; returns the error and the seconds in between."""
        down = self.events[symbol].wait_for(lambda event: event.state is STALE, timeout)
        since = time.monotonic()
        seen = len(self.events[symbol].seen)
        self.events[symbol].wait_for(lambda event: event.previous is STALE and event.state is LIVE, timeout)
        assert seen
        return down.error, time.monotonic() - since

    def row(self, symbol=BTC):
        return next(row for row in self.engine.status().books if row.symbol == symbol)

    def assert_right(self, depth=20):
        for symbol, updates in self.updates.items():
            for view in updates.seen:
                truth = self.exchange.book_at(symbol, view.last_update_id, levels=depth)
                assert (view.state, view.bids, view.asks) == (LIVE, truth.bids, truth.asks)


def limited(engine):
    """Count the 429s and 418s that an engine got."""
    return sum(pool.limited for pool in engine.status().pools)


@pytest.fixture
def follow(exchange):
    started = []

    def follow(**settings):
        started.append(Books(exchange, **settings))
        return started[-1]

    yield follow
    for books in started:
        books.engine.stop()
        books.assert_right()


def test_a_half_open_connection_is_noticed_within_twice_the_silence_limit(exchange, follow):
    books = follow(silence_limit=0.5)
    begun = time.monotonic()
    exchange.inject(Fault("half-open", symbol=BTC))
    error, _ = books.goes_down_and_up()
    assert time.monotonic() - begun < 4
    assert (type(error), "pinged without an answer" in str(error)) == (StreamError, True)


@pytest.mark.one_process
def test_a_stream_that_is_acknowledged_and_not_served_is_noticed_and_mended(exchange, follow, set_timing):
    set_timing(Timing.fast(), quiet_limit=0.2, ahead_deadline=0.3)
    exchange.inject(Fault("unserved", symbol=BTC, count=2))
    books = follow()
    silent = books.events[BTC].wait_for(lambda event: isinstance(event.error, SilentStreamError), 15)
    assert (silent.previous, silent.state) == (LIVE, STALE)
    # The second time it is subscribed to anew it is served.
    until(lambda: books.handles[BTC].state is LIVE and books.row().counters.applied > 9)
    assert books.row(ETH).counters.resyncs == 0
    assert exchange.strikes() == {"unserved": 2}


@pytest.mark.one_process
def test_a_refused_subscription_harms_no_other_book_and_is_mended(exchange, follow):
    # With the others, alone, and once more: then on a connection of its own.
    exchange.inject(Fault("refused-subscribe", symbol="BNBUSDT", every=1, count=3))
    books = follow()
    events = Recorder()
    third = books.engine.subscribe("BNBUSDT", depth=5, on_event=events)
    refused = events.wait_for(lambda event: event.error is not None, 15)
    assert (type(refused.error), "refused bnbusdt@depth" in str(refused.error)) == (SubscriptionError, True)
    assert third.error is refused.error
    third.wait_live(15)
    assert exchange.strikes() == {"refused-subscribe": 3}
    for symbol in (BTC, ETH):
        assert [event.state for event in books.events[symbol].seen] == [LIVE]


@pytest.mark.one_process
def test_where_a_connection_takes_fewer_streams_there_are_more_connections(monkeypatch):
    symbols = [f"SYM{number}USDT" for number in range(7)]
    with LocalExchange.with_order_flow(symbols, depth=100, limits={"max_streams": 3}) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with DepthEngine() as engine:
            engine.subscribe_many(symbols, depth=5)
            engine.wait_live(30)
            rows = [row for row in engine.status().sockets if row.streams]
            assert sum(row.streams for row in rows) == len(symbols)
            assert max(row.streams for row in rows) <= 3


def test_another_books_snapshot_is_never_shown(exchange, follow, set_timing):
    set_timing(Timing.fast(), ahead_deadline=0.3)
    exchange.inject(Fault("mismatch", every=2, count=4))
    books = follow(refresh_interval=0.3)
    until(lambda: books.row().counters.refreshes >= 2 and exchange.strikes().get("mismatch", 0) >= 2)


@pytest.mark.one_process
def test_a_snapshot_that_differs_from_the_book_is_told_and_the_book_made_anew(exchange, follow):
    books = follow()
    handle = books.handles[BTC]
    # A level that the stream will not touch soon: the book is wrong, and nobody can know before an audit.
    keys = sorted(handle.cell.current[0].bids.quantities)
    handle.cell.current[0].bids.quantities[keys[60]] = "123.45678900"
    handle.ref.tell(RefreshDue(0))
    error, _ = books.goes_down_and_up()
    assert type(error) is AuditError
    assert books.row().counters.audit_differences >= 1
    handle.ref.tell(RefreshDue(0))
    books.updates[BTC].wait_for(lambda _: books.row().counters.refreshes >= 2)
    assert handle.state is LIVE


@pytest.mark.one_process
def test_a_poisoned_symbol_is_given_up_alone(exchange, follow, monkeypatch):
    plain = book_module.BookActor._take_frames

    def poisoned(actor, message):
        if actor.name == f"book-{BTC}" and armed:
            raise MemoryError
        plain(actor, message)

    armed = []
    monkeypatch.setattr(book_module.BookActor, "_take_frames", poisoned)
    books = follow()
    armed.append(True)
    failed = books.events[BTC].wait_for(lambda event: event.state is FAILED)
    assert "keeps dying" in str(failed.error)
    before = books.updates[ETH].seen[-1].last_update_id
    books.updates[ETH].wait_for(lambda view: view.last_update_id > before + 100)
    row = books.row(ETH)
    assert (row.state, row.restarts, row.counters.resyncs) == (LIVE, 0, 0)
    assert books.row().state is FAILED


def test_after_any_fault_of_a_book_the_others_were_not_disturbed(exchange, follow):
    books = follow()
    for kind in ("drop", "garbage", "wrong-types", "reorder"):
        seen = len(books.events[BTC].seen)
        exchange.inject(Fault(kind, symbol=BTC))
        until(lambda seen=seen: len(books.events[BTC].seen) >= seen + 2)
        until(lambda: books.handles[BTC].state is LIVE)
    assert books.row().counters.resyncs == 4
    assert books.row(ETH).counters.resyncs == 0
    assert [event.state for event in books.events[ETH].seen] == [LIVE]


@pytest.mark.one_process
@pytest.mark.parametrize(
    "fault", ["cut", *(pytest.param(each, marks=pytest.mark.full) for each in ("reset", "expire"))]
)
def test_a_lost_connection_is_told_once_and_every_book_of_it_is_live_again(exchange, follow, fault):
    books = follow()
    exchange.inject(Fault(fault, symbol=BTC))
    for symbol in (BTC, ETH):
        error, seconds = books.goes_down_and_up(symbol)
        assert type(error) is StreamError
        assert seconds < 5
        assert len([event for event in books.events[symbol].seen if event.error is not None]) == 1


def test_two_engines_of_one_process_share_what_the_address_is_allowed(exchange):
    with DepthEngine() as one, DepthEngine() as other:
        one.subscribe(BTC, depth=20).wait_live(10)
        other.subscribe(ETH, depth=20).wait_live(10)
        exchange.inject(Fault("429", seconds=1.0))
        updates = Recorder()
        other.subscribe(ETH, depth=20, on_update=updates)
        one.subscribe("BNBUSDT", depth=20)
        until(lambda: limited(one) == 1, 10)
        # The other one was not refused, and is silent too.
        assert other.status().pools[0].silent_for > 0
        other.subscribe(BTC, depth=20)
        one.wait_live(10)
        other.wait_live(10)
        assert exchange.strikes() == {"429": 1}
        assert [limited(engine) for engine in (one, other)] == [1, 0]


def test_an_exchange_that_is_gone_for_long_is_waited_for(exchange, monkeypatch):
    updates = Recorder()
    with DepthEngine() as engine:
        book = engine.subscribe(BTC, depth=20, on_update=updates).wait_live(10)
        port, feeds = exchange.port, exchange._catalogue.feeds
        exchange.stop()
        until(lambda: book.state is STALE)
        until(lambda: engine.status().sockets[0].failures >= 2)
        with LocalExchange(feeds, port=port):
            until(lambda: book.state is LIVE)
