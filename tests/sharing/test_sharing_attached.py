"""One run of an engine as a reader sees it: alive, stuck or gone, and which books it has."""

import errno
import os
import threading
from contextlib import ExitStack

import pytest

from depthactors.errors import BookNotSharedError, EngineGoneError, SharingError
from depthactors.sharing import SharedBook, attached, pulse
from depthactors.sharing.attached import Attached
from depthactors.sharing.place import ENGINE, folder_of, try_lock
from tests.sharing.publisher import descriptors

MINE = frozenset({os.geteuid()})


@pytest.fixture
def attach(name):
    return lambda: Attached(folder_of(name), MINE)


def test_an_engine_that_does_not_run_is_gone(attach):
    with pytest.raises(EngineGoneError, match="does not run"):
        attach()


def test_one_that_was_killed_is_gone(attach, program):
    before = attach()
    assert before.alive
    program.kill()
    with pytest.raises(EngineGoneError, match=r"was killed, or ended without being stopped|does not run"):
        # The second where another engine, which begins just then, has swept up.
        attach()
    before._held_at -= 1
    assert not before.alive
    assert "was killed" in before.farewell


def test_one_that_stopped_is_gone_at_once(attach, publisher):
    before = attach()
    assert before.alive
    publisher.close()
    assert not before.alive
    assert "was stopped" in before.farewell


@pytest.mark.parametrize("size", [None, 0, 63, 64])
def test_one_that_is_just_being_made_is_not_there_yet(attach, publisher, name, size):
    file = folder_of(name) / ENGINE
    file.unlink()
    with ExitStack() as stack:
        if size is not None:
            file.write_bytes(bytes(size))
            try_lock(stack.enter_context(file.open()).fileno())
        with pytest.raises(EngineGoneError, match="does not run"):
            attach()


def test_one_that_may_not_be_read_is_told_apart_from_one_that_is_gone(attach, publisher, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SharingError, match=r"expected to read the shared engine in .*Permission denied") as raised:
        attach()
    assert type(raised.value) is SharingError


def test_without_a_sign_of_life_it_is_stuck(attach, publisher, monkeypatch):
    seen = attach()
    assert not seen.stuck
    monkeypatch.setattr(pulse, "PULSE_LIMIT", -1.0)
    assert seen.stuck
    monkeypatch.undo()
    publisher.folder.beat(1.0)
    assert seen.stuck
    publisher.beat()
    assert not seen.stuck
    assert seen.alive


def test_books_are_listed_in_the_order_in_which_they_were_followed(attach, publisher):
    seen = attach()
    assert seen.books() == ()
    publisher.follow("BTCUSDT", depth=5)
    publisher.follow("ETHUSDT", depth=10, market="usdm", speed_ms=250)
    books = (SharedBook("BTCUSDT", "spot", 100, 5), SharedBook("ETHUSDT", "usdm", 250, 10))
    assert seen.books() == books
    publisher.let_go("BTCUSDT")
    assert seen.books() == books[1:]
    publisher.close()
    assert seen.books() == books[1:], "the last list stays"


def test_a_book_is_found_by_as_much_as_is_needed(attach, publisher):
    seen = attach()
    for update_id, (market, speed_ms) in enumerate([("spot", 100), ("spot", 1000), ("usdm", 100)], start=1):
        publisher.follow("BTCUSDT", update_id, market=market, speed_ms=speed_ms)
    slots = [seen.slot("BTCUSDT", *wanted) for wanted in (("spot", 100), (None, 1000), ("usdm", None))]
    assert len({*slots}) == 3
    assert seen.slot("BTCUSDT", "spot", 1000) is slots[1], "one mapping a book"
    for wanted, words in (
        ((None, None), "3 books BTCUSDT: BTCUSDT spot 100 ms, BTCUSDT spot 1000 ms, BTCUSDT usdm 100 ms; add market="),
        (("spot", None), "2 books BTCUSDT spot: BTCUSDT spot 100 ms, BTCUSDT spot 1000 ms; add"),
        ((None, 100), "2 books BTCUSDT 100 ms: BTCUSDT spot 100 ms, BTCUSDT usdm 100 ms; add"),
    ):
        with pytest.raises(BookNotSharedError, match=words):
            seen.slot("BTCUSDT", *wanted)
    with pytest.raises(BookNotSharedError, match="does not share BTCUSDT coinm 250 ms; it shares BTCUSDT spot"):
        seen.slot("BTCUSDT", "coinm", 250)


def test_what_is_not_shared_is_told_with_what_is(attach, publisher):
    seen = attach()
    with pytest.raises(BookNotSharedError, match="does not share NOUSDT; it shares no book"):
        seen.slot("NOUSDT", None, None)
    for number in range(12):
        publisher.follow(f"SYM{number}USDT")
    with pytest.raises(BookNotSharedError, match=r"does not share NOUSDT; it shares SYM0USDT, .*SYM9USDT, ..."):
        seen.slot("NOUSDT", None, None)


def test_a_book_whose_file_is_gone_is_not_shared(attach, publisher):
    publisher.follow("BTCUSDT")
    seen = attach()
    publisher.folder.remove_book(publisher.folder.new_book(5)[0])
    (folder_of(publisher.folder.name) / "book-1").unlink()
    with pytest.raises(BookNotSharedError, match="does not share BTCUSDT any more"):
        seen.slot("BTCUSDT", None, None)


def test_a_book_that_cannot_be_mapped_is_a_sharing_error(attach, publisher, monkeypatch):
    publisher.follow("BTCUSDT")
    seen = attach()
    seen.books()

    def no_more(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(attached.mmap, "mmap", no_more)
    with pytest.raises(SharingError, match=r"expected to read BTCUSDT .*Too many open files"):
        seen.slot("BTCUSDT", None, None)


def test_a_slot_found_in_an_old_list_does_not_get_into_the_new_one(attach, publisher, monkeypatch):
    """One thread is at looking a book up while the book is deepened and another thread reads the new list."""
    publisher.follow("BTCUSDT", 1, depth=5)
    seen = attach()
    opened = Attached._opened

    def slowly(self, book, file):
        slot = opened(self, book, file)
        if book.depth == 5:
            publisher.follow("BTCUSDT", 2, depth=10)
            other = threading.Thread(target=seen.books)
            other.start()
            other.join(10)
        return slot

    monkeypatch.setattr(Attached, "_opened", slowly)
    old = seen.slot("BTCUSDT", None, None)
    new = seen.slot("BTCUSDT", None, None)
    assert new is not old
    assert len(new.read()[1]) > len(old.read()[1])


def test_a_list_that_changes_while_it_is_read_is_read_again(attach, publisher, monkeypatch):
    publisher.follow("BTCUSDT")
    seen = attach()
    seen.books()
    publisher.follow("ETHUSDT")
    read_list = attached.read_list

    def slowly(data):
        books = read_list(data)
        monkeypatch.undo()
        publisher.follow("BNBUSDT")
        seen.books()
        return books

    monkeypatch.setattr(attached, "read_list", slowly)
    seen.books()
    assert [book.symbol for book in seen.books()] == ["BTCUSDT", "ETHUSDT", "BNBUSDT"]


def test_its_lock_is_let_go_with_it(attach, publisher):
    before = descriptors()
    for _ in range(5):
        attach()
    with pytest.raises(EngineGoneError):
        Attached(folder_of("test-nobody-has-this-name"), MINE)
    assert descriptors() == before
