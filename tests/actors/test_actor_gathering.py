"""The status of an engine, gathered from its actors: an actor that does not answer has no row."""

import time

from depthactors.actors.gathering import Children
from tests.actors.actor_support import hold
from tests.support import PATIENCE


def test_each_connection_and_pool_has_a_row_and_a_stuck_or_dead_one_has_none(actors):
    answering, _ = actors.probe()
    stuck, _ = actors.probe()
    dead, _ = actors.probe()
    let_go = hold(stuck)
    dead.stop()
    begun = time.monotonic()
    status = Children((), (answering, dead), (stuck, answering)).gather(0.05)
    assert time.monotonic() - begun < PATIENCE
    let_go()
    assert (len(status.books), len(status.sockets), len(status.pools), status.workers) == (0, 1, 1, ())
