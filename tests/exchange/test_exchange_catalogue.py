import pytest

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.catalogue import Catalogue
from depthactors.exchange.streams.kinds import DiffStream, PartialStream, TickerStream
from tests.exchange.exchange_support import StillFeed
from tests.support import table

OPTION = "BTC-261225-100000-C"


def catalogue(*listed):
    return Catalogue([StillFeed(market, symbol) for market, symbol in listed])


SERVED = [("usdm", "BTCUSDT"), ("usdm", "ETHUSDT"), ("spot", "BTCUSDT"), ("coinm", "BTCUSD_PERP"), ("options", OPTION)]


@table(
    ("prefix", "name", "market", "kind"),
    [
        ("", "btcusdt@depth", "spot", DiffStream(1000)),
        ("", "btcusdt@depth@100ms", "spot", DiffStream(100)),
        ("", "btcusdt@depth@500ms", None, None),
        ("", "btcusdt@depth5", "spot", PartialStream(5, 1000)),
        ("", "btcusdt@bookTicker", "spot", TickerStream()),
        ("", "ethusdt@depth@500ms", "usdm", DiffStream(500)),
        ("", "btcusd_perp@depth", "coinm", DiffStream(250)),
        ("", f"{OPTION.lower()}@depth@500ms", "options", DiffStream(500)),
        ("", "BTCUSDT@depth", None, None),
        ("", "xrpusdt@depth", None, None),
        ("", "btcusdt@trade", None, None),
        ("", "btcusdt", None, None),
        ("", "", None, None),
        ("/public", "btcusdt@depth", "usdm", DiffStream(250)),
        ("/public", "btcusdt@depth@250ms", None, None),
        ("/public", "btcusd_perp@depth", None, None),
        ("/public", f"{OPTION.lower()}@depth@500ms", "options", DiffStream(500)),
        ("/public", f"{OPTION.lower()}@depth", None, None),
        ("/market", "btcusdt@depth", None, None),
        ("/private", "btcusdt@depth", None, None),
    ],
)
def test_which_feed_and_kind_a_stream_means(prefix, name, market, kind):
    found = catalogue(*SERVED).stream(name, prefix)
    assert (found and (found.name, found.feed.market.name, found.kind)) == (market and (name, market, kind))


@table(
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
