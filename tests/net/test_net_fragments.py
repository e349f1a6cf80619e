"""A message in many fragments is whole in the end, and is not copied for each of them."""

from websocket import ABNF

from depthactors.net.fragments import Fragments
from tests.net.net_support import CONTINUED, TEXT, connected, frame


def fed(fragments, data, opcode, fin):
    part = ABNF(fin=fin, opcode=opcode, data=data)
    fragments.validate(part)
    fragments.add(part)
    return fragments.extract(part)[1].data if fragments.is_fire(part) else None


def test_a_message_of_one_frame_is_passed_through():
    data = b"x" * 1000
    assert fed(Fragments(), data, TEXT, 1) is data


def test_fragments_are_gathered_in_one_buffer():
    fragments = Fragments()
    fed(fragments, b"a", TEXT, 0)
    fed(fragments, b"b", CONTINUED, 0)
    buffer = fragments.cont_data[1]
    for _ in range(1000):
        fed(fragments, b"c" * 100, CONTINUED, 0)
    assert fragments.cont_data[1] is buffer, "copied"
    assert fragments.size == 100_002
    assert fed(fragments, b"", CONTINUED, 1) == b"ab" + b"c" * 100_000
    assert fragments.size == 0


def test_a_message_in_thousands_of_fragments_between_two_others():
    many = frame(b"y" * 7, TEXT, fin=False) + frame(b"y" * 7, CONTINUED, fin=False) * 5_000 + frame(b"", CONTINUED)
    with connected(frame(b"before"), many, frame(b"after")) as (_, client):
        assert client.frames(3) == [b"before", b"y" * 35_007, b"after"]
