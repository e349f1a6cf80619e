"""What the engine promises its users of their books, on a local exchange."""

import dataclasses
import threading

import pytest

from depthactors import BookState, DepthEngine, Status, Top
from depthactors.book.delta import apply
from depthactors.errors import (
    DepthTooLargeError,
    EscalatedError,
    LifecycleError,
    ReconnectsExhaustedError,
    SnapshotError,
    StreamError,
    UnknownMarketError,
    UnknownSymbolError,
    UsageError,
)
from depthactors.exchange import LocalExchange
from tests.engine.simulated import following
from tests.support import Recorder, table, until

SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
pytestmark = pytest.mark.usefixtures("fast")


def test_each_view_a_callback_gets_is_live_deep_enough_and_the_exchanges(engine, exchange):
    updates = Recorder()
    engine.subscribe("btcusdt", depth=50, on_update=updates)
    until(lambda: len(updates.seen) >= 50)
    views = updates.seen[:50]
    assert [view.last_update_id for view in views] == sorted(view.last_update_id for view in views)
    for view in views:
        truth = exchange.book_at("BTCUSDT", view.last_update_id)
        assert (view.symbol, view.state) == ("BTCUSDT", BookState.LIVE)
        assert (view.bids, view.asks) == (truth.bids[:50], truth.asks[:50])


def test_the_deltas_that_a_callback_gets_make_each_book_of_the_exchange(engine, exchange):
    deltas = Recorder()
    engine.subscribe("BTCUSDT", depth=50, on_delta=deltas)
    until(lambda: len(deltas.seen) >= 50)
    view = None
    for number, delta in enumerate(deltas.seen[:50]):
        assert delta.is_snapshot is (number == 0)
        view = apply(view, delta)
        truth = exchange.book_at("BTCUSDT", view.last_update_id)
        assert (view.bids, view.asks) == (truth.bids[:50], truth.asks[:50])


def test_updates_and_deltas_are_two_subscriptions(engine):
    with pytest.raises(UsageError, match="on_update or on_delta, was both"):
        engine.subscribe("BTCUSDT", on_update=print, on_delta=print)
    assert engine.books() == ()


def test_an_unknown_symbol_fails_with_its_cause_and_touches_nobody(engine):
    events = Recorder()
    good = engine.subscribe("BTCUSDT").wait_live(10)
    bad = engine.subscribe("NOSUCHUSDT", on_event=events)
    with pytest.raises(UnknownSymbolError, match="NOSUCHUSDT"):
        bad.wait_live(10)
    event = events.wait_for(lambda event: event.state is BookState.FAILED)
    assert isinstance(event.error, UnknownSymbolError)
    assert (bad.state, good.state) == (BookState.FAILED, BookState.LIVE)
    until(lambda: sum(row.streams for row in engine.status().sockets) == 1)


def test_nobody_at_the_address_is_told_once_and_named(dead_address):
    events = Recorder()
    with DepthEngine(max_reconnects=2) as engine:
        book = engine.subscribe("BTCUSDT", on_event=events)
        with pytest.raises(EscalatedError, match="refused"):
            book.wait_live(20)
        events.wait_for(lambda event: isinstance(event.error, EscalatedError))
        assert [type(event.error) for event in events.seen] == [StreamError, ReconnectsExhaustedError]
        assert book.state is BookState.FAILED


def test_an_exchange_that_comes_back_is_followed_again(exchange):
    events = Recorder()
    with DepthEngine() as engine:
        book = engine.subscribe("BTCUSDT", on_event=events).wait_live(10)
        port = exchange.port
        exchange.stop()
        stale = events.wait_for(lambda event: event.state is BookState.STALE)
        assert isinstance(stale.error, StreamError)
        last_good = book.view()
        assert last_good.state is BookState.STALE
        assert len(last_good.bids) == 100
        with LocalExchange(_feeds_of(exchange), port=port):
            until(lambda: book.state is BookState.LIVE)
            row = engine.status().books[0]
            assert (row.counters.resyncs, row.restarts) == (1, 0)
            errors = [event for event in events.seen if isinstance(event.error, StreamError)]
            assert len(errors) == 1, "one error an outage, however many tries it takes"


def _feeds_of(exchange):
    return LocalExchange.with_order_flow(SYMBOLS, rate=100.0, levels=5.0, depth=150)._catalogue.feeds


def test_unsubscribing_ends_the_actor_and_the_stream(engine):
    book, other = engine.subscribe_many(SYMBOLS[:2])
    engine.wait_live(10)
    engine.unsubscribe(book)
    assert not any("book-BTCUSDT" in thread.name for thread in threading.enumerate())
    assert [row.symbol for row in engine.status().books] == ["ETHUSDT"]
    assert (book.state, book.view().state, other.state) == (BookState.STOPPED, BookState.STOPPED, BookState.LIVE)
    with pytest.raises(LifecycleError, match="BTCUSDT"):
        book.ask(Top(1))
    engine.unsubscribe(book)


def test_the_same_symbol_twice_is_one_book_as_deep_as_the_deeper_asks(engine):
    shallow = engine.subscribe("BTCUSDT", depth=10).wait_live(10)
    deep = engine.subscribe("BTCUSDT", depth=110).wait_live(10)
    assert deep.ref.actor_urn == shallow.ref.actor_urn
    assert (len(shallow.view().bids), len(deep.view().bids)) == (10, 110)
    engine.unsubscribe(shallow)
    assert deep.view().state is BookState.LIVE
    assert len(engine.status().books) == 1


def follow_each(engine, interval, depth=5):
    """Follow a book that is refreshed after so many seconds."""
    (handle,) = engine._follow(
        ["BTCUSDT"],
        depth=depth,
        market=engine.market,
        speed_ms=100,
        refresh_interval=interval,
    )
    return handle


def refreshes(engine):
    return engine.status().books[0].counters.refreshes


@pytest.mark.one_process
def test_the_same_symbol_twice_is_refreshed_as_often_as_anybody_asks():
    with following() as (simulated, engine):
        first, often = follow_each(engine, None), follow_each(engine, 30.0, 10)
        follow_each(engine, None)
        follow_each(engine, 3600.0)
        assert often._cell is first._cell
        simulated.run(100.0)
        before = refreshes(engine)
        assert before >= 3
        often.ref.tell(object())  # which no actor of ours takes: its successor does as it did
        simulated.run(100.0)
        assert engine.status().books[0].restarts == 1
        assert refreshes(engine) >= before + 2


@pytest.mark.full
def test_in_a_worker_it_is_refreshed_as_often_too(exchange):
    with DepthEngine(processes=1) as engine:
        follow_each(engine, None).wait_live(10)
        often = follow_each(engine, 0.1, 10).wait_live(10)
        until(lambda: refreshes(engine) >= 3)
        often.ref.tell(object())
        until(lambda: engine.status().books[0].restarts == 1)
        before = refreshes(engine)
        until(lambda: refreshes(engine) >= before + 2)


def test_a_deeper_subscription_is_told_only_of_books_that_deep(engine):
    engine.subscribe("BTCUSDT", depth=10).wait_live(10)
    for depth in (60, 110):
        updates = Recorder()
        engine.subscribe("BTCUSDT", depth=depth, on_update=updates)
        until(lambda updates=updates: len(updates.seen) >= 5)
        assert {(len(view.bids), len(view.asks)) for view in updates.seen} == {(depth, depth)}


@pytest.mark.one_process
def test_a_refresh_changes_nothing_that_readers_see():
    with following("BTCUSDT", depth=50, refresh_interval=30.0) as (simulated, _, btc):
        simulated.run(100.0)
        counters = btc.counters
        assert counters.audits >= 3
        assert (counters.audit_differences, counters.resyncs, counters.gaps) == (0, 0, 0)
        ids = [view.last_update_id for view in btc.views]
        assert ids == sorted(ids)
        assert all(len(view.bids) == 50 for view in btc.views)


def test_a_raising_callback_harms_nobody(engine, caplog):
    others = Recorder()

    def broken(_view):
        msg = "the user's mistake"
        raise ZeroDivisionError(msg)

    book = engine.subscribe("BTCUSDT", on_update=broken)
    engine.subscribe("BTCUSDT", on_update=others)
    until(lambda: len(others.seen) >= 3)
    assert book.ask(Status()).counters.callback_errors >= 2
    assert "the user's mistake" in caplog.text


@table(
    "arguments, error, words",
    [
        ({"symbol": "BTC USDT"}, UsageError, "BTC USDT"),
        ({"symbol": ""}, UsageError, "symbol"),
        ({"symbol": 7}, UsageError, "7"),
        ({"depth": 0}, UsageError, "0"),
        ({"depth": "5"}, UsageError, "'5'"),
        ({"depth": True}, UsageError, "True"),
        ({"depth": 5000}, DepthTooLargeError, "4500"),
        ({"market": "nasdaq"}, UnknownMarketError, "nasdaq"),
        ({"speed_ms": 77}, UsageError, "77"),
        ({"speed_ms": 500}, UsageError, "an update interval of spot"),
        ({"on_update": 1}, UsageError, "on_update"),
        ({"on_event": "x"}, UsageError, "on_event"),
        ({"on_delta": "x"}, UsageError, "on_delta"),
    ],
)
def test_a_wrong_argument_is_named_and_starts_nothing(engine, arguments, error, words):
    with pytest.raises(error, match=words):
        engine.subscribe(**{"symbol": "BTCUSDT", **arguments})
    assert engine.status().books == ()


def test_an_engine_has_its_books_by_their_symbols(engine):
    assert engine.books() == ()
    first, other = engine.subscribe("btcusdt"), engine.subscribe("ETHUSDT")
    again = engine.subscribe("BTCUSDT")
    assert engine.books() == (first, other, again)
    assert engine["BTCUSDT"] is engine["btcusdt"] is first
    assert engine["ETHUSDT"] is other
    first.close()
    assert engine["BTCUSDT"] is again
    with pytest.raises(
        UsageError, match=r"BNBUSDT is not followed; this engine follows BTCUSDT \(spot\) 100 ms, ETHUSDT"
    ):
        engine["BNBUSDT"]
    with pytest.raises(UsageError, match="a symbol as text, was 0"):
        engine[0]
    with pytest.raises(TypeError, match="not iterable"):
        iter(engine)
    engine.stop()
    with pytest.raises(LifecycleError, match="the engine was stopped"):
        engine["BTCUSDT"]


def test_a_symbol_that_is_several_books_is_refused_with_their_list(engine):
    books = [engine.subscribe("BTCUSDT", speed_ms=speed_ms) for speed_ms in (100, 1000)]
    assert [book.speed_ms for book in engine.books()] == [100, 1000]
    with pytest.raises(UsageError, match=r"was 2: BTCUSDT \(spot\) 100 ms, BTCUSDT \(spot\) 1000 ms; books\(\) has"):
        engine["BTCUSDT"]
    engine.wait_live(10)
    books[1].close()
    assert engine["BTCUSDT"] is books[0]


def test_a_book_that_failed_and_was_followed_anew_is_the_new_one(engine):
    failed = engine.subscribe("NOSUCHUSDT")
    with pytest.raises(UnknownSymbolError):
        failed.wait_live(10)
    assert engine["NOSUCHUSDT"] is failed
    again = engine.subscribe("NOSUCHUSDT")
    with pytest.raises(UnknownSymbolError):
        again.wait_live(10)
    assert engine["NOSUCHUSDT"] is again


def test_a_coroutine_function_is_refused(engine):
    async def on_update(_view):
        pass

    with pytest.raises(TypeError, match="event loop"):
        engine.subscribe("BTCUSDT", on_update=on_update)


@table(
    "settings",
    [
        {"market": "nope"},
        {"number": int},
        {"speed_ms": 7},
        {"read_timeout": 0},
        {"silence_limit": "x"},
        {"on_error": 1},
    ],
)
def test_a_wrong_setting_is_refused_before_anything_starts(settings):
    with pytest.raises(UsageError):
        DepthEngine(**settings)


def test_a_symbol_let_go_and_taken_up_again_at_once_is_live_with_a_stream(engine):
    keeper = engine.subscribe("BTCUSDT").wait_live(10)
    for _ in range(20):
        engine.unsubscribe(engine.subscribe("ETHUSDT"))
    updates = Recorder()
    book = engine.subscribe("ETHUSDT", on_update=updates).wait_live(10)
    until(lambda: len(updates.seen) >= 5)
    assert (book.state, keeper.state) == (BookState.LIVE, BookState.LIVE)


def test_what_is_no_handle_cannot_be_unsubscribed(engine):
    with pytest.raises(UsageError, match="BTCUSDT"):
        engine.unsubscribe("BTCUSDT")


def test_a_slow_callback_gets_the_latest_and_delays_nobody_else(engine):
    slow, fast, release = Recorder(), Recorder(), threading.Event()

    def on_update(view):
        slow(view)
        release.wait(0.2)

    book = engine.subscribe("BTCUSDT", on_update=on_update)
    engine.subscribe("ETHUSDT", on_update=fast)
    until(lambda: len(slow.seen) >= 6)
    lag = slow.seen[-1].age
    calls = len(slow.seen)
    release.set()
    status = book.ask(Status())
    assert lag < 2.0
    assert status.counters.coalesced > calls
    assert status.counters.lost_frames == 0
    assert len(fast.seen) > 10 * calls


def test_a_failing_rest_host_is_told_once_and_the_book_stays_labelled(exchange, monkeypatch):
    events = Recorder()
    with DepthEngine(read_timeout=1.0) as engine:
        row = dataclasses.replace(engine.market, depth_path="/nowhere")
        book = engine.subscribe("BTCUSDT", on_event=events, market=row)
        event = events.wait_for(lambda event: event.error is not None)
        assert isinstance(event.error, SnapshotError)
        assert event.error.status == 404
        assert (event.previous, event.state, book.state) == (BookState.SYNCING,) * 3
