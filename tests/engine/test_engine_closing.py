"""Close first, wait last: nobody is called after the return or waits for who waits for him; Ctrl-C loses nothing."""

import threading
import time

import pytest

from depthactors import Best, BookState, DepthEngine, Full, Status, Top
from depthactors.dispatcher.mailbox import Frames, mailbox_of
from depthactors.errors import LifecycleError
from depthactors.exchange import Fault
from tests.support import Recorder, places_in, some_places, table, until

LIVE = BookState.LIVE
QUICKLY = 3.0
"""Seconds: well below the time-outs of five and ten that would be waited for."""


class Timed:
    """Records for how long each call took."""

    def __init__(self):
        self.took = Recorder()

    def __call__(self, call, *arguments):
        begin = time.monotonic()
        try:
            call(*arguments)
        except LifecycleError as error:
            self.took((time.monotonic() - begin, str(error)))
        else:
            self.took((time.monotonic() - begin, None))

    def wait(self, count=1):
        self.took.wait_for(lambda _item: len(self.took.seen) >= count)
        assert max(seconds for seconds, _ in self.took.seen) < QUICKLY
        return [words for _, words in self.took.seen]


@table("ended", ["its own", "that of a later listener", "that of an earlier one"])
def test_once_unsubscribe_returned_in_a_callback_the_listener_is_not_called(engine, ended):
    handles, calls, after = {}, Recorder(), Recorder()

    def listener(name):
        def on_update(view):
            calls((name, view.last_update_id))
            if name in ended_names:
                after((name, view.last_update_id))
            if name == ender and len(handles) == 3 and not ended_names:
                ended_names.append(victim)
                engine.unsubscribe(handles[victim])

        return on_update

    ended_names = []
    ender, victim = {"its own": "BB", "that of a later listener": "AC", "that of an earlier one": "CA"}[ended]
    for name in "ABC":
        handles[name] = engine.subscribe("BTCUSDT", depth=5, on_update=listener(name))
    calls.wait_for(lambda _call: ended_names)
    other = ({*"ABC"} - {victim}).pop()
    seen = len(calls.seen)
    calls.wait_for(lambda _call: len([name for name, _ in calls.seen[seen:] if name == other]) > 5)
    assert after.seen == []


@pytest.mark.one_process
def test_once_stop_returned_in_a_callback_it_is_not_called_for_the_rest_of_what_was_read(exchange):
    engine, calls, stopped = DepthEngine().start(), Recorder(), threading.Event()

    def on_update(view):
        calls(view.last_update_id)
        if stop_at and not stopped.is_set():
            engine.stop()
            stopped.set()

    stop_at = []
    book = engine.subscribe("BTCUSDT", depth=5, on_update=on_update).wait_live(10)
    mailbox, last_id = mailbox_of(book.ref), book.view().last_update_id
    frames = [
        b'{"stream":"s","data":{"e":"depthUpdate","E":5,"s":"BTCUSDT","U":%d,"u":%d,"b":[["1.00","%d"]],"a":[]}}'
        % (number, number, number)
        for number in range(last_id + 1, last_id + 40)
    ]
    stop_at.append(True)
    mailbox.put_frames(Frames(1, frames, time.time()))
    assert stopped.wait(10)
    seen = len(calls.seen)
    mailbox.life.join(10)
    assert len(calls.seen) == seen


def test_two_callbacks_may_unsubscribe_each_other(engine):
    both, handles, timed = threading.Barrier(2), {}, Timed()

    def callback(me, other):
        def on_update(_view):
            if len(handles) == 2 and me not in done:
                done.add(me)
                both.wait(10)
                timed(engine.unsubscribe, handles[other])

        return on_update

    done = set()
    first = engine.subscribe("BTCUSDT", depth=5, on_update=callback("first", "second"))
    second = engine.subscribe("ETHUSDT", depth=5, on_update=callback("second", "first"))
    handles |= {"first": first, "second": second}
    assert timed.wait(2) == [None, None]
    until(lambda: engine.status().books == ())


@pytest.mark.parametrize(
    "question", [Top(3), Best(), pytest.param(Full(), marks=pytest.mark.one_process), Status()], ids=repr
)
def test_two_callbacks_may_ask_each_others_books(engine, question):
    both, handles, timed, done = threading.Barrier(2), {}, Timed(), set()

    def callback(me, other):
        def on_update(_view):
            if len(handles) == 2 and me not in done:
                done.add(me)
                both.wait(10)
                timed(handles[other].ask, question, 20)
                both.wait(10)

        return on_update

    first = engine.subscribe("BTCUSDT", depth=5, on_update=callback("first", "second"))
    second = engine.subscribe("ETHUSDT", depth=5, on_update=callback("second", "first"))
    handles |= {"first": first, "second": second}
    assert timed.wait(2) == [None, None]


@pytest.mark.parametrize("end", ["unsubscribe", "stop"])
def test_who_holds_a_lock_that_a_callback_waits_for_may_end_it(exchange, end):
    engine, lock, entered = DepthEngine().start(), threading.Lock(), threading.Event()

    def on_update(_view):
        entered.set()
        with lock:
            pass

    with lock:
        book = engine.subscribe("BTCUSDT", depth=5, on_update=on_update)
        assert entered.wait(10)
        begin = time.monotonic()
        engine.unsubscribe(book) if end == "unsubscribe" else engine.stop()
        assert time.monotonic() - begin < QUICKLY
    engine.stop()


@pytest.mark.one_process
def test_a_callback_may_wait_for_its_own_book_and_is_told_at_once_if_it_waits_for_the_end(engine, exchange):
    timed, waited = Timed(), threading.Event()

    def on_event(event):
        if event.state is not LIVE and not waited.is_set():
            waited.set()
            for call in (book.wait_live, engine.wait_live, engine.wait_stopped):
                timed(call, 20)

    book = engine.subscribe("BTCUSDT", depth=5, on_event=on_event).wait_live(10)
    exchange.inject(Fault("reset", symbol="BTCUSDT"))
    live, all_live, ended = timed.wait(3)
    assert (live, all_live, "callbacks" in ended) == (None, None, True)


@some_places
@pytest.mark.one_process
def test_ctrl_c_anywhere_in_subscribe_leaves_no_book_that_nobody_can_let_go_of(dead_address, every):
    with DepthEngine() as engine:
        engine.status()
        for _ in places_in(lambda: (lambda: engine.subscribe("BTCUSDT", on_update=print, on_event=print), None), every):
            known = list(engine._handles.values())
            followed = [row.symbol for row in engine.status().books]
            assert len(followed) == len(known)
            for handle in known:
                engine.unsubscribe(handle)
            assert engine.status().books == ()


@some_places
@pytest.mark.one_process
def test_after_ctrl_c_anywhere_in_unsubscribe_it_may_be_called_again(dead_address, every):
    with DepthEngine() as engine:

        def call_for():
            handle = engine.subscribe("BTCUSDT", on_update=print)
            return (lambda: engine.unsubscribe(handle)), handle

        for handle in places_in(call_for, every):
            engine.unsubscribe(handle)
            assert (engine.status().books, engine._handles, handle._listener.closed) == ((), {}, True)


@some_places
@pytest.mark.one_process
def test_after_ctrl_c_anywhere_in_stop_it_may_be_called_again(dead_address, every):
    def call_for():
        engine = DepthEngine().start()
        engine.subscribe("BTCUSDT")
        return engine.stop, engine

    for engine in places_in(call_for, every):
        engine.stop()
        assert (engine.wait_stopped(0), engine.running) == (True, False)


@pytest.mark.one_process
def test_an_engine_that_is_asked_while_it_stops_has_not_ended_for_that(dead_address):
    ended = Recorder()

    def on_event(event):
        if event.state is BookState.STOPPED:
            with pytest.raises(LifecycleError, match="stopped"):
                engine.status()
            with pytest.raises(LifecycleError, match="outside its callbacks"):
                engine.wait_stopped(0)
            ended(event)

    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", on_event=on_event)
    ended.wait_for(lambda _event: True)
    assert engine.wait_stopped(0)


@pytest.mark.one_process
def test_who_shares_a_book_keeps_it_however_often_the_other_is_let_go(dead_address):
    with DepthEngine() as engine:
        first, second = engine.subscribe("BTCUSDT"), engine.subscribe("BTCUSDT")
        for _ in range(3):
            engine.unsubscribe(first)
            engine._runtime.close(first._cell, first._lease, 5.0)
        assert [row.symbol for row in engine.status().books] == ["BTCUSDT"]
        engine.unsubscribe(second)
        assert engine.status().books == ()


@pytest.mark.one_process
@pytest.mark.parametrize("end", ["stop", "unsubscribe"])
def test_a_book_that_a_callback_holds_up_is_not_live_any_more_after_its_end(exchange, end):
    held, go_on = threading.Event(), threading.Event()

    def hold(_view):
        held.set()
        go_on.wait(60)

    with DepthEngine() as engine:
        book = engine.subscribe("BTCUSDT", depth=10, on_update=hold)
        assert held.wait(20)
        assert (book.state, book.view().state) == (LIVE, LIVE)
        engine.stop(timeout=1.0) if end == "stop" else engine.unsubscribe(book)
        assert (book.state, book.view().state) == (BookState.STOPPED, BookState.STOPPED)
        assert book._cell.status().state is BookState.STOPPED
        go_on.set()
