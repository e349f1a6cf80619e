import io

import orjson
from hypothesis import given
from hypothesis import strategies as st
from websocket import ABNF, frame_buffer

from depthactors.exchange.shapes.shape import MICROSECOND, MILLISECOND
from depthactors.exchange.streams.message import Message, text_frame
from tests.support import table

EVENT = {"e": "depthUpdate", "E": 1_700_000_000_123, "s": "A", "U": 1, "u": 2, "b": [["1.0", "2.0"]], "a": []}
PAYLOAD = orjson.dumps(EVENT)
TIME_US = 1_700_000_000_123_456


def plain(message, **form):
    """Return the payload that a client of this form gets."""
    return orjson.loads(message.wire(form.get("combined", False), form.get("unit", MILLISECOND)))


def message(**more):
    return Message("a@depth", PAYLOAD, encode=lambda payload: payload, **more)


def test_a_raw_message_is_the_payload_byte_for_byte():
    assert message().wire(False, MILLISECOND) == PAYLOAD


def test_a_combined_message_names_the_stream_as_it_was_subscribed():
    assert plain(message(), combined=True) == {"stream": "a@depth", "data": EVENT}


@table("combined", [False, True])
def test_microseconds_are_given_where_they_are_known(combined):
    timed = plain(message(time_us=TIME_US), combined=combined, unit=MICROSECOND)
    assert (timed["data"] if combined else timed) == EVENT | {"E": TIME_US}
    untimed = plain(message(), combined=combined, unit=MICROSECOND)
    assert (untimed["data"] if combined else untimed) == EVENT


def test_each_form_is_encoded_once_however_many_clients_want_it():
    encoded = []

    def encode(payload):
        encoded.append(payload)
        return payload

    shared = Message("a@depth", PAYLOAD, TIME_US, encode)
    forms = [(combined, unit) for combined in (False, True) for unit in (MILLISECOND, MICROSECOND)]
    for _ in range(3):
        for form in forms:
            shared.wire(*form)
    assert len(encoded) == 4


def test_a_message_put_on_the_wire_in_another_way_is_otherwise_the_same():
    other = message(time_us=TIME_US).encoded_by(lambda payload: payload + b" ")
    assert other.wire(False, MILLISECOND) == PAYLOAD + b" "
    assert plain(other, combined=True, unit=MICROSECOND)["data"]["E"] == TIME_US


def test_a_changed_message_has_another_payload_in_every_form():
    changed = message().changed(lambda _: b'{"e":"other"}')
    assert plain(changed) == {"e": "other"}
    assert plain(changed, combined=True) == {"stream": "a@depth", "data": {"e": "other"}}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_name_of_a_stream_makes_json(name):
    combined = Message(name, PAYLOAD, encode=lambda payload: payload).wire(True, MILLISECOND)
    assert orjson.loads(combined)["stream"] == name


@table("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_text_frame_is_read_by_another_library(size):
    payload = b"x" * size
    frame = frame_buffer(io.BytesIO(text_frame(payload)).read, skip_utf8_validation=False).recv_frame()
    assert (frame.fin, frame.opcode, bytes(frame.data)) == (1, ABNF.OPCODE_TEXT, payload)
    assert not frame.mask_value, "a server masks nothing"
