import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import binance
from depthactors.errors import MalformedFrameError
from tests.binance.frame_support import JSON, SPOT_DIFF


@pytest.mark.parametrize(
    "frame", [b"", b"[]", b"1", b'"x"', b"null", b"{", b'{"a":1}x', b"\xff", b'{"a":NaN}'], ids=repr
)
def test_a_frame_that_is_no_json_object_is_malformed(frame):
    with pytest.raises(MalformedFrameError):
        binance.decode(frame)


@given(st.binary(max_size=60) | JSON.map(orjson.dumps))
def test_any_bytes_are_an_object_or_malformed(frame):
    try:
        assert type(binance.decode(frame)) is dict
    except MalformedFrameError as error:
        assert error.excerpt == frame.decode("utf-8", "replace")[:120]  # noqa: PT017


def test_the_payload_is_taken_out_of_its_envelope():
    assert binance.payload_of({"stream": "x", "data": SPOT_DIFF}) is SPOT_DIFF
    assert binance.payload_of(SPOT_DIFF) is SPOT_DIFF


@pytest.mark.parametrize("data", [None, [], "x", 1], ids=repr)
def test_an_envelope_around_anything_else_is_malformed(data):
    with pytest.raises(MalformedFrameError, match="'data'"):
        binance.payload_of({"stream": "x", "data": data})
