"""A slot is written by the book's actor, and marked by the supervisor."""

from decimal import Decimal

import pytest

from depthactors import markets
from depthactors.actors import slot_filler
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.slot_filler import SlotFiller
from depthactors.book import BookState
from depthactors.errors import ExchangeError, SharingError
from depthactors.pacing import USUAL
from depthactors.sharing.record import pack, reason, shown_state
from depthactors.sync import NEVER_SHOWN, Former
from tests.actors.published import Published
from tests.stepped import SteppedDispatcher

LIVE, STALE, SYNCING = BookState.LIVE, BookState.STALE, BookState.SYNCING


@pytest.fixture
def scene():
    scene = Published()
    yield scene
    scene.close()


def test_a_book_is_shared_from_its_beginning(scene):
    cell = scene.follow()
    assert (scene.view().state, scene.view().last_update_id, scene.view().bids) == (SYNCING, 0, ())
    scene.update(cell, 7)
    assert (scene.view().state, scene.view().last_update_id, len(scene.view().bids)) == (LIVE, 7, 5)


@pytest.mark.parametrize("number", [float, Decimal])
def test_the_view_is_that_of_the_cell(scene, number):
    cell = scene.follow(number=number)
    scene.update(cell, 7)
    ours, theirs = scene.view(), cell.view(5, number, 5)
    assert (ours.bids, ours.asks, ours.state) == (theirs.bids, theirs.asks, theirs.state)
    assert type(ours.bids[0][1]) is number


def test_a_change_of_state_is_shown_with_its_reason(scene):
    cell = scene.follow()
    scene.update(cell, 7)
    scene.change(cell, STALE, ExchangeError("an update was missed"))
    assert (scene.view().state, scene.view().last_update_id) == (STALE, 7)
    assert scene.reader.reason("BTCUSDT") == "an update was missed"
    scene.update(cell, 8)
    assert (scene.view().state, scene.reader.reason("BTCUSDT")) == (LIVE, None)


def test_the_actor_learns_what_a_former_process_has_shown(scene):
    place, slot = scene.folder.new_book(5)
    former, successor = (
        LocalCell(BookSpec(markets.SPOT, "BTCUSDT", 5, 100, None, float), USUAL, SteppedDispatcher()) for _ in range(2)
    )
    SlotFiller(former, 5, place, slot, pack(None, 0, SYNCING, float))
    scene.update(former, 7)
    SlotFiller(successor, 5, place, slot, None)
    assert (former.former, successor.former) == (NEVER_SHOWN, Former(7, former.last_good().event_time))


def test_a_process_that_may_not_write_the_end_of_a_book_leaves_it_stale_and_writes_no_more(scene):
    cell = LocalCell(BookSpec(markets.SPOT, "BTCUSDT", 5, 100, None, float), USUAL, SteppedDispatcher())
    place, slot = scene.folder.new_book(5)
    filler = SlotFiller(cell, 5, place, slot, pack(None, 0, SYNCING, float), says_over=False)
    scene.update(cell, 7)
    assert shown_state(filler.latest) is LIVE
    scene.change(cell, BookState.FAILED, ExchangeError("given up"))
    assert (shown_state(filler.latest), reason(filler.latest)) == (STALE, "given up")
    assert cell.listeners == ()


def test_a_book_that_promises_less_is_stale(scene):
    cell = scene.follow(depth=10)
    scene.update(cell, 7, depth=5)
    assert scene.view().state is STALE


def test_late_books_are_marked_at_each_beat(scene, monkeypatch):
    slow, other = scene.follow(), scene.follow("ETHUSDT")
    scene.update(slow, 1)
    scene.update(other, 1)
    monkeypatch.setattr(slow, "lag", lambda: slow.timing.lag_limit + 1)
    scene.books.beat()
    assert [scene.view(symbol).state for symbol in ("BTCUSDT", "ETHUSDT")] == [STALE, LIVE]
    scene.update(slow, 2)
    assert scene.view().state is STALE, "the latest of those that wait is not the latest"
    monkeypatch.undo()
    scene.books.beat()
    assert scene.view().state is LIVE


def test_a_beat_in_the_middle_of_a_write_does_not_make_a_book_stale(scene, monkeypatch):
    cell = scene.follow()
    scene.update(cell, 1)
    pack = slot_filler.pack

    def slowly(*arguments):
        scene.books.beat()
        return pack(*arguments)

    monkeypatch.setattr(slot_filler, "pack", slowly)
    scene.update(cell, 2)
    assert (scene.view().state, scene.view().last_update_id) == (LIVE, 2)


def test_a_book_whose_actor_died_without_notice_is_marked_at_the_next_beat(scene):
    cell = scene.follow()
    scene.update(cell, 1)
    # As the next actor does when it takes over, before it notifies the listeners.
    cell.publish(cell.last_good(), STALE)
    scene.books.beat()
    assert scene.view().state is STALE
    scene.update(cell, 2)
    scene.books.beat()
    assert scene.view().state is LIVE


def test_a_book_that_could_not_be_written_is_stale_at_once_and_until_it_could(scene, monkeypatch):
    cell = scene.follow()
    scene.update(cell, 1)

    def fail(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(slot_filler, "pack", fail)
        with pytest.raises(MemoryError):
            scene.update(cell, 2)
        assert (scene.view().state, scene.view().last_update_id) == (STALE, 1)
        scene.books.beat()
        assert scene.view().state is STALE
    scene.update(cell, 3)
    scene.books.beat()
    assert (scene.view().state, scene.view().last_update_id) == (LIVE, 3)


def test_a_write_that_fails_in_the_middle_of_a_beat_is_marked_all_the_same(scene, monkeypatch):
    cell = scene.follow()
    scene.update(cell, 1)
    (shared,) = scene.books._fillers.values()
    mark, failing = shared._slot.mark, [True]

    def mark_late(*, behind):
        if failing:
            # The supervisor has decided that nothing is behind; in this moment the book's thread fails.
            failing.clear()
            with pytest.raises(SharingError, match="no more than"):
                shared.listener.update(cell.current[0])
        mark(behind=behind)

    def refuse(_record):
        msg = "no more than nothing"
        raise SharingError(msg)

    monkeypatch.setattr(shared._slot, "write", refuse)
    monkeypatch.setattr(shared._slot, "mark", mark_late)
    shared.mark_if_late()
    assert scene.view().state is STALE
