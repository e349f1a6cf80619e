import orjson
from hypothesis import given
from hypothesis import strategies as st

from depthactors.book import BookState
from depthactors.serve.followed_stream import FollowedStream
from depthactors.serve.stream import KEPT, SINGLE, Stream
from tests.serve.serve_support import NAME, read, view_of

LEVELS = st.dictionaries(st.integers(1, 30).map(float), st.integers(1, 4).map(float), max_size=8)
STATES = st.sampled_from([BookState.LIVE, BookState.STALE])
STEPS = st.lists(
    st.tuples(LEVELS, LEVELS, st.integers(0, 2), STATES, st.sampled_from([None, "late"]), st.booleans()),
    min_size=1,
    max_size=90,
)


def stream_of(count):
    stream = Stream(NAME)
    for number in range(1, count + 1):
        stream.put(view_of({1.0: float(number)}, {}, number), None, conflated=False)
    return stream


def kinds(messages):
    return [(each["type"], each.get("after"), each["n"]) for each in map(orjson.loads, messages)]


@given(STEPS, st.integers(1, 80))
def test_a_reader_has_the_latest_view_whenever_it_comes_back(steps, pause):
    """Ids may repeat, as those of a book that turned stale do, and begin anew."""
    stream, update_id = Stream(NAME), 0
    quick, slow = FollowedStream("BTCUSDT"), FollowedStream("BTCUSDT")
    for place, (bids, asks, more, state, reason, begins_anew) in enumerate(steps):
        update_id = 1 if begins_anew else update_id + more
        view = view_of(bids, asks, update_id, state)
        told = stream.put(view, reason, conflated=False)
        before = quick.view, quick.reason
        read(quick, stream.since(quick.number))
        assert (quick.view, quick.reason, quick.number) == (view, reason, stream.number)
        assert told is (before != (quick.view, quick.reason))
        if place % pause == 0:
            read(slow, stream.since(slow.number))
            assert (slow.view, slow.reason) == (quick.view, quick.reason)


def test_who_is_new_gets_a_snapshot_and_then_deltas():
    stream = stream_of(3)
    assert kinds(stream.since(0)) == [("snapshot", None, 3)]
    stream.put(view_of({1.0: 4.0}, {}, 4), None, conflated=False)
    assert kinds(stream.since(3)) == [("delta", 3, 4)]
    assert stream.since(4) == []


def test_messages_are_made_once_for_all_readers():
    stream = stream_of(5)
    assert [id(each) for each in stream.since(2)] == [id(each) for each in stream.since(2)]
    assert stream.since(0)[0] is stream.since(0)[0]


def test_a_reader_that_is_a_little_behind_gets_each_delta():
    stream = stream_of(SINGLE + 1)
    assert kinds(stream.since(1)) == [("delta", number, number + 1) for number in range(1, SINGLE + 1)]
    assert stream.conflated == 0


def test_a_reader_that_is_further_behind_gets_their_sum_and_is_told_so():
    stream = stream_of(SINGLE + 2)
    (encoded,) = stream.since(1)
    message = orjson.loads(encoded)
    assert (message["after"], message["n"], message["conflated"]) == (1, SINGLE + 2, True)
    assert (message["previous_update_id"], message["last_update_id"]) == (1, SINGLE + 2)
    assert stream.conflated == SINGLE + 1


def test_a_reader_that_is_too_far_behind_gets_a_snapshot():
    stream = stream_of(KEPT + 2)
    assert kinds(stream.since(2)) == [("delta", 2, KEPT + 2)]
    assert kinds(stream.since(1)) == [("snapshot", None, KEPT + 2)]
    assert stream.snapshots == 1


def test_a_view_that_says_nothing_new_is_no_message():
    stream = stream_of(1)
    assert not stream.put(view_of({1.0: 1.0}, {}, 1), None, conflated=False)
    assert stream.put(view_of({1.0: 1.0}, {}, 1), "why", conflated=False)
    assert stream.put(view_of({1.0: 1.0}, {}, 1, BookState.STALE), "why", conflated=False)
    assert stream.put(view_of({1.0: 1.0}, {}, 2, BookState.STALE), "why", conflated=False)
    assert stream.put(view_of({1.0: 1.5}, {}, 2, BookState.STALE), "why", conflated=False)
    assert stream.number == 5


def test_updates_that_the_source_left_out_are_told():
    stream = stream_of(1)
    stream.put(view_of({1.0: 9.0}, {}, 5), None, conflated=True)
    assert orjson.loads(stream.since(1)[0])["conflated"] is True
