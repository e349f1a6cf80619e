from random import Random

from depthactors.exchange.fault import KINDS
from tests.sim.faults import ALL, BELOW, OF_LINES, plan


def test_a_plan_is_made_by_its_seed_in_the_order_of_its_times():
    faults = plan(Random(1), 36_000.0, ["BTCUSDT", "ETHUSDT"])
    assert faults == plan(Random(1), 36_000.0, ["BTCUSDT", "ETHUSDT"]) == sorted(faults)
    assert faults != plan(Random(2), 36_000.0, ["BTCUSDT", "ETHUSDT"])
    assert 400 < len(faults) < 1_200
    assert all(0 <= fault.at <= 36_001 for fault in faults)
    assert {fault.symbol for fault in faults} == {"BTCUSDT", "ETHUSDT", None}


def test_every_kind_is_drawn_and_the_local_exchange_knows_it():
    faults = plan(Random(1), 100_000.0, ["BTCUSDT"])
    assert {fault.kind for fault in faults} == set(ALL) == (set(KINDS) | set(OF_LINES)) - set(BELOW)
    assert all(fault.fault().kind == fault.kind for fault in faults if fault.kind in KINDS)


def test_kinds_can_be_chosen_and_what_needs_an_occasion_comes_with_one():
    kinds = {fault.kind for fault in plan(Random(1), 36_000.0, ["BTCUSDT"], kinds=["418", "refuse"])}
    assert kinds == {"418", "refuse", "cut", "drop"}
