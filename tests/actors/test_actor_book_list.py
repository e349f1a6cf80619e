"""The list of an engine's books: slots leave it before they are removed."""

import pytest

from depthactors.actors.book_list import BookList
from depthactors.errors import SharingError
from depthactors.sharing import SharedBook
from tests.stepped import SteppedDispatcher

BOOK = SharedBook("BTCUSDT", "spot", 100, 5)
BEAT = ("beat", 7.0)
"""A sign of life with the time of the clock that the list was given."""


class Folder:
    """Records what happens to it, in order; the list has no room while `is_full`."""

    def __init__(self):
        self.done = []
        self.is_full = False

    def list_books(self, books):
        if self.is_full:
            msg = "no room"
            raise SharingError(msg)
        self.done.append(("list", *books))

    def remove_book(self, place):
        self.done.append(("remove", place))

    def beat(self, now):
        self.done.append(("beat", now))

    def sparse(self):
        return [f"book-{number}@0" for number in range(100)]


@pytest.fixture
def folder():
    return Folder()


@pytest.fixture
def books(folder):
    clock = SteppedDispatcher()
    clock.now = 7.0
    return BookList(folder, lambda: [(BOOK, "book-1@0")], clock)


def test_a_slot_is_removed_once_the_list_is_written_without_it(books, folder):
    books.remove("book-2@0")
    assert folder.done == []
    books.write()
    assert folder.done == [("list", (BOOK, "book-1@0")), ("remove", "book-2@0")]


def test_a_beat_writes_the_list_only_if_a_slot_is_to_be_removed(books, folder):
    books.beat()
    assert folder.done == [BEAT]
    books.remove("book-2@0")
    books.beat()
    books.beat()
    assert folder.done[1:] == [BEAT, ("list", (BOOK, "book-1@0")), ("remove", "book-2@0"), BEAT]


def test_without_room_for_the_list_the_next_beat_tries_again(books, folder, caplog):
    folder.is_full = True
    with pytest.raises(SharingError):
        books.write()
    books.remove("book-2@0")
    books.beat()
    assert "stay listed for now: no room" in caplog.text
    folder.is_full = False
    books.beat()
    assert folder.done[-1] == ("remove", "book-2@0")


def test_only_a_few_books_move_at_one_beat(books, folder):
    assert books.sparse() < set(folder.sparse())
