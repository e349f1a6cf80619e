"""The table of python-binance's depth-cache surface against a local exchange, a test a row."""

import contextlib
import logging
import queue
import threading
import time
import traceback
from decimal import Decimal
from functools import partial
from types import SimpleNamespace

import pytest

import depthactors
from depthactors import (
    BinanceSocketManager,
    BookState,
    Client,
    DepthCache,
    DepthCacheManager,
    FuturesDepthCacheManager,
    OptionsDepthCacheManager,
    ThreadedDepthCacheManager,
    exceptions,
)
from depthactors.actors.book import BookActor
from depthactors.actors.socket import SocketActor
from depthactors.errors import DepthActorsError
from depthactors.exchange import Fault, LocalExchange
from depthactors.exchange.rest.api import RestApi
from depthactors.pacing import Backoff
from tests.support import table

SYMBOL = "BNBBTC"
NAME = "bnbbtc@depth10"
OPTION = "BTC-261225-100000-C"
MARKETS = [
    ("spot", "start_depth_cache", "BNBBTC"),
    ("usdm", "start_futures_depth_socket", "BTCUSDT"),
    ("coinm", "start_coin_futures_depth_socket", "BTCUSD_PERP"),
    ("options", "start_options_depth_socket", OPTION),
]


class Inbox(queue.Queue):
    """A callback that keeps what it is given."""

    __call__ = queue.Queue.put

    def next(self, kind=object, within=10.0):
        """Return the next item of a class; what came before it is gone."""
        deadline = time.monotonic() + within
        while True:
            item = self.get(timeout=max(0.01, deadline - time.monotonic()))
            if isinstance(item, kind):
                return item

    def to_the_end(self):
        """Return the dicts up to the `None` that ends a stream."""
        dicts = []
        while (item := self.get(timeout=10)) is not None:
            if isinstance(item, dict):
                dicts.append(item)
        return dicts


class Rest:
    """The REST requests that the exchange got, and a gate that they wait at."""

    def __init__(self):
        self.paths = []
        self.asked = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def close(self):
        self.asked.clear()
        self.gate.clear()

    def count(self, symbol):
        return sum(f"symbol={symbol}" in path for path in self.paths)


@pytest.fixture
def rest(monkeypatch):
    rest = Rest()
    answer = RestApi.reply

    def counted(api, path, headers):
        rest.paths.append(path)
        rest.asked.set()
        rest.gate.wait(10)
        return answer(api, path, headers)

    monkeypatch.setattr(RestApi, "reply", counted)
    yield rest
    rest.gate.set()


@pytest.fixture
def serve(monkeypatch):
    """Start an exchange, to which the program goes."""
    with contextlib.ExitStack() as stack:

        def serve(*symbols, **options):
            flow = LocalExchange.with_order_flow(symbols, **{"rate": 50.0, "levels": 5.0, "depth": 150} | options)
            exchange = stack.enter_context(flow)
            monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
            return exchange

        yield serve


@pytest.fixture
def exchange(serve):
    return serve(SYMBOL, "BTCUSDT")


@pytest.fixture
def quick_tries(monkeypatch):
    """Reconnect within hundredths of a second."""
    monkeypatch.setattr("depthactors.engine.settings.Backoff", partial(Backoff, first=0.02, cap=0.05))


@pytest.fixture
def manager(exchange):
    with ThreadedDepthCacheManager() as manager:
        yield manager


def quickly(manager, callback, symbol=SYMBOL, start="start_depth_cache", **options):
    return getattr(manager, start)(callback, symbol, **{"ws_interval": 100} | options)


def sockets(exchange):
    return len(exchange._server.clients())


def threads_of(mark):
    return [each.name for each in threading.enumerate() if each.name.startswith("depthactors") and mark in each.name]


def own_threads():
    return [name for name in threads_of("") if "exchange" not in name]


# Names a user imports.


@table(
    "name",
    [
        "ThreadedDepthCacheManager",
        "DepthCacheManager",
        "FuturesDepthCacheManager",
        "OptionsDepthCacheManager",
        "DepthCache",
        "BinanceSocketManager",
        "Client",
    ],
)
def test_name_is_imported_from_depthactors(name):
    assert name in depthactors.__all__
    assert getattr(depthactors, name).__name__ == name


@table(
    "name",
    [
        "BinanceWebsocketClosed",
        "BinanceWebsocketUnableToConnect",
        "BinanceWebsocketQueueOverflow",
        "ReadLoopClosed",
        "BinanceAPIException",
        "BinanceRequestException",
        "BinanceOrderException",
    ],
)
def test_exception_name_is_imported_and_under_the_one_base(name):
    assert issubclass(getattr(exceptions, name), DepthActorsError)


@table("client", [Client(), SimpleNamespace(tld="com", testnet=False), None])
def test_client_of_either_library_is_taken(exchange, client):
    with DepthCacheManager(client, SYMBOL, ws_interval=100) as dcm:
        assert dcm.recv(timeout=10).symbol == SYMBOL


# ThreadedDepthCacheManager: the thread that it was.


def test_start_returns_ready_and_a_second_call_raises_as_a_threads(exchange):
    inbox, manager = Inbox(), ThreadedDepthCacheManager()
    assert manager.start() is None
    try:
        assert quickly(manager, inbox) == NAME
        with pytest.raises(RuntimeError):
            manager.start()
        assert isinstance(inbox.next(), DepthCache)
    finally:
        manager.stop()


def test_join_blocks_until_stopped_or_timed_out(manager):
    begin = time.monotonic()
    assert manager.join(0.1) is None
    assert manager.join(timeout=0.1) is None
    assert 0.2 <= time.monotonic() - begin < 2
    waiting = threading.Thread(target=manager.join)
    waiting.start()
    manager.stop()
    waiting.join(5)
    assert not waiting.is_alive()
    manager.join()


def test_join_before_start_raises_as_a_threads():
    with pytest.raises(RuntimeError):
        ThreadedDepthCacheManager().join()


def test_is_alive_from_start_to_stop(exchange):
    manager = ThreadedDepthCacheManager()
    alive = [manager.is_alive()]
    manager.start()
    alive.append(manager.is_alive())
    manager.stop()
    assert [*alive, manager.is_alive()] == [False, True, False]


def test_daemon_may_be_set_and_read_like_a_threads(exchange):
    manager = ThreadedDepthCacheManager()
    assert isinstance(manager.daemon, bool)
    manager.daemon = True
    assert manager.daemon is True


def test_name_is_a_text_that_may_be_changed():
    manager, other = ThreadedDepthCacheManager(), ThreadedDepthCacheManager()
    assert isinstance(manager.name, str)
    assert manager.name != other.name
    manager.name = "prices"
    assert manager.name == "prices"


def test_as_a_context_manager_it_starts_and_stops(exchange):
    inbox = Inbox()
    with ThreadedDepthCacheManager() as manager:
        quickly(manager, inbox)
        inbox.next(DepthCache)
    assert not manager.is_alive()
    assert own_threads() == []


# ThreadedDepthCacheManager: start_depth_cache and its like.


@pytest.mark.parametrize(("market", "start", "symbol"), MARKETS, ids=[row[0] for row in MARKETS])
def test_start_gives_exact_books_of_its_market(serve, rest, market, start, symbol):
    exchange, seen = serve(symbol, market=market), Inbox()

    def callback(cache):
        seen((cache.view(1).last_update_id, cache.get_bids(30), cache.get_asks(30)))

    with ThreadedDepthCacheManager() as manager:
        assert quickly(manager, callback, symbol, start, limit=30, conv_type=Decimal) == f"{symbol.lower()}@depth30"
        for update_id, bids, asks in [seen.next() for _ in range(5)]:
            truth = exchange.book_at(symbol, update_id)
            assert bids == [list(level) for level in truth.bids[:30]]
            assert asks == [list(level) for level in truth.asks[:30]]
            assert all(quantity for _, quantity in bids + asks)
        assert rest.count(symbol) == 1
        # Lower case is taken, and no keyword but the stream's own two is needed.
        inbox = Inbox()
        assert getattr(manager, start)(inbox, symbol.lower()) == f"{symbol.lower()}@depth10"
        assert inbox.next().symbol == symbol


def test_start_takes_its_arguments_by_place(manager):
    inbox = Inbox()
    assert manager.start_depth_cache(inbox, SYMBOL, 0, None, 20, str, 100) == "bnbbtc@depth20"
    assert type(inbox.next().get_bids(1)[0][0]) is str


def test_start_takes_its_arguments_by_name(manager):
    inbox = Inbox()
    assert manager.start_depth_cache(
        callback=inbox, symbol=SYMBOL, refresh_interval=None, bm=None, limit=20, conv_type=Decimal, ws_interval=None
    )
    assert type(inbox.next().get_bids(1)[0][0]) is Decimal


def test_start_returns_at_once_whatever_the_exchange_does(exchange, rest):
    rest.close()
    with ThreadedDepthCacheManager() as manager:
        begin = time.monotonic()
        assert quickly(manager, Inbox()) == NAME
        assert time.monotonic() - begin < 1
        rest.gate.set()


def test_start_without_an_exchange_returns_a_name_and_stop_ends_it(dead_address):
    inbox = Inbox()
    with ThreadedDepthCacheManager() as manager:
        assert quickly(manager, inbox) == NAME
        assert inbox.next()["type"] == "BinanceWebsocketClosed"


@table("start", [row[1] for row in MARKETS])
@table("stopped", [False, True])
def test_start_of_a_stream_needs_a_running_manager(start, stopped):
    manager = ThreadedDepthCacheManager()
    if stopped:
        manager.start()
        manager.stop()
    with pytest.raises(RuntimeError, match=r"attempting to start a stream .* will not work") as caught:
        getattr(manager, start)(print, SYMBOL)
    assert isinstance(caught.value, DepthActorsError)
    assert ("after stop" in str(caught.value)) is stopped
    assert own_threads() == []


def test_same_symbol_twice_is_one_book_two_callbacks_two_names(exchange, manager, rest):
    inboxes = [Inbox(), Inbox(), Inbox()]
    names = [quickly(manager, inboxes[0]), quickly(manager, inboxes[1], "bnbbtc"), quickly(manager, inboxes[2])]
    assert names[0] == NAME
    assert len(set(names)) == 3
    for inbox in inboxes:
        assert inbox.next().symbol == SYMBOL
    assert ([each.symbol for each in manager.status().books], sockets(exchange)) == ([SYMBOL], 1)
    assert rest.count(SYMBOL) == 1
    manager.stop_socket(names[0])
    inboxes[0].queue.clear()
    for inbox in inboxes[1:]:
        inbox.queue.clear()
        inbox.next(DepthCache)
    assert inboxes[0].empty()


def test_same_symbol_twice_each_has_the_levels_and_the_type_it_asked_for(manager):
    seen, deep = Inbox(), Inbox()
    assert quickly(manager, lambda cache: seen(cache.get_bids())) == NAME
    assert quickly(manager, lambda cache: deep(cache.get_bids()), limit=100, conv_type=str) == "bnbbtc@depth100"
    bids, deeper = seen.next(), deep.next()
    assert (len(bids) >= 10, len(deeper) >= 100) == (True, True)
    assert (type(bids[0][0]), type(deeper[0][0])) == (float, str)


# refresh_interval.


def interval_of(manager, name):
    return manager._streams[name].handle._cell.spec.refresh_interval


@table("start", [row[1] for row in MARKETS])
def test_refresh_interval_left_out_is_half_an_hour(dead_address, start):
    with ThreadedDepthCacheManager() as manager:
        assert interval_of(manager, getattr(manager, start)(Inbox(), SYMBOL)) == 1800


@pytest.mark.parametrize("none", [0, None])
def test_refresh_interval_of_zero_or_none_is_off(dead_address, none):
    with ThreadedDepthCacheManager() as manager:
        assert interval_of(manager, manager.start_depth_cache(Inbox(), SYMBOL, none)) is None


@table("interval", [-1, "60", float("inf"), float("nan")])
def test_refresh_interval_that_cannot_be_is_refused(manager, interval):
    with pytest.raises(ValueError, match="refresh_interval"):
        manager.start_depth_cache(Inbox(), SYMBOL, interval)
    assert manager.status().books == ()


def test_refresh_neither_empties_nor_freezes_nor_rewinds_the_book(manager, rest):
    seen = Inbox()

    def callback(cache):
        seen((cache.view(1).last_update_id, len(cache.get_bids()), len(cache.get_asks()), cache.state))

    quickly(manager, callback, refresh_interval=0.2)
    updates = [seen.next()]
    deadline = time.monotonic() + 4.5
    while rest.count(SYMBOL) < 3 and time.monotonic() < deadline:
        updates.append(seen.next())
    assert rest.count(SYMBOL) >= 3, "no refresh in time"
    updates += [seen.next() for _ in range(5)]
    ids = [update[0] for update in updates]
    assert ids == sorted(ids)
    assert ids[-1] > ids[0]
    assert min(min(update[1:3]) for update in updates) >= 10
    assert {update[3] for update in updates} == {BookState.LIVE}


# limit.


@pytest.mark.one_process
def test_limit_is_how_many_of_the_best_levels_are_exact(serve):
    exchange = serve(SYMBOL, depth=800)
    with ThreadedDepthCacheManager() as manager:
        for limit in (1, 10, 100, 500):
            seen = Inbox()
            name = quickly(
                manager,
                lambda cache, seen=seen: seen((cache.view(1), cache.get_bids())),
                limit=limit,
                conv_type=Decimal,
            )
            for view, bids in [seen.next() for _ in range(5)]:
                assert len(bids) >= limit
                truth = exchange.book_at(SYMBOL, view.last_update_id)
                assert bids[:limit] == [list(level) for level in truth.bids[:limit]]
            manager.stop_socket(name)


@table("limit", [0, -1, 1.5, "ten", "", True])
def test_limit_that_is_no_number_of_levels_is_refused(manager, limit):
    with pytest.raises(ValueError, match="limit"):
        manager.start_depth_cache(Inbox(), SYMBOL, limit=limit)


# ws_interval.


@pytest.mark.parametrize(
    ("given", "stream"), [(0, "bnbbtc@depth"), (None, "bnbbtc@depth"), (100, "bnbbtc@depth@100ms")]
)
def test_ws_interval_chooses_the_stream(manager, caplog, given, stream):
    inbox = Inbox()
    with caplog.at_level(logging.DEBUG, "depthactors"):
        manager.start_depth_cache(inbox, SYMBOL, ws_interval=given)
        inbox.next(DepthCache)
    asked = [each.getMessage() for each in caplog.records if "SUBSCRIBE" in each.getMessage()]
    assert len(asked) == 1
    assert f'"{stream}"' in asked[0]


@table("value", [1, 99, 101, 250, 500, 1000, -100, 0.5, "100"])
@table("start", [row[1] for row in MARKETS])
def test_ws_interval_of_another_value_is_a_value_error(dead_address, start, value):
    with ThreadedDepthCacheManager() as manager:
        with pytest.raises(ValueError, match="ws_interval"):
            getattr(manager, start)(Inbox(), SYMBOL, ws_interval=value)
        assert manager.status().books == ()


# conv_type.


@table("convert", [float, Decimal, str, lambda text: int(Decimal(text) * 10**8)])
def test_conv_type_is_called_on_the_text_of_each_number(exchange, manager, convert):
    seen = Inbox()
    quickly(manager, lambda cache: seen((cache.view(1), cache.get_bids(5), cache.get_asks(5))), conv_type=convert)
    view, bids, asks = seen.next()
    truth = exchange.book_at(SYMBOL, view.last_update_id)
    assert bids == [[convert(f"{number:.8f}") for number in level] for level in truth.bids[:5]]
    assert asks == [[convert(f"{number:.8f}") for number in level] for level in truth.asks[:5]]


def test_conv_type_int_converts_whole_numbers():
    cache = DepthCache(SYMBOL, conv_type=int)
    cache.add_bid(["61000", "3"])
    assert cache.get_bids() == [[61000, 3]]
    assert [type(each) for each in cache.get_bids()[0]] == [int, int]


@pytest.mark.parametrize("convert", [int, lambda text: text.no_such_attribute], ids=["int", "lambda"])
def test_conv_type_that_raises_is_logged_with_its_traceback_counted_and_harms_nobody(manager, caplog, convert):
    calls, good, other = Inbox(), Inbox(), Inbox()

    def callback(cache):
        calls(cache)
        cache.get_bids()

    quickly(manager, callback, conv_type=convert)
    quickly(manager, lambda cache: good(cache.get_bids(1)))
    quickly(manager, other, "BTCUSDT")
    for _ in range(3):
        calls.next()
        good.next()
        other.next(DepthCache)
    books = {each.symbol: each for each in manager.status().books}
    assert (books[SYMBOL].counters.callback_errors >= 2, books["BTCUSDT"].counters.callback_errors) == (True, 0)
    assert books[SYMBOL].state is BookState.LIVE
    raised = next(each for each in caplog.records if each.exc_info)
    assert "get_bids" in "".join(traceback.format_exception(*raised.exc_info))


def test_conv_type_that_is_not_callable_is_refused(manager):
    with pytest.raises(ValueError, match="conv_type"):
        manager.start_depth_cache(Inbox(), SYMBOL, conv_type=3)


# stop_socket, stop, and a stream that cannot be.


@pytest.mark.one_process
def test_stop_socket_ends_the_actor_and_the_stream_before_it_returns(exchange, manager, caplog):
    inbox, other = Inbox(), Inbox()
    name = quickly(manager, inbox)
    quickly(manager, other, "BTCUSDT")
    inbox.next(DepthCache)
    with caplog.at_level(logging.DEBUG, "depthactors"):
        assert manager.stop_socket(name) is None
        assert threads_of("book-BNBBTC") == []
        inbox.queue.clear()
        other.queue.clear()
        for _ in range(20):
            other.next(DepthCache)
    assert inbox.empty()
    assert [each.symbol for each in manager.status().books] == ["BTCUSDT"]
    assert any("UNSUBSCRIBE" in each.getMessage() and "bnbbtc" in each.getMessage() for each in caplog.records)


@table("name", ["", "nosuch@depth10", NAME, None])
def test_stop_socket_of_an_unknown_name_is_ignored(manager, name):
    assert manager.stop_socket(name) is None
    assert manager.is_alive()


def test_stop_socket_twice_is_ignored_the_second_time(manager):
    inbox = Inbox()
    name = quickly(manager, inbox)
    manager.stop_socket(name)
    manager.stop_socket(name)
    assert manager.status().books == ()


def test_stop_socket_during_the_first_sync_ends_it_and_the_name_is_free(exchange, rest):
    rest.close()
    silent, inbox = Inbox(), Inbox()
    with ThreadedDepthCacheManager() as manager:
        name = quickly(manager, silent)
        assert rest.asked.wait(5)
        begin = time.monotonic()
        manager.stop_socket(name)
        assert time.monotonic() - begin < 2
        assert threads_of("book-BNBBTC") == []
        rest.gate.set()
        assert quickly(manager, inbox) == name
        inbox.next(DepthCache)
    assert silent.empty()


def test_stop_socket_during_a_resync_ends_it(exchange, manager, rest):
    inbox = Inbox()
    name = quickly(manager, inbox)
    inbox.next(DepthCache)
    rest.close()
    exchange.inject(Fault("drop", symbol=SYMBOL))
    assert rest.asked.wait(5)
    manager.stop_socket(name)
    assert threads_of("book-BNBBTC") == []
    inbox.queue.clear()
    rest.gate.set()
    assert manager.status().books == ()
    assert inbox.empty()


def test_stop_leaves_no_thread_and_no_socket(exchange):
    inbox, manager = Inbox(), ThreadedDepthCacheManager()
    manager.start()
    for symbol in (SYMBOL, "BTCUSDT"):
        quickly(manager, inbox, symbol)
    inbox.next(DepthCache)
    begin = time.monotonic()
    manager.stop()
    assert time.monotonic() - begin < 5
    assert own_threads() == []
    assert not manager.is_alive()


@pytest.mark.parametrize("started", [False, True], ids=["not started", "started"])
def test_stop_twice_is_stop_once(exchange, started):
    manager = ThreadedDepthCacheManager()
    if started:
        manager.start()
        quickly(manager, Inbox())
    manager.stop()
    manager.stop()
    assert not manager.is_alive()
    assert own_threads() == []


@pytest.mark.proof
@pytest.mark.one_process
def test_stop_right_after_the_start_of_a_stream_waits_for_the_connection_that_is_being_made(exchange, monkeypatch):
    connect, stopping = SocketActor._connect, threading.Event()

    def late(actor):
        stopping.wait(5)
        # The stop has asked for the threads to wait for before this one is there.
        threading.Event().wait(0.05)
        connect(actor)

    monkeypatch.setattr(SocketActor, "_connect", late)
    left = []
    for _ in range(10):
        stopping.clear()
        manager = ThreadedDepthCacheManager()
        manager.start()
        quickly(manager, Inbox())
        stopping.set()
        manager.stop()
        left += own_threads()
    assert left == []


def test_stop_before_start_is_for_good():
    manager = ThreadedDepthCacheManager()
    manager.stop()
    with pytest.raises(RuntimeError):
        manager.start()
    with pytest.raises(RuntimeError, match="attempting to start a stream"):
        manager.start_depth_cache(print, SYMBOL)


@pytest.mark.parametrize("first", [True, False], ids=["during the first sync", "during a resync"])
def test_stop_with_a_request_under_way_ends_every_thread(exchange, rest, first):
    inbox, manager = Inbox(), ThreadedDepthCacheManager()
    manager.start()
    if not first:
        quickly(manager, inbox)
        inbox.next(DepthCache)
    rest.close()
    if first:
        quickly(manager, inbox)
    else:
        exchange.inject(Fault("drop", symbol=SYMBOL))
    assert rest.asked.wait(5)
    begin = time.monotonic()
    manager.stop(timeout=2)
    took, left = time.monotonic() - begin, own_threads()
    rest.gate.set()
    assert took < 3
    assert left == []


def test_stop_while_the_exchange_is_gone_is_prompt(exchange):
    inbox, manager = Inbox(), ThreadedDepthCacheManager()
    manager.start()
    quickly(manager, inbox)
    inbox.next(DepthCache)
    exchange.stop()
    inbox.next(dict)
    begin = time.monotonic()
    manager.stop()
    assert time.monotonic() - begin < 2
    assert own_threads() == []


def test_stop_from_inside_a_callback_ends_everything_and_calls_no_more(exchange):
    calls, manager = Inbox(), ThreadedDepthCacheManager()

    def callback(cache):
        calls(cache)
        manager.stop()
        manager.stop()

    manager.start()
    quickly(manager, callback)
    manager.join(5)
    assert not manager.is_alive()
    for thread in threading.enumerate():
        if thread.name in own_threads():
            thread.join(5)
    assert own_threads() == []
    assert calls.qsize() == 1


def test_stop_from_inside_an_error_callback_ends_everything(exchange):
    manager = ThreadedDepthCacheManager()

    def callback(message):
        if isinstance(message, dict):
            manager.stop()

    manager.start()
    quickly(manager, callback, "NOSUCH")
    manager.join(5)
    assert not manager.is_alive()


def test_coroutine_callback_is_a_type_error_that_says_why(manager):
    async def callback(cache):
        pass

    for _, start, symbol in MARKETS:
        with pytest.raises(TypeError, match="event loop"):
            getattr(manager, start)(callback, symbol)
    assert manager.status().books == ()


@pytest.mark.parametrize(
    ("market", "start", "symbol"),
    [pytest.param(*row, id=row[0], marks=[] if row[0] == "spot" else pytest.mark.full) for row in MARKETS],
)
def test_unknown_symbol_is_one_error_and_one_none_after_one_request(serve, rest, market, start, symbol):
    serve(symbol, market=market)
    unknown = symbol[:-1] + "X"
    good, bad = Inbox(), Inbox()
    with ThreadedDepthCacheManager() as manager:
        quickly(manager, good, symbol, start)
        begin = time.monotonic()
        quickly(manager, bad, unknown, start)
        error = bad.next(dict)
        assert time.monotonic() - begin < 3
        assert (error["e"], error["type"]) == ("error", "BinanceAPIException")
        assert unknown in error["m"]
        assert bad.get(timeout=5) is None
        until = time.monotonic() + 1
        while time.monotonic() < until:
            good.next(DepthCache)
        assert rest.count(unknown) == 1
        assert bad.empty()


# The object a callback gets.


def test_depth_cache_attributes(manager):
    seen, began = Inbox(), time.time()
    quickly(manager, lambda cache: seen((type(cache), cache.symbol, cache.conv_type, cache.update_time, cache.state)))
    for _ in range(2):
        kind, symbol, convert, update_time, state = seen.next()
        assert (kind, symbol, convert, state) == (DepthCache, SYMBOL, float, BookState.LIVE)
        assert type(update_time) is int
    assert abs(update_time / 1000 - began) < 30


def test_depth_cache_get_bids_and_get_asks_are_lists_best_first(manager):
    seen = Inbox()
    quickly(
        manager, lambda cache: seen((cache.get_bids(), cache.get_asks(), cache.get_bids(5), cache.get_asks(limit=5)))
    )
    bids, asks, top_bids, top_asks = seen.next()
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0][0] < asks[0][0]
    assert (top_bids, top_asks) == (bids[:5], asks[:5])
    assert {type(level) for level in bids + asks} == {list}


def test_depth_cache_is_never_seen_out_of_sync(exchange, manager):
    seen = Inbox()

    def callback(cache):
        if isinstance(cache, DepthCache):
            seen((cache.state, cache.view(10), cache.get_bids(10), cache.get_asks(10)))

    quickly(manager, callback, conv_type=Decimal)
    updates = [seen.next()]
    for _ in range(2):
        exchange.inject(Fault("drop", symbol=SYMBOL))
        updates += [seen.next() for _ in range(15)]
    for state, view, bids, asks in updates:
        truth = exchange.book_at(SYMBOL, view.last_update_id)
        assert state is BookState.LIVE
        assert (bids, asks) == ([*map(list, truth.bids[:10])], [*map(list, truth.asks[:10])])


def test_depth_cache_by_hand():
    cache = DepthCache(SYMBOL)
    cache.add_bid(["1.5", "2"])
    cache.add_bid([1.25, 3])
    cache.add_ask([2, "0.5"])
    cache.add_ask(["9", "0"])
    assert (cache.get_bids(), cache.get_asks()) == ([[1.5, 2.0], [1.25, 3.0]], [[2.0, 0.5]])
    cache.add_bid(["1.50", "0.00"])
    assert cache.get_bids() == [[1.25, 3.0]]
    assert cache.age >= 0


# Errors, as the guide documents them.


def test_websocket_closed_is_one_error_and_updates_resume(exchange, quick_tries):
    inbox = Inbox()
    with ThreadedDepthCacheManager() as manager:
        quickly(manager, inbox)
        inbox.next(DepthCache)
        exchange.inject(Fault("cut", symbol=SYMBOL))
        error = inbox.next(dict)
        assert set(error) == {"e", "type", "m"}
        assert (error["e"], error["type"]) == ("error", "BinanceWebsocketClosed")
        assert error["m"]
        assert isinstance(error["m"], str)
        resumed = [inbox.get(timeout=10) for _ in range(10)]
    assert {type(each) for each in resumed} == {DepthCache}


def test_websocket_closed_and_four_refused_tries_are_still_one_error(exchange, quick_tries):
    inbox = Inbox()
    with ThreadedDepthCacheManager() as manager:
        quickly(manager, inbox)
        inbox.next(DepthCache)
        exchange.inject(Fault("refuse", every=1, count=4))
        exchange.inject(Fault("cut", symbol=SYMBOL))
        assert inbox.next(dict)["type"] == "BinanceWebsocketClosed"
        assert isinstance(inbox.get(timeout=10), DepthCache)
        assert exchange.strikes()["refuse"] == 4


def test_unable_to_connect_after_five_tries_then_one_none_then_it_can_be_started_anew(exchange, quick_tries):
    inbox, anew = Inbox(), Inbox()
    with ThreadedDepthCacheManager() as manager:
        name = quickly(manager, inbox)
        inbox.next(DepthCache)
        exchange.inject(Fault("refuse", every=1, count=5))
        exchange.inject(Fault("cut", symbol=SYMBOL))
        errors = inbox.to_the_end()
        assert [each["type"] for each in errors] == ["BinanceWebsocketClosed", "BinanceWebsocketUnableToConnect"]
        assert {each["e"] for each in errors} == {"error"}
        assert exchange.strikes()["refuse"] == 5
        assert manager.is_alive()
        assert quickly(manager, anew) == name
        for _ in range(3):
            assert isinstance(anew.get(timeout=10), DepthCache)
        assert inbox.empty()
        assert [each.symbol for each in manager.status().books] == [SYMBOL]


@pytest.mark.one_process
def test_unable_to_connect_is_told_to_each_stream_of_the_connection(exchange, quick_tries):
    inboxes = [Inbox(), Inbox(), Inbox()]
    with ThreadedDepthCacheManager() as manager:
        for inbox, symbol in zip(inboxes, (SYMBOL, SYMBOL, "BTCUSDT"), strict=True):
            quickly(manager, inbox, symbol)
            inbox.next(DepthCache)
        exchange.inject(Fault("refuse", every=1, count=5))
        exchange.inject(Fault("cut", symbol=SYMBOL))
        for inbox in inboxes:
            kinds = [each["type"] for each in inbox.to_the_end()]
            assert kinds == ["BinanceWebsocketClosed", "BinanceWebsocketUnableToConnect"]
            assert inbox.empty()


def test_unable_to_connect_from_the_beginning(dead_address, quick_tries):
    inbox = Inbox()
    with ThreadedDepthCacheManager() as manager:
        name = quickly(manager, inbox)
        kinds = [each["type"] for each in inbox.to_the_end()]
        assert kinds == ["BinanceWebsocketClosed", "BinanceWebsocketUnableToConnect"]
        manager.stop_socket(name)
        assert inbox.empty()


def test_without_max_reconnects_it_keeps_trying(exchange, quick_tries):
    inbox = Inbox()
    with ThreadedDepthCacheManager(max_reconnects=None) as manager:
        quickly(manager, inbox)
        inbox.next(DepthCache)
        exchange.inject(Fault("refuse", every=1, count=8))
        exchange.inject(Fault("cut", symbol=SYMBOL))
        assert inbox.next(dict)["type"] == "BinanceWebsocketClosed"
        assert isinstance(inbox.get(timeout=10), DepthCache)


class Guide:
    """The handler of python-binance's guide: it ends the program at any error but a lost connection."""

    def __init__(self):
        self.updates = Inbox()
        self.stopped = []

    def __call__(self, item):
        if isinstance(item, dict) and item["e"] == "error" and item["type"] != "BinanceWebsocketClosed":
            self.stopped.append(item)
        elif isinstance(item, DepthCache):
            self.updates(item)


@pytest.mark.parametrize(
    "fault",
    [
        "500",
        *(
            pytest.param(each, marks=pytest.mark.full)
            for each in ("unlisted", "truncate", "time-out", "429", "mismatch")
        ),
    ],
)
def test_a_rest_failure_in_a_resync_does_not_end_the_guides_program_and_the_book_recovers(exchange, manager, fault):
    guide = Guide()
    quickly(manager, guide)
    guide.updates.next()
    exchange.inject(Fault(fault, symbol=SYMBOL, seconds=0 if fault == "time-out" else 1))
    exchange.inject(Fault("drop", symbol=SYMBOL))
    deadline = time.monotonic() + 10
    while manager.status().books[0].counters.resyncs == 0:
        assert time.monotonic() < deadline
        guide.updates.next()
    assert exchange.strikes()[fault]
    guide.updates.next()
    assert guide.stopped == []


@pytest.mark.parametrize("fault", ["garbage", pytest.param("wrong-types", marks=pytest.mark.full)])
def test_a_broken_frame_does_not_end_the_guides_program(exchange, manager, fault):
    guide = Guide()
    quickly(manager, guide)
    guide.updates.next()
    exchange.inject(Fault(fault, symbol=SYMBOL))
    deadline = time.monotonic() + 10
    while manager.status().books[0].counters.faults == 0:
        assert time.monotonic() < deadline
        guide.updates.next()
    guide.updates.next()
    assert guide.stopped == []


def test_a_refresh_that_fails_does_not_end_the_guides_program(exchange, manager):
    guide = Guide()
    exchange.inject(Fault("500", symbol=SYMBOL, at=2))
    quickly(manager, guide, refresh_interval=0.2)
    deadline = time.monotonic() + 10
    while manager.status().books[0].counters.refreshes == 0:
        assert time.monotonic() < deadline
        guide.updates.next()
    assert guide.stopped == []


def test_a_gap_is_mended_without_an_error(exchange, manager):
    inbox = Inbox()
    quickly(manager, inbox)
    inbox.next(DepthCache)
    exchange.inject(Fault("drop", symbol=SYMBOL))
    before = manager.status().books[0].counters.snapshots
    deadline = time.monotonic() + 4
    while manager.status().books[0].counters.snapshots == before and time.monotonic() < deadline:
        assert isinstance(inbox.next(), DepthCache)
    assert isinstance(inbox.next(), DepthCache)


def test_a_callback_that_pauses_does_not_end_the_guides_program(manager):
    guide, paused = Guide(), threading.Event()

    def pause_once(item):
        guide(item)
        if not paused.is_set():
            paused.wait(0.6)
            paused.set()

    quickly(manager, pause_once)
    for _ in range(10):
        guide.updates.next()
    assert paused.is_set()
    assert manager.status().books[0].counters.coalesced > 0
    assert guide.stopped == []


@pytest.mark.one_process
def test_a_book_whose_actor_keeps_dying_is_one_error_and_none(manager, monkeypatch):
    inbox = Inbox()
    quickly(manager, inbox)
    inbox.next(DepthCache)
    monkeypatch.setattr(BookActor, "handle", lambda _actor, _message: 1 / 0)
    assert [each["type"] for each in inbox.to_the_end()] == ["EscalatedError"]
    assert inbox.empty()


@pytest.mark.one_process
def test_the_death_of_the_supervisor_is_one_error_and_none_to_each_stream(manager, monkeypatch):
    inboxes = [Inbox(), Inbox()]
    for inbox, symbol in zip(inboxes, (SYMBOL, "BTCUSDT"), strict=True):
        quickly(manager, inbox, symbol)
        inbox.next(DepthCache)
    manager._engine._runtime._supervisor.tell(ZeroDivisionError("no message for it"))
    for inbox in inboxes:
        assert [each["type"] for each in inbox.to_the_end()] == ["EscalatedError"]
        assert inbox.empty()


def test_a_socket_manager_that_is_closed_is_one_error_and_none_to_its_streams_alone(manager):
    own, lent, bm = Inbox(), Inbox(), BinanceSocketManager()
    quickly(manager, own)
    quickly(manager, lent, bm=bm)
    own.next(DepthCache)
    lent.next(DepthCache)
    bm.close()
    assert [each["type"] for each in lent.to_the_end()] == ["ReadLoopClosed"]
    assert lent.empty()
    own.queue.clear()
    assert isinstance(own.get(timeout=10), DepthCache)


@pytest.mark.parametrize("kind", ["stop", "stop_socket"])
def test_who_ends_a_stream_himself_gets_neither_error_nor_none(manager, kind):
    inbox = Inbox()
    name = quickly(manager, inbox)
    inbox.next(DepthCache)
    manager.stop() if kind == "stop" else manager.stop_socket(name)
    assert {type(each) for each in inbox.queue} <= {DepthCache}


# DepthCacheManager, synchronous.

MANAGERS = [
    (DepthCacheManager, "spot", SYMBOL),
    (FuturesDepthCacheManager, "usdm", "BTCUSDT"),
    (OptionsDepthCacheManager, "options", OPTION),
]


@table("kind, market, symbol", MANAGERS)
def test_with_and_recv_return_books_of_its_market(serve, kind, market, symbol):
    exchange = serve(symbol, market=market, depth=800)
    with kind(Client(), symbol.lower(), conv_type=Decimal, ws_interval=100) as dcm_socket:
        for _ in range(3):
            cache = dcm_socket.recv(timeout=10)
            truth = exchange.book_at(symbol, cache.view(1).last_update_id)
            assert cache.symbol == symbol
            assert cache.get_bids(20) == [list(level) for level in truth.bids[:20]]
            assert cache.get_asks(20) == [list(level) for level in truth.asks[:20]]
    assert own_threads() == []


@pytest.fixture
def dcm(exchange):
    with DepthCacheManager(Client(), SYMBOL, ws_interval=100) as dcm:
        yield dcm


def test_recv_returns_a_cache_that_does_not_change(dcm):
    first = dcm.recv(timeout=10)
    seen = first.view(1).last_update_id, first.get_bids(), first.update_time
    while dcm.recv(timeout=10).view(1).last_update_id == seen[0]:
        pass
    assert (first.view(1).last_update_id, first.get_bids(), first.update_time) == seen


def test_recv_raises_on_time_out_and_may_be_called_again(exchange, rest):
    rest.close()
    with DepthCacheManager(None, SYMBOL, ws_interval=100) as dcm:
        for timeout in (0, 0.1):
            begin = time.monotonic()
            with pytest.raises(TimeoutError):
                dcm.recv(timeout=timeout)
            assert timeout <= time.monotonic() - begin < timeout + 1
        rest.gate.set()
        assert isinstance(dcm.recv(timeout=10), DepthCache)


def test_recv_gives_error_dicts_and_books_again(exchange, quick_tries):
    with DepthCacheManager(None, SYMBOL, ws_interval=100) as dcm:
        dcm.recv(timeout=10)
        exchange.inject(Fault("cut", symbol=SYMBOL))
        received = [dcm.recv(timeout=10)]
        while not isinstance(received[-1], dict):
            received.append(dcm.recv(timeout=10))
        assert received[-1]["type"] == "BinanceWebsocketClosed"
        assert isinstance(dcm.recv(timeout=10), DepthCache)


def test_recv_gives_none_once_and_then_raises(exchange):
    with DepthCacheManager(None, "NOSUCH", ws_interval=100) as dcm:
        assert dcm.recv(timeout=10)["type"] == "BinanceAPIException"
        assert dcm.recv(timeout=10) is None
        for _ in range(2):
            with pytest.raises(exceptions.ReadLoopClosed):
                dcm.recv(timeout=10)


def test_recv_in_another_thread_ends_with_close(exchange, rest):
    rest.close()
    ended = Inbox()
    dcm = DepthCacheManager(None, SYMBOL, ws_interval=100).__enter__()

    def receive():
        with contextlib.suppress(exceptions.ReadLoopClosed):
            while True:
                dcm.recv()
        ended("closed")

    thread = threading.Thread(target=receive)
    thread.start()
    assert rest.asked.wait(5)
    rest.gate.set()
    dcm.close()
    assert ended.next(within=5) == "closed"
    thread.join(5)


def test_iteration_yields_what_recv_returns(dcm):
    ids = []
    for cache in dcm:
        ids.append(cache.view(1).last_update_id)
        if len(ids) == 3:
            break
    assert ids == sorted(set(ids))


def test_iteration_ends_with_close(dcm):
    for cache in dcm:
        assert isinstance(cache, DepthCache)
        dcm.close()
    with pytest.raises(exceptions.ReadLoopClosed):
        dcm.recv()


def test_iteration_ends_when_the_stream_is_given_up(exchange):
    with DepthCacheManager(None, "NOSUCH", ws_interval=100) as dcm:
        assert [message["type"] for message in dcm] == ["BinanceAPIException"]


def test_enter_and_exit_by_hand(exchange):
    dcm = DepthCacheManager(None, SYMBOL, ws_interval=100)
    socket = dcm.__enter__()
    try:
        assert isinstance(socket.recv(timeout=10), DepthCache)
    finally:
        assert dcm.__exit__(None, None, None) is None
    assert own_threads() == []
    with pytest.raises(exceptions.ReadLoopClosed):
        dcm.recv(timeout=1)


def test_get_depth_cache_follows_the_book(dcm):
    dcm.recv(timeout=10)
    cache = dcm.get_depth_cache()
    first = cache.view(1).last_update_id
    assert (cache.symbol, len(cache.get_bids()) > 100, cache.state) == (SYMBOL, True, BookState.LIVE)
    while cache.view(1).last_update_id <= first:
        dcm.recv(timeout=10)


def test_get_symbol_is_the_symbol():
    assert DepthCacheManager(None, SYMBOL).get_symbol() == SYMBOL


def test_close_is_idempotent_and_ends_every_thread(exchange):
    dcm = DepthCacheManager(None, SYMBOL, ws_interval=100)
    dcm.close()
    with dcm:
        dcm.recv(timeout=10)
        dcm.close()
        dcm.close()
        assert own_threads() == []


def test_loop_is_accepted_and_ignored_with_a_warning(exchange):
    with pytest.warns(UserWarning, match="loop"):
        dcm = DepthCacheManager(None, SYMBOL, object(), ws_interval=100)
    with dcm:
        assert isinstance(dcm.recv(timeout=10), DepthCache)


@table("kind", [row[0] for row in MANAGERS])
def test_async_with_is_a_type_error_that_shows_the_with_form_and_the_one_in_a_coroutine(kind):
    async def program():
        async with kind(None, SYMBOL):
            pass

    with pytest.raises(TypeError, match=rf"with {kind.__name__}\(.*await asyncio\.to_thread\(dcm\.recv\)"):
        program().send(None)
    assert own_threads() == []


@pytest.mark.one_process
def test_two_managers_with_one_bm_share_its_connections(exchange):
    bm = BinanceSocketManager(Client())
    with (
        DepthCacheManager(None, SYMBOL, bm=bm, ws_interval=100) as one,
        DepthCacheManager(None, "BTCUSDT", bm=bm, ws_interval=100) as other,
    ):
        assert (one.recv(timeout=10).symbol, other.recv(timeout=10).symbol) == (SYMBOL, "BTCUSDT")
        assert sockets(exchange) == 1
        one.close()
        assert other.recv(timeout=10).symbol == "BTCUSDT"
    assert own_threads() == []


def test_a_manager_without_a_bm_has_a_connection_of_its_own(exchange):
    with (
        DepthCacheManager(None, SYMBOL, ws_interval=100) as one,
        DepthCacheManager(None, "BTCUSDT", ws_interval=100) as other,
    ):
        one.recv(timeout=10)
        other.recv(timeout=10)
        assert sockets(exchange) == 2


@pytest.mark.one_process
def test_bm_of_start_depth_cache_is_shared_with_other_managers(exchange):
    inboxes = Inbox(), Inbox()
    bm = BinanceSocketManager()
    with ThreadedDepthCacheManager() as one, ThreadedDepthCacheManager() as other:
        quickly(one, inboxes[0], bm=bm)
        quickly(other, inboxes[1], "BTCUSDT", bm=bm)
        for inbox in inboxes:
            inbox.next(DepthCache)
        assert sockets(exchange) == 1
        one.stop()
        inboxes[1].queue.clear()
        inboxes[1].next(DepthCache)
    assert own_threads() == []
