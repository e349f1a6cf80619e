"""What a worker reports of a book: events, updates once they are wanted, and answers."""

import pykka
import pytest

from depthactors import BookState, Top
from depthactors.actors.book_event import BookEvent
from depthactors.actors.local_cell import LocalCell
from depthactors.errors import LifecycleError, StreamError
from depthactors.markets import SPOT
from depthactors.pacing import USUAL
from depthactors.shards.messages import Answer, BookChanged, BookOpening
from depthactors.worker.book_reporter import BookReporter, SentReply
from tests.shards.shard_support import PATIENCE, Silent, end, spec_of
from tests.support import Recorder


class Outbox:
    def __init__(self):
        self.sent, self.updated = [], []
        self.put, self.put_updated = self.sent.append, self.updated.append


class Scene:
    def __init__(self, ref, dispatcher):
        spec = spec_of(SPOT)
        self.outbox = Outbox()
        self.cell = LocalCell(spec, USUAL, dispatcher)
        self.cell.ref = ref
        self.is_supervised = True
        opening = BookOpening(7, 2, spec, "book-1@0", reports_updates=False)
        self.reporter = BookReporter(opening, self.cell, self.outbox, lambda: self.is_supervised)

    def event(self, state, error=None):
        for listener in self.cell.listeners:
            if listener.event is not None:
                listener.event(BookEvent("BTCUSDT", BookState.LIVE, state, error))


@pytest.fixture
def asked():
    return Recorder()


@pytest.fixture
def scene(asked, dispatcher):
    ref = Silent.start(asked, dispatcher)
    yield Scene(ref, dispatcher)
    end(ref)


def test_events_are_reported_with_the_number_and_the_life_of_the_book(scene):
    error = StreamError("gone")
    scene.event(BookState.STALE, error)
    assert scene.outbox.sent == [BookChanged(7, 2, BookEvent("BTCUSDT", BookState.LIVE, BookState.STALE, error))]


def test_the_end_of_a_book_is_reported_as_stale_once_the_supervisor_here_is_dead(scene):
    scene.event(BookState.FAILED)
    scene.is_supervised = False
    scene.event(BookState.FAILED)
    assert [each.event.state for each in scene.outbox.sent] == [BookState.FAILED, BookState.STALE]


def test_updates_are_reported_once_they_are_wanted_and_once_each(scene):
    assert [listener.update for listener in scene.cell.listeners] == [None]
    scene.reporter.report_updates()
    scene.reporter.report_updates()
    for listener in scene.cell.listeners:
        if listener.update is not None:
            listener.update(None)
    assert scene.outbox.updated == [7]


def test_a_closed_reporter_leaves_no_listener(scene):
    scene.reporter.report_updates()
    scene.reporter.close()
    assert scene.cell.listeners == ()


def test_a_question_goes_to_the_actor_and_its_answer_to_the_outbox(scene, asked):
    scene.reporter.ask(5, Top(3))
    asked.wait_for(lambda each: each == Top(3), PATIENCE)
    end(scene.cell.ref)
    # The actor of this test answers every question with `None`.
    assert scene.outbox.sent == [Answer(5)]


def test_a_question_to_a_dead_actor_is_answered_at_once(scene):
    end(scene.cell.ref)
    scene.reporter.ask(5, Top(3))
    (answer,) = scene.outbox.sent
    assert (answer.request_id, type(answer.error)) == (5, pykka.ActorDeadError)


def test_an_answer_that_is_an_error_is_sent_as_one(scene):
    class LocalError(Exception):
        pass

    def fail():
        raise LocalError

    reply = SentReply(5, scene.outbox)
    try:
        fail()
    except LocalError:
        reply.set_exception()
    reply.set_exception((StreamError, StreamError("gone"), None))
    assert [type(each.error) for each in scene.outbox.sent] == [LifecycleError, StreamError]
