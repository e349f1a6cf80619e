"""A message in many fragments is whole in the end, and is not copied for each of them."""

import pytest
from websocket import WebSocketProtocolException

from depthactors.net.fragments import Fragments
from tests.net.net_support import CONTINUED, TEXT, connected, frame


def test_a_message_of_one_frame_is_passed_through():
    data = b"x" * 1000
    assert Fragments().add(TEXT, data, is_last=True)[1] is data


def test_fragments_are_joined_and_counted():
    fragments = Fragments()
    assert fragments.add(TEXT, b"a", is_last=False) is None
    for _ in range(1000):
        assert fragments.add(CONTINUED, b"c" * 100, is_last=False) is None
    assert fragments.size == 100_001
    assert fragments.add(CONTINUED, b"", is_last=True) == (TEXT, b"a" + b"c" * 100_000)
    assert fragments.size == 0


@pytest.mark.parametrize(("before", "opcode"), [((), CONTINUED), ((TEXT,), TEXT)], ids=["of nothing", "within one"])
def test_fragments_out_of_order_are_refused(before, opcode):
    fragments = Fragments()
    for each in before:
        fragments.add(each, b"a", is_last=False)
    with pytest.raises(WebSocketProtocolException):
        fragments.add(opcode, b"b", is_last=True)


def test_a_message_in_thousands_of_fragments_between_two_others():
    many = frame(b"y" * 7, TEXT, fin=False) + frame(b"y" * 7, CONTINUED, fin=False) * 5_000 + frame(b"", CONTINUED)
    with connected(frame(b"before"), many, frame(b"after")) as (_, client):
        assert client.frames(3) == [b"before", b"y" * 35_007, b"after"]
