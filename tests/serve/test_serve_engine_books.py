import pytest

from depthactors.book import BookState
from depthactors.errors import LifecycleError
from depthactors.serve.engine_books import EngineBooks
from depthactors.serve.stream_name import Numbers
from depthactors.sharing.listing import SharedBook
from tests.support import until

BTC = SharedBook("BTCUSDT", "spot", 100, 20)


@pytest.fixture
def books(engine):
    books = EngineBooks(engine)
    yield books
    books.close()


def test_the_books_of_the_engine_s_own_users_are_listed(books, engine):
    assert [(book.symbol, state) for book, state in books.listed().items()] == [
        ("BTCUSDT", BookState.LIVE),
        ("ETHUSDT", BookState.LIVE),
    ]
    books.feed(BTC)
    assert len(engine.books()) == 3
    assert len(books.listed()) == 2, "not those that the server follows"


def test_a_feed_begins_with_the_book_as_it_is_and_goes_on(books):
    feed = books.feed(BTC)
    first = feed.view
    assert (first.state, len(first.bids)) == (BookState.LIVE, 20)
    assert books.feed(BTC) is feed
    until(lambda: feed.view.last_update_id > first.last_update_id)


def test_a_feed_that_nobody_reads_is_given_up(books, engine):
    feed = books.feed(BTC)
    stream = feed.join(5, Numbers.TEXT, print)
    books.give_up_unread()
    assert books.feed(BTC) is feed
    feed.leave(stream, print)
    books.give_up_unread()
    assert len(engine.books()) == 2
    assert books.feed(BTC) is not feed


def test_a_book_that_its_users_have_given_up_ends_for_its_readers(books, engine):
    feed = books.feed(BTC)
    feed.join(5, Numbers.TEXT, print)
    engine["BTCUSDT"].close()
    books.give_up_unread()
    assert feed.view.state is BookState.STOPPED
    assert [handle.symbol for handle in engine.books()] == ["ETHUSDT"]
    with pytest.raises(KeyError):
        books.feed(BTC)


def test_an_engine_that_was_stopped_has_no_feeds(books, engine):
    engine.stop()
    with pytest.raises((KeyError, LifecycleError)):
        books.feed(BTC)
