"""The notifier: it calls users one after the other, in a thread that runs only while calls wait."""

import threading

import pytest

from depthactors.actors import notifier as module
from depthactors.actors.book_event import BookEvent
from depthactors.actors.cell import Listener
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.notifier import Notifier
from depthactors.book import BookState
from depthactors.errors import CallbackError, ExchangeError
from tests.actors.actor_support import spec
from tests.support import PATIENCE, Recorder, until

EVENT = BookEvent("BTCUSDT", BookState.STALE, BookState.FAILED, None)


class Gate:
    """A callback that records what it is called with, and holds its caller until it is opened."""

    def __init__(self):
        self.calls, self.opened = Recorder(), threading.Event()

    def __call__(self, item):
        self.calls((item, threading.current_thread()))
        self.opened.wait(PATIENCE)

    @property
    def called(self):
        return [item for item, _ in self.calls.seen]


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def cell():
    return LocalCell(spec())


def finish(notifier):
    notifier.thread.join(PATIENCE)
    assert not notifier.thread.is_alive()


def test_errors_and_events_are_delivered_in_order_in_a_daemon_thread_which_then_ends(gate, cell):
    notifier = Notifier(gate)
    cell.add(Listener(None, gate))
    cell.add(Listener(lambda _book: None, None))
    assert notifier.thread is None
    gate.opened.set()
    error = ExchangeError("news")
    notifier.report_error(error)
    notifier.report_event(cell, EVENT)
    finish(notifier)
    notifier.report_error(error)
    finish(notifier)
    assert gate.called == [error, EVENT, error]
    for _, thread in gate.calls.seen:
        assert (thread is not threading.current_thread(), thread.daemon) == (True, True)
        assert thread.name.startswith("depthactors-notifier")


def test_without_on_error_and_without_listeners_there_is_nothing_to_do(cell):
    notifier = Notifier()
    notifier.report_error(ExchangeError("news"))
    notifier.report_event(cell, EVENT)
    assert notifier.thread is None


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_an_exception_of_a_callback_does_not_hold_up_the_calls_behind_it(cell, kind):
    def broken(_error):
        raise kind

    notifier, events = Notifier(broken), Recorder()
    cell.add(Listener(None, events))
    notifier.report_error(ExchangeError("news"))
    notifier.report_event(cell, EVENT)
    finish(notifier)
    assert events.seen == [EVENT]


def test_an_exception_of_a_listener_is_reported_and_one_of_on_error_is_not_reported_to_itself(cell):
    def broken(item):
        reported(item)
        raise ZeroDivisionError

    reported = Recorder()
    notifier = Notifier(broken)
    cell.report = notifier.report_error
    cell.add(Listener(None, broken))
    notifier.report_event(cell, EVENT)
    event, failure = reported.wait(count=2)
    finish(notifier)
    assert (event, type(failure)) == (EVENT, CallbackError)
    assert len(reported.seen) == 2


def test_calls_without_room_are_counted_with_one_warning_and_errors_take_no_room_of_events(
    gate, cell, monkeypatch, caplog
):
    monkeypatch.setattr(module, "ERROR_ROOM", 3)
    monkeypatch.setattr(module, "EVENT_ROOM", 5)
    notifier, events = Notifier(gate), Recorder()
    cell.add(Listener(None, events))
    notifier.report_error(0)
    gate.calls.wait()
    for number in range(1, 9):
        notifier.report_error(number)
    assert notifier.undelivered == 5
    for _ in range(4):
        notifier.report_event(cell, EVENT)
    assert notifier.undelivered == 7
    assert [record.levelname for record in caplog.records if record.name == module.__name__] == ["WARNING"]
    gate.opened.set()
    finish(notifier)
    assert (gate.called, events.seen) == ([0, 1, 2, 3], [EVENT, EVENT])


def test_a_listener_that_was_removed_is_not_called(gate, cell):
    notifier, events = Notifier(gate), Recorder()
    leaving, staying = Listener(None, events), Listener(None, Recorder())
    cell.add(leaving)
    cell.add(staying)
    notifier.report_error(0)
    notifier.report_event(cell, EVENT)
    cell.remove(leaving)
    gate.opened.set()
    finish(notifier)
    assert (events.seen, staying.event.seen) == ([], [EVENT])


def test_a_listener_with_a_mailbox_need_not_wait_for_the_others(gate, cell):
    notifier, events = Notifier(), Recorder()
    listener = Listener(None, events)
    listener.in_turn = False
    cell.add(Listener(None, gate))
    cell.add(listener)
    notifier.report_event(cell, EVENT)
    assert events.seen == [EVENT]
    gate.opened.set()
    finish(notifier)


@pytest.mark.parametrize(("end", "called"), [("close", [0, 1]), ("abort", [0])])
def test_a_closed_notifier_makes_the_calls_that_wait_and_an_aborted_one_drops_them(gate, end, called):
    notifier = Notifier(gate)
    notifier.report_error(0)
    gate.calls.wait()
    notifier.report_error(1)
    getattr(notifier, end)()
    notifier.report_error(2)
    gate.opened.set()
    finish(notifier)
    assert (gate.called, notifier.undelivered) == (called, 3 - len(called))


def test_what_found_no_thread_waits_until_there_is_one(gate, monkeypatch):
    def refuse(_thread):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    notifier = Notifier(gate)
    gate.opened.set()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        notifier.report_error(0)
        notifier.wake()
    assert (gate.called, notifier.thread) == ([], None)
    notifier.wake()
    notifier.wake()
    finish(notifier)
    assert gate.called == [0]


def test_reports_of_many_threads_are_all_delivered():
    called = Recorder()
    notifier = Notifier(called)
    threads = [
        threading.Thread(target=lambda first=first: [notifier.report_error(first + number) for number in range(100)])
        for first in range(0, 500, 100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    until(lambda: len(called.seen) == 500)
    finish(notifier)
    assert sorted(called.seen) == list(range(500))
