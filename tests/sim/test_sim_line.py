from random import Random

import pytest

from depthactors.dispatcher.simulated import Simulation
from tests.sim.line import Line


@pytest.fixture
def scheduler():
    return Simulation(0)


@pytest.fixture
def reads():
    return []


@pytest.fixture
def line(scheduler, reads):
    return Line(scheduler, Random(1), lambda pieces: reads.append((scheduler.monotonic(), pieces)))


def flat(reads):
    return [piece for _, pieces in reads for piece in pieces]


def test_pieces_arrive_in_order_later_and_sometimes_several_in_a_read(scheduler, line, reads):
    for number in range(500):
        line.send(number)
        scheduler.run_for(0.004)
    scheduler.run_for(1.0)
    assert flat(reads) == list(range(500))
    assert all(at > 0.004 * pieces[-1] for at, pieces in reads)
    assert {len(pieces) > 1 for _, pieces in reads} == {True, False}


def test_a_reader_that_is_held_reads_everything_at_once_afterwards(scheduler, line, reads):
    line.hold(3.0)
    for number in range(10):
        line.send(number)
        scheduler.run_for(0.1)
    assert reads == []
    assert line.is_held
    scheduler.run_for(3.0)
    ((at, pieces),) = reads
    assert (at >= 3.0, pieces) == (True, list(range(10)))


def test_what_is_sent_while_it_is_delayed_arrives_late_and_in_order(scheduler, line, reads):
    line.delay(1.0, 3.0)
    line.send("late")
    scheduler.run_for(2.0)
    line.send("usual")
    scheduler.run_for(0.9)
    assert reads == []
    scheduler.run_for(1.0)
    assert flat(reads) == ["late", "usual"]
    assert reads[0][0] >= 3.0


def test_pieces_that_were_put_back_are_read_again_first(scheduler, reads):
    def read(pieces):
        reads.append((scheduler.monotonic(), pieces))
        if len(reads) == 1:
            line.hold(1.0)
            line.put_back(pieces)
            line.send("third")

    line = Line(scheduler, Random(1), read)
    line.send("first")
    scheduler.run_for(3.0)
    assert flat(reads) == ["first", "first", "third"]


def test_after_its_end_nothing_is_read(scheduler, line, reads):
    line.send(1)
    line.close()
    line.send(2)
    scheduler.run_for(1.0)
    assert reads == []
