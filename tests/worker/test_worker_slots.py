"""The slots of a worker: found, filled, and left where they are."""

import pytest

from depthactors import BookState
from depthactors.actors.book_event import BookEvent
from depthactors.actors.cell import Listener
from depthactors.actors.local_cell import LocalCell
from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.errors import SharingError, StreamError
from depthactors.markets import SPOT
from depthactors.pacing import USUAL
from depthactors.sharing.record import pack, reason, shown_state
from depthactors.worker.slots import WorkerSlots
from tests.shards.shard_support import FollowedBook, spec_of


@pytest.fixture
def beats():
    return []


@pytest.fixture
def slots(folder, beats):
    return WorkerSlots(folder.path, lambda: beats.append(1))


def cell_of(spec):
    """Return a cell without an actor; its dispatcher, which is not started, is its clock."""
    return LocalCell(spec, USUAL, PooledDispatcher())


def shown(followed):
    return followed.cell._reader.read()[1]


def tell(cell, state, error=None):
    """Do as the book's actor does."""
    previous, cell.error = cell.state, error
    cell.publish(None, state)
    for listener in cell.listeners:
        listener.event(BookEvent(cell.spec.symbol, previous, state, error))


def test_a_slot_is_filled_from_where_a_former_life_left_it(slots, folder):
    spec = spec_of(SPOT)
    followed = FollowedBook(folder, spec)
    followed.cell._slot.write(pack(None, 5, BookState.STALE, float, "its worker died"))
    cell = cell_of(spec)
    slots.expect(spec.key, followed.place)
    slots.add(cell)
    tell(cell, BookState.SYNCING)
    assert shown_state(shown(followed)) is BookState.STALE, "the last good book is better than none"
    tell(cell, BookState.STALE, StreamError("no network"))
    assert (shown_state(shown(followed)), reason(shown(followed))) == (BookState.STALE, "no network")


def test_a_deeper_slot_takes_over_and_the_former_is_left_alone(slots, folder):
    spec, deep = spec_of(SPOT), spec_of(SPOT, depth=50)
    former, deeper = FollowedBook(folder, spec), FollowedBook(folder, deep)
    cell = cell_of(spec)
    slots.expect(spec.key, former.place)
    slots.add(cell)
    slots.expect(spec.key, deeper.place)
    listener = slots.deepen(cell, 50)
    assert cell.listeners == (listener,)
    before = shown(former)
    tell(cell, BookState.STALE, StreamError("gone"))
    assert shown(former) == before
    assert shown_state(shown(deeper)) is BookState.STALE


def test_a_place_that_was_not_needed_is_forgotten(slots, folder):
    spec = spec_of(SPOT)
    slots.expect(spec.key, FollowedBook(folder, spec).place)
    slots.expect_no_more(spec.key)
    with pytest.raises(SharingError, match="BTCUSDT: expected a slot that the engine's process names"):
        slots.add(cell_of(spec))


def test_a_slot_that_is_gone_is_a_typed_error_and_nothing_has_changed(slots, folder):
    spec = spec_of(SPOT)
    followed = FollowedBook(folder, spec)
    cell = cell_of(spec)
    slots.expect(spec.key, followed.place)
    slots.add(cell)
    listeners = cell.listeners
    slots.expect(spec.key, "book-999@0")
    with pytest.raises(SharingError, match=r"BTCUSDT: expected to fill a slot in .*book-999"):
        slots.deepen(cell, 50)
    assert cell.listeners == listeners
    tell(cell, BookState.STALE)
    assert shown_state(shown(followed)) is BookState.STALE


@pytest.mark.parametrize("over", [BookState.STOPPED, BookState.FAILED])
@pytest.mark.parametrize("former", [BookState.SYNCING, BookState.LIVE])
def test_the_end_of_a_book_here_is_no_end_in_its_slot_and_nothing_is_written_after_it(slots, folder, over, former):
    spec = spec_of(SPOT)
    followed = FollowedBook(folder, spec)
    followed.cell._slot.again().write(pack(None, 0, former, float))
    cell = cell_of(spec)
    slots.expect(spec.key, followed.place)
    slots.add(cell)
    tell(cell, over, StreamError("gone"))
    at_most = BookState.STALE if former is BookState.LIVE else BookState.SYNCING
    assert (shown_state(shown(followed)), reason(shown(followed))) == (at_most, "gone")
    # From now on the engine's process writes.
    followed.cell.fail("given up")
    tell(cell, BookState.LIVE)
    slots.beat()
    assert (shown_state(shown(followed)), reason(shown(followed))) == (BookState.FAILED, "given up")


def test_a_listener_finds_each_change_in_the_slot_also_of_a_deeper_book(slots, folder):
    spec = spec_of(SPOT)
    former, deeper = FollowedBook(folder, spec), FollowedBook(folder, spec_of(SPOT, depth=50))
    cell, seen = cell_of(spec), []
    slots.expect(spec.key, former.place)
    slots.add(cell)
    cell.add(Listener(None, lambda _event: seen.append((shown_state(shown(deeper)), reason(shown(deeper))))))
    slots.expect(spec.key, deeper.place)
    slots.deepen(cell, 50)
    tell(cell, BookState.SYNCING, StreamError("no network"))
    assert seen == [(BookState.SYNCING, "no network")]


def test_it_beats_and_marks_the_books_that_lag(slots, folder, beats, monkeypatch):
    spec = spec_of(SPOT)
    followed = FollowedBook(folder, spec)
    cell = cell_of(spec)
    slots.expect(spec.key, followed.place)
    slots.add(cell)
    slots._fillers[id(cell)]._shown = BookState.LIVE
    monkeypatch.setattr(cell, "state_of", lambda _depth: BookState.STALE)
    slots.beat()
    assert followed.cell._reader.behind
    monkeypatch.setattr(cell, "state_of", lambda _depth: BookState.LIVE)
    slots.beat()
    assert not followed.cell._reader.behind
    slots.remove(cell)
    slots.beat()
    assert followed.cell._reader.behind, "nobody fills it any more"
    assert len(beats) == 3
