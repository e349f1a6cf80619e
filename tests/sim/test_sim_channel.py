"""A simulated channel: in order, bounded in bytes, with an end behind what was sent."""

from random import Random

import pytest

from depthactors.dispatcher.lane import Lane
from depthactors.dispatcher.simulated import SimulatedDispatcher
from depthactors.errors import LineError
from depthactors.shards.channel import pickled
from tests.sim.channel import Pipe


class Turn:
    def __init__(self, call):
        self.take_turn = call


class Scene:
    """A pipe from a process `here`, in which lanes send, to a process `there`."""

    def __init__(self, capacity):
        self.here = SimulatedDispatcher(1)
        self.simulation = self.here.simulation
        self.there = SimulatedDispatcher(simulation=self.simulation)
        self.pipe = Pipe(self.there, "pipe", Random(1), capacity)
        self.received, self.ends, self.sent = [], [], []

    def open(self):
        self.pipe.open(self.received.append, self.ends.append)

    def send(self, *messages, patience=None):
        """Send in a thread of its own."""

        def turn():
            for each in messages:
                self.sent.append((each, self.pipe.send(pickled(each), patience), self.simulation.monotonic()))

        Lane(self.here, "sender").give_turn(Turn(turn))


@pytest.fixture
def scene():
    scene = Scene(200)
    with scene.simulation:
        yield scene


def test_messages_arrive_in_order_also_beyond_the_capacity(scene):
    scene.open()
    scene.send(*range(1_000))
    scene.simulation.run_for(100.0)
    assert scene.received == list(range(1_000))
    assert (scene.pipe.sent, scene.pipe.received) == (1_000, 1_000)


def test_a_sender_waits_for_room_and_goes_on_when_the_other_process_reads(scene):
    scene.open()
    scene.there.hold(50.0)
    scene.send(*range(100))
    scene.simulation.run_for(40.0)
    assert scene.received == []
    assert 0 < len(scene.sent) < 100
    scene.simulation.run_for(40.0)
    assert scene.received == list(range(100))


def test_a_message_larger_than_the_pipe_is_sent_alone(scene):
    scene.open()
    scene.send("first", "x" * 1_000, "last")
    scene.simulation.run_for(10.0)
    assert [each[:5] for each in scene.received] == ["first", "xxxxx", "last"]


def test_patience_is_over_when_nothing_was_read_for_so_long(scene):
    scene.open()
    scene.there.hold(1_000.0)
    scene.send("x" * 150, "y" * 150, patience=5)
    scene.simulation.run_for(20.0)
    (first, second) = scene.sent
    assert (first[1], second[1]) == (True, False)
    assert second[2] == pytest.approx(5.0, abs=0.1)


def test_the_end_comes_behind_what_was_sent_and_nothing_after_it(scene):
    scene.open()
    scene.send(1, 2)
    scene.simulation.run_for(0.001)
    scene.pipe.end()
    scene.pipe.end()
    scene.send(3)
    scene.simulation.run_for(10.0)
    assert scene.received == [1, 2]
    assert [type(each) for each in scene.ends] == [LineError]
    assert [was_sent for _, was_sent, _ in scene.sent] == [True, True, False]


def test_a_stalled_pipe_brings_nothing_and_loses_nothing(scene):
    scene.open()
    scene.pipe.stall(10.0)
    scene.send(1, 2, 3)
    scene.simulation.run_for(9.9)
    assert scene.received == []
    scene.simulation.run_for(1.0)
    assert scene.received == [1, 2, 3]


def test_what_a_message_causes_ends_the_receiving(scene):
    def fail(message):
        raise ValueError(message)

    scene.pipe.open(fail, scene.ends.append)
    scene.send(1, 2)
    scene.simulation.run_for(1.0)
    assert [str(each) for each in scene.ends] == ["1"]
