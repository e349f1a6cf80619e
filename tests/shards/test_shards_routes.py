"""The way of a worker's reports to the actors of the books."""

from dataclasses import replace

import pytest

from depthactors import BookState
from depthactors.actors.book_event import BookEvent
from depthactors.actors.notifier import Notifier
from depthactors.errors import SharingError, StreamError
from depthactors.markets import SPOT
from depthactors.shards.messages import BookChanged, BookRefused, BooksUpdated
from depthactors.shards.routes import Routes
from tests.shards.shard_support import PATIENCE, FollowedBook, Silent, end, spec_of
from tests.support import Recorder


@pytest.fixture
def scene(folder, dispatcher):
    told, errors = Recorder(), Recorder()
    notifier = Notifier(dispatcher, errors)
    cell = FollowedBook(folder, spec_of(SPOT), 3).cell
    cell.ref = ref = Silent.start(told, dispatcher)
    routes = Routes(notifier)
    routes.add(cell)
    yield routes, cell, told, errors
    end(ref)
    notifier.close()
    notifier.abort()


def test_an_actor_gets_one_message_for_updates_until_it_has_looked(scene):
    routes, cell, told, _ = scene
    routes.updated((3, 99))
    routes.updated((3,))
    routes.updated((3,))
    told.wait_for(lambda each: each == BooksUpdated((3,)), PATIENCE)
    late, merged = cell.take_note()
    assert late >= 0.0
    assert merged == 2
    routes.updated((3,))
    end(cell.ref)
    assert told.seen == [BooksUpdated((3,)), BooksUpdated((3,))]
    assert cell.take_note()[1] == 0


def test_events_and_refusals_reach_their_book_alone(scene):
    routes, cell, told, _ = scene
    change = BookChanged(3, 1, BookEvent("BTCUSDT", BookState.SYNCING, BookState.LIVE, None))
    refusal = BookRefused(3, "book-1", SharingError("gone"))
    routes.changed(change)
    routes.changed(replace(change, book_id=4))
    routes.changed(replace(change, life=2))
    routes.refused(refusal)
    routes.refused(BookRefused(4, "book-2", SharingError("gone")))
    routes.remove(cell)
    routes.changed(change)
    end(cell.ref)
    assert told.seen == [change, refusal]
    # Its actor is between two lives: nobody is waited for.
    routes.add(cell)
    routes.changed(change)
    cell.ref = None
    routes.changed(change)
    routes.refused(refusal)


def test_a_book_that_its_worker_gave_up_is_over_before_its_actor_handles_that(scene):
    routes, cell, _, _ = scene
    failure = BookChanged(3, 1, BookEvent("BTCUSDT", BookState.LIVE, BookState.FAILED, StreamError("gone")))
    routes.changed(replace(failure, life=7))
    assert not cell.is_over, "another worker kept it then"
    routes.changed(failure)
    assert cell.is_over
    cell.life += 1
    assert not cell.is_over, "the next worker keeps it"


def test_errors_of_no_book_are_reported_to_on_error(scene):
    routes, _, _, errors = scene
    error = StreamError("the network is down")
    routes.failed(error)
    assert errors.wait_for(lambda _error: True) is error
