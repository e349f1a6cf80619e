import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import binance
from depthactors.errors import MalformedFrameError
from tests.binance.frame_support import JSON, SPOT_DIFF
from tests.support import table


@table("frame", [b"", b"[]", b"1", b'"x"', b"null", b"{", b'{"a":1}x', b"\xff", b'{"a":NaN}'])
def test_a_frame_that_is_no_json_object_is_malformed(frame):
    with pytest.raises(MalformedFrameError):
        binance.decode(frame)


def read(frame, opcode=binance.TEXT):
    return binance.read_envelope(opcode, frame)


def test_the_stream_and_the_payload_of_a_text_frame():
    combined = b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"}}'
    spaced = b'{ "data": {"e": 1}, "stream": "btcusdt@depth" }'
    raw = b'{"e":"depthUpdate","s":"BTCUSDT"}'
    reply = b'{"result":null,"id":1}'
    assert read(combined) == (b"btcusdt@depth@100ms", combined)
    assert read(b'{"stream":"%b"}' % (b"x" * 500)) == (b"x" * 500, b'{"stream":"%b"}' % (b"x" * 500))
    assert read(spaced) == (b"btcusdt@depth", spaced)
    assert read(raw) == (b"", raw)
    assert read(reply) == (b"", reply)
    assert read(b'{"stream":7}') == (b"", b'{"stream":7}')


def test_a_name_with_escapes_is_found_in_the_decoded_frame():
    frame = b'{"stream":"\\u5e01usdt@depth","data":{}}'
    assert binance.stream_of(binance.decode(frame)) == "\u5e01usdt@depth".encode()


@table("opcode", [0x0, 0x2, 0x3, 0xB])
def test_a_message_that_is_no_text_is_refused_by_its_opcode(opcode):
    with pytest.raises(MalformedFrameError, match=f"expected a text frame, was one of opcode {opcode}: "):
        read(b'{"stream":"btcusdt@depth","data":{}}', opcode)


@given(st.binary(max_size=60) | JSON.map(orjson.dumps) | st.text().map(lambda name: orjson.dumps({"stream": name})))
def test_the_quick_way_to_a_name_leads_where_the_careful_one_does(frame):
    try:
        careful = binance.stream_of(binance.decode(frame))
    except MalformedFrameError:
        return
    stream, payload = read(frame)
    assert payload is frame
    assert stream == careful or b"\\" in frame


@given(st.binary(max_size=60) | JSON.map(orjson.dumps))
def test_any_bytes_are_an_object_or_malformed(frame):
    try:
        assert type(binance.decode(frame)) is dict
    except MalformedFrameError as error:
        assert error.excerpt == frame.decode("utf-8", "replace")[:120]  # noqa: PT017


def test_the_payload_is_taken_out_of_its_envelope():
    assert binance.payload_of({"stream": "x", "data": SPOT_DIFF}) is SPOT_DIFF
    assert binance.payload_of(SPOT_DIFF) is SPOT_DIFF


@table("data", [None, [], "x", 1])
def test_an_envelope_around_anything_else_is_malformed(data):
    with pytest.raises(MalformedFrameError, match="'data'"):
        binance.payload_of({"stream": "x", "data": data})
