import pytest

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange import routes
from depthactors.exchange.flow_feed import FlowFeed
from depthactors.exchange.routes import Catalogue


def catalogue(*listed):
    return Catalogue([FlowFeed(symbol, markets.lookup(market)) for market, symbol in listed])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/ws", (False, False, ())),
        ("/ws/", (False, False, ())),
        ("/ws/a@depth", (False, False, ("a@depth",))),
        ("/ws/a@depth/b@depth", (False, False, ("a@depth", "b@depth"))),
        ("/stream", (False, True, ())),
        ("/stream?streams=a@depth/b@depth@100ms", (False, True, ("a@depth", "b@depth@100ms"))),
        ("/stream?streams=a%40depth&timeUnit=MICROSECOND", (False, True, ("a@depth",))),
        ("/public/ws/a%40depth", (True, False, ("a@depth",))),
        ("/public/stream?streams=a@depth", (True, True, ("a@depth",))),
        ("/public/ws", (True, False, ())),
        ("/market/ws", None),
        ("/wsx", None),
        ("/publicws", None),
        ("/public", None),
        ("/", None),
    ],
)
def test_stream_paths(path, expected):
    assert routes.stream_route(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v3/depth?symbol=BTCUSDT&limit=5", ("depth", "/api/v3/depth", {"symbol": "BTCUSDT", "limit": "5"})),
        ("/api/v3/ping", ("ping", "/api/v3/depth", {})),
        ("/fapi/v1/time", ("time", "/fapi/v1/depth", {})),
        ("/dapi/v1/depth?symbol=", ("depth", "/dapi/v1/depth", {"symbol": ""})),
        ("/eapi/v1/ping", ("ping", "/eapi/v1/depth", {})),
        ("/api/v1/depth", None),
        ("/api/v3/order", None),
        ("/depth", None),
        ("/", None),
    ],
)
def test_rest_paths(path, expected):
    assert routes.rest_route(path) == expected


@pytest.mark.parametrize(
    ("name", "routed", "market"),
    [
        ("btcusdt@depth", False, "spot"),
        ("btcusdt@depth@100ms", False, "spot"),
        ("btcusdt@depth@0ms", False, "spot"),
        ("btcusdt@depth@500ms", False, None),
        ("btcusdt@depth", True, "usdm"),
        ("btcusdt@depth@500ms", True, "usdm"),
        ("btcusdt@depth@250ms", True, None),
        ("ethusdt@depth@500ms", False, "usdm"),
        ("btcusd_perp@depth@500ms", False, "coinm"),
        ("btcusd_perp@depth", True, None),
        ("btc-261030-85000-c@depth@500ms", True, "options"),
        ("btc-261030-85000-c@depth", True, None),
        ("BTCUSDT@depth", False, None),
        ("xrpusdt@depth", False, None),
        ("btcusdt@depth5", False, None),
        ("btcusdt@trade", False, None),
        ("btcusdt", False, None),
        ("", False, None),
    ],
)
def test_which_feed_a_stream_means(name, routed, market):
    served = catalogue(
        ("usdm", "BTCUSDT"),
        ("usdm", "ETHUSDT"),
        ("spot", "BTCUSDT"),
        ("coinm", "BTCUSD_PERP"),
        ("options", "BTC-261030-85000-C"),
    )
    feed = served.stream(name, routed=routed)
    assert (feed and feed.market.name) == market


def test_rest_and_symbol_lookup():
    served = catalogue(("us", "BTCUSDT"), ("spot", "BTCUSDT"), ("us", "ZRXUSDT"), ("usdm", "BTCUSDT"))
    assert served.rest("/api/v3/depth", "BTCUSDT").market is markets.SPOT
    assert served.rest("/api/v3/depth", "ZRXUSDT").market is markets.US
    assert served.rest("/fapi/v1/depth", "BTCUSDT").market is markets.USDM
    assert served.rest("/fapi/v1/depth", "ZRXUSDT") is None
    assert served.symbol("BTCUSDT").market is markets.SPOT
    assert served.symbol("BTCUSDT", "usdm").market is markets.USDM
    with pytest.raises(UsageError, match=r"symbol served here .*spot BTCUSDT"):
        served.symbol("ADAUSDT")
    with pytest.raises(UsageError, match="spot 'ZRXUSDT'"):
        served.symbol("ZRXUSDT", "spot")


def test_a_testnet_feed_is_served_under_its_markets_paths():
    served = catalogue(("usdm-testnet", "BTCUSDT"))
    assert served.stream("btcusdt@depth", routed=True) is not None
    assert served.rest("/fapi/v1/depth", "BTCUSDT") is not None


def test_no_feed_and_one_twice_are_refused():
    with pytest.raises(UsageError, match="at least one feed"):
        catalogue()
    with pytest.raises(UsageError, match="second one of spot BTCUSDT"):
        catalogue(("spot", "BTCUSDT"), ("spot", "BTCUSDT"))


def test_family_of_a_path_without_a_feed():
    assert routes.family_of("/dapi/v1/depth") is markets.COINM
