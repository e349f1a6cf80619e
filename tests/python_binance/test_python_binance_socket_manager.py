"""`BinanceSocketManager`: connections that begin with the first stream and end with the last one's."""

import logging
import threading
from types import SimpleNamespace

import pytest

from depthactors import BinanceSocketManager, Client, DepthCacheManager, ThreadedDepthCacheManager
from depthactors.errors import LifecycleError, UsageError
from depthactors.python_binance.socket_manager import check, give_back, lease, shared
from tests.support import places_in, some_places, table


@pytest.fixture
def bm():
    with BinanceSocketManager() as bm:
        yield bm


def own_threads():
    return [each.name for each in threading.enumerate() if each.name.startswith("depthactors")]


def test_nothing_is_started_before_the_first_lease(bm):
    assert own_threads() == []


def test_leases_share_one_engine_which_ends_with_the_last(bm):
    engine = lease(bm, "first")
    assert lease(bm, "second") is engine
    for _ in range(2):
        give_back(bm, "first")
        assert engine.running
    give_back(bm, "second")
    assert not engine.running
    assert own_threads() == []


def test_after_the_last_lease_a_new_one_begins_anew(bm):
    first = lease(bm, "first")
    give_back(bm, "first")
    second = lease(bm, "second")
    assert second is not first
    assert second.running


def test_a_lease_of_before_is_given_back_for_nothing(bm):
    lease(bm, "first")
    give_back(bm, "first")
    second = lease(bm, "second")
    give_back(bm, "first")
    assert second.running


def test_an_engine_that_was_stopped_is_replaced(bm):
    lease(bm, "first").stop()
    second = lease(bm, "second")
    assert second.running
    give_back(bm, "second")
    assert not second.running


def test_close_ends_it_for_good_and_twice_is_once(bm):
    engine = lease(bm, "first")
    bm.close()
    bm.close()
    assert not engine.running
    with pytest.raises(LifecycleError, match="closed"):
        lease(bm, "second")
    give_back(bm, "first")
    assert own_threads() == []


def test_as_a_context_manager_it_closes():
    with BinanceSocketManager() as bm:
        engine = lease(bm, "first")
    assert not engine.running
    with pytest.raises(LifecycleError):
        lease(bm, "second")


@some_places
def test_after_ctrl_c_anywhere_in_close_it_may_be_called_again(dead_address, every):
    def call_for():
        bm = BinanceSocketManager()
        return bm.close, (bm, lease(bm, "first"))

    for bm, engine in places_in(call_for, every):
        bm.close()
        assert engine.wait_stopped(0)


def test_leases_taken_in_many_threads_are_of_one_engine(bm):
    engines, start = {}, threading.Barrier(8)

    def take(holder):
        start.wait(5)
        engines[holder] = lease(bm, holder)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(set(engines.values())) == 1
    for holder, engine in engines.items():
        assert engine.running
        give_back(bm, holder)
    assert not engines[0].running


def test_the_arguments_are_taken_by_place_and_the_clients_settings_hold():
    with BinanceSocketManager(Client(requests_params={"timeout": 7}), 60, 1000) as bm:
        assert lease(bm, "first")._runtime.settings.read_timeout == 7


@table("tries", [5, 2, None])
def test_the_tries_are_the_engines(tries):
    with BinanceSocketManager(max_reconnects=tries) as bm:
        assert lease(bm, "first")._runtime.settings.backoff.tries == tries


def test_verbose_logs_at_debug_level():
    log = logging.getLogger("depthactors")
    before = log.level
    try:
        BinanceSocketManager(verbose=True)
        assert log.level == logging.DEBUG
    finally:
        log.setLevel(before)


def test_a_verbose_client_logs_at_debug_level_too():
    log = logging.getLogger("depthactors")
    before = log.level
    try:
        BinanceSocketManager(SimpleNamespace(tld="com", testnet=False, verbose=True))
        assert log.level == logging.DEBUG
    finally:
        log.setLevel(before)


def test_ours_is_shared_and_another_one_is_refused_with_the_import_line(bm):
    assert shared(bm) is bm
    assert shared(None) is None
    with pytest.raises(UsageError, match="from depthactors import BinanceSocketManager"):
        shared(object())


@table(
    "bm_client, client",
    [
        (None, None),
        (Client(), None),
        (Client(testnet=True), None),
        (None, Client(testnet=True)),
        (Client(testnet=True), Client(testnet=True)),
        # Equal texts, not the same one.
        (Client(https_proxy="http://p:1"), Client(https_proxy=str(b"http://p:1", "ascii"))),
        (Client(https_proxy="http://p:1"), Client()),
    ],
)
def test_a_manager_that_agrees_is_served(monkeypatch, bm_client, client):
    monkeypatch.delenv("DEPTHACTORS_EXCHANGE", raising=False)
    check(BinanceSocketManager(bm_client), client, "spot")


@table(
    "bm_client, client, words",
    [
        (Client(testnet=True), Client(), "spot.*spot-testnet"),
        (Client(), Client(tld="us"), "us.*spot"),
        (None, Client(https_proxy="http://user:hush@p:1"), "client's proxy"),
        (Client(requests_params={"timeout": 3}), Client(requests_params={"timeout": (3, 4)}), "client's read_timeout"),
    ],
)
def test_a_manager_that_points_elsewhere_is_refused(monkeypatch, bm_client, client, words):
    monkeypatch.delenv("DEPTHACTORS_EXCHANGE", raising=False)
    with pytest.raises(UsageError, match=words) as caught:
        check(BinanceSocketManager(bm_client), client, "spot")
    assert "hush" not in str(caught.value)


def test_managers_ask_whether_they_agree(exchange, monkeypatch):
    bm = BinanceSocketManager(Client(requests_params={"timeout": 3}))
    with pytest.raises(UsageError, match="read_timeout"):
        DepthCacheManager(Client(requests_params={"timeout": 4}), "BTCUSDT", bm=bm)
    manager = ThreadedDepthCacheManager(requests_params={"timeout": 4})
    with manager, pytest.raises(UsageError, match="read_timeout"):
        manager.start_depth_cache(print, "BTCUSDT", bm=bm)


def test_without_a_client_a_manager_has_the_place_of_its_bm(monkeypatch):
    monkeypatch.delenv("DEPTHACTORS_EXCHANGE", raising=False)
    bm = BinanceSocketManager(Client(testnet=True))
    assert DepthCacheManager(None, "BTCUSDT", bm=bm)._row.name == "spot-testnet"


@pytest.mark.parametrize("name", ["STREAM_URL", "FSTREAM_URL", "DSTREAM_URL"])
def test_an_address_set_as_on_theirs_is_refused(monkeypatch, name):
    monkeypatch.setattr(BinanceSocketManager, name, "wss://stream.testnet.binance.vision/", raising=False)
    with pytest.raises(UsageError, match=name):
        DepthCacheManager(None, "BTCUSDT", bm=BinanceSocketManager())
