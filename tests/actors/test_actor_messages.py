"""The messages: checked when they are made, and never changed after."""

import dataclasses
import json
import pickle

import pytest

from depthactors import markets
from depthactors.actors import messages
from depthactors.actors.messages import Best, DepthTo, Frames, Full, Status, StreamUp, Top
from depthactors.actors.rows import BookStatus
from depthactors.book import BookState
from depthactors.errors import UsageError
from depthactors.sync import Counters
from tests.actors.actor_support import spec

CLASSES = [
    each for each in vars(messages).values() if dataclasses.is_dataclass(each) and each.__module__ == messages.__name__
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_is_frozen(kind):
    assert kind.__dataclass_params__.frozen
    assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)


def test_a_change_is_refused():
    message = StreamUp(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        message.epoch = 2


@pytest.mark.parametrize("levels", [0, -1, 1.0, "5", None, True], ids=repr)
def test_top_wants_a_number_of_levels(levels):
    with pytest.raises(UsageError, match=f"at least 1, was {levels!r}"):
        Top(levels)


@pytest.mark.parametrize("side", ["bids", "BID", "", None, 1], ids=repr)
def test_depth_to_wants_a_side(side):
    with pytest.raises(UsageError, match="'bid' or 'ask'"):
        DepthTo(side, 100.0)


@pytest.mark.parametrize(
    "question", [Top(5), Best(), Full(), DepthTo("ask", 1.5), Status()], ids=lambda question: type(question).__name__
)
def test_questions_are_values(question):
    twin = pickle.loads(pickle.dumps(question))
    assert twin == question
    assert hash(twin) == hash(question)


def test_frames_of_one_read_are_compared_by_content():
    assert Frames(1, [b"a"], 2.0) == Frames(1, [b"a"], 2.0) != Frames(1, [b"b"], 2.0)


def test_subscriptions_share_a_book_if_market_symbol_and_interval_agree():
    assert spec().key == spec(depth=500, refresh_interval=60.0).key
    others = [spec(markets.USDM), spec(markets.US), spec(symbol="ETHUSDT"), spec(speed_ms=1000)]
    assert len({spec().key, *(each.key for each in others)}) == 5


def test_a_status_becomes_json():
    numbers = dict.fromkeys((field.name for field in dataclasses.fields(BookStatus)), 0)
    status = BookStatus(**numbers | {"symbol": "BTCUSDT", "state": BookState.LIVE, "counters": Counters(diffs=3)})
    row = json.loads(json.dumps(dataclasses.asdict(status)))
    assert (row["state"], row["last_update_id"], row["counters"]["diffs"]) == ("LIVE", 0, 3)
