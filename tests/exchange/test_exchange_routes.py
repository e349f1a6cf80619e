import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange import routes
from depthactors.exchange.routes import Catalogue, StreamRoute
from depthactors.exchange.shapes import MICROSECOND, MILLISECOND
from depthactors.exchange.streams.kinds import Diff, Partial, Ticker
from tests.exchange.exchange_support import StillFeed

OPTION = "BTC-261225-100000-C"


def catalogue(*listed):
    return Catalogue([StillFeed(market, symbol) for market, symbol in listed])


@pytest.mark.parametrize(
    ("path", "prefix", "combined", "streams"),
    [
        ("/ws", "", False, ()),
        ("/ws/", "", False, ()),
        ("/ws/a@depth", "", False, ("a@depth",)),
        ("/ws/a@depth/b@depth", "", False, ("a@depth", "b@depth")),
        ("/ws/a%40depth", "", False, ("a@depth",)),
        ("/ws/%E5%B8%81@depth", "", False, ("币@depth",)),
        ("/stream", "", True, ()),
        ("/stream?streams=", "", True, ()),
        ("/stream?streams=a@depth/b@depth@100ms", "", True, ("a@depth", "b@depth@100ms")),
        ("/stream?streams=a%40depth%2Fb", "", True, ("a@depth", "b")),
        ("/public/ws", "/public", False, ()),
        ("/public/ws/a@depth", "/public", False, ("a@depth",)),
        ("/public/stream?streams=a@depth", "/public", True, ("a@depth",)),
        ("/market/ws/a@depth", "/market", False, ("a@depth",)),
        ("/market/stream?streams=a@depth", "/market", True, ("a@depth",)),
        ("/private/ws?listenKey=x", "/private", False, ()),
    ],
)
def test_what_a_websocket_path_says(path, prefix, combined, streams):
    assert routes.stream_route(path) == StreamRoute(prefix, combined, streams)


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/ws/a@depth?timeUnit=MICROSECOND", MICROSECOND),
        ("/ws/a@depth?timeUnit=microsecond", MICROSECOND),
        ("/ws/a@depth&timeUnit=MICROSECOND", MICROSECOND),
        ("/stream?streams=a@depth&timeUnit=MICROSECOND", MICROSECOND),
        ("/stream?timeUnit=microsecond&streams=a@depth", MICROSECOND),
        ("/ws/a@depth?timeUnit=MILLISECOND", MILLISECOND),
        ("/ws/a@depth&timeUnit=millisecond", MILLISECOND),
        ("/ws/a@depth?timeUnit=NANOSECOND", MILLISECOND),
        ("/ws/a@depth", MILLISECOND),
    ],
)
def test_which_unit_of_time_a_path_asks_for(path, unit):
    route = routes.stream_route(path)
    assert (route.streams, route.unit) == (("a@depth",), unit)


@pytest.mark.parametrize("path", ["/", "", "/wsx", "/wsx/a", "/streams", "/public", "/publicws", "/x/ws", "/ws-api/v3"])
def test_other_paths_are_no_websockets(path):
    assert routes.stream_route(path) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v3/depth?symbol=BTCUSDT&limit=5", ("depth", "/api/v3/depth", {"symbol": "BTCUSDT", "limit": "5"})),
        ("/api/v3/depth?symbol=A&symbol=B", ("depth", "/api/v3/depth", {"symbol": "B"})),
        ("/api/v3/depth?symbol=%E5%B8%81", ("depth", "/api/v3/depth", {"symbol": "币"})),
        ("/api/v3/ping", ("ping", "/api/v3/depth", {})),
        ("/fapi/v1/time", ("time", "/fapi/v1/depth", {})),
        ("/dapi/v1/depth?symbol=", ("depth", "/dapi/v1/depth", {"symbol": ""})),
        ("/eapi/v1/exchangeInfo", ("exchangeInfo", "/eapi/v1/depth", {})),
        ("/api/v1/depth", None),
        ("/api/v3/order", None),
        ("/depth", None),
        ("/", None),
    ],
)
def test_what_a_rest_path_says(path, expected):
    assert routes.rest_route(path) == expected


@given(st.text(st.characters(codec="ascii"), max_size=30))
@example("/[")
@example("//[")
def test_no_path_is_an_error(text):
    for path in (text, f"/{text}", f"/ws/{text}", f"/stream?streams={text}", f"/api/v3/depth?symbol={text}"):
        routes.stream_route(path)
        routes.rest_route(path)


SERVED = [("usdm", "BTCUSDT"), ("usdm", "ETHUSDT"), ("spot", "BTCUSDT"), ("coinm", "BTCUSD_PERP"), ("options", OPTION)]


@pytest.mark.parametrize(
    ("prefix", "name", "market", "kind"),
    [
        ("", "btcusdt@depth", "spot", Diff(1000)),
        ("", "btcusdt@depth@100ms", "spot", Diff(100)),
        ("", "btcusdt@depth@500ms", None, None),
        ("", "btcusdt@depth5", "spot", Partial(5, 1000)),
        ("", "btcusdt@bookTicker", "spot", Ticker()),
        ("", "ethusdt@depth@500ms", "usdm", Diff(500)),
        ("", "btcusd_perp@depth", "coinm", Diff(250)),
        ("", f"{OPTION.lower()}@depth@500ms", "options", Diff(500)),
        ("", "BTCUSDT@depth", None, None),
        ("", "xrpusdt@depth", None, None),
        ("", "btcusdt@trade", None, None),
        ("", "btcusdt", None, None),
        ("", "", None, None),
        ("/public", "btcusdt@depth", "usdm", Diff(250)),
        ("/public", "btcusdt@depth@250ms", None, None),
        ("/public", "btcusd_perp@depth", None, None),
        ("/public", f"{OPTION.lower()}@depth@500ms", "options", Diff(500)),
        ("/public", f"{OPTION.lower()}@depth", None, None),
        ("/market", "btcusdt@depth", None, None),
        ("/private", "btcusdt@depth", None, None),
    ],
)
def test_which_feed_and_kind_a_stream_means(prefix, name, market, kind):
    found = catalogue(*SERVED).stream(name, prefix)
    assert (found and (found.name, found.feed.market.name, found.kind)) == (market and (name, market, kind))


@pytest.mark.parametrize(
    ("listed", "prefix", "market"),
    [
        ([("usdm", "A"), ("spot", "A")], "", "spot"),
        ([("usdm", "A"), ("spot", "A")], "/public", "usdm"),
        ([("usdm", "A"), ("spot", "A")], "/market", "usdm"),
        ([("options", OPTION), ("coinm", "A")], "", "coinm"),
        ([("options", OPTION), ("coinm", "A")], "/public", "options"),
        ([("spot", "A")], "/public", "spot"),
    ],
)
def test_whose_limits_hold_on_a_path(listed, prefix, market):
    assert catalogue(*listed).market_of(prefix).name == market


def test_a_symbol_is_found_under_its_markets_path_and_by_name():
    served = catalogue(("us", "BTCUSDT"), ("spot", "BTCUSDT"), ("us", "ZRXUSDT"), ("usdm", "BTCUSDT"))
    assert served.rest("/api/v3/depth", "BTCUSDT").market is markets.SPOT
    assert served.rest("/api/v3/depth", "ZRXUSDT").market is markets.US
    assert served.rest("/fapi/v1/depth", "BTCUSDT").market is markets.USDM
    assert served.rest("/fapi/v1/depth", "ZRXUSDT") is None
    assert [feed.market.name for feed in served.named("BTCUSDT")] == ["spot", "us", "usdm"]
    assert [feed.market.name for feed in served.named("BTCUSDT", "usdm")] == ["usdm"]
    assert [feed.market.name for feed in served.named("BTCUSDT", "usdm-testnet")] == ["usdm"]
    with pytest.raises(UsageError, match=r"symbol served here .*spot BTCUSDT"):
        served.named("ADAUSDT")
    with pytest.raises(UsageError, match="coinm 'ZRXUSDT'"):
        served.named("ZRXUSDT", "coinm")


def test_feeds_are_ordered_by_market_and_testnets_come_last():
    served = catalogue(("spot-testnet", "A"), ("options", OPTION), ("usdm", "A"), ("us", "A"), ("spot", "A"))
    assert [feed.market.name for feed in served.feeds] == ["spot", "us", "usdm", "options", "spot-testnet"]


def test_a_testnet_feed_is_served_under_its_markets_paths():
    served = catalogue(("usdm-testnet", "BTCUSDT"))
    assert served.stream("btcusdt@depth", "/public") is not None
    assert served.rest("/fapi/v1/depth", "BTCUSDT") is not None


def test_no_feed_and_one_twice_are_refused():
    with pytest.raises(UsageError, match="at least one feed"):
        catalogue()
    with pytest.raises(UsageError, match="second one of spot BTCUSDT"):
        catalogue(("spot", "BTCUSDT"), ("spot", "BTCUSDT"))


def test_family_of_a_path_without_a_feed():
    assert routes.family_of("/dapi/v1/depth") is markets.COINM
