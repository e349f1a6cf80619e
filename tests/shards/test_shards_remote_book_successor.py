"""The actor that stands for a book of a worker process dies: its successor goes on where it ended."""

import threading
from decimal import Decimal

from depthactors import DepthEngine
from depthactors.actors.cell import Listener
from depthactors.dispatcher.gate import Gate
from tests.support import Recorder, until

PATIENCE = 20.0


def test_updates_that_a_dying_actor_has_not_shown_are_shown_by_its_successor(exchange):
    updates, held, go_on = Recorder(), threading.Event(), Gate()

    def hold(_view):
        held.set()
        go_on.wait(PATIENCE)

    with DepthEngine(number=Decimal, processes=1) as engine:
        book = engine.subscribe("BTCUSDT", depth=5, on_update=updates)
        book._cell.add(Listener(hold, None, 5))
        assert held.wait(PATIENCE)
        first = book.ref
        # Its death, and behind it updates that it will not live to see.
        first.tell("no question that a book knows")
        until(lambda: book._cell._merged > 0, PATIENCE)
        go_on.set()
        until(lambda: not first.is_alive(), PATIENCE)
        reached = book.view().last_update_id
        updates.wait_for(lambda view: view.last_update_id > reached, PATIENCE)
        assert book.ref is not first
        assert engine.status().books[0].restarts == 1
