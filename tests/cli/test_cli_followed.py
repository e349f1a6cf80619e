"""A followed book says of itself what a ladder's head needs."""

import pytest

from depthactors import DepthEngine
from depthactors.book import BookState
from depthactors.cli.followed import Followed, Remarks
from tests.support import until


@pytest.fixture
def engine(local_exchange):
    with DepthEngine() as engine:
        yield engine


def test_a_live_book_has_its_levels_and_what_the_engine_knows_of_it(engine):
    handle = engine.subscribe("BTCUSDT", depth=20).wait_live(20)
    book = Followed(handle)
    remarks = Remarks(engine, [book])
    assert remarks.latest() == ["local exchange"]
    seen = book.look(3)
    assert (seen.symbol, seen.market, seen.speed_ms, seen.depth, seen.why) == ("BTCUSDT", "spot", 100, 20, None)
    assert (seen.view.state, len(seen.view.bids), len(book.look(None).view.bids)) == (BookState.LIVE, 3, 20)
    assert seen.vouched >= 20
    assert -1 < seen.lag < 5
    assert (book.was_live, book.is_given_up) == (True, False)


def test_updates_a_second_are_counted_once_a_second(engine):
    book = Followed(engine.subscribe("BTCUSDT", depth=5).wait_live(20))
    row = engine.status().books[0]
    book.take(row, 10.0)
    assert book.look(1).rate is None
    until(lambda: engine.status().books[0].counters.applied > row.counters.applied)
    later = engine.status().books[0]
    book.take(later, 12.0)
    assert book.look(1).rate == (later.counters.applied - row.counters.applied) / 2


def test_a_book_that_is_given_up_says_why(engine):
    book = Followed(engine.subscribe("NOSUCHUSDT", depth=5))
    until(lambda: book.is_given_up)
    assert "NOSUCHUSDT" in book.look(None).why


def test_an_engine_that_has_ended_says_so(engine):
    remarks = Remarks(engine, [])
    engine.stop()
    assert remarks.latest()[0].startswith("the engine was stopped")
