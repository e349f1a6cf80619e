import json

import pytest

from depthactors import markets, wire
from depthactors.exchange.flow_feed import FlowFeed
from depthactors.exchange.rest import RestApi
from depthactors.exchange.routes import Catalogue

NOW = 1_700_000_000.5
LISTED = [
    ("spot", "BTCUSDT"),
    ("usdm", "BTCUSDT"),
    ("coinm", "BTCUSD_PERP"),
    ("options", "BTC-261030-85000-C"),
]


@pytest.fixture
def api():
    feeds = [FlowFeed(symbol, markets.lookup(market), clock=lambda: NOW) for market, symbol in LISTED]
    return RestApi(Catalogue(feeds), clock=lambda: NOW)


def ask(api, path):
    answer = api.answer(path)
    return answer.status, json.loads(answer.body), dict(answer.headers)


@pytest.mark.parametrize(
    ("path", "keys", "levels", "weight"),
    [
        ("/api/v3/depth?symbol=BTCUSDT", ["lastUpdateId", "bids", "asks"], 100, 5),
        ("/api/v3/depth?symbol=BTCUSDT&limit=7", ["lastUpdateId", "bids", "asks"], 7, 5),
        ("/api/v3/depth?symbol=BTCUSDT&limit=99999", ["lastUpdateId", "bids", "asks"], 300, 250),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=5", ["lastUpdateId", "E", "T", "bids", "asks"], 5, 2),
        ("/fapi/v1/depth?symbol=BTCUSDT", ["lastUpdateId", "E", "T", "bids", "asks"], 300, 10),
        (
            "/dapi/v1/depth?symbol=BTCUSD_PERP&limit=10",
            ["lastUpdateId", "E", "T", "symbol", "pair", "bids", "asks"],
            10,
            2,
        ),
        ("/eapi/v1/depth?symbol=BTC-261030-85000-C", ["bids", "asks", "T", "lastUpdateId"], 100, 5),
    ],
)
def test_depth_replies(api, path, keys, levels, weight):
    status, reply, headers = ask(api, path)
    assert status == 200
    assert list(reply) == keys
    assert len(reply["bids"]) == len(reply["asks"]) == levels
    assert headers == {"X-MBX-USED-WEIGHT-1M": str(weight)}
    assert wire.parse_snapshot(reply, levels).last_update_id == reply["lastUpdateId"]


def test_coinm_names_symbol_and_pair(api):
    _, reply, _ = ask(api, "/dapi/v1/depth?symbol=BTCUSD_PERP&limit=5")
    assert (reply["symbol"], reply["pair"]) == ("BTCUSD_PERP", "BTCUSD")
    assert reply["E"] == 1_700_000_000_500


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=7", -4021, "7 is not valid depth limit"),
        ("/eapi/v1/depth?symbol=BTC-261030-85000-C&limit=5000", -4021, "5000 is not valid depth limit"),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=0", -4021, "0 is not valid depth limit"),
        ("/api/v3/depth?symbol=BTCUSDT&limit=0", -1130, "limit"),
        ("/api/v3/depth?symbol=BTCUSDT&limit=many", -1100, "Illegal characters"),
        ("/api/v3/depth?symbol=BTCUSDT&limit=-5", -1100, "Illegal characters"),
        ("/api/v3/depth?symbol=XYZ", -1121, "Invalid symbol."),
        ("/api/v3/depth?symbol=btcusdt", -1121, "Invalid symbol."),
        ("/fapi/v1/depth?symbol=BTCUSD_PERP", -1121, "Invalid symbol."),
        ("/api/v3/depth", -1102, "Mandatory parameter 'symbol'"),
        ("/dapi/v1/depth?symbol=", -1102, "Mandatory parameter 'symbol'"),
    ],
)
def test_refusals(api, path, code, text):
    status, reply, headers = ask(api, path)
    assert (status, reply["code"]) == (400, code)
    assert text in reply["msg"]
    assert headers["X-MBX-USED-WEIGHT-1M"] == "1"


@pytest.mark.parametrize("base", ["/api/v3", "/fapi/v1", "/dapi/v1", "/eapi/v1"])
def test_ping_and_time(api, base):
    assert ask(api, f"{base}/ping") == (200, {}, {"X-MBX-USED-WEIGHT-1M": "1"})
    assert ask(api, f"{base}/time")[1] == {"serverTime": 1_700_000_000_500}


def test_other_paths_are_not_rests(api):
    assert api.answer("/api/v3/trades") is None
    assert api.answer("/ws/btcusdt@depth") is None


def test_usdm_and_coinm_share_one_count(api):
    ask(api, "/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
    _, _, headers = ask(api, "/dapi/v1/depth?symbol=BTCUSD_PERP&limit=1000")
    assert headers == {"X-MBX-USED-WEIGHT-1M": "40"}
    assert ask(api, "/api/v3/ping")[2] == {"X-MBX-USED-WEIGHT-1M": "1"}


def test_family_without_a_feed_still_answers():
    api = RestApi(Catalogue([FlowFeed("BTCUSDT", markets.SPOT)]))
    assert ask(api, "/dapi/v1/ping")[0] == 200
    assert ask(api, "/dapi/v1/depth?symbol=BTCUSD_PERP")[1]["code"] == -1121
