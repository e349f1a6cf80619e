import orjson
import pytest

from depthactors.exchange.feeds.depth_event import DepthEvent, Step
from tests.exchange.exchange_support import spot_event
from tests.support import table

EVENT = spot_event(101, 105, bids=[("10", "1")])


def tick():
    return DepthEvent(7, 101, 105, 100, 1_700_000_000_105_000, orjson.dumps(EVENT))


def test_the_event_is_decoded_as_it_was_encoded():
    assert tick().decoded() == EVENT


def test_a_decoded_event_can_be_changed_alone():
    shared = tick()
    mine = shared.decoded()
    mine["b"].append(["9", "9"])
    mine["u"] = 0
    assert shared.decoded() == EVENT


@table("value", [tick(), Step(7, tick())])
def test_events_and_steps_are_values(value):
    assert value == type(value)(*value)
    with pytest.raises(AttributeError):
        value.number = 8


def test_a_step_has_no_bookticker_events_unless_told():
    assert Step(1, None) == (1, None, ())
