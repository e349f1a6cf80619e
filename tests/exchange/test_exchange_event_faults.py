import json

import orjson
import pytest
import websocket
from hypothesis import given
from hypothesis import strategies as st

from depthactors.exchange import Fault
from depthactors.exchange.shapes.shape import MILLISECOND
from depthactors.exchange.streams.event_faults import EventFaults
from depthactors.exchange.streams.message import Message
from tests.exchange.exchange_support import spot_event
from tests.support import table


def message(number):
    event = spot_event(number, number, bids=[("100.00", f"{number}.5")], asks=[("101.00", "2.0"), ("102.00", "0.0")])
    return Message("btcusdt@depth", orjson.dumps(event))


def frames(sent, *, combined=False):
    """Read a message as a client does."""
    wire = bytearray(b"".join(each.wire(combined, MILLISECOND) for each in sent))

    def read(size):
        taken = bytes(wire[:size])
        del wire[:size]
        return taken

    buffer = websocket._abnf.frame_buffer(read, skip_utf8_validation=False)
    found = []
    while wire:
        found.append(buffer.recv_frame())
    return found


def ids(sent):
    return [json.loads(frame.data)["u"] for frame in frames(sent)]


def one(kind, *, combined=False):
    """Return the frames of one event that one fault has struck."""
    return frames(EventFaults().apply(message(1), [Fault(kind)], 0.0), combined=combined)


class Line:
    """A stream whose event `number` is struck by the faults of `plan[number]`; the clock is `now`."""

    def __init__(self, plan):
        self.plan, self.now, self.number, self.tampering = plan, 0.0, 0, EventFaults()

    def send(self, count=1):
        got = []
        for _ in range(count):
            self.number += 1
            got += ids(self.tampering.apply(message(self.number), self.plan.get(self.number, []), self.now))
        return got


def test_what_is_not_struck_passes_unchanged():
    event = message(1)
    assert EventFaults().apply(event, [], 0.0) == [event]


def test_a_dropped_event_is_left_out_and_the_others_are_not():
    assert Line({2: [Fault("drop")]}).send(4) == [1, 3, 4]


def test_a_duplicate_is_sent_twice_in_a_row():
    assert Line({2: [Fault("duplicate")]}).send(3) == [1, 2, 2, 3]


def test_a_reordered_event_comes_after_the_next_one():
    assert Line({2: [Fault("reorder")]}).send(4) == [1, 3, 2, 4]


def test_events_that_are_reordered_in_a_row_come_after_the_first_that_is_not():
    assert Line({2: [Fault("reorder")], 3: [Fault("reorder")]}).send(5) == [1, 4, 2, 3, 5]


def test_a_reordered_event_is_not_lost_with_the_next_one():
    assert Line({2: [Fault("reorder")], 3: [Fault("drop")]}).send(4) == [1, 2, 4]


def test_a_delay_holds_the_event_and_what_follows_and_loses_nothing():
    line = Line({2: [Fault("delay", seconds=3.0)]})
    assert line.send() == [1]
    assert line.send(2) == []
    line.now = 2.9
    assert line.send() == []
    line.now = 3.0
    assert line.send(2) == [2, 3, 4, 5, 6]


def test_the_later_end_of_two_delays_counts():
    line = Line({1: [Fault("delay", seconds=5.0), Fault("delay", seconds=1.0)], 2: [Fault("delay", seconds=1.0)]})
    assert line.send(2) == []
    line.now = 4.9
    assert line.send() == []
    line.now = 5.0
    assert line.send() == [1, 2, 3, 4]


def test_a_delay_of_no_time_delays_nothing():
    assert Line({1: [Fault("delay", seconds=0.0)]}).send(2) == [1, 2]


def test_a_delayed_duplicate_is_both():
    line = Line({1: [Fault("delay", seconds=1.0), Fault("duplicate")]})
    assert line.send() == []
    line.now = 1.0
    assert line.send() == [1, 1, 2]


@table("combined", [False, True])
def test_a_split_event_comes_in_three_fragments_that_make_the_whole(combined):
    parts = one("split", combined=combined)
    assert [(part.opcode, part.fin) for part in parts] == [
        (websocket.ABNF.OPCODE_TEXT, 0),
        (websocket.ABNF.OPCODE_CONT, 0),
        (websocket.ABNF.OPCODE_CONT, 1),
    ]
    assert all(part.data for part in parts)
    whole = b"".join(part.data for part in parts)
    assert whole == frames([message(1)], combined=combined)[0].data


@table("combined", [False, True])
def test_garbage_is_a_whole_frame_and_no_json(combined):
    (frame,) = one("garbage", combined=combined)
    assert (frame.opcode, frame.fin) == (websocket.ABNF.OPCODE_TEXT, 1)
    whole = frames([message(1)], combined=combined)[0].data
    assert 0 < len(frame.data) < len(whole)
    assert whole.startswith(frame.data)
    with pytest.raises(json.JSONDecodeError):
        json.loads(frame.data)


def test_wrong_types_are_a_text_for_an_id_and_numbers_for_levels():
    right = json.loads(frames([message(1)])[0].data)
    (frame,) = one("wrong-types")
    wrong = json.loads(frame.data)
    assert wrong["u"] == str(right["u"])
    assert wrong["b"]
    assert all(type(part) is not str for level in wrong["b"] for part in level)
    assert {key: wrong[key] for key in "eEsU"} == {key: right[key] for key in "eEsU"}


def test_a_distorted_event_keeps_its_stream():
    for kind in ("split", "garbage", "wrong-types"):
        assert [each.stream for each in EventFaults().apply(message(1), [Fault(kind)], 0.0)] == ["btcusdt@depth"]
    (frame,) = one("wrong-types", combined=True)
    assert json.loads(frame.data)["stream"] == "btcusdt@depth"


def test_faults_of_the_connection_leave_the_event_alone():
    faults = [Fault(kind) for kind in ("cut", "reset", "half-open", "shutdown", "expire")]
    event = message(1)
    assert EventFaults().apply(event, faults, 0.0) == [event]


@given(
    st.dictionaries(
        st.integers(1, 30),
        st.lists(st.sampled_from(["drop", "duplicate", "reorder", "delay"]), min_size=1, max_size=2, unique=True),
    ),
    st.floats(0.1, 3.0),
)
def test_only_drop_loses_and_only_duplicate_repeats(plan, pause):
    line = Line({number: [Fault(kind, seconds=pause) for kind in kinds] for number, kinds in plan.items()})
    got = []
    for _ in range(30):
        got += line.send()
        line.now += 0.4
    line.now += 10
    got += line.send()
    expected = []
    for number in range(1, 32):
        kinds = plan.get(number, [])
        expected += [number] * (0 if "drop" in kinds else 2 if "duplicate" in kinds else 1)
    assert sorted(got) == expected
    if all("reorder" not in kinds for kinds in plan.values()):
        assert got == expected
