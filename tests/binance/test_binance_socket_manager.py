"""`BinanceSocketManager`: connections that begin with the first stream and end with the last one's."""

import logging
import threading

import pytest

from depthactors import BinanceSocketManager, Client
from depthactors.binance.socket_manager import shared
from depthactors.errors import LifecycleError


@pytest.fixture
def bm():
    with BinanceSocketManager() as bm:
        yield bm


def own_threads():
    return [each.name for each in threading.enumerate() if each.name.startswith("depthactors")]


def test_nothing_is_started_before_the_first_lease(bm):
    assert own_threads() == []


def test_leases_share_one_engine_which_ends_with_the_last(bm):
    first, second = bm.lease(), bm.lease()
    assert first is second
    bm.give_back(first)
    assert first.running
    bm.give_back(second)
    assert not first.running
    assert own_threads() == []


def test_after_the_last_lease_a_new_one_begins_anew(bm):
    first = bm.lease()
    bm.give_back(first)
    second = bm.lease()
    assert second is not first
    assert second.running


def test_an_engine_of_before_takes_no_lease_back(bm):
    first = bm.lease()
    bm.give_back(first)
    second = bm.lease()
    bm.give_back(first)
    assert second.running


def test_an_engine_that_was_stopped_is_replaced(bm):
    first = bm.lease()
    first.stop()
    second = bm.lease()
    assert second.running
    bm.give_back(second)
    assert not second.running


def test_close_ends_it_for_good_and_twice_is_once(bm):
    engine = bm.lease()
    bm.close()
    bm.close()
    assert not engine.running
    with pytest.raises(LifecycleError, match="closed"):
        bm.lease()
    bm.give_back(engine)
    assert own_threads() == []


def test_as_a_context_manager_it_closes():
    with BinanceSocketManager() as bm:
        engine = bm.lease()
    assert not engine.running
    with pytest.raises(LifecycleError):
        bm.lease()


def test_leases_taken_in_many_threads_are_of_one_engine(bm):
    engines, start = [], threading.Barrier(8)

    def lease():
        start.wait(5)
        engines.append(bm.lease())

    threads = [threading.Thread(target=lease) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(set(engines)) == 1
    for engine in engines:
        assert engine.running
        bm.give_back(engine)
    assert not engines[0].running


def test_the_arguments_are_taken_by_place_and_the_clients_settings_hold():
    with BinanceSocketManager(Client(requests_params={"timeout": 7}), 60, 1000) as bm:
        assert bm.lease()._runtime.settings.read_timeout == 7


@pytest.mark.parametrize("tries", [5, 2, None])
def test_the_tries_are_the_engines(tries):
    with BinanceSocketManager(max_reconnects=tries) as bm:
        assert bm.lease()._runtime.settings.backoff.tries == tries


def test_verbose_logs_at_debug_level():
    log = logging.getLogger("depthactors")
    before = log.level
    try:
        BinanceSocketManager(verbose=True)
        assert log.level == logging.DEBUG
    finally:
        log.setLevel(before)


def test_ours_is_shared_and_another_one_is_left_with_a_warning(bm, caplog):
    assert shared(bm) is bm
    assert shared(None) is None
    assert caplog.records == []
    with caplog.at_level(logging.WARNING, "depthactors"):
        assert shared(object()) is None
    assert "BinanceSocketManager" in caplog.text
