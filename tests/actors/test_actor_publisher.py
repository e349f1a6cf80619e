"""The books of an engine in shared memory: their slots, and the list by which readers find them."""

import pytest

from depthactors.actors.book_messages import Greet
from depthactors.book import BookState
from depthactors.errors import BookNotSharedError, SharingError
from depthactors.sharing import SharedBook
from depthactors.sharing.place import parts_of
from tests.actors.published import Published

LIVE, STALE, SYNCING = BookState.LIVE, BookState.STALE, BookState.SYNCING


@pytest.fixture
def scene():
    scene = Published()
    yield scene
    scene.close()


def test_a_deepened_book_is_stale_until_it_has_the_levels(scene):
    cell = scene.follow(depth=5)
    scene.update(cell, 1)
    scene.view()
    listener = scene.books.deepen(cell, 10)
    assert scene.view().state is STALE, "the reader still has the old slot, which is not written any more"
    scene.books.publish()
    assert (scene.view().state, len(scene.view().bids)) == (STALE, 5), "five levels are not the ten that are promised"
    assert scene.reader.books() == (SharedBook("BTCUSDT", "spot", 100, 10),)
    scene.update(cell, 2)
    assert scene.view().state is STALE
    assert cell.listeners == (listener,)
    scene.update(cell, 3, depth=10)
    assert (scene.view().state, len(scene.view().bids)) == (LIVE, 10)


def test_a_deepened_book_that_was_not_published_is_published_at_the_next_beat(scene):
    """Another book of the same subscription could not be opened."""
    cell = scene.follow(depth=5)
    scene.update(cell, 1)
    scene.view()
    scene.books.deepen(cell, 10)
    scene.update(cell, 2, depth=10)
    scene.books.beat()
    assert (scene.view().state, scene.view().last_update_id) == (LIVE, 2)
    assert len([*scene.folder.path.glob("book-*")]) == 1


def test_a_book_that_is_alone_in_its_file_has_another_slot_and_the_memory_is_given_back(actors, scene):
    cells = [scene.follow(f"S{number}USDT") for number in range(40)]
    kept = cells.pop(0)
    scene.update(kept, 1)
    kept.ref, messages = actors.probe()
    before = scene.books._fillers[id(kept)].place
    for cell in cells[:-1]:
        scene.books.remove(cell)
    scene.books.publish()
    scene.books.beat()
    after = scene.books._fillers[id(kept)].place
    assert before != after
    assert [each.name for each in scene.folder.path.glob("book-*")] == [parts_of(after)[0]]
    view = scene.view("S0USDT")
    assert (view.state, view.last_update_id) == (STALE, 1), "until its actor greets the new slot"
    assert messages.wait_one(Greet).listener in kept.listeners
    assert len(kept.listeners) == 1
    scene.update(kept, 2)
    assert (scene.view("S0USDT").state, scene.view("S0USDT").last_update_id) == (LIVE, 2)
    scene.books.beat()
    assert scene.books._fillers[id(kept)].place == after


def test_a_slot_is_there_for_as_long_as_it_is_listed(scene):
    cell, other = scene.follow(), scene.follow("ETHUSDT")
    scene.update(cell, 1)
    scene.update(other, 1)
    scene.books.deepen(cell, 10)
    scene.books.remove(other)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        assert (scene.view(symbol).state, scene.view(symbol).last_update_id) == (STALE, 1)


def test_without_room_for_a_deeper_slot_nothing_changes(scene, monkeypatch):
    cell = scene.follow(depth=5)

    def no_room(_depth):
        msg = "no room"
        raise SharingError(msg)

    monkeypatch.setattr(scene.folder, "new_book", no_room)
    with pytest.raises(SharingError):
        scene.books.deepen(cell, 10)
    scene.update(cell, 2)
    assert (scene.view().state, scene.view().last_update_id) == (LIVE, 2)


def test_a_book_that_is_removed_is_stale_then_not_shared_and_its_file_gone(scene):
    cell = scene.follow()
    scene.update(cell, 1)
    scene.view()
    scene.books.remove(cell)
    scene.books.remove(cell)
    assert cell.listeners == ()
    assert scene.view().state is STALE
    scene.books.beat()
    with pytest.raises(BookNotSharedError):
        scene.view()
    assert [*scene.folder.path.glob("book-*")] == []


def test_a_list_without_room_is_tried_again_at_the_next_beat(scene, monkeypatch, caplog):
    cell = scene.follow()
    scene.update(cell, 1)
    scene.books.remove(cell)

    def no_room(_rows):
        msg = "no room"
        raise SharingError(msg)

    with monkeypatch.context() as patch:
        patch.setattr(scene.folder, "list_books", no_room)
        scene.books.beat()
    assert "stay listed for now: no room" in caplog.text
    assert scene.view().state is STALE
    scene.books.beat()
    assert scene.reader.books() == ()
