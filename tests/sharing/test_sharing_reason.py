"""A reader is told why a view is not live, whoever is to blame."""

import os
from struct import pack_into

import pytest

from depthactors.book import BookState
from depthactors.sharing import DepthReader, EngineFolder, SharedBook
from depthactors.sharing import record as records

NAME = f"reason-{os.getpid()}"


@pytest.fixture
def folder():
    folder = EngineFolder(NAME)
    folder.open()
    yield folder
    folder.close()


@pytest.fixture
def slot(folder):
    """A slot that shows a book which was live once: nothing but the state matters here."""
    place, slot = folder.new_book(5)
    head = bytearray(records.pack(None, 5, BookState.SYNCING, float))
    pack_into("B", head, 0, tuple(BookState).index(BookState.LIVE))
    slot.write(bytes(head))
    folder.list_books([(SharedBook("BTCUSDT", "spot", 100, 5), place)])
    return slot


def test_a_live_view_has_no_reason(slot):
    with DepthReader(NAME) as reader:
        assert (reader.view("BTCUSDT").state, reader.reason("BTCUSDT")) == (BookState.LIVE, None)


def test_an_engine_that_is_stuck_is_the_reason_until_it_is_not(folder, slot):
    with DepthReader(NAME) as reader:
        folder.beat(1e-9)
        assert reader.view("BTCUSDT").state is BookState.STALE
        assert reader.reason("BTCUSDT").endswith(f"the engine {NAME!r} has given no sign of life for 5 s")
        folder.beat(float("inf"))
        assert (reader.view("BTCUSDT").state, reader.reason("BTCUSDT")) == (BookState.LIVE, None)


def test_a_book_that_lags_is_the_reason_until_it_does_not(slot):
    with DepthReader(NAME) as reader:
        slot.mark(behind=True)
        assert reader.view("BTCUSDT").state is BookState.STALE
        assert reader.reason("btcusdt") == "BTCUSDT lags behind what its engine has received"
        slot.mark(behind=False)
        assert (reader.view("BTCUSDT").state, reader.reason("BTCUSDT")) == (BookState.LIVE, None)


def test_the_error_of_a_book_is_told_before_its_lag(slot):
    slot.write(records.pack(None, 5, BookState.FAILED, float, "unknown symbol"))
    slot.mark(behind=True)
    with DepthReader(NAME) as reader:
        assert reader.reason("BTCUSDT") == "unknown symbol"


def test_an_engine_that_was_stopped_is_the_reason(folder, slot):
    with DepthReader(NAME) as reader:
        reader.view("BTCUSDT")
        folder.close()
        assert reader.reason("BTCUSDT").endswith("was stopped")
