"""A listener's mailbox: each update while it keeps up, the latest when it is late, every event, nothing once closed."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.actors import queued_listener
from depthactors.actors.cell import Listener
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.queued_listener import EVENT_ROOM, UPDATE_ROOM, QueuedListener
from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.errors import CallbackError
from depthactors.pacing import USUAL
from tests.actors.actor_support import BookScene, frame, spec
from tests.stepped import SteppedDispatcher
from tests.support import Recorder, table

LATE = USUAL.late
STEPS = st.lists(
    st.one_of(st.just("update"), st.just("event"), st.just("turn"), st.floats(0.0, 2 * LATE)),
    max_size=200,
)


class Turns:
    """A lane that gives turns when the test says so."""

    def __init__(self):
        self.asking = []

    def give_turn(self, listener):
        self.asking.append(listener)

    def give_next(self):
        if self.asking:
            self.asking.pop(0).take_turn()

    def give_all(self):
        while self.asking:
            self.give_next()


class Scene:
    """A mailbox with a lane, a clock, and what was called; books and events are numbers."""

    def __init__(self, **functions):
        self.clock, self.called, self.turns = SteppedDispatcher(), [], Turns()
        functions = {"update": self.called.append, "event": self.called.append} | functions
        self.mailbox = QueuedListener(self.turns, self.clock, "BTCUSDT", capture=lambda book: book, **functions)


@pytest.fixture
def scene():
    return Scene()


def test_functions_that_keep_up_are_called_with_each_update_in_order_with_events(scene):
    scene.mailbox.update(1)
    scene.mailbox.event("a")
    scene.mailbox.update(2)
    scene.clock.now += LATE
    scene.turns.give_all()
    assert (scene.called, scene.mailbox.skipped, scene.mailbox.is_empty) == ([1, "a", 2], 0, True)


def test_a_call_that_does_not_return_is_reported_once_and_again_after_the_next_turn(scene, monkeypatch):
    said = []
    monkeypatch.setattr(
        queued_listener.logger, "notice", lambda _cause, words, *arguments: said.append(words % arguments)
    )

    def wait(seconds):
        scene.mailbox.update(scene.clock.now)
        for _ in range(int(seconds)):
            scene.clock.now += 1.0
            scene.mailbox.update(scene.clock.now)

    wait(10)
    assert not said
    wait(30)
    assert len(said) == 1
    assert said[0].startswith("BTCUSDT: the callback ")
    assert said[0].endswith("sees no data: a call before it has not returned for 10 s")
    scene.turns.give_all()
    wait(10)
    assert len(said) == 1
    wait(10)
    assert len(said) == 2


def test_the_book_is_copied_when_the_update_comes_and_not_when_the_call_does():
    book, called, turns = ["first"], [], Turns()
    mailbox = QueuedListener(turns, SYSTEM_CLOCK, "BTCUSDT", capture=tuple, update=called.append, event=None)
    mailbox.update(book)
    book[0] = "second"
    turns.give_all()
    assert called == [("first",)]


def test_late_functions_are_called_with_the_latest_update_and_each_event(scene):
    for number in range(3):
        scene.mailbox.update(number)
        scene.mailbox.event(f"after {number}")
    scene.clock.now += LATE + 0.01
    scene.mailbox.update(3)
    scene.turns.give_all()
    assert scene.called == ["after 0", "after 1", "after 2", 3]
    assert scene.mailbox.skipped == 3


def test_late_updates_in_the_queue_are_skipped_but_for_the_last_one(scene):
    for number in range(4):
        scene.mailbox.update(number)
    scene.clock.now += LATE + 0.01
    scene.turns.give_all()
    assert (scene.called, scene.mailbox.skipped) == ([3], 3)


def test_a_function_that_never_returns_costs_a_bounded_number_of_updates_and_turns(scene):
    for number in range(10 * UPDATE_ROOM):
        scene.mailbox.update(number)
    assert len(scene.turns.asking) <= UPDATE_ROOM
    scene.turns.give_all()
    assert scene.called[-1] == 10 * UPDATE_ROOM - 1
    assert len(scene.called) + scene.mailbox.skipped == 10 * UPDATE_ROOM


def test_of_too_many_events_the_oldest_are_dropped_counted_and_logged(scene, caplog):
    for number in range(EVENT_ROOM + 3):
        scene.mailbox.event(number)
    scene.turns.give_all()
    assert (scene.called, scene.mailbox.events_lost) == ([*range(3, EVENT_ROOM + 3)], 3)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_late_function_is_named_in_the_log_once_in_a_while(scene, caplog):
    for _ in range(3):
        scene.mailbox.update(1)
        scene.clock.now += LATE + 0.01
    assert len(caplog.records) == 1
    assert "BTCUSDT" in caplog.text
    assert "append" in caplog.text


@table(("functions", "name"), [({"update": sorted, "event": len}, "sorted"), ({"update": None, "event": len}, "len")])
def test_the_function_that_a_line_names_is_the_one_for_updates_if_there_is_one(caplog, functions, name):
    caplog.clear()
    scene = Scene(**functions)
    for number in range(EVENT_ROOM + 1):
        scene.mailbox.event(number)
    assert [name in record.getMessage() for record in caplog.records] == [True]


def test_a_closed_listener_is_not_called_with_what_waits_or_comes(scene):
    scene.mailbox.update(1)
    scene.mailbox.event("a")
    scene.mailbox.close()
    scene.mailbox.update(2)
    scene.turns.give_all()
    assert scene.called == []


def test_a_function_that_closes_its_listener_is_not_called_again(scene):
    called = []

    def call(item):
        called.append(item)
        mailbox.close()

    mailbox = QueuedListener(scene.turns, scene.clock, "BTCUSDT", capture=id, update=None, event=call)
    mailbox.event(1)
    mailbox.event(2)
    scene.turns.give_all()
    assert called == [1]


def test_one_event_may_be_several_messages_each_in_a_call_of_its_own(scene):
    mailbox = QueuedListener(
        scene.turns,
        scene.clock,
        "BTCUSDT",
        capture=id,
        update=None,
        event=scene.called.append,
        messages=lambda event: (event, None),
    )
    mailbox.event("error")
    assert len(scene.turns.asking) == 2
    scene.turns.give_all()
    assert scene.called == ["error", None]


def test_a_function_that_raises_is_counted_and_called_again(scene):
    mailbox = QueuedListener(
        scene.turns, scene.clock, "BTCUSDT", capture=int, update=lambda number: 1 / number, event=None
    )
    for number in (0, 1, 0):
        mailbox.update(number)
    scene.turns.give_all()
    assert mailbox.failures == 2


@given(steps=STEPS)
def test_in_any_order_of_steps_nothing_is_lost_uncounted_or_out_of_order(steps):
    scene, put = Scene(), []
    for number, step in enumerate(steps):
        if step == "turn":
            scene.turns.give_next()
        elif isinstance(step, float):
            scene.clock.now += step
        else:
            item = (number, step)
            put.append(item)
            getattr(scene.mailbox, step)(item)
    scene.turns.give_all()
    assert scene.mailbox.is_empty
    assert scene.called == sorted(scene.called), "out of order, or called twice"
    assert {item for item in put if item[1] == "event"} <= set(scene.called)
    updates = [item for item in put if item[1] == "update"]
    assert updates[-1:] == [item for item in scene.called if item[1] == "update"][-1:], "the latest is always shown"
    assert len(scene.called) + scene.mailbox.skipped == len(put)


def test_skipped_updates_and_failures_of_removed_listeners_stay_in_the_books_status(actors, scene):
    book = BookScene(actors)
    mailbox = QueuedListener(
        scene.turns, scene.clock, "BTCUSDT", capture=lambda _book: 0, update=lambda item: 1 / item, event=None
    )
    book.cell.add(mailbox)
    errors = []
    book.cell.report = errors.append
    for _ in range(UPDATE_ROOM + 1):
        mailbox.update(None)
    scene.turns.give_all()
    assert [type(error) for error in errors] == [CallbackError]
    counted = UPDATE_ROOM, 1
    for end in (lambda: None, lambda: book.cell.remove(mailbox)):
        end()
        counters = book.settled().counters
        assert (counters.coalesced, counters.callback_errors) == counted


def test_a_book_never_waits_for_the_functions_of_a_queued_listener(actors):
    book, entered, leave = BookScene(actors), threading.Event(), threading.Event()

    def stuck(_item):
        entered.set()
        leave.wait(10)

    turns = Turns()
    book.cell.add(QueuedListener(turns, SYSTEM_CLOCK, "BTCUSDT", capture=id, update=stuck, event=None))
    book.go_live()
    thread = threading.Thread(target=turns.give_all)
    thread.start()
    try:
        assert entered.wait(10)
        book.frames(frame(101, 101), frame(102, 102))
        assert book.updates.wait(count=3)[-1] == 102
        assert book.cell.view(1, float).last_update_id == 102
    finally:
        leave.set()
        thread.join(10)


@pytest.mark.parametrize("removed", ["by the one before it", "by itself"])
def test_a_listener_that_another_one_removes_during_an_update_is_not_called_with_it(actors, removed):
    book = BookScene(actors)
    calls = Recorder()
    last = Listener(lambda shown: calls(shown.last_update_id), None)

    def first(_shown):
        if removed == "by the one before it":
            book.cell.remove(last)
        else:
            book.cell.remove(itself)
            calls("itself")

    itself = Listener(first, None)
    book.cell.add(itself)
    book.cell.add(last)
    book.go_live()
    book.frames(frame(101, 101))
    book.settled()
    assert calls.seen == ([] if removed == "by the one before it" else ["itself", 100, 101])


def test_to_remove_twice_counts_once(scene):
    cell = LocalCell(spec(), USUAL, scene.clock)
    cell.add(scene.mailbox)
    for _ in range(UPDATE_ROOM + 1):
        scene.mailbox.update(1)
    for _ in range(2):
        cell.remove(scene.mailbox)
    assert (cell.listeners, cell.counted().coalesced, scene.mailbox.closed) == ((), UPDATE_ROOM, True)
