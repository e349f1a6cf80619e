"""Simulated worker processes: each of their faults strikes, and the books are live and right again."""

import pykka
import pytest

from depthactors.actors.base import EngineActor
from depthactors.engine.lifecycle import running
from tests.sim.bugs import BUGS
from tests.sim.digests import digests
from tests.sim.faults import OF_WORKERS, PlannedFault
from tests.sim.world import World

REPLACED = {"worker-killed", "worker-upgraded", "worker-supervisor-dies"}


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level("CRITICAL", logger="depthactors")


def test_the_faults_of_workers_strike_and_are_survived():
    faults = [PlannedFault(8.0 * number, kind, None, 3.0) for number, kind in enumerate(OF_WORKERS, 1)]
    result = World(3, 8.0 * len(faults) + 8.0, faults, quiet=15.0, processes=2).run()
    assert result.failure is None, "\n".join((result.failure, *result.trace))
    assert (result.processes, result.faults) == (2, dict.fromkeys(OF_WORKERS, 1))
    assert result.worker_restarts == len(REPLACED)
    assert result.compared > 3_000


@pytest.mark.full
@pytest.mark.parametrize("kind", OF_WORKERS)
def test_each_fault_of_a_worker_alone_is_survived(kind):
    result = World(3, 20.0, [PlannedFault(5.0, kind, None, 3.0)], quiet=15.0, processes=2).run()
    assert result.failure is None, "\n".join((result.failure, *result.trace))
    assert (result.processes, result.faults[kind]) == (2, 1)
    assert result.worker_restarts == (kind in REPLACED)
    assert result.compared > 1_000


def test_a_worker_that_stands_still_for_too_long_is_replaced():
    result = World(3, 20.0, [PlannedFault(5.0, "worker-stands-still", None, 9.0)], quiet=15.0, processes=2).run()
    assert (result.failure, result.worker_restarts) == (None, 1)


def test_many_faults_at_once_are_survived_and_nothing_is_left():
    world = World(3, 40.0, every=3.0, quiet=30.0, processes=2)
    result = world.run()
    assert result.failure is None, "\n".join((result.failure, *result.trace))
    assert result.worker_restarts > 0
    assert world.processes.living == []
    assert [ref for ref in pykka.ActorRegistry.get_all() if issubclass(ref.actor_class, EngineActor)] == []
    assert not running


@pytest.mark.full
def test_a_run_with_workers_is_its_seed_whatever_the_hashes_are():
    assert len(digests("60, 60.0, every=5.0, quiet=30.0, processes=2")) == 1


def test_a_worker_that_ends_in_order_because_nobody_reads_it_is_found_if_its_books_are_over_with_it():
    stand_still = [PlannedFault(5.0, "stand-still", None, 12.0)]
    assert World(1, 20.0, stand_still, quiet=15.0, processes=2).run().failure is None
    with BUGS["worker ends in order"]():
        assert "STOPPED after 15 quiet seconds" in str(
            World(1, 20.0, stand_still, quiet=15.0, processes=2).run().failure
        )


def test_a_book_that_is_given_up_though_it_was_live_in_a_former_worker_is_found():
    # While the symbol does not trade: a diff would prove that it is listed.
    closed = PlannedFault(4.0, "closed", "ETHUSDT", 10.0)
    faults = [closed, PlannedFault(5.0, "unlisted", "ETHUSDT"), PlannedFault(5.0, "worker-killed")]
    assert World(3, 10.0, faults, quiet=15.0, processes=2).run().failure is None
    with BUGS["successor of nothing"]():
        failure = World(3, 10.0, faults, quiet=15.0, processes=2).run().failure
    assert "ETHUSDT: was live, and is given up after 1 answers" in str(failure)


def test_a_book_that_its_worker_keeps_though_nobody_wants_it_is_found():
    def failure():
        world = World(2, 5.0, [], quiet=3.0, processes=2)
        program = world.program
        world.simulation.after(3.0, lambda: [program.unsubscribe(each) for each in tuple(program.readers)])
        return world.run().failure

    assert failure() is None
    with BUGS["kept by its worker"]():
        assert failure() is not None
