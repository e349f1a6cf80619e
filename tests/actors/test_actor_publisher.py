"""Each cell's slot: written by the book's thread, marked by the supervisor's, and found by readers."""

import os
import shutil
from decimal import Decimal
from itertools import count

import pytest

from depthactors import markets
from depthactors.actors import slot_filler
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.publisher import FolderPublisher
from depthactors.binance import Snapshot
from depthactors.book import BookState, OrderBook
from depthactors.errors import BookNotSharedError, ExchangeError, SharingError
from depthactors.sharing import DepthReader, EngineFolder, SharedBook
from depthactors.sharing.place import folder_of, parts_of

LIVE, STALE, SYNCING = BookState.LIVE, BookState.STALE, BookState.SYNCING
_numbers = count()


class Scene:
    """Shared books, and what their actors and the supervisor would do to them."""

    def __init__(self):
        self.folder = EngineFolder(f"test-actor-{os.getpid()}-{next(_numbers)}")
        self.folder.open()
        self.books = FolderPublisher(self.folder)
        self.reader = DepthReader(self.folder.name, number=None)

    def follow(self, symbol="BTCUSDT", depth=5, number=float):
        cell = LocalCell(BookSpec(markets.SPOT, symbol, depth, 100, None, number))
        self.books.add(cell)
        self.books.publish()
        return cell

    def update(self, cell, update_id, levels=20, depth=None):
        """What a book's thread does with an update; `depth` is what the book promises."""
        bids, asks = (
            [each for place in range(levels) for each in (50 + sign * (place + 1), update_id)] for sign in (-1, 1)
        )
        snapshot = Snapshot(update_id, 0, levels + 1, (0, 0), list(map(float, bids)), list(map(float, asks)))
        book = OrderBook(cell.spec.symbol, snapshot, depth=depth or cell.spec.depth, recv_time=1.0)
        cell.publish(book, LIVE)
        for listener in cell.listeners:
            listener.update(book)

    def change(self, cell, state, error=None):
        """What a book's thread does when something else may be believed."""
        previous, cell.error = cell.state, error
        cell.publish(cell.last_good(), state)
        for listener in cell.listeners:
            listener.event(BookEvent(cell.spec.symbol, previous, state, error))

    def view(self, symbol="BTCUSDT"):
        return self.reader.view(symbol)

    def close(self):
        self.reader.close()
        self.folder.close()
        shutil.rmtree(self.folder.path, ignore_errors=True)


@pytest.fixture
def scene():
    scene = Scene()
    yield scene
    scene.close()
    assert not folder_of(scene.folder.name).exists()


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


def test_a_book_that_promises_less_is_stale(scene):
    cell = scene.follow(depth=10)
    scene.update(cell, 7, depth=5)
    assert scene.view().state is STALE


def test_books_that_lag_are_marked_at_each_beat(scene, monkeypatch):
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


def test_a_book_whose_actor_died_without_a_word_is_marked_at_the_next_beat(scene):
    cell = scene.follow()
    scene.update(cell, 1)
    # As its successor does when it takes over, and nobody has told the listeners.
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


def test_a_book_that_is_deepened_is_stale_until_it_holds_so_much(scene):
    cell = scene.follow(depth=5)
    scene.update(cell, 1)
    scene.view()
    listener = scene.books.deepen(cell, 10)
    assert scene.view().state is STALE, "who has the old slot: nobody writes there any more"
    scene.books.publish()
    assert (scene.view().state, len(scene.view().bids)) == (STALE, 5), "five levels are not the ten that are promised"
    assert scene.reader.books() == (SharedBook("BTCUSDT", "spot", 100, 10),)
    scene.update(cell, 2)
    assert scene.view().state is STALE
    assert cell.listeners == (listener,)
    scene.update(cell, 3, depth=10)
    assert (scene.view().state, len(scene.view().bids)) == (LIVE, 10)


def test_a_book_that_is_deepened_and_not_published_is_so_at_the_next_beat(scene):
    """Another book of the same subscription could not be opened."""
    cell = scene.follow(depth=5)
    scene.update(cell, 1)
    scene.view()
    scene.books.deepen(cell, 10)
    scene.update(cell, 2, depth=10)
    scene.books.beat()
    assert (scene.view().state, scene.view().last_update_id) == (LIVE, 2)
    assert len([*scene.folder.path.glob("book-*")]) == 1


def test_a_book_that_is_alone_in_its_file_has_another_slot_and_the_memory_is_given_back(scene):
    cells = [scene.follow(f"S{number}USDT") for number in range(40)]
    kept = cells.pop(0)
    scene.update(kept, 1)
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


def test_where_there_is_no_room_for_a_deeper_slot_nothing_changes(scene, monkeypatch):
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
