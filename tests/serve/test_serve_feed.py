import orjson
import pytest

from depthactors.actors.book_event import BookEvent
from depthactors.book import BookState, BookView
from depthactors.book.delta import difference
from depthactors.errors import StreamError
from depthactors.serve.feed import MOST_STREAMS, Feed
from depthactors.serve.followed_stream import FollowedStream
from depthactors.serve.orders import OrderError
from depthactors.serve.stream_name import Numbers
from depthactors.sharing.listing import SharedBook
from tests.serve.serve_support import read, view_of

BOOK = SharedBook("BTCUSDT", "spot", 100, 100)
LEVELS = {100.0 - place: 1.0 + place for place in range(10)}


def woken():
    calls = []
    return calls, lambda: calls.append("woken")


@pytest.fixture
def feed():
    return Feed(BOOK, view_of(LEVELS, {101.0: 1.0}), None)


def followed(feed, stream):
    reader = FollowedStream("BTCUSDT")
    read(reader, feed.messages(stream, 0)[0])
    return reader


def test_a_reader_has_the_levels_that_it_asked_for(feed):
    _, wake = woken()
    reader = followed(feed, feed.join(3, Numbers.TEXT, wake))
    assert reader.view.bids == ((100.0, 1.0), (99.0, 2.0), (98.0, 3.0))
    assert reader.view.state is BookState.LIVE


def test_before_the_first_update_a_reader_is_told_so():
    feed = Feed(BOOK, BookView("BTCUSDT", BookState.SYNCING), "no snapshot yet")
    reader = followed(feed, feed.join(3, Numbers.TEXT, print))
    assert (reader.view.state, reader.view.bids, reader.reason) == (BookState.SYNCING, (), "no snapshot yet")
    feed.changed(difference(None, view_of(LEVELS, {}, 7)))
    assert followed(feed, feed.join(3, Numbers.TEXT, print)).view.last_update_id == 7


def test_readers_are_woken_by_changes_among_their_levels(feed):
    (near_calls, near), (deep_calls, deep) = woken(), woken()
    feed.join(2, Numbers.TEXT, near)
    stream = feed.join(10, Numbers.TEXT, deep)
    feed.changed(difference(feed.view, view_of(LEVELS | {92.0: 99.0}, {101.0: 1.0}, 2)))
    assert (near_calls, deep_calls) == (["woken"], ["woken"]), "the update id is new for all"
    assert followed(feed, stream).view.bids[-2] == (92.0, 99.0)


def test_a_state_and_its_reason_reach_the_reader_and_end_with_it(feed):
    calls, wake = woken()
    stream = feed.join(2, Numbers.TEXT, wake)
    error = StreamError("the connection was lost")
    feed.happened(BookEvent("BTCUSDT", BookState.LIVE, BookState.STALE, error))
    reader = followed(feed, stream)
    assert (reader.view.state, reader.reason) == (BookState.STALE, "the connection was lost")
    assert reader.view.bids == ((100.0, 1.0), (99.0, 2.0))
    feed.changed(difference(feed.view, view_of(LEVELS, {101.0: 1.0}, 3)))
    read(reader, feed.messages(stream, reader.number)[0])
    assert (reader.view.state, reader.reason, calls) == (BookState.LIVE, None, ["woken"] * 2)


def test_a_reader_that_left_is_not_woken_and_the_stream_goes_with_the_last(feed):
    (first_calls, first), (_, second) = woken(), woken()
    stream = feed.join(2, Numbers.TEXT, first)
    assert feed.join(2, Numbers.TEXT, second) is stream
    feed.leave(stream, first)
    feed.changed(difference(feed.view, view_of(LEVELS, {}, 2)))
    assert (first_calls, feed.is_read) == ([], True)
    feed.leave(stream, second)
    assert not feed.is_read


def test_more_levels_than_the_book_has_are_refused(feed):
    with pytest.raises(OrderError, match="expected at most 100 levels of BTCUSDT") as caught:
        feed.join(101, Numbers.TEXT, print)
    assert caught.value.code == "too_many_levels"


def test_the_number_of_streams_is_bounded(feed):
    for levels in range(1, MOST_STREAMS + 1):
        feed.join(levels, Numbers.TEXT, print)
    with pytest.raises(OrderError, match="was 90: 1, 2, 3, 4") as caught:
        feed.join(90, Numbers.TEXT, print)
    assert caught.value.code == "too_many_streams"
    assert feed.join(5, Numbers.TEXT, len).name.levels == 5


def test_a_stream_of_floats_is_another_one(feed):
    stream = feed.join(1, Numbers.FLOAT, print)
    (message,), _ = feed.messages(stream, 0)
    assert orjson.loads(message)["bids"] == [[100.0, 1.0]]
