"""A watched book says of itself what a reader must know: which one it is, and why it is not live."""

import os
from types import SimpleNamespace

import pytest

from depthactors import DepthEngine, DepthReader
from depthactors.book import BookState
from depthactors.cli.watched import Watched
from tests.support import until

NAME = f"watched-{os.getpid()}"


@pytest.fixture
def engine(local_exchange):
    with DepthEngine(name=NAME) as engine:
        yield engine


@pytest.fixture
def reader(engine):
    with DepthReader(NAME) as reader:
        yield reader


def look(reader, levels=3):
    (book,) = reader.books()
    return Watched(reader, book).look(levels)


def test_a_live_book_is_named_with_so_many_levels(engine, reader):
    engine.subscribe("btcusdt", depth=20).wait_live(timeout=20)
    seen = look(reader)
    view = seen.view
    assert (view.symbol, view.state, len(view.bids), len(view.asks)) == ("BTCUSDT", BookState.LIVE, 3, 3)
    assert (seen.note, seen.depth) == ("spot 100 ms", 20)
    assert 0 <= seen.lag < 5
    assert (seen.vouched, seen.rate) == (20, None)


def test_a_book_that_is_let_go_of_is_not_shown_and_is_shown_when_it_is_back(engine, reader):
    handle = engine.subscribe("BTCUSDT", depth=20).wait_live(timeout=20)
    (book,) = reader.books()
    watched = Watched(reader, book)
    engine.unsubscribe(handle)
    engine.subscribe("ETHUSDT", depth=20)
    seen = watched.look(3)
    assert seen.view is None
    words = seen.why
    assert words.startswith("is not shown: the engine '")
    assert words.endswith("does not share BTCUSDT spot 100 ms; it shares ETHUSDT")
    engine.subscribe("BTCUSDT", depth=20).wait_live(timeout=20)
    assert watched.look(3).view.state is BookState.LIVE


def test_the_end_of_the_engine_is_told_beside_its_last_book(engine, reader):
    handle = engine.subscribe("BTCUSDT", depth=20).wait_live(timeout=20)
    (book,) = reader.books()
    watched = Watched(reader, book)
    watched.look(3)
    last = handle.view().last_update_id
    engine.stop()
    seen = watched.look(3)
    view, words = seen.view, seen.note
    assert (view.state, len(view.bids)) == (BookState.STOPPED, 3)
    assert view.last_update_id >= last
    assert words.startswith("spot 100 ms: the engine '")
    assert words.endswith("was stopped")


def test_updates_are_counted_as_the_engine_writes_them(engine, reader):
    engine.subscribe("BTCUSDT", depth=20).wait_live(timeout=20)
    watched, counts = Watched(reader, reader.books()[0]), []
    watched._rate = SimpleNamespace(take=lambda _now, count: counts.append(count))
    watched.look(1)
    until(lambda: reader.records("BTCUSDT") > counts[0] + 2)
    watched.look(1)
    assert counts[1] > counts[0] + 2
