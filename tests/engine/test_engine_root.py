"""The supervisor ends or is stuck, which nothing is known to cause: the books say so, and `stop` leaves nothing."""

import threading
import time
from contextlib import contextmanager

import pykka
import pytest

from depthactors import BookState, DepthEngine, ThreadedDepthCacheManager
from depthactors.actors.supervision import LookAtChildren
from depthactors.actors.supervisor import Supervisor
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.dispatcher.threads import THREAD_PREFIX
from depthactors.errors import EscalatedError, LifecycleError
from depthactors.shards.supervisor import ShardSupervisor
from tests.support import Recorder, table, until

FAILED = BookState.FAILED
PROMPT = 5.0
"""Seconds: far more than at once, and less than any time-out in the way."""


def kill(supervisor):
    """Have it die of a message that it does not know."""
    supervisor.tell(object())


def end_without_a_word(supervisor):
    """Let it end as none of its handlers can make it."""

    def fail():
        raise SystemExit

    mailbox_of(supervisor).take_turn = fail
    supervisor.tell(LookAtChildren())


def stop_it_alone(supervisor):
    """Stop it behind the engine's back, as `pykka.ActorRegistry.stop_all()` of the host program does."""
    supervisor.stop(block=False)


WAYS = [kill, end_without_a_word, stop_it_alone]


def ours():
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(THREAD_PREFIX) and "exchange" not in name]


@contextmanager
def promptly():
    started = time.monotonic()
    yield
    assert time.monotonic() - started < PROMPT


@table("end", WAYS)
@table("options", [{}, {"processes": 1}])
def test_without_its_supervisor_an_engine_is_over_and_says_so(dead_address, end, options):
    errors, events = Recorder(), Recorder()
    engine = DepthEngine(on_error=errors, **options)
    first, second = engine.subscribe_many(["BTCUSDT", "ETHUSDT"], on_event=events)
    end(engine._runtime._supervisor)
    error = errors.wait_for(lambda each: isinstance(each, EscalatedError))
    assert "the supervisor died" in str(error)
    assert engine.wait_stopped(10)
    assert not engine.running
    for handle in (first, second):
        if end is not stop_it_alone:
            events.wait_for(lambda event, handle=handle: (event.symbol, event.state) == (handle.symbol, FAILED))
        until(lambda handle=handle: handle._cell.is_over)
    for call in (engine.status, lambda: engine.subscribe("BNBUSDT"), lambda: first.ask("anything")):
        with promptly(), pytest.raises(LifecycleError, match=r"died|not followed|given up"):
            call()
    with promptly():
        engine.unsubscribe(first)
        engine.stop()
    assert ours() == []
    assert len([each for each in errors.seen if isinstance(each, EscalatedError)]) == 1


@pytest.fixture
def dying(monkeypatch):
    """Let the supervisor's next look at its children be its last; two events: it has begun, and it is to end."""
    entered, leave = threading.Event(), threading.Event()

    def die(_supervisor):
        entered.set()
        leave.wait(10)
        raise MemoryError

    monkeypatch.setattr(Supervisor, "_look", die)
    return entered, leave


@pytest.mark.one_process
def test_a_book_whose_actor_had_died_before_is_failed_too(dead_address, dying):
    entered, leave = dying
    engine = DepthEngine()
    book = engine.subscribe("BTCUSDT")
    engine._runtime._supervisor.tell(LookAtChildren())
    assert entered.wait(10)
    thread = mailbox_of(book.ref).life
    kill(book.ref)
    thread.join(10)
    leave.set()
    assert engine.wait_stopped(10)
    assert book.state is FAILED
    engine.stop()


@pytest.mark.one_process
def test_who_waits_for_an_answer_of_the_supervisor_has_one_when_it_dies(dead_address, dying):
    entered, leave = dying
    engine = DepthEngine().start()
    engine._runtime._supervisor.tell(LookAtChildren())
    assert entered.wait(10)
    refused = Recorder()

    def ask():
        try:
            engine.status()
        except LifecycleError as error:
            refused(error)

    thread = threading.Thread(target=ask)
    thread.start()
    with promptly():
        leave.set()
        assert "died" in str(refused.wait_for(bool))
        thread.join(10)
    engine.stop()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param(Supervisor, {}, id="one process", marks=pytest.mark.one_process),
        pytest.param(ShardSupervisor, {"processes": 1}, id="worker", marks=pytest.mark.full),
    ],
)
def test_a_supervisor_that_is_stuck_keeps_no_child_from_being_stopped(dead_address, monkeypatch, kind, options):
    entered, leave = threading.Event(), threading.Event()

    def block(_supervisor):
        entered.set()
        leave.wait(30)

    monkeypatch.setattr(kind, "_look", block)
    engine, events = DepthEngine(**options), Recorder()
    engine.subscribe("BTCUSDT", on_event=events)
    children = [mailbox_of(ref).life for ref in mailbox_of(engine._runtime._supervisor).children]
    assert len(children) > 1
    supervisor = engine._runtime._supervisor
    supervisor.tell(LookAtChildren())
    assert entered.wait(10)
    try:
        engine.stop(timeout=3)
        events.wait_for(lambda event: event.state is BookState.STOPPED)
        for thread in children:
            thread.join(10)
        assert all("dispatcher" in name for name in ours())
    finally:
        leave.set()
    mailbox_of(supervisor).life.join(10)


def test_a_host_program_that_stops_all_actors_of_pykka_is_told_what_it_did(dead_address):
    errors = Recorder()
    engine = DepthEngine(on_error=errors)
    book = engine.subscribe("BTCUSDT")
    pykka.ActorRegistry.stop_all(block=False)
    errors.wait_for(lambda each: isinstance(each, EscalatedError))
    assert engine.wait_stopped(10)
    assert book._cell.is_over
    with promptly(), pytest.raises(LifecycleError, match="died"):
        engine.status()
    engine.stop()
    assert ours() == []


def test_a_manager_without_a_supervisor_tells_its_callbacks_and_ends(dead_address):
    heard = Recorder()
    manager = ThreadedDepthCacheManager()
    manager.start()
    manager.start_depth_cache(heard, "BTCUSDT")
    kill(manager._engine._runtime._supervisor)
    heard.wait_for(lambda message: isinstance(message, dict) and message["type"] == "EscalatedError")
    with promptly():
        manager.join(10)
    assert heard.seen[-1] is None
    assert not manager.is_alive()
    manager.stop()
    assert ours() == []
