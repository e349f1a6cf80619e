"""Which row of the markets a client means: everything that it says about where it points."""

from types import SimpleNamespace

import pytest

from depthactors import Client, DepthCacheManager, FuturesDepthCacheManager, OptionsDepthCacheManager, markets
from depthactors.errors import UsageError
from depthactors.python_binance.client_market import market_of
from tests.support import table

ALL = ["spot", "usdm", "coinm", "options"]


@pytest.fixture(autouse=True)
def _no_local_exchange(monkeypatch):
    monkeypatch.delenv("DEPTHACTORS_EXCHANGE", raising=False)


def theirs(tld="com", base_endpoint="", testnet=False, demo=False, **others):
    """Return an object with the attributes that python-binance 1.0.37's client has."""
    return SimpleNamespace(
        tld=tld,
        testnet=testnet,
        demo=demo,
        API_URL=f"https://api{base_endpoint}.binance.{tld}/api",
        API_TESTNET_URL="https://testnet.binance.vision/api",
        API_DEMO_URL="https://demo-api.binance.com/api",
        FUTURES_URL=f"https://fapi.binance.{tld}/fapi",
        FUTURES_TESTNET_URL="https://testnet.binancefuture.com/fapi",
        FUTURES_DEMO_URL="https://demo-fapi.binance.com/fapi",
        FUTURES_COIN_URL=f"https://dapi.binance.{tld}/dapi",
        FUTURES_COIN_TESTNET_URL="https://testnet.binancefuture.com/dapi",
        FUTURES_COIN_DEMO_URL="https://demo-dapi.binance.com/dapi",
        OPTIONS_URL=f"https://eapi.binance.{tld}/eapi",
        OPTIONS_TESTNET_URL=f"https://testnet.binanceops.{tld}/eapi",
        **others,
    )


KINDS = pytest.mark.parametrize("kind", [Client, theirs], ids=["ours", "theirs"])


@KINDS
@table("market", ALL)
def test_the_usual_client_and_none_mean_the_usual_exchange(kind, market):
    assert market_of(None, market) == market_of(kind(), market) == markets.lookup(market)


@KINDS
@table("market", ALL)
def test_a_testnet_client_means_the_test_network(kind, market):
    assert market_of(kind(testnet=True), market) == markets.lookup(f"{market}-testnet")


@KINDS
@table("market", ["spot", "usdm", "coinm"])
def test_a_demo_client_means_the_demo_hosts(kind, market):
    assert market_of(kind(demo=True), market) == markets.lookup(f"{market}-demo")


@KINDS
def test_there_is_no_demo_of_options(kind):
    with pytest.raises(UsageError, match="options-demo"):
        market_of(kind(demo=True), "options")


@KINDS
def test_a_test_network_comes_before_a_demo_as_with_theirs(kind):
    assert market_of(kind(testnet=True, demo=True), "spot") == markets.lookup("spot-testnet")


@KINDS
def test_us_is_a_market_of_its_own(kind):
    assert market_of(kind(tld="us"), "spot") == markets.lookup("us")


@KINDS
@table("market", ["usdm", "coinm", "options"])
def test_us_has_spot_alone(kind, market):
    with pytest.raises(UsageError, match=rf"{market}.*tld='us'"):
        market_of(kind(tld="us"), market)


@KINDS
@table("market", ALL)
def test_another_domain_is_the_market_at_that_domain_with_a_weight_of_its_own(kind, market):
    row, usual = market_of(kind(tld="example"), market), markets.lookup(market)
    assert row.rest_url == usual.rest_url.replace("binance.com", "binance.example")
    assert row.stream_url == usual.stream_url.replace("binance.com", "binance.example")
    assert row.weight_pool != usual.weight_pool
    assert row.sequencing == usual.sequencing


@KINDS
@table("tld", ["", "com/path", "a b", "-//x"])
def test_what_is_no_domain_is_refused(kind, tld):
    with pytest.raises(UsageError, match="top-level domain"):
        market_of(kind(tld=tld), "spot")


@KINDS
@table("tld", ["com", "us", "example"])
@table("endpoint", ["1", "4"])
def test_a_base_endpoint_is_another_address_of_the_same_place(kind, tld, endpoint):
    row, usual = market_of(kind(tld=tld, base_endpoint=endpoint), "spot"), market_of(kind(tld=tld), "spot")
    assert row.rest_url == f"https://api{endpoint}.binance.{tld}"
    assert (row.stream_url, row.weight_pool) == (usual.stream_url, usual.weight_pool)


@KINDS
@table(
    "market, attribute, url, place",
    [
        ("spot", "API_URL", "https://testnet.binance.vision/api", "spot-testnet"),
        ("spot", "API_URL", "https://demo-api.binance.com/api", "spot-demo"),
        ("spot", "API_URL", "https://api.binance.us/api", "us"),
        ("usdm", "FUTURES_URL", "https://testnet.binancefuture.com/fapi", "usdm-testnet"),
        ("usdm", "FUTURES_URL", "https://demo-fapi.binance.com/fapi", "usdm-demo"),
        ("coinm", "FUTURES_COIN_URL", "https://testnet.binancefuture.com/dapi", "coinm-testnet"),
        ("options", "OPTIONS_URL", "https://testnet.binanceops.com/eapi", "options-testnet"),
    ],
)
def test_an_address_that_a_program_has_set_is_the_place_that_it_is_of(kind, market, attribute, url, place):
    client = kind()
    setattr(client, attribute, url)
    assert market_of(client, market).rest_url == markets.lookup(place).rest_url
    assert market_of(client, market).stream_url == markets.lookup(place).stream_url


@KINDS
@table("host", ["https://data-api.binance.vision", "https://api-gcp.binance.com"])
def test_an_address_of_the_exchange_that_has_no_row_has_the_streams_of_spot(kind, host):
    client = kind()
    client.API_URL = f"{host}/api"
    row = market_of(client, "spot")
    assert (row.rest_url, row.stream_url) == (host, markets.SPOT.stream_url)


@KINDS
def test_an_address_whose_streams_nobody_knows_is_refused(kind):
    client = kind()
    client.API_URL = "https://mirror.example/api"
    with pytest.raises(UsageError, match=r"API_URL.*api\.binance\.com.*mirror\.example"):
        market_of(client, "spot")


@KINDS
@table("options", [{}, {"tld": "us"}, {"tld": "example"}, {"testnet": True}, {"demo": True}])
def test_the_local_exchange_comes_before_any_place(monkeypatch, kind, options):
    monkeypatch.setenv("DEPTHACTORS_EXCHANGE", "http://127.0.0.1:9")
    assert market_of(kind(**options), "spot").rest_url == "http://127.0.0.1:9"


def test_a_client_of_an_older_version_of_theirs_has_neither_demo_nor_addresses():
    assert market_of(SimpleNamespace(tld="us", testnet=False), "spot") == markets.lookup("us")


@table("client", ["com", 3, object(), SimpleNamespace(tld="com")])
def test_what_is_no_client_is_refused(client):
    with pytest.raises(UsageError, match="Client"):
        market_of(client, "spot")


@table(
    "manager, market",
    [(DepthCacheManager, "spot"), (FuturesDepthCacheManager, "usdm"), (OptionsDepthCacheManager, "options")],
)
def test_a_manager_follows_the_place_of_its_client(manager, market):
    assert manager(theirs(testnet=True), "BTCUSDT")._row == markets.lookup(f"{market}-testnet")
