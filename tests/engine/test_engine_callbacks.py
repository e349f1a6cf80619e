"""Callbacks that belong to no book's thread: stuck ones hold up nobody, and they may call the engine as others may."""

import logging
import threading
import time

import pytest

from depthactors import BookState, DepthEngine
from depthactors.actors.supervision import RESTARTS
from depthactors.dispatcher.threads import THREAD_PREFIX
from depthactors.errors import EscalatedError, MalformedFrameError
from tests.support import Recorder, until

FAILED = BookState.FAILED


class Stuck:
    """A callback that does not return before it is told to."""

    def __init__(self, matches=lambda _argument: True):
        self.entered, self.leave = threading.Event(), threading.Event()
        self._matches = matches

    def __call__(self, argument):
        if self._matches(argument):
            self.entered.set()
            self.leave.wait(30)


@pytest.fixture
def stuck():
    stuck = Stuck()
    yield stuck
    stuck.leave.set()


@pytest.fixture
def stuck_at_the_end():
    stuck = Stuck(lambda event: event.state is FAILED)
    yield stuck
    stuck.leave.set()


def ours():
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(THREAD_PREFIX) and "exchange" not in name]


def tell_an_error(engine, words="garbage"):
    engine._runtime.notifier.report_error(MalformedFrameError(words))


def kill(ref):
    ref.tell(object())  # which no actor of ours takes


def kill_book(book, updates):
    """Kill the book's actor and wait for its successor."""
    before = book._cell.restarts
    kill(book.ref)
    until(lambda: book._cell.restarts > before and book.ref.is_alive())


def kill_for_good(book, updates):
    """Kill the book's actor until there is no successor any more."""
    for _ in range(RESTARTS):
        kill_book(book, updates)
    kill(book.ref)


def test_a_stuck_on_error_keeps_nobody_from_being_replaced_or_stopped(dead_address, stuck, caplog):
    engine, updates = DepthEngine(on_error=stuck), Recorder()
    book = engine.subscribe("BTCUSDT")
    tell_an_error(engine)
    assert stuck.entered.wait(10)
    kill_book(book, updates)
    assert engine.status().books[0].restarts == 1
    engine.stop(timeout=1)
    (left,) = ours()
    assert [record.getMessage() for record in caplog.records if left in record.getMessage()] == [
        f"stopped while a call had not returned: {left}, in notifier"
    ]


def test_a_stuck_listener_of_a_book_without_an_actor_keeps_nobody_either(dead_address, stuck_at_the_end):
    engine, updates = DepthEngine(), Recorder()
    book = engine.subscribe("BTCUSDT", on_event=stuck_at_the_end)
    other = engine.subscribe("ETHUSDT")
    kill_for_good(book, updates)
    assert stuck_at_the_end.entered.wait(10)
    kill_book(other, updates)
    engine.stop(timeout=1)
    assert len(ours()) == 1


def test_nobody_is_told_more_once_the_time_to_stop_is_over(dead_address):
    told, stuck = Recorder(), Stuck()

    def on_error(error):
        told(error)
        stuck(error)

    engine = DepthEngine(on_error=on_error).start()
    for _ in range(3):
        tell_an_error(engine)
    assert stuck.entered.wait(10)
    engine.status()
    engine.stop(timeout=0.1)
    (left,) = [thread for thread in threading.enumerate() if thread.name in ours()]
    stuck.leave.set()
    left.join(10)
    assert len(told.seen) == 1


def test_what_was_told_before_the_stop_is_heard_before_its_return(dead_address):
    told = Recorder()
    engine = DepthEngine(on_error=told).start()
    for number in range(50):
        tell_an_error(engine, f"garbage {number}")
    engine.status()
    engine.stop()
    assert [str(error) for error in told.seen] == [f"garbage {number}" for number in range(50)]
    assert ours() == []


def test_on_error_may_call_the_engine(dead_address):
    done = Recorder()

    def on_error(_error):
        first = engine.status().books[0].symbol
        engine.unsubscribe(book)
        other = engine.subscribe("ETHUSDT")
        done((first, book.state, other.symbol, [row.symbol for row in engine.status().books]))

    engine = DepthEngine(on_error=on_error)
    book = engine.subscribe("BTCUSDT")
    tell_an_error(engine)
    assert done.wait_for(bool) == ("BTCUSDT", BookState.STOPPED, "ETHUSDT", ["ETHUSDT"])
    engine.stop()
    assert ours() == []


@pytest.mark.parametrize("end", ["unsubscribe", "stop"])
def test_a_listener_of_a_book_without_an_actor_may_end_it_all(dead_address, end):
    done, updates = Recorder(), Recorder()

    def on_event(event):
        if event.state is FAILED:
            engine.unsubscribe(book) if end == "unsubscribe" else engine.stop()
            done(event)

    engine = DepthEngine()
    book = engine.subscribe("BTCUSDT", on_event=on_event)
    kill_for_good(book, updates)
    assert type(done.wait_for(bool).error) is EscalatedError
    if end == "unsubscribe":
        assert engine.status().books == ()
        engine.stop()
    assert engine.wait_stopped(10)


def test_unsubscribe_waits_for_no_call_that_is_under_way_and_none_begins_after_it(dead_address):
    stuck, calls, updates = Stuck(lambda event: event.state is FAILED), Recorder(), Recorder()

    def on_event(event):
        calls(event.state)
        stuck(event)

    engine = DepthEngine()
    book = engine.subscribe("BTCUSDT", on_event=on_event)
    kill_for_good(book, updates)
    assert stuck.entered.wait(10)
    begin = time.monotonic()
    engine.unsubscribe(book, timeout=20)
    assert time.monotonic() - begin < 5
    seen = len(calls.seen)
    stuck.leave.set()
    engine.stop()
    assert (calls.seen[-1], len(calls.seen)) == (FAILED, seen)


class AtADeath(logging.Handler):
    """A program's own logging handler that does something when an actor died."""

    def __init__(self, action):
        super().__init__(logging.ERROR)
        self._action = action

    def emit(self, record):
        if "died" in record.getMessage() and record.name.endswith("supervision"):
            self._action()


def test_a_log_handler_may_call_the_engine(dead_address):
    answers = Recorder()
    handler = AtADeath(lambda: answers((engine.subscribe("ETHUSDT"), engine.unsubscribe(book), engine.status())))
    logger = logging.getLogger("depthactors")
    logger.addHandler(handler)
    try:
        with DepthEngine() as engine:
            book = engine.subscribe("BTCUSDT")
            kill(book.ref)
            other, _, status = answers.wait_for(bool)
            assert [row.symbol for row in status.books] == ["ETHUSDT"]
            assert (book.state, other.state) == (BookState.STOPPED, BookState.SYNCING)
    finally:
        logger.removeHandler(handler)


def test_a_log_handler_may_stop_the_engine(dead_address):
    engine = DepthEngine()
    handler = AtADeath(engine.stop)
    logger = logging.getLogger("depthactors")
    logger.addHandler(handler)
    try:
        book = engine.subscribe("BTCUSDT")
        kill(book.ref)
        assert engine.wait_stopped(10)
        assert book.state is BookState.STOPPED
    finally:
        logger.removeHandler(handler)
