"""Where there is no room for a book, it is refused in a typed error, and what is shared goes on."""

import os
import resource
import signal
from contextlib import contextmanager

import pytest

from depthactors import DepthEngine, DepthReader
from depthactors.book import BookState
from depthactors.errors import SharingError
from depthactors.sharing import EngineFolder, book_size

NAME = f"room-{os.getpid()}"
SMALL, LARGE = 20, 1_000


@contextmanager
def no_file_larger_than(size):
    """Have the system write no more than `size` bytes to a file, as a full one would not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def engine(local_exchange):
    with DepthEngine(name=NAME) as engine:
        yield engine


def refused(engine, symbol):
    words = rf"expected room for {book_size(LARGE)} bytes of shared memory in \S+, was \d+ bytes free"
    with no_file_larger_than(book_size(LARGE) - 1), pytest.raises(SharingError, match=words):
        engine.subscribe(symbol, depth=LARGE)


def test_a_new_book_is_refused_and_the_others_go_on(engine):
    engine.subscribe("BTCUSDT", depth=SMALL).wait_live(timeout=20)
    refused(engine, "ETHUSDT")
    with DepthReader(NAME) as reader:
        assert [(book.symbol, book.depth) for book in reader.books()] == [("BTCUSDT", SMALL)]
        view = reader.wait_live("BTCUSDT", timeout=20)
        assert reader.wait("BTCUSDT", after=view, timeout=20).last_update_id > view.last_update_id
    assert [row.symbol for row in engine.status().books] == ["BTCUSDT"]


def test_a_book_that_is_asked_for_deeper_in_vain_is_what_it_was(engine):
    handle = engine.subscribe("BTCUSDT", depth=SMALL).wait_live(timeout=20)
    refused(engine, "BTCUSDT")
    assert handle.state is BookState.LIVE
    (row,) = engine.status().books
    assert row.depth == SMALL
    with DepthReader(NAME) as reader:
        assert reader.view("BTCUSDT").state is BookState.LIVE
        assert [book.depth for book in reader.books()] == [SMALL]
    engine.unsubscribe(handle)
    assert [*engine.status().books] == [], "that was its only follower"


def test_a_file_that_cannot_be_made_is_a_typed_error_that_says_why_and_where():
    folder = EngineFolder(NAME)
    folder.open()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        with pytest.raises(SharingError) as refusal:
            folder.new_book(SMALL)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        folder.close()
    assert str(refusal.value).startswith(f"expected to share books in {folder.path}")
    assert "Too many open files" in str(refusal.value)


def test_what_was_refused_is_granted_once_there_is_room(engine):
    engine.subscribe("BTCUSDT", depth=SMALL).wait_live(timeout=20)
    refused(engine, "BTCUSDT")
    engine.subscribe("BTCUSDT", depth=100).wait_live(timeout=20)
    with DepthReader(NAME) as reader:
        assert len(reader.wait_live("BTCUSDT", timeout=20).bids) == 100
