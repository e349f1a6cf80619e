"""A system that has no thread, or no room for an actor: told in an error of ours, nothing half done, mended later."""

import threading

import pykka
import pytest

from depthactors import BookState, DepthEngine
from depthactors.actors.base import EngineActor
from depthactors.actors.questions import Status
from depthactors.actors.supervision import RESTARTS, LookAtChildren
from depthactors.dispatcher.actor import DispatchedActor
from depthactors.dispatcher.threads import THREAD_PREFIX
from depthactors.errors import EscalatedError, LifecycleError
from tests.support import Recorder, table, until

pytestmark = pytest.mark.one_process

SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
KINDS = ("book", "socket", "snapshots")
LIVE, FAILED = BookState.LIVE, BookState.FAILED
STATUS = Status()


class Threads:
    """Lets the start of threads and actors fail while there are names in `refused`; `tries` has the names that were."""

    def __init__(self):
        self.refused = ()
        self.tries = []

    def refuses(self, name):
        if name.startswith(THREAD_PREFIX) and any(each in name for each in self.refused):
            self.tries.append(name)
            return True
        return False


@pytest.fixture
def threads(monkeypatch):
    threads, start = Threads(), threading.Thread.start

    def refusing(thread):
        if threads.refuses(thread.name):
            msg = "can't start new thread"
            raise RuntimeError(msg)
        start(thread)

    def refusing_actor(kind, *arguments, **named):
        name = f"{THREAD_PREFIX}{arguments[0]}"
        if isinstance(arguments[0], str) and threads.refuses(name):
            msg = f"{name}: can't start new thread"
            raise LifecycleError(msg)
        return start_actor(kind, *arguments, **named)

    start_actor = DispatchedActor.start.__func__
    monkeypatch.setattr(threading.Thread, "start", refusing)
    monkeypatch.setattr(DispatchedActor, "start", classmethod(refusing_actor))
    return threads


def actors():
    return [ref for ref in pykka.ActorRegistry.get_all() if issubclass(ref.actor_class, EngineActor)]


def look(engine):
    """Have the supervisor look at its children, as it does every few seconds."""
    engine._runtime._supervisor.tell(LookAtChildren())
    return engine.status()


@table("refused", ["book-BNBUSDT", "socket", "snapshots", "dispatcher"])
def test_of_several_books_all_are_followed_or_none(dead_address, threads, refused):
    threads.refused = (refused,)
    engine = DepthEngine()
    with pytest.raises(LifecycleError, match=rf"{refused}.*can't start new thread"):
        engine.subscribe_many(SYMBOLS)
    threads.refused = ()
    assert engine.status().books == ()
    books = engine.subscribe_many(SYMBOLS)
    assert [row.symbol for row in engine.status().books] == SYMBOLS
    engine.unsubscribe(books[0])
    assert [row.symbol for row in engine.status().books] == SYMBOLS[1:]
    engine.stop()
    assert actors() == []


def test_books_that_were_followed_before_stay_so_and_end_with_their_own_handles(dead_address, threads):
    with DepthEngine() as engine:
        book = engine.subscribe("BTCUSDT")
        threads.refused = ("book-BNBUSDT",)
        with pytest.raises(LifecycleError, match="book-BNBUSDT"):
            engine.subscribe_many(SYMBOLS)
        assert [row.symbol for row in engine.status().books] == ["BTCUSDT"]
        engine.unsubscribe(book)
        assert engine.status().books == ()


def test_a_successor_without_a_thread_is_tried_again_at_the_next_look(exchange, threads):
    updates = Recorder()
    with DepthEngine() as engine:
        book = engine.subscribe("BTCUSDT", depth=10, on_update=updates).wait_live(10)
        other = engine.subscribe("ETHUSDT", depth=10).wait_live(10)
        threads.refused = ("book-", "socket-", "snapshots-")
        socket, pool = (each[0] for each in (engine._runtime.ask(STATUS).sockets, engine._runtime.ask(STATUS).pools))
        for ref in (book.ref, socket, pool):
            ref.tell(object())
        until(lambda: {name.split("-")[1] for name in threads.tries} == {*KINDS})
        engine.status()
        threads.refused = ()
        until(lambda: look(engine).live == 2)
        status = engine.status()
        assert (status.books[0].restarts, status.books[1].restarts) == (2, 0)
        assert (status.sockets[0].restarts >= 2, status.pools[0].restarts >= 2) == (True, True)
        assert other.state is LIVE


@pytest.mark.parametrize("end", ["unsubscribe", "stop"])
def test_a_book_that_waits_for_a_successor_may_be_let_go(dead_address, threads, end):
    events = Recorder()
    engine = DepthEngine()
    book = engine.subscribe("BTCUSDT", on_event=events)
    threads.refused = ("book-",)
    book.ref.tell(object())
    until(lambda: threads.tries)
    engine.unsubscribe(book) if end == "unsubscribe" else engine.stop()
    assert book.state is BookState.STOPPED
    with pytest.raises(LifecycleError, match="not followed any more"):
        book.wait_live(1)
    engine.stop()
    assert [event.state for event in events.seen].count(BookState.STOPPED) == (end == "stop")
    assert actors() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_successor_that_never_gets_a_thread_is_given_up_alone_and_told(exchange, threads, kind):
    events, updates = Recorder(), Recorder()
    with DepthEngine() as engine:
        book = engine.subscribe("BTCUSDT", depth=10, on_event=events, on_update=updates).wait_live(10)
        ref = {
            "book": book.ref,
            "socket": engine._runtime.ask(STATUS).sockets[0],
            "snapshots": engine._runtime.ask(STATUS).pools[0],
        }[kind]
        threads.refused = (f"{kind}-",)
        ref.tell(object())
        until(lambda: threads.tries)
        for _ in range(RESTARTS):
            look(engine)
        failed = events.wait_for(lambda event: event.state is FAILED)
        assert (type(failed.error), "can't start new thread" in str(failed.error)) == (EscalatedError, True)
        assert len(threads.tries) == RESTARTS
        threads.refused = ()
        engine.subscribe("ETHUSDT", depth=10).wait_live(10)


@pytest.mark.parametrize("helper", ["-reader-", "-rest-"])
def test_a_reader_or_a_request_without_a_thread_is_a_try_that_failed(exchange, threads, helper, set_timing):
    set_timing(lost_after=0.1)
    updates, events = Recorder(), Recorder()
    threads.refused = (helper,)
    with DepthEngine(read_timeout=0.5) as engine:
        book = engine.subscribe("BTCUSDT", depth=10, on_update=updates, on_event=events)
        assert events.wait_for(lambda event: event.error is not None).state is BookState.SYNCING
        assert threads.tries
        threads.refused = ()
        book.wait_live(20)
        status = engine.status()
        assert [row.restarts for row in (*status.books, *status.sockets, *status.pools)] == [0, 0, 0]
