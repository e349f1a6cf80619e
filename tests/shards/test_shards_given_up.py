"""A worker process that keeps dying is given up once, with its books; those that are followed later get another."""

import os
import signal
from decimal import Decimal

import pytest

from depthactors import BookState, DepthEngine
from depthactors.errors import EscalatedError
from tests.support import Recorder, comes_true, until

PATIENCE = 30.0
LOOK = 0.05


@pytest.fixture
def given_up(exchange, monkeypatch, set_timing):
    """An engine of one worker that was killed until it was given up; what its listeners heard."""
    set_timing(watch_interval=LOOK)
    monkeypatch.setattr("depthactors.actors.supervision.RESTARTS", 1)
    errors, events = Recorder(), Recorder()
    with DepthEngine(number=Decimal, processes=1, on_error=errors) as engine:
        book = engine.subscribe("BTCUSDT", depth=5, on_event=events)
        for _ in range(2):
            book.wait_live(PATIENCE)
            (worker,) = engine.status().workers
            os.kill(worker.pid, signal.SIGKILL)
            events.wait_for(lambda event: event.state in {BookState.STALE, BookState.FAILED})
            until(lambda pid=worker.pid: _is_another(engine, pid), PATIENCE)
        yield engine, book, errors


def _is_another(engine, pid):
    return all(row.pid not in {None, pid} for row in engine.status().workers)


def test_it_is_told_once_and_its_books_have_failed(given_up, caplog):
    engine, book, errors = given_up
    errors.wait_for(lambda error: isinstance(error, EscalatedError))
    until(lambda: book.state is BookState.FAILED, PATIENCE)
    caplog.clear()
    # Looked at again and again meanwhile.
    assert not comes_true(lambda: len(errors.seen) > 1, timeout=20 * LOOK)
    assert caplog.messages == []
    assert engine.status().workers == ()


def test_a_book_that_is_followed_later_is_live(given_up):
    engine, book, _ = given_up
    until(lambda: book.state is BookState.FAILED, PATIENCE)
    assert engine.subscribe("ETHUSDT", depth=5).wait_live(PATIENCE).state is BookState.LIVE
    assert len(engine.status().workers) == 1
