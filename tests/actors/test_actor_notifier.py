"""The notifier: it calls users one after the other, in a lane, where a call holds up only the calls behind it."""

import threading

import pytest

from depthactors.actors import notifier as module
from depthactors.actors.book_event import BookEvent
from depthactors.actors.cell import Listener
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.notifier import Notifier
from depthactors.book import BookState
from depthactors.errors import CallbackError, ExchangeError
from depthactors.pacing import USUAL
from tests.actors.actor_support import spec
from tests.stepped import SteppedDispatcher
from tests.support import PATIENCE, Recorder

EVENT = BookEvent("BTCUSDT", BookState.STALE, BookState.FAILED, None)


class Gate:
    """A callback that records what it is called with, and holds its caller until it is opened."""

    def __init__(self):
        self.calls, self.opened = Recorder(), threading.Event()

    def __call__(self, item):
        self.calls(item)
        self.opened.wait(PATIENCE)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def stepped():
    return SteppedDispatcher()


@pytest.fixture
def cell(stepped):
    return LocalCell(spec(), USUAL, stepped)


def test_errors_and_events_are_delivered_in_order_in_one_of_the_dispatchers_threads(dispatcher, cell):
    called, threads = Recorder(), set()

    def note(item):
        threads.add(threading.current_thread())
        called(item)

    notifier = Notifier(dispatcher, note)
    cell.add(Listener(None, note))
    cell.add(Listener(lambda _book: None, None))
    error = ExchangeError("news")
    notifier.report_error(error)
    notifier.report_event(cell, EVENT)
    notifier.report_error(error)
    assert called.wait(count=3) == [error, EVENT, error]
    assert threads <= set(dispatcher.threads)


def test_a_call_that_does_not_return_holds_up_no_actor(actors, dispatcher, gate):
    notifier, (ref, told) = Notifier(dispatcher, gate), actors.probe()
    notifier.report_error(0)
    gate.calls.wait()
    ref.tell("news")
    assert told.wait_one() == "news"
    gate.opened.set()


def test_without_on_error_and_without_listeners_there_is_nothing_to_do(stepped, cell):
    notifier = Notifier(stepped)
    notifier.report_error(ExchangeError("news"))
    notifier.report_event(cell, EVENT)
    assert not stepped.step()


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_an_exception_of_a_callback_does_not_hold_up_the_calls_behind_it(stepped, cell, kind):
    def broken(_error):
        raise kind

    notifier, events = Notifier(stepped, broken), Recorder()
    cell.add(Listener(None, events))
    notifier.report_error(ExchangeError("news"))
    notifier.report_event(cell, EVENT)
    stepped.run()
    assert events.seen == [EVENT]


def test_an_exception_of_a_listener_is_reported_and_one_of_on_error_is_not_reported_to_itself(stepped, cell):
    def broken(item):
        reported(item)
        raise ZeroDivisionError

    reported = Recorder()
    notifier = Notifier(stepped, broken)
    cell.report = notifier.report_error
    cell.add(Listener(None, broken))
    notifier.report_event(cell, EVENT)
    stepped.run()
    event, failure = reported.seen
    assert (event, type(failure)) == (EVENT, CallbackError)


def test_calls_without_room_are_counted_with_one_warning_and_errors_take_no_room_of_events(
    stepped, cell, monkeypatch, caplog
):
    monkeypatch.setattr(module, "ERROR_ROOM", 3)
    monkeypatch.setattr(module, "EVENT_ROOM", 5)
    errors, events = Recorder(), Recorder()
    notifier = Notifier(stepped, errors)
    cell.add(Listener(None, events))
    for number in range(8):
        notifier.report_error(number)
    assert notifier.undelivered == 5
    for _ in range(4):
        notifier.report_event(cell, EVENT)
    assert notifier.undelivered == 7
    assert [record.levelname for record in caplog.records if record.name == module.__name__] == ["WARNING"]
    stepped.run()
    assert (errors.seen, events.seen) == ([0, 1, 2], [EVENT, EVENT])


def test_a_listener_that_was_removed_is_not_called(stepped, cell):
    notifier = Notifier(stepped)
    leaving, staying = Listener(None, Recorder()), Listener(None, Recorder())
    cell.add(leaving)
    cell.add(staying)
    notifier.report_event(cell, EVENT)
    cell.remove(leaving)
    stepped.run()
    assert (leaving.event.seen, staying.event.seen) == ([], [EVENT])


def test_a_listener_with_a_queue_of_its_own_need_not_wait_for_the_others(stepped, cell):
    notifier, events, others = Notifier(stepped), Recorder(), Recorder()
    listener = Listener(None, events)
    listener.in_turn = False
    cell.add(Listener(None, others))
    cell.add(listener)
    notifier.report_event(cell, EVENT)
    assert (events.seen, others.seen) == ([EVENT], [])
    stepped.run()
    assert others.seen == [EVENT]


@pytest.mark.parametrize(("end", "called"), [("close", [0, 1]), ("abort", [0])])
def test_a_closed_notifier_makes_the_calls_that_wait_and_an_aborted_one_drops_them(stepped, end, called):
    seen = []

    def on_error(number):
        seen.append(number)
        if number == 0:
            # While a call is under way.
            notifier.report_error(1)
            getattr(notifier, end)()
            notifier.report_error(2)

    notifier = Notifier(stepped, on_error)
    notifier.report_error(0)
    stepped.run()
    assert (seen, notifier.undelivered) == (called, 3 - len(called))


def test_reports_of_many_threads_are_all_delivered(dispatcher):
    called = Recorder()
    notifier = Notifier(dispatcher, called)
    threads = [
        threading.Thread(target=lambda first=first: [notifier.report_error(first + number) for number in range(100)])
        for first in range(0, 500, 100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(called.wait(count=500)) == list(range(500))
