import orjson

from depthactors import binance
from depthactors.binance import ControlReply, Notice
from tests.binance.frame_support import SPOT_DIFF
from tests.support import table


@table(
    ("frame", "expected"),
    [
        ({"result": None, "id": 1}, ControlReply(1, None, None)),
        ({"result": ["a@depth"], "id": "x"}, ControlReply("x", ["a@depth"], None)),
        ({"error": {"code": 2, "msg": "bad"}, "id": 3}, ControlReply(3, None, "2: bad", 2)),
        (
            {"error": {"code": 4, "msg": "Too many subscriptions"}},
            ControlReply(None, None, "4: Too many subscriptions", 4),
        ),
        ({"error": "no"}, ControlReply(None, None, "no")),
        ({"error": {"code": True, "msg": "bad"}}, ControlReply(None, None, "bad")),
        ({"code": 3, "msg": "Invalid JSON"}, ControlReply(None, None, "3: Invalid JSON", 3)),
        ({"e": "serverShutdown", "E": 1}, Notice.SERVER_SHUTDOWN),
        ({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}, Notice.SERVER_SHUTDOWN),
        (SPOT_DIFF, None),
        ({"stream": "btcusdt@depth", "data": SPOT_DIFF}, None),
    ],
)
def test_notices_and_replies(frame, expected):
    assert binance.parse_notice(frame) == expected


@table(("encode", "method"), [(binance.subscribe, "SUBSCRIBE"), (binance.unsubscribe, "UNSUBSCRIBE")])
def test_requests(encode, method):
    assert orjson.loads(encode(["a@depth", "b@depth"], 7)) == {
        "method": method,
        "params": ["a@depth", "b@depth"],
        "id": 7,
    }
