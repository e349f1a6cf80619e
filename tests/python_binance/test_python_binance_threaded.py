"""`ThreadedDepthCacheManager` against a local exchange: what a program written for python-binance relies on."""

import functools
import inspect
import queue
import signal
import threading
import time

import pytest

from depthactors import BinanceSocketManager, DepthCache, ThreadedDepthCacheManager, markets
from depthactors.dispatcher.gate import Gate
from depthactors.errors import UsageError
from depthactors.exchange import LocalExchange
from depthactors.exchange.feeds.order_flow_feed import OrderFlowFeed
from depthactors.python_binance import threaded
from tests.support import places_in, some_places, table

SYMBOLS = ["BNBBTC", "BTCUSDT"]


class Inbox(queue.Queue):
    """A callback that keeps what it is given."""

    __call__ = queue.Queue.put

    def next(self, kind=object):
        """Return the next item of a class."""
        deadline = time.monotonic() + 10
        while True:
            item = self.get(timeout=max(0.01, deadline - time.monotonic()))
            if isinstance(item, kind):
                return item


@pytest.fixture
def exchange(monkeypatch):
    with LocalExchange.with_order_flow(SYMBOLS, rate=50.0, levels=5.0, depth=150) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        yield exchange


@pytest.fixture
def manager(exchange):
    with ThreadedDepthCacheManager() as manager:
        yield manager


def quickly(manager, callback, symbol="BNBBTC", **options):
    return manager.start_depth_cache(callback, symbol, **{"ws_interval": 100} | options)


def test_the_arguments_are_those_of_python_binance_in_their_order():
    parameters = inspect.signature(ThreadedDepthCacheManager).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    expected = {"api_key": None, "api_secret": None, "requests_params": None, "tld": "com", "testnet": False}
    assert list(defaults.items())[:5] == list(expected.items())
    assert {"session_params": None, "https_proxy": None, "verbose": False}.items() <= defaults.items()


@table("timeout", [None, 20, 2.5, (3, 10), (None, 10), (3, None)])
def test_a_timeout_is_taken_in_each_form_that_requests_takes(timeout):
    assert not ThreadedDepthCacheManager(requests_params={"timeout": timeout}).is_alive()


STARTS = [
    "start_depth_cache",
    "start_futures_depth_socket",
    "start_coin_futures_depth_socket",
    "start_options_depth_socket",
]


@table("name", STARTS)
def test_every_start_takes_the_same_arguments(name):
    parameters = inspect.signature(getattr(ThreadedDepthCacheManager, name)).parameters
    assert [(each.name, each.default) for each in list(parameters.values())[1:]] == [
        ("callback", inspect.Parameter.empty), ("symbol", inspect.Parameter.empty), ("refresh_interval", 1800),
        ("bm", None), ("limit", 10), ("conv_type", float), ("ws_interval", 0),
    ]  # fmt: skip


@pytest.mark.one_process
def test_a_callback_that_is_busy_when_the_engine_dies_is_called_with_the_end_once_it_returns(exchange):
    calls, busy, go_on = Inbox(), threading.Event(), threading.Event()

    class WatchedGate(Gate):
        def wait(self, timeout):
            go_on.set()
            return super().wait(timeout)

    def handle(item):
        calls.put(item)
        if not busy.is_set():
            busy.set()
            go_on.wait(10)

    with ThreadedDepthCacheManager() as manager:
        manager._ended = WatchedGate()
        quickly(manager, handle)
        assert busy.wait(10)
        manager._engine._runtime._supervisor.tell(ZeroDivisionError("no message for it"))
        assert calls.next(dict)["type"] == "EscalatedError"
        assert calls.next() is None
        manager.join(10)
        assert not manager.is_alive()


@pytest.mark.one_process
def test_a_callback_that_does_not_come_back_keeps_no_manager_alive_whose_engine_died(exchange, monkeypatch):
    monkeypatch.setattr(threaded, "END_TIMEOUT", 0.1)
    monkeypatch.setattr(threaded, "_LAST_CALL", 0.1)
    busy, go_on = threading.Event(), threading.Event()

    def handle(_item):
        busy.set()
        go_on.wait(20)

    manager = ThreadedDepthCacheManager()
    manager.start()
    quickly(manager, handle)
    assert busy.wait(10)
    manager._engine._runtime._supervisor.tell(ZeroDivisionError("no message for it"))
    manager.join(10)
    assert not manager.is_alive()
    go_on.set()


def test_who_stops_at_an_error_hears_no_more(local_exchange):
    heard, over = [], threading.Event()
    manager = ThreadedDepthCacheManager()
    manager.start()

    callers = []

    def handle(message):
        heard.append(message)
        callers.append(threading.current_thread())
        manager.stop()
        over.set()

    manager.start_depth_cache(handle, "NOPE")
    assert over.wait(10)
    callers[0].join(10)
    assert [message["type"] for message in heard] == ["BinanceAPIException"]


def test_an_unknown_symbol_is_one_error_then_none_and_the_others_go_on(manager):
    good, bad = Inbox(), Inbox()
    quickly(manager, good)
    name = quickly(manager, bad, "NOSUCH")
    error = bad.next(dict)
    assert (set(error), error["e"], error["type"]) == ({"e", "type", "m"}, "error", "BinanceAPIException")
    assert "NOSUCH" in error["m"]
    assert bad.get(timeout=10) is None
    good.next(DepthCache)
    manager.stop_socket(name)
    assert bad.empty()


def test_a_lost_connection_is_one_error_and_updates_resume_by_themselves(exchange):
    inbox = Inbox()
    with ThreadedDepthCacheManager() as manager:
        quickly(manager, inbox)
        inbox.next(DepthCache)
        port = exchange.port
        exchange.stop()
        assert inbox.next(dict)["type"] == "BinanceWebsocketClosed"
        with LocalExchange([OrderFlowFeed("BNBBTC", markets.SPOT)], port=port):
            assert isinstance(inbox.get(timeout=20), DepthCache)


def test_used_up_reconnects_are_told_with_none_behind(exchange):
    inbox = Inbox()
    with ThreadedDepthCacheManager(max_reconnects=2) as manager:
        quickly(manager, inbox)
        inbox.next(DepthCache)
        exchange.stop()
        assert [inbox.next(dict)["type"] for _ in range(2)] == [
            "BinanceWebsocketClosed",
            "BinanceWebsocketUnableToConnect",
        ]
        assert inbox.get(timeout=10) is None


def test_a_stopped_socket_is_gone_on_return_and_may_be_started_again(manager):
    stopped, other = Inbox(), Inbox()
    name = quickly(manager, stopped)
    quickly(manager, other, "BTCUSDT")
    stopped.next(DepthCache)
    manager.stop_socket(name)
    assert not any("book-BNBBTC" in thread.name for thread in threading.enumerate())
    count = stopped.qsize()
    for _ in range(3):
        other.next(DepthCache)
    assert stopped.qsize() == count
    manager.stop_socket(name)
    manager.stop_socket("no such name")
    assert quickly(manager, stopped) == name
    stopped.next(DepthCache)
    assert not [item for item in list(other.queue) + list(stopped.queue) if isinstance(item, dict)]


def test_a_stopped_callback_of_a_shared_book_is_not_called_after_the_return(manager):
    entered, leave, last = threading.Event(), threading.Event(), Inbox()

    def slow(_cache):
        entered.set()
        leave.wait(0.5)

    quickly(manager, slow)
    name = quickly(manager, last)
    last.next()
    entered.clear()
    assert entered.wait(10)
    manager.stop_socket(name)
    last.queue.clear()
    leave.set()
    entered.clear()
    assert entered.wait(10)
    assert last.empty(), "called after stop_socket had returned"


@pytest.mark.parametrize("stop_first", [False, True], ids=["before start", "after stop"])
def test_a_stream_needs_a_running_manager(exchange, stop_first):
    manager = ThreadedDepthCacheManager()
    if stop_first:
        manager.start()
        manager.stop()
    with pytest.raises(RuntimeError, match=r"attempting to start a stream .* will not work"):
        manager.start_depth_cache(print, "BNBBTC")
    manager.stop()


def test_it_starts_once_and_tells_whether_it_is_alive(exchange):
    manager = ThreadedDepthCacheManager()
    assert not manager.is_alive()
    manager.start()
    assert manager.is_alive()
    with pytest.raises(RuntimeError, match="once"):
        manager.start()
    assert manager.is_alive()
    manager.stop()
    assert not manager.is_alive()
    with pytest.raises(RuntimeError):
        manager.start()


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_it_is_a_thread_from_start_to_stop(exchange):
    manager = ThreadedDepthCacheManager()
    assert isinstance(manager, threading.Thread)
    assert (manager.daemon, manager.isDaemon(), manager.ident, manager.native_id) == (False, False, None, None)
    manager.setName("books")
    manager.start()
    assert manager in threading.enumerate()
    assert (manager.name, manager.getName(), manager.is_alive()) == ("books", "books", True)
    assert isinstance(manager.ident, int)
    assert isinstance(manager.native_id, int)
    with pytest.raises(RuntimeError, match="daemon"):
        manager.setDaemon(True)
    manager.stop()
    assert manager not in threading.enumerate()


def test_all_callbacks_come_from_one_thread_one_at_a_time(exchange):
    threads, inside, overlaps, inbox = set(), threading.Lock(), [], Inbox()

    def callback(cache):
        if not inside.acquire(blocking=False):
            overlaps.append(cache)
            return
        threads.add(threading.get_ident())
        inbox(cache.symbol)
        inside.release()

    with BinanceSocketManager() as bm, ThreadedDepthCacheManager() as manager:
        quickly(manager, callback)
        quickly(manager, callback, "BTCUSDT")
        quickly(manager, callback, "BTCUSDT", bm=bm)
        seen = [inbox.next() for _ in range(40)]
        # The second stream of a book on connections of its own may be late on a busy machine.
        while set(seen) != {*SYMBOLS} and len(seen) < 4000:
            seen.append(inbox.next())
    assert (set(seen), len(threads), overlaps) == ({*SYMBOLS}, 1, [])


def test_with_threads_book_a_callback_that_waits_holds_up_its_own_book_alone(exchange):
    stuck, leave, other = threading.Event(), threading.Event(), Inbox()

    def wait(_cache):
        stuck.set()
        leave.wait(20)

    with ThreadedDepthCacheManager(threads="book") as manager:
        quickly(manager, wait)
        assert stuck.wait(10)
        quickly(manager, other, "BTCUSDT")
        for _ in range(3):
            other.next(DepthCache)
        leave.set()


def test_a_callback_that_waits_holds_up_no_book(exchange):
    stuck, leave = threading.Event(), threading.Event()

    def wait(_cache):
        stuck.set()
        leave.wait(20)

    with ThreadedDepthCacheManager() as manager:
        quickly(manager, wait)
        assert stuck.wait(10)
        first = manager.status().books[0].last_update_id
        deadline = time.monotonic() + 10
        while manager.status().books[0].last_update_id <= first:
            assert time.monotonic() < deadline
        leave.set()


@pytest.mark.parametrize("end", ["stop_socket", "stop"])
def test_who_holds_a_lock_that_the_callback_waits_for_may_end_it(exchange, end):
    manager, lock, entered = ThreadedDepthCacheManager(), threading.Lock(), threading.Event()

    def callback(_cache):
        entered.set()
        with lock:
            pass

    manager.start()
    with lock:
        name = quickly(manager, callback)
        assert entered.wait(10)
        begin = time.monotonic()
        manager.stop_socket(name) if end == "stop_socket" else manager.stop()
        assert time.monotonic() - begin < 3
    manager.stop()


def test_streams_that_were_given_up_start_anew_in_their_callbacks_without_waiting_for_each_other(exchange):
    took, ends = Inbox(), []

    def callback_for(symbol):
        def callback(message):
            if message is None and symbol not in ends:
                ends.append(symbol)
                begin = time.monotonic()
                took((quickly(manager, callback, symbol), time.monotonic() - begin))

        return callback

    with ThreadedDepthCacheManager(max_reconnects=1) as manager:
        inbox = Inbox()
        names = [quickly(manager, callback_for(symbol), symbol) for symbol in SYMBOLS]
        quickly(manager, inbox)
        inbox.next(DepthCache)
        exchange.stop()
        again = [took.get(timeout=20) for _ in SYMBOLS]
    assert [name for name, _ in again] == [names[SYMBOLS.index(symbol)] for symbol in ends]
    assert max(seconds for _, seconds in again) < 3


@some_places
@pytest.mark.parametrize("threads", ["manager", "book"])
def test_ctrl_c_anywhere_in_a_start_leaves_no_stream_without_a_name(dead_address, threads, every):
    with ThreadedDepthCacheManager(threads=threads) as manager:
        manager.status()
        for _ in places_in(lambda: (lambda: quickly(manager, id), None), every):
            names = list(manager._streams)
            assert names in ([], ["bnbbtc@depth10"])
            assert len(manager.status().books) == len(names)
            for name in names:
                manager.stop_socket(name)
            assert (manager.status().books, manager._callbacks._books) == ((), {})


@some_places
@pytest.mark.parametrize("threads", ["manager", "book"])
def test_after_ctrl_c_anywhere_in_stop_socket_it_may_be_called_again(dead_address, threads, every):
    with ThreadedDepthCacheManager(threads=threads) as manager:

        def call_for():
            name = quickly(manager, id)
            return (lambda: manager.stop_socket(name)), name

        for name in places_in(call_for, every):
            manager.stop_socket(name)
            assert (manager.status().books, manager._streams, manager._callbacks._books) == ((), {}, {})


@some_places
@pytest.mark.parametrize("is_shared", [pytest.param(True, marks=pytest.mark.full), False])
def test_after_ctrl_c_anywhere_in_stop_it_may_be_called_again(dead_address, is_shared, every):
    def call_for():
        manager, bm = ThreadedDepthCacheManager(), BinanceSocketManager() if is_shared else None
        manager.start()
        quickly(manager, id, bm=bm)
        (stream,) = manager._streams.values()
        return manager.stop, (manager, stream.engine)

    for manager, engine in places_in(call_for, every):
        manager.stop()
        manager.join(10)
        assert (manager.is_alive(), engine.wait_stopped(0)) == (False, True)


def test_join_in_a_callback_is_an_error_at_once(manager):
    errors = Inbox()

    def callback(_cache):
        try:
            manager.join(20)
        except RuntimeError as error:
            errors(str(error))

    quickly(manager, callback)
    assert "outside the manager's callbacks" in errors.next()


def test_a_join_that_was_interrupted_takes_the_manager_for_alive(exchange):
    with ThreadedDepthCacheManager() as manager:
        timer = threading.Timer(0.1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            manager.join()
        timer.join()
        assert (manager.is_alive(), manager.interrupted) == (True, True)
        manager.join(0.01)
        assert not manager.interrupted


def test_stop_leaves_no_thread_and_may_be_called_again_and_before_start(exchange):
    never_started = ThreadedDepthCacheManager()
    never_started.stop()
    before = set(threading.enumerate())
    inbox = Inbox()
    manager = ThreadedDepthCacheManager()
    manager.start()
    for symbol in SYMBOLS:
        quickly(manager, inbox, symbol)
    inbox.next(DepthCache)
    manager.stop()
    ours = [each.name for each in set(threading.enumerate()) - before if "exchange" not in each.name]
    assert [name for name in ours if name.startswith("depthactors")] == []
    manager.stop()


def test_stop_from_inside_a_callback_ends_everything(exchange):
    manager = ThreadedDepthCacheManager()
    returned = Inbox()

    def once(_cache):
        manager.stop()
        returned("yes")

    manager.start()
    quickly(manager, once)
    assert returned.next() == "yes"
    manager.join(10)
    assert not manager.is_alive()


def test_stop_socket_from_inside_its_callback_ends_that_stream(manager):
    other, calls = Inbox(), Inbox()
    quickly(manager, other, "BTCUSDT")

    def once(_cache):
        manager.stop_socket("bnbbtc@depth10")
        calls("called")

    quickly(manager, once)
    calls.next()
    for _ in range(5):
        other.next(DepthCache)
    assert calls.empty()


def test_join_waits_for_the_stop_or_for_its_timeout(exchange):
    manager = ThreadedDepthCacheManager()
    with pytest.raises(RuntimeError):
        manager.join(0.1)
    manager.start()
    begin = time.monotonic()
    manager.join(timeout=0.2)
    assert 0.15 < time.monotonic() - begin < 2
    assert manager.is_alive()
    threading.Timer(0.2, manager.stop).start()
    manager.join()
    assert not manager.is_alive()


def test_a_timeout_that_is_no_number_is_refused_and_nothing_ended(manager):
    for wait in (manager.join, manager.stop):
        with pytest.raises(UsageError, match="expected timeout as a number of seconds, was '5'"):
            wait("5")
    assert manager.is_alive()
    manager.start_depth_cache(print, "BNBBTC")


def test_join_is_interrupted_at_once(exchange):
    with ThreadedDepthCacheManager() as manager:
        main = threading.main_thread().ident
        timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            manager.join()
        assert time.monotonic() - begin < 1.5
        timer.join()


async def coroutine(_cache):
    pass


class WithMethod:
    async def callback(self, cache):
        pass


class Called:
    async def __call__(self, cache):
        pass


@table("callback", [coroutine, WithMethod().callback, functools.partial(coroutine), Called()])
def test_a_coroutine_callback_is_refused_with_the_reason_and_the_way_for_a_coroutine(manager, callback):
    with pytest.raises(TypeError, match=r"event loop.*await asyncio\.to_thread\(dcm\.recv\)"):
        manager.start_depth_cache(callback, "BNBBTC")


@pytest.mark.parametrize("limit", [pytest.param(5000, marks=pytest.mark.full), "10", None, 10, "0010"], ids=repr)
def test_the_name_of_a_stream_has_the_limit_as_it_was_given(manager, limit):
    name = "bnbbtc@depth" + str(limit)
    inbox = Inbox()
    assert quickly(manager, inbox, limit=limit) == name
    assert quickly(manager, Inbox(), limit=limit) == f"{name}#2"
    inbox.next(DepthCache)
    manager.stop_socket(name)
    inbox.queue.clear()
    assert quickly(manager, inbox, limit=limit) == name
    inbox.next(DepthCache)


def test_a_subclass_that_starts_streams_by_the_private_call_is_told_what_to_do(exchange):
    class Mine(ThreadedDepthCacheManager):
        def start_mine(self, callback, symbol):
            return self._start_depth_cache(dcm_class=object, callback=callback, symbol=symbol)

    with pytest.raises(AttributeError, match=r"start_depth_cache\(\).*start_\*_depth_socket"):
        Mine().start_mine(print, "BNBBTC")
    assert not hasattr(ThreadedDepthCacheManager, "_start_depth_cache")


@table(
    "options, words",
    [
        ({"ws_interval": 250}, "ws_interval"),
        ({"ws_interval": -1}, "ws_interval"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": None}, "symbol"),
        ({"symbol": "a b"}, "symbol"),
        ({"limit": 0}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"callback": None}, "callback"),
        ({"conv_type": "float"}, "conv_type"),
    ],
)
def test_an_argument_that_cannot_be_right_is_refused_and_nothing_is_started(manager, options, words):
    with pytest.raises(ValueError, match=words) as caught:
        manager.start_depth_cache(**{"callback": print, "symbol": "BNBBTC"} | options)
    assert isinstance(caught.value, UsageError)
    assert manager.status().books == ()
