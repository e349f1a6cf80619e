"""A run fails if its processes disagree at its end."""

import pytest

from tests.sim.world import World


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level("CRITICAL", logger="depthactors")


def failure(change):
    """Return the failure of a run without faults after `change(world)` near its end."""
    world = World(3, 3.0, [], quiet=3.0, processes=2)
    world.simulation.after(5.9, lambda: change(world))
    return world.run().failure


def engine(world):
    return world.processes.living[0].engine


def test_a_run_in_which_all_agree_is_well():
    assert failure(lambda _: None) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda world: engine(world)._orders._books.update({99: None}), "books are followed for"),
        (lambda world: engine(world)._orders._books.popitem(), "1 books are followed for 0"),
        (lambda world: engine(world)._orders.close(), "1 orders wait"),
        (lambda world: engine(world)._leases._asked._value.update({-1: None, -2: None}), "waits for"),
        (lambda world: world.engine._runtime._folder.new_book(5), "4 slots for 3 books"),
    ],
)
def test_what_one_process_knows_alone_is_found(change, words):
    assert words in str(failure(change))
