from decimal import Decimal

import orjson
import pytest

from depthactors.book import BookState
from depthactors.book.delta import difference
from depthactors.errors import MalformedFrameError
from depthactors.serve.messages import Numbered, decode, encode
from depthactors.serve.stream_name import Numbers
from tests.serve.serve_support import NAME, view_of
from tests.support import table

LONG = Decimal("12345678901234567.8")
BEFORE = view_of({100.5: 1.0, 100.0: 2.5}, {101.0: 3.0})
LATER = view_of({100.5: LONG}, {101.0: 3.0, 102.25: 0.5}, 2, BookState.STALE)
SNAPSHOT = Numbered(1, None, difference(None, LATER), "why")
DELTA = Numbered(2, 1, difference(BEFORE, LATER, conflated=True), None)


def test_a_snapshot_as_it_is_sent():
    assert orjson.loads(encode(NAME, SNAPSHOT)) == {
        "type": "snapshot",
        "stream": "spot/BTCUSDT/100/20/text",
        "n": 1,
        "state": "STALE",
        "reason": "why",
        "last_update_id": 2,
        "event_time": 2000,
        "recv_time": 2.0,
        "age": 0.5,
        "decimals": [2, 1],
        "bids": [["100.50", "12345678901234567.8"]],
        "asks": [["101.00", "3.0"], ["102.25", "0.5"]],
    }


def test_a_delta_as_it_is_sent():
    message = orjson.loads(encode(NAME, DELTA))
    named = ("type", "n", "after", "previous_update_id", "last_update_id", "conflated")
    assert [message[name] for name in named] == ["delta", 2, 1, 1, 2, True]
    assert message["bids"] == [["100.50", "12345678901234567.8"], ["100.00", "0.0"]]
    assert message["asks"] == [["102.25", "0.5"]]


def test_numbers_as_floats():
    message = orjson.loads(encode(NAME._replace(numbers=Numbers.FLOAT), SNAPSHOT))
    assert (message["stream"], message["bids"]) == ("spot/BTCUSDT/100/20/float", [[100.5, float(LONG)]])


@table("numbered", [SNAPSHOT, DELTA])
def test_what_is_read_is_what_was_sent(numbered):
    assert decode("BTCUSDT", orjson.loads(encode(NAME, numbered))) == numbered


@table(
    ("name", "value"),
    [
        ("n", "1"),
        ("n", True),
        ("n", None),
        ("after", None),
        ("previous_update_id", 1.5),
        ("conflated", 1),
        ("state", "ALIVE"),
        ("state", 7),
        ("recv_time", "now"),
        ("decimals", [2]),
        ("decimals", [2, -1]),
        ("decimals", [2, "1"]),
        ("bids", {}),
        ("bids", [["1"]]),
        ("bids", ["12"]),
        ("asks", [[1.0, 2.0]]),
        ("asks", [["-1", "2"]]),
        ("asks", [["nan", "2"]]),
    ],
)
def test_a_message_that_is_none_is_refused(name, value):
    message = orjson.loads(encode(NAME, DELTA)) | {name: value}
    with pytest.raises(MalformedFrameError, match="expected"):
        decode("BTCUSDT", message)
