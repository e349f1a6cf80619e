import orjson
import pytest

from depthactors.errors import MalformedFrameError, StreamError
from depthactors.serve.followed_stream import FollowedStream
from depthactors.serve.stream import Stream
from tests.serve.serve_support import NAME, read, view_of


@pytest.fixture
def stream():
    stream = Stream(NAME)
    for number in (1, 2, 3):
        stream.put(view_of({1.0: float(number)}, {}, number), f"reason {number}", conflated=False)
    return stream


def test_a_missing_message_is_an_error_and_the_next_snapshot_goes_on(stream):
    followed = FollowedStream("BTCUSDT")
    read(followed, stream.since(0))
    for number in (4, 5):
        stream.put(view_of({1.0: float(number)}, {}, number), None, conflated=False)
    _missed, last = stream.since(3)
    with pytest.raises(StreamError, match="BTCUSDT: expected a message that follows number 3, was one that follows 4"):
        read(followed, [last])
    assert (followed.view.last_update_id, followed.number, followed.reason) == (3, 3, "reason 3")
    read(followed, stream.since(0))
    assert (followed.view.last_update_id, followed.number, followed.reason) == (5, 5, None)


def test_a_delta_before_any_snapshot_is_an_error(stream):
    with pytest.raises(StreamError, match="follows number 0, was one that follows 2"):
        read(FollowedStream("BTCUSDT"), stream.since(2))


def test_a_delta_of_another_update_is_refused(stream):
    followed = FollowedStream("BTCUSDT")
    read(followed, stream.since(0))
    stream.put(view_of({1.0: 9.0}, {}, 9), None, conflated=False)
    message = orjson.loads(stream.since(3)[0]) | {"previous_update_id": 8}
    with pytest.raises(MalformedFrameError, match="expected a delta that follows update 3, was one that follows 8"):
        followed.take(message)
    assert followed.view.last_update_id == 3
