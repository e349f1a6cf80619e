"""A worker process that keeps dying is given up once, with its books; books that are followed later get another one."""

import os
import signal
from decimal import Decimal

import pytest

from depthactors import BookState, DepthEngine
from depthactors.actors.supervision import LookAtChildren
from depthactors.errors import EscalatedError
from tests.support import PATIENCE, Recorder, until


@pytest.mark.full
def test_a_worker_that_keeps_dying_is_given_up_once_and_a_new_subscription_begins_anew(exchange, monkeypatch, caplog):
    monkeypatch.setattr("depthactors.actors.supervision.RESTARTS", 1)
    errors, events = Recorder(), Recorder()
    with DepthEngine(number=Decimal, processes=1, on_error=errors) as engine:
        book = engine.subscribe("BTCUSDT", depth=5, on_event=events)
        for _ in range(2):
            book.wait_live(PATIENCE)
            (worker,) = engine.status().workers
            os.kill(worker.pid, signal.SIGKILL)
            until(lambda pid=worker.pid: _is_another(engine, pid))
        assert isinstance(events.wait_for(lambda event: event.state is BookState.FAILED).error, EscalatedError)
        assert isinstance(errors.wait_one(), EscalatedError)
        with pytest.raises(EscalatedError, match="keeps dying"):
            book.wait_live(1)
        caplog.clear()
        for _ in range(3):
            # It is no news at the next looks.
            engine._runtime._supervisor.ask(LookAtChildren(), timeout=PATIENCE)
        assert (len(errors.seen), caplog.messages, engine.status().workers) == (1, [], ())
        again = engine.subscribe("BTCUSDT", depth=5).wait_live(PATIENCE)
        assert (again.state, book.state) == (BookState.LIVE, BookState.FAILED)
        assert len(engine.status().workers) == 1


def _is_another(engine, pid):
    return all(row.pid not in {None, pid} for row in engine.status().workers)
