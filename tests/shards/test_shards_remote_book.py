"""The actor that stands for a book, beside a worker that only records."""

import pykka
import pytest

from depthactors import Best, BookState
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_messages import GiveUp, Greet
from depthactors.actors.cell import Listener
from depthactors.errors import ActorDiedError, EscalatedError, SharingError, UsageError, WorkerDiedError
from depthactors.markets import SPOT
from depthactors.shards.messages import BookChanged, BookQuestion, BookRefused, BooksUpdated, ReportUpdates
from depthactors.shards.orders import Ask, Send, WorkerLost
from depthactors.sharing.record import pack, reason, shown_state
from tests.shards.shard_support import PATIENCE, FollowedBook, Silent, end, spec_of, start_remote_book, wait_for_turn
from tests.support import Recorder


class Scene:
    def __init__(self, folder, dispatcher):
        self.sent = Recorder()
        self.events = Recorder()
        self.updates = Recorder()
        self.worker = Silent.start(self.sent, dispatcher)
        self.followed = FollowedBook(folder, spec_of(SPOT), 7)
        self.cell = self.followed.cell
        self.cell.worker = self.worker
        self.cell.add(Listener(None, self.events))
        self.ref = start_remote_book(self.cell, self.worker)

    def shows(self, state):
        """Let the worker's process have written this."""
        self.cell._slot.again().write(pack(None, 5, state, float))

    @property
    def record(self):
        return self.cell._reader.read()[1]

    def told(self, kind, matches=lambda _each: True):
        return self.sent.wait_for(lambda each: isinstance(each, kind) and matches(each), PATIENCE)


@pytest.fixture
def scene(folder, dispatcher):
    scene = Scene(folder, dispatcher)
    yield scene
    end(scene.worker)
    end(scene.ref)


def test_the_death_of_the_actor_is_reported_and_leaves_the_books_state_as_it_was(scene, monkeypatch):
    def take_note():
        msg = "no note"
        raise RuntimeError(msg)

    monkeypatch.setattr(scene.cell, "take_note", take_note)
    scene.ref.tell(BooksUpdated((7,)))
    event = scene.events.wait_for(lambda event: event.error is not None)
    assert (event.previous, event.state, type(event.error)) == (BookState.SYNCING, BookState.SYNCING, ActorDiedError)
    assert "RuntimeError: no note" in str(event.error)


def test_a_refused_book_has_failed_for_that_reason_in_the_cell_and_in_the_slot(scene):
    error = SharingError("no slot there")
    scene.ref.tell(BookRefused(7, scene.followed.place, error))
    event = scene.events.wait_for(lambda event: event.state is BookState.FAILED)
    assert event.error is error
    assert (scene.cell.state, scene.cell.error) == (BookState.FAILED, error)
    assert (shown_state(scene.record), reason(scene.record)) == (BookState.FAILED, "no slot there")


def test_the_refusal_of_a_former_slot_is_ignored(scene):
    scene.ref.tell(BookRefused(7, "book-before", SharingError("no slot there")))
    lost = WorkerDiedError("killed")
    scene.ref.tell(WorkerLost(lost))
    assert scene.events.wait_for(lambda _event: True).error is lost
    assert scene.cell.state is BookState.SYNCING


def test_events_are_reported_and_a_new_worker_keeps_what_the_slot_shows(scene):
    def changed(previous, state, error=None):
        scene.ref.tell(BookChanged(7, 1, BookEvent("BTCUSDT", previous, state, error)))

    changed(BookState.SYNCING, BookState.LIVE)
    scene.events.wait_for(lambda event: event.state is BookState.LIVE)
    assert scene.cell.settled.is_set()
    lost = WorkerDiedError("killed")
    scene.shows(BookState.STALE)
    scene.ref.tell(WorkerLost(lost))
    event = scene.events.wait_for(lambda event: event.state is BookState.STALE)
    assert (event.previous, event.error, scene.cell.error) == (BookState.LIVE, lost, lost)
    assert not scene.cell.settled.is_set()
    # Its successor begins: that is no news, the last view is shown on.
    changed(BookState.SYNCING, BookState.SYNCING)
    changed(BookState.SYNCING, BookState.LIVE)
    scene.events.wait_for(lambda event: (event.previous, event.state) == (BookState.STALE, BookState.LIVE))
    assert [event.state for event in scene.events.seen] == [BookState.LIVE, BookState.STALE, BookState.LIVE]
    assert scene.cell.error is None
    given_up = EscalatedError("it keeps dying")
    scene.ref.tell(GiveUp(given_up))
    scene.events.wait_for(lambda event: event.state is BookState.FAILED and event.error is given_up)
    changed(BookState.SYNCING, BookState.LIVE)
    wait_for_turn(scene.ref)
    assert scene.cell.state is BookState.FAILED, "it is over"


def test_questions_go_to_the_worker_and_their_answers_back(scene):
    asked = scene.ref.ask(Best(), block=False)
    ask = scene.told(Ask)
    assert ask.new_request(5) == BookQuestion(5, 7, Best())
    ask.future.set("the best")
    assert asked.get(timeout=PATIENCE) == "the best"
    with pytest.raises(UsageError, match="expected a question to a book"):
        scene.ref.ask("hello", timeout=PATIENCE)
    end(scene.worker)
    with pytest.raises(pykka.ActorDeadError, match="the worker of BTCUSDT is being replaced"):
        scene.ref.ask(Best(), timeout=PATIENCE)


def test_updates_are_ordered_once_and_only_for_a_listener_that_wants_them(scene):
    scene.ref.ask(Greet(Listener(None, scene.events)), timeout=PATIENCE)
    assert not scene.cell.reports_updates
    listener = Listener(scene.updates, None, 5)
    scene.cell.add(listener)
    for _ in range(2):
        scene.ref.ask(Greet(listener), timeout=PATIENCE)
    end(scene.worker)
    assert scene.sent.seen == [Send(ReportUpdates(7))]


def test_a_successor_greets_the_listeners_that_its_predecessor_did_not_greet(scene):
    scene.ref.tell(object())
    scene.events.wait_for(lambda event: isinstance(event.error, ActorDiedError))
    # The greeting went to the dead one.
    listener = Listener(scene.updates, None, 5)
    scene.cell.add(listener)
    scene.ref = start_remote_book(scene.cell, scene.worker)
    scene.told(Send, lambda each: each.message == ReportUpdates(7))
    assert listener.greeted
