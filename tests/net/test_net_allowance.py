"""One allowance for each pool and process, by the exchange's clock, whoever asks."""

import os
import threading

import pytest

from depthactors import markets
from depthactors.net.allowance import Allowance, allowance_of, forget_allowances
from tests.support import SetClock


def allowance(clock, per_minute=1000, connections=10):
    return Allowance(per_minute, connections, clock)


def test_usdm_and_coinm_share_one_and_other_markets_have_their_own():
    assert allowance_of(markets.USDM) is allowance_of(markets.COINM)
    others = [allowance_of(row) for row in (markets.SPOT, markets.USDM, markets.OPTIONS, markets.US)]
    assert len(set(map(id, others))) == 4


def test_a_local_exchange_has_its_own_for_each_pool_and_address():
    here = "http://127.0.0.1:9000"
    assert allowance_of(markets.USDM.at(here)) is allowance_of(markets.COINM.at(here))
    assert allowance_of(markets.SPOT.at(here)) is not allowance_of(markets.SPOT)
    assert allowance_of(markets.SPOT.at(here)) is not allowance_of(markets.SPOT.at("http://127.0.0.1:9001"))


def test_minutes_turn_when_the_exchanges_do():
    clock = SetClock(30.0)
    ours = allowance(clock)
    # The exchange's clock is 20 s ahead: its minute turns at our 40.
    ours.note_answer(0, 50.0, 29.99, 30.01)
    assert ours.take_weight(960) == 0.0
    clock.now = 39.0
    assert ours.take_weight(100) > 1.0
    clock.now = 42.0
    assert ours.take_weight(100) == 0.0


def test_the_machines_clock_may_be_set_back_or_forth():
    clock = SetClock(1_000.0, ahead=-970.0)
    ours = allowance(clock)
    ours.note_answer(0, None, 1_006.0, 1_006.0)
    assert ours.take_weight(960) == 0.0
    for now in (-100.0, 29.0, 95.0, 10_000.0):
        clock.now += 1.0
        clock.ahead = now - clock.now
        assert ours.take_weight(100) > 1.0, "the exchange's minute goes on"
    clock.now = 1_031.0
    assert ours.take_weight(100) == 0.0


def test_the_level_tells_what_is_spent_and_by_whom():
    clock = SetClock(30.0)
    ours = allowance(clock)
    ours.take_weight(100)
    ours.note_answer(400, None, 30.0, 30.0)
    ours.block_requests(12.0)
    clock.now = 35.0
    level = ours.level()
    assert (level.used, level.per_minute, level.others, level.silent_for) == (400, 1000, 600, 7.0)
    assert ours.estimate(10) == pytest.approx(7.0)


def test_silence_outlasts_the_minute_and_a_shorter_one():
    clock = SetClock(30.0)
    ours = allowance(clock)
    ours.block_requests(120.0)
    clock.now = 31.0
    ours.block_requests(5.0)
    clock.now = 61.0
    assert (ours.take_weight(5), ours.level().silent_for) == (89.0, 89.0)
    clock.now = 150.0
    assert ours.take_weight(5) == ours.level().silent_for == 0.0


def test_silence_of_connections_concerns_no_requests_and_the_other_way_round():
    ours = allowance(SetClock(30.0))
    ours.block_connections(60.0, 900.0)
    assert 60.0 <= ours.take_connection() <= 66.0
    assert (ours.take_weight(5), ours.level().silent_for) == (0.0, 0.0)
    ours = allowance(SetClock(30.0))
    ours.block_requests(60.0)
    assert (ours.take_connection(), ours.take_weight(5)) == (0.0, 60.0)


@pytest.mark.parametrize("date", [0.0, 253402300799.0], ids=["1970", "9999"])
def test_a_date_that_is_absurd_makes_nobody_wait_for_longer_than_its_minute(date):
    clock = SetClock(30.0)
    ours = allowance(clock)
    ours.note_answer(0, date, 30.0, 30.0)
    ours.block_requests(10.0)
    ours.note_answer(0, 30.0, 30.0, 30.0)
    assert ours.take_weight(5) == 10.0
    ours.note_answer(0, date, 30.0, 30.0)
    clock.now = 40.0
    assert ours.take_weight(5) <= 0.5
    ours.take_weight(5000)
    assert ours.take_weight(100) <= 61


def test_attempts_to_connect_are_counted_in_five_minutes():
    clock = SetClock(0.0)
    ours = allowance(clock)
    assert [ours.take_connection() for _ in range(9)] == [0.0] * 9
    assert ours.take_connection() == 300.0
    clock.now = 300.0
    assert ours.take_connection() == 0.0


def test_many_threads_take_no_more_than_there_is():
    ours, taken = allowance(SetClock(30.0)), []

    def take():
        taken.extend(10 for _ in range(50) if not ours.take_weight(10))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 970


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_begins_anew_even_if_a_thread_held_the_lock():
    before = allowance_of(markets.SPOT)
    with before._lock:
        child = os.fork()
        if not child:
            fresh = allowance_of(markets.SPOT)
            os._exit(0 if fresh is not before and fresh.take_weight(5) <= 0.5 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_forgetting_is_for_all():
    before = allowance_of(markets.SPOT)
    forget_allowances()
    assert allowance_of(markets.SPOT) is not before
