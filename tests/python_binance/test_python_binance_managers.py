"""`DepthCacheManager`: its life, and what `recv` does at the edges."""

import copy
import gc
import threading
import time
import weakref
from contextlib import suppress
from decimal import Decimal

import pytest

from depthactors import (
    BinanceSocketManager,
    BookState,
    DepthCache,
    DepthCacheManager,
    FuturesDepthCacheManager,
    OptionsDepthCacheManager,
    ThreadedDepthCacheManager,
)
from depthactors.errors import LifecycleError, NotLiveError, UsageError
from depthactors.exceptions import ReadLoopClosed
from depthactors.exchange import Fault, LocalExchange
from depthactors.python_binance import managers
from tests.support import places_in, some_places, table, until

KINDS = [DepthCacheManager, FuturesDepthCacheManager, OptionsDepthCacheManager]


def new(symbol="BTCUSDT", **options):
    return DepthCacheManager(None, symbol, **{"ws_interval": 100} | options)


def own_threads():
    names = [each.name for each in threading.enumerate() if each.name.startswith("depthactors")]
    return [name for name in names if "exchange" not in name]


@table("kind", KINDS)
def test_making_one_starts_nothing(kind):
    dcm = kind(None, "BTCUSDT")
    assert own_threads() == []
    assert dcm.get_symbol() == "BTCUSDT"


@table("kind", KINDS)
@table("form", [lambda kind: kind(None, "BTCUSDT", print), lambda kind: kind(symbol="BTCUSDT", callback=print)])
def test_the_form_before_version_one_is_refused_and_the_new_one_is_shown(kind, form):
    with pytest.raises(
        UsageError, match=rf"with {kind.__name__}\(client, symbol\) as dcm:.*start_depth_cache\(callback"
    ):
        form(kind)


@table("kind", KINDS)
def test_a_subclass_that_replaces_a_private_part_of_theirs_is_refused(kind):
    with pytest.raises(UsageError, match=r"Deep with _get_socket, .*leave it out and give `limit`"):
        type("Deep", (kind,), {"_get_socket": print})
    type("Mine", (kind,), {"get_symbol": print})


def test_before_it_is_entered_there_is_no_cache():
    with pytest.raises(ReadLoopClosed):
        new().get_depth_cache()


def test_before_it_is_entered_there_is_nothing_to_receive():
    with pytest.raises(ReadLoopClosed):
        new().recv(timeout=0.1)


def test_entered_twice_is_refused_and_the_first_goes_on(exchange):
    with new() as dcm:
        with pytest.raises(LifecycleError):
            dcm.__enter__()
        assert isinstance(dcm.recv(timeout=10), DepthCache)


def test_closed_it_can_be_entered_again(exchange):
    dcm = new()
    for _ in range(2):
        with dcm:
            assert isinstance(dcm.recv(timeout=10), DepthCache)
        assert own_threads() == []


def test_closed_by_a_signal_handler_while_it_is_entered_it_leaves_nothing_and_opens_again(exchange, monkeypatch):
    dcm, follow = new(), managers.follow

    def interrupted(*arguments, **options):
        # As a handler does that runs in the same thread.
        dcm.close()
        return follow(*arguments, **options)

    monkeypatch.setattr(managers, "follow", interrupted)
    with pytest.raises(LifecycleError, match="closed while it is entered"):
        dcm.__enter__()
    assert own_threads() == []
    monkeypatch.setattr(managers, "follow", follow)
    with dcm:
        assert isinstance(dcm.recv(10), DepthCache)


def test_given_up_and_closed_it_can_be_entered_again(exchange):
    dcm = new("NOSUCH")
    for _ in range(2):
        with dcm:
            assert dcm.recv(timeout=5)["type"] == "BinanceAPIException"
            assert dcm.recv(timeout=5) is None
    assert own_threads() == []


@table("options", [{"ws_interval": 250}, {"limit": 0}, {"conv_type": 3}, {"refresh_interval": -1}, {"symbol": ""}])
def test_what_cannot_be_right_is_refused_on_entering_and_nothing_is_left(exchange, options):
    dcm = new(**options)
    with pytest.raises(UsageError):
        dcm.__enter__()
    assert own_threads() == []
    dcm.close()


def test_a_closed_bm_is_refused():
    bm = BinanceSocketManager()
    bm.close()
    with pytest.raises(LifecycleError):
        new(bm=bm).__enter__()


@pytest.mark.one_process
def test_after_ctrl_c_anywhere_in_recv_other_threads_can_receive(dead_address):
    def receive():
        with suppress(NotLiveError):
            dcm.recv(timeout=0.001)

    with new() as dcm:
        for _ in places_in(lambda: (receive, None), files=""):
            other = threading.Thread(target=receive, daemon=True)
            other.start()
            other.join(5)
            assert not other.is_alive(), "waits for a lock that the interrupted thread has not given back"


def test_a_bm_that_closes_ends_the_reading(exchange):
    bm, ended = BinanceSocketManager(), threading.Event()

    def read(dcm):
        for _ in dcm:
            pass
        ended.set()

    with new(bm=bm) as dcm:
        dcm.recv(timeout=10)
        thread = threading.Thread(target=read, args=(dcm,), daemon=True)
        thread.start()
        bm.close()
        assert ended.wait(3), "still waiting for updates that cannot come"
        thread.join(5)


@table("convert", [float, Decimal, str, lambda text: (text,)])
def test_recv_is_of_the_type_asked_for(exchange, convert):
    with new(conv_type=convert) as dcm:
        cache = dcm.recv(timeout=10)
        assert {type(each) for each in cache.get_bids(1)[0]} == {type(convert("1"))}
        assert cache.conv_type is convert


@pytest.mark.one_process
def test_the_death_of_its_supervisor_ends_the_reading_and_closing_leaves_nothing(exchange):
    with new() as dcm:
        dcm.recv(timeout=10)
        dcm._engine._runtime._supervisor.tell(ZeroDivisionError("no message for it"))
        kinds = [message["type"] for message in dcm if isinstance(message, dict)]
        assert kinds == ["EscalatedError"]
        with pytest.raises(ReadLoopClosed):
            dcm.recv(timeout=10)
    assert own_threads() == []


def test_a_coroutine_that_awaits_recv_is_shown_the_way(exchange):
    async def program():
        with new() as dcm:
            await dcm.recv()

    with pytest.raises(TypeError, match=r"await asyncio\.to_thread\(dcm\.recv\)"):
        program().send(None)
    assert own_threads() == []


def test_the_cache_that_follows_shows_nothing_before_the_first_update(dead_address):
    with new(limit=10) as dcm:
        cache = dcm.get_depth_cache()
        assert (cache.get_bids(), cache.get_asks(), cache.update_time, cache.age) == ([], [], None, 0.0)
        assert cache.state is BookState.SYNCING


def test_the_cache_that_follows_is_the_exchanges_to_change(exchange):
    with new(limit=10) as dcm:
        dcm.recv(timeout=10)
        cache = dcm.get_depth_cache()
        assert cache.update_time > 10**12
        for change in (lambda: cache.add_bid(["1", "1"]), lambda: setattr(cache, "update_time", 1)):
            with pytest.raises(UsageError, match="that may be changed"):
                change()
        own = copy.copy(cache)
        own.add_bid(["1", "1"])
        assert own.get_bids()[-1] == [1.0, 1.0]


@pytest.mark.one_process
def test_a_manager_shows_what_its_own_limit_brings_beside_a_deeper_one(monkeypatch):
    with LocalExchange.with_order_flow(["BTCUSDT"], rate=50.0, depth=1500) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with (
            BinanceSocketManager() as bm,
            new(limit=1000, bm=bm) as deep,
            new(limit=10, bm=bm) as dcm,
        ):
            assert len(deep.recv(timeout=10).get_bids()) >= 1000
            assert 55 <= len(dcm.recv(timeout=10).get_bids()) <= 100
            assert 55 <= len(dcm.get_depth_cache().get_asks()) <= 100


def test_a_timeout_of_recv_that_is_no_number_is_refused(exchange):
    with new() as dcm:
        with pytest.raises(UsageError, match="expected timeout as a number of seconds, was '5'"):
            dcm.recv(timeout="5")
        assert isinstance(dcm.recv(timeout=10), DepthCache)


def test_recv_merges_what_came_meanwhile_into_the_latest(exchange):
    with new() as dcm:
        first = dcm.recv(timeout=10).view(1).last_update_id
        live = dcm.get_depth_cache()
        until(lambda: live.view(1).last_update_id >= first + 50)
        reached = live.view(1).last_update_id
        assert dcm.recv(timeout=10).view(1).last_update_id >= reached


def test_a_time_out_says_which_book_and_is_both_kinds_of_error(dead_address):
    with new(limit=10) as dcm:
        assert dcm.recv(timeout=5)["type"] == "BinanceWebsocketClosed"
        with pytest.raises(NotLiveError, match="BTCUSDT") as caught:
            dcm.recv(timeout=0.05)
        assert isinstance(caught.value, TimeoutError)


def test_recv_never_returns_a_book_out_of_sync(exchange):
    with new(conv_type=Decimal) as dcm:
        dcm.recv(timeout=10)
        exchange.inject(Fault("drop", symbol="BTCUSDT"))
        for _ in range(20):
            cache = dcm.recv(timeout=10)
            truth = exchange.book_at("BTCUSDT", cache.view(1).last_update_id)
            assert cache.get_bids(20) == [list(level) for level in truth.bids[:20]]
            assert cache.state is BookState.LIVE


def test_many_threads_may_receive(exchange):
    with new() as dcm:
        received = []
        threads = [threading.Thread(target=lambda: received.append(dcm.recv(timeout=10))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert [type(each) for each in received] == [DepthCache] * 4


@some_places
@pytest.mark.parametrize("is_shared", [pytest.param(True, marks=pytest.mark.full), False])
def test_after_ctrl_c_anywhere_in_close_it_may_be_called_again(dead_address, is_shared, every):
    with BinanceSocketManager() as bm:

        def call_for():
            dcm = new(bm=bm if is_shared else None).__enter__()
            return dcm.close, (dcm, dcm._engine)

        for dcm, engine in places_in(call_for, every):
            dcm.close()
            assert engine.wait_stopped(0)


def test_close_in_many_threads_is_one_close(exchange):
    dcm = new().__enter__()
    dcm.recv(timeout=10)
    threads = [threading.Thread(target=dcm.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert own_threads() == []


def test_what_was_received_outlives_the_manager(exchange):
    with new() as dcm:
        cache = dcm.recv(timeout=10)
    assert len(cache.get_bids(100)) == 100


def test_a_closed_manager_is_not_kept(exchange):
    dcm = new()
    with dcm:
        dcm.recv(timeout=10)
    kept = weakref.ref(dcm)
    del dcm
    gc.collect()
    assert kept() is None


def test_a_threaded_manager_that_stops_in_a_callback_gives_its_bm_back(exchange):
    bm, manager, called = BinanceSocketManager(), ThreadedDepthCacheManager(), threading.Event()

    def callback(_cache):
        manager.stop()
        called.set()

    manager.start()
    manager.start_depth_cache(callback, "BTCUSDT", bm=bm, ws_interval=100)
    assert called.wait(10)
    manager.join(5)
    for thread in threading.enumerate():
        if thread.name in own_threads():
            thread.join(5)
    assert own_threads() == []


def test_a_stream_started_in_a_callback_is_followed(exchange):
    names, other = [], threading.Event()

    def callback(_cache):
        if not names:
            names.append(manager.start_depth_cache(lambda _cache: other.set(), "ETHUSDT", ws_interval=100))

    with ThreadedDepthCacheManager() as manager:
        manager.start_depth_cache(callback, "BTCUSDT", ws_interval=100)
        assert other.wait(5)
        assert names == ["ethusdt@depth10"]


def test_a_stuck_callback_with_a_bm_does_not_keep_stop_beyond_its_time(exchange):
    entered, leave, manager = threading.Event(), threading.Event(), ThreadedDepthCacheManager()

    def callback(_cache):
        entered.set()
        leave.wait(10)

    manager.start()
    manager.start_depth_cache(callback, "BTCUSDT", bm=BinanceSocketManager(), ws_interval=100)
    assert entered.wait(5)
    threading.Timer(3, leave.set).start()
    begin = time.monotonic()
    manager.stop(timeout=0.5)
    took = time.monotonic() - begin
    leave.set()
    assert took < 2


def test_join_returns_when_streams_of_a_bm_are_over_too(exchange):
    left, joined, manager = [], threading.Event(), ThreadedDepthCacheManager()
    manager.start()
    manager.start_depth_cache(print, "BTCUSDT", bm=BinanceSocketManager(), ws_interval=100)

    def wait():
        manager.join()
        left.extend(name for name in own_threads() if "book-BTCUSDT" in name)
        joined.set()

    threading.Thread(target=wait).start()
    manager.stop()
    assert joined.wait(5)
    assert left == []
