"""The status of an engine, gathered from its actors: an actor that does not answer has no row."""

import pykka

from depthactors.actors.gathering import Children, answers
from depthactors.dispatcher.clock import SYSTEM_CLOCK
from tests.support import PATIENCE


def test_each_connection_and_pool_has_a_row_and_a_dead_actor_has_none(actors):
    alive, _ = actors.probe()
    dead, _ = actors.probe()
    dead.stop()
    status = Children((), (alive, dead), (alive, alive), SYSTEM_CLOCK).gather(PATIENCE)
    assert (len(status.books), len(status.sockets), len(status.pools), status.workers) == (0, 1, 2, ())


def test_an_answer_that_is_there_counts_after_the_deadline_and_a_missing_one_is_not_waited_for():
    there, missing = pykka.ThreadingFuture(), pykka.ThreadingFuture()
    there.set("row")
    assert list(answers([missing, there], SYSTEM_CLOCK, SYSTEM_CLOCK.monotonic())) == ["row"]
