"""The teller: calls users one after the other, in a thread that is there while there is something to tell."""

import threading

import pytest

from depthactors.actors import notifier as module
from depthactors.actors.book_event import BookEvent
from depthactors.actors.cell import BookCell, Listener
from depthactors.actors.notifier import Teller
from depthactors.book import BookState
from depthactors.errors import ExchangeError
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
    def told(self):
        return [item for item, _ in self.calls.seen]


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def cell():
    return BookCell(spec())


def finish(teller):
    teller.thread.join(PATIENCE)
    assert not teller.thread.is_alive()


def test_errors_and_events_are_told_in_order_in_a_daemon_thread_of_its_own_which_then_ends(gate, cell):
    teller = Teller(gate)
    cell.add(Listener(None, gate))
    cell.add(Listener(lambda _book: None, None))
    assert teller.thread is None
    gate.opened.set()
    error = ExchangeError("news")
    teller.error(error)
    teller.event(cell, EVENT)
    finish(teller)
    teller.error(error)
    finish(teller)
    assert gate.told == [error, EVENT, error]
    for _, thread in gate.calls.seen:
        assert (thread is not threading.current_thread(), thread.daemon) == (True, True)
        assert thread.name.startswith("depthactors-teller")


def test_without_on_error_and_without_listeners_there_is_nothing_to_do(cell):
    teller = Teller()
    teller.error(ExchangeError("news"))
    teller.event(cell, EVENT)
    assert teller.thread is None


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_what_a_callback_raises_keeps_nobody_behind_it_from_being_told(cell, kind):
    def broken(_error):
        raise kind

    teller, events = Teller(broken), Recorder()
    cell.add(Listener(None, events))
    teller.error(ExchangeError("news"))
    teller.event(cell, EVENT)
    finish(teller)
    assert events.seen == [EVENT]


def test_what_finds_no_room_is_counted_and_said_once_and_errors_take_no_room_of_events(gate, cell, monkeypatch, caplog):
    monkeypatch.setattr(module, "ERROR_ROOM", 3)
    monkeypatch.setattr(module, "EVENT_ROOM", 5)
    teller, events = Teller(gate), Recorder()
    cell.add(Listener(None, events))
    teller.error(0)
    gate.calls.wait()
    for number in range(1, 9):
        teller.error(number)
    assert teller.untold == 5
    for _ in range(4):
        teller.event(cell, EVENT)
    assert teller.untold == 7
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    gate.opened.set()
    finish(teller)
    assert (gate.told, events.seen) == ([0, 1, 2, 3], [EVENT, EVENT])


def test_a_listener_that_was_removed_is_not_called(gate, cell):
    teller, events = Teller(gate), Recorder()
    leaving, staying = Listener(None, events), Listener(None, Recorder())
    cell.add(leaving)
    cell.add(staying)
    teller.error(0)
    teller.event(cell, EVENT)
    cell.remove(leaving)
    gate.opened.set()
    finish(teller)
    assert (events.seen, staying.event.seen) == ([], [EVENT])


def test_a_listener_with_a_mailbox_need_not_wait_for_the_others(gate, cell):
    teller, events = Teller(), Recorder()
    listener = Listener(None, events)
    listener.in_turn = False
    cell.add(Listener(None, gate))
    cell.add(listener)
    teller.event(cell, EVENT)
    assert events.seen == [EVENT]
    gate.opened.set()
    finish(teller)


@pytest.mark.parametrize(("end", "told"), [("close", [0, 1]), ("drop", [0])])
def test_a_closed_teller_tells_what_it_has_and_a_dropped_one_no_more(gate, end, told):
    teller = Teller(gate)
    teller.error(0)
    gate.calls.wait()
    teller.error(1)
    getattr(teller, end)()
    teller.error(2)
    gate.opened.set()
    finish(teller)
    assert (gate.told, teller.untold) == (told, 3 - len(told))


def test_what_found_no_thread_waits_until_there_is_one(gate, monkeypatch):
    def refuse(_thread):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    teller = Teller(gate)
    gate.opened.set()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        teller.error(0)
        teller.wake()
    assert (gate.told, teller.thread) == ([], None)
    teller.wake()
    teller.wake()
    finish(teller)
    assert gate.told == [0]


def test_many_who_tell_at_once_are_all_heard():
    told = Recorder()
    teller = Teller(told)
    threads = [
        threading.Thread(target=lambda first=first: [teller.error(first + number) for number in range(100)])
        for first in range(0, 500, 100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    until(lambda: len(told.seen) == 500)
    finish(teller)
    assert sorted(told.seen) == list(range(500))
