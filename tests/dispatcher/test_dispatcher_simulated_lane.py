"""A pinned lane of a simulation: one call at a time, in order, and an end that can be waited for."""

import pytest

from depthactors.dispatcher.current import sleep
from depthactors.dispatcher.simulated import SimulatedDispatcher


class Listener:
    def __init__(self, call):
        self.take_turn = call


@pytest.fixture
def lane():
    dispatcher = SimulatedDispatcher(1)
    with dispatcher.simulation:
        lane = dispatcher.pinned_lane("callbacks")
        lane.start()
        yield lane


def test_listeners_are_called_one_at_a_time_in_the_order_of_their_turns(lane):
    calls = []

    def take(number):
        calls.append(number)
        sleep(1.0)
        calls.append(number)

    for number in range(3):
        lane.give_turn(Listener(lambda number=number: take(number)))
    lane.dispatcher.simulation.run_for(10.0)
    assert calls == [0, 0, 1, 1, 2, 2]


def test_it_ends_after_the_call_that_is_under_way_and_begins_no_other(lane):
    calls, simulation = [], lane.dispatcher.simulation
    lane.give_turn(Listener(lambda: (calls.append(lane.is_current), sleep(5.0))))
    lane.give_turn(Listener(lambda: calls.append("another")))
    simulation.run_for(1.0)
    lane.close()
    simulation.run_for(1.0)
    assert (lane.thread.is_alive(), lane.is_current) == (True, False)
    lane.thread.join(10.0)
    assert (simulation.monotonic() < 6.0, calls) == (True, [True])


def test_one_that_was_never_used_ends_when_it_is_closed(lane):
    lane.close()
    lane.dispatcher.simulation.run_for(1.0)
    assert not lane.thread.is_alive()
