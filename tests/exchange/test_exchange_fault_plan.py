import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from depthactors.exchange.fault import KINDS, Fault, Place
from depthactors.exchange.fault_plan import FaultPlan

SYMBOLS = ("BTCUSDT", "ETHUSDT")
EVENT_KINDS = [kind for kind, (place, _) in KINDS.items() if place is Place.EVENT]
FAULTS = st.builds(
    lambda kind, symbol, at, every, count, chance, seed: Fault(
        kind, symbol, at=at, every=every, count=count, chance=None if every else chance, seed=seed
    ),
    st.sampled_from(EVENT_KINDS),
    st.none() | st.sampled_from(SYMBOLS),
    st.none() | st.integers(1, 10),
    st.none() | st.integers(1, 10),
    st.none() | st.integers(1, 5),
    st.none() | st.floats(0.1, 1.0),
    st.integers(0, 3),
)
OCCASIONS = st.lists(st.sampled_from(SYMBOLS), max_size=60)


def struck(plan, occasions, *, place=Place.EVENT, symbol="BTCUSDT"):
    """Return the occasions of a symbol, from 1, at which something strikes."""
    return [number for number in range(1, occasions + 1) if plan.strike(place, symbol)]


def test_nothing_strikes_without_a_fault():
    plan = FaultPlan()
    assert struck(plan, 100) == []
    assert plan.strikes() == {}


def test_a_fault_strikes_once_at_its_occasion():
    plan = FaultPlan([Fault("drop", at=3)])
    assert struck(plan, 100) == [3]
    assert plan.strikes() == {"drop": 1}


def test_a_fault_without_figures_strikes_at_the_first_occasion():
    assert struck(FaultPlan([Fault("drop")]), 10) == [1]


def test_count_without_every_strikes_at_so_many_occasions_in_a_row():
    assert struck(FaultPlan([Fault("drop", at=4, count=3)]), 20) == [4, 5, 6]


def test_every_goes_on_for_ever_or_for_count():
    assert struck(FaultPlan([Fault("drop", every=4)]), 17) == [4, 8, 12, 16]
    assert struck(FaultPlan([Fault("drop", at=2, every=4, count=3)]), 100) == [2, 6, 10]


def test_what_strikes_is_reported():
    fault = Fault("delay", seconds=3.0)
    assert FaultPlan([fault]).strike(Place.EVENT, "BTCUSDT") == [fault]


def test_only_the_occasions_of_its_symbol_count():
    plan = FaultPlan([Fault("drop", "ETHUSDT", at=2)])
    assert struck(plan, 10, symbol="BTCUSDT") == []
    assert struck(plan, 10, symbol="ETHUSDT") == [2]


def test_without_a_symbol_the_occasions_of_all_count():
    plan = FaultPlan([Fault("drop", at=3)])
    assert [bool(plan.strike(Place.EVENT, symbol)) for symbol in ("A", "B", "C", "D")] == [False, False, True, False]


def test_an_occasion_elsewhere_is_none():
    plan = FaultPlan([Fault(kind, at=2) for kind in KINDS])
    for place in Place:
        assert plan.strike(place) == []
        assert {fault.kind for fault in plan.strike(place)} == {kind for kind, (at, _) in KINDS.items() if at is place}


def test_several_faults_strike_together_in_the_order_they_were_given():
    faults = [Fault("cut"), Fault("drop"), Fault("duplicate", at=2)]
    assert FaultPlan(faults).strike(Place.EVENT) == faults[:2]


def test_a_fault_that_is_added_counts_its_occasions_from_then_on():
    plan = FaultPlan([Fault("drop", every=2)])
    assert struck(plan, 5) == [2, 4]
    plan.add(Fault("cut", at=3))
    assert [[fault.kind for fault in plan.strike(Place.EVENT)] for _ in range(4)] == [["drop"], [], ["drop", "cut"], []]


def test_the_same_fault_may_be_added_again():
    plan = FaultPlan([Fault("drop")])
    assert struck(plan, 3) == [1]
    plan.add(Fault("drop"))
    assert struck(plan, 3) == [1]
    assert plan.strikes() == {"drop": 2}


def test_a_chance_is_about_met():
    assert 400 < len(struck(FaultPlan([Fault("drop", chance=0.25)]), 2_000)) < 600


def test_the_strikes_that_are_reported_are_a_copy():
    plan = FaultPlan([Fault("drop")])
    plan.strikes()["drop"] = 7
    assert plan.strikes() == {}


@given(st.integers(0, 100))
def test_the_same_seed_makes_the_same_strikes_and_another_one_others(seed):
    first, again, other = (
        struck(FaultPlan([Fault("drop", chance=0.5, seed=each)]), 200) for each in (seed, seed, seed + 1)
    )
    assert first == again
    assert first != other


@given(st.lists(FAULTS, max_size=6), OCCASIONS)
def test_each_fault_keeps_its_own_count_whatever_others_there_are(faults, occasions):
    together, alone = FaultPlan(faults), [FaultPlan([fault]) for fault in faults]
    told = Counter()
    for symbol in occasions:
        found = together.strike(Place.EVENT, symbol)
        assert found == [each for plan in alone for each in plan.strike(Place.EVENT, symbol)]
        told.update(fault.kind for fault in found)
    assert together.strikes() == told


@given(FAULTS, OCCASIONS)
def test_no_fault_strikes_out_of_its_bounds(fault, occasions):
    plan, own, strikes = FaultPlan([fault]), 0, 0
    for symbol in occasions:
        own += fault.symbol in {None, symbol}
        found = plan.strike(Place.EVENT, symbol)
        strikes += len(found)
        if found:
            assert fault.symbol in {None, symbol}
            assert own >= (fault.at or fault.every or 1)
            assert fault.every is None or (own - (fault.at or fault.every)) % fault.every == 0
    assert fault.most is None or strikes <= fault.most


def test_occasions_of_many_threads_are_all_counted():
    plan = FaultPlan([Fault("drop", every=2), Fault("cut", at=1_500, count=400)])
    barrier = threading.Barrier(4)
    found = Counter()

    def strike():
        barrier.wait(5)
        mine = Counter(fault.kind for _ in range(1_000) for fault in plan.strike(Place.EVENT, "BTCUSDT"))
        found.update(mine)

    threads = [threading.Thread(target=strike) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert plan.strikes() == {"drop": 2_000, "cut": 400}
    assert found == plan.strikes()
