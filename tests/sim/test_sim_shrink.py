"""Shrinking: only the faults that a failure needs are left."""

from tests.sim.shrink import shrink

FAULTS = list(range(40))


def test_the_faults_that_it_takes_are_left_and_no_other():
    runs = []

    def fails(faults):
        runs.append(faults)
        return {3, 17, 18} <= set(faults)

    assert shrink(FAULTS, fails) == [3, 17, 18]
    assert len(runs) < 60


def test_a_failure_that_needs_no_fault_is_left_without_any():
    assert shrink(FAULTS, lambda _: True) == []


def test_a_failure_that_needs_all_keeps_all():
    assert shrink(FAULTS, lambda faults: faults == FAULTS) == FAULTS


def test_the_number_of_runs_is_bounded():
    runs = []
    shrink(FAULTS, lambda faults: bool(runs.append(faults)), most=10)
    assert len(runs) == 10
