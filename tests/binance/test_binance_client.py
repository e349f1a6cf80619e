"""`Client`: which row of the markets a client means, and its settings."""

from types import SimpleNamespace

import pytest

from depthactors import Client, markets
from depthactors.binance.client import market_of, settings_of
from depthactors.errors import UsageError


@pytest.fixture(autouse=True)
def _no_local_exchange(monkeypatch):
    monkeypatch.delenv("DEPTHACTORS_EXCHANGE", raising=False)


def test_a_client_keeps_what_concerns_market_data_and_no_keys():
    client = Client("key", "secret", {"timeout": 3}, "us", True, https_proxy="http://proxy:1")
    assert (client.requests_params, client.tld, client.testnet) == ({"timeout": 3}, "us", True)
    assert client.https_proxy == "http://proxy:1"
    assert "secret" not in repr(vars(client))


@pytest.mark.parametrize("market", ["spot", "usdm", "coinm", "options"])
def test_the_usual_client_and_none_mean_the_usual_exchange(market):
    assert market_of(None, market) == market_of(Client(), market) == markets.lookup(market)


@pytest.mark.parametrize("market", ["spot", "usdm", "coinm"])
def test_a_testnet_client_means_the_test_network(market):
    assert market_of(Client(testnet=True), market) == markets.lookup(f"{market}-testnet")


def test_us_is_a_market_of_its_own():
    assert market_of(Client(tld="us"), "spot") == markets.lookup("us")


def test_another_domain_is_spot_at_that_domain_with_a_weight_of_its_own():
    row = market_of(Client(tld="example"), "spot")
    assert row.rest_url == "https://api.binance.example"
    assert row.stream_url.startswith("wss://stream.binance.example")
    assert row.weight_pool != markets.SPOT.weight_pool
    assert row.sequencing == markets.SPOT.sequencing


@pytest.mark.parametrize("market", ["usdm", "coinm", "options"])
def test_another_domain_changes_spot_alone(market):
    assert market_of(Client(tld="example"), market) == markets.lookup(market)


@pytest.mark.parametrize("tld", ["com", "us", "example"])
def test_the_local_exchange_comes_before_any_domain(monkeypatch, tld):
    monkeypatch.setenv("DEPTHACTORS_EXCHANGE", "http://127.0.0.1:9")
    assert market_of(Client(tld=tld), "spot").rest_url == "http://127.0.0.1:9"


def test_a_client_of_the_other_library_is_read_like_ours():
    client = SimpleNamespace(tld="us", testnet=False)
    assert market_of(client, "spot") == markets.lookup("us")
    assert settings_of(client) == {"proxy": None}


@pytest.mark.parametrize("client", ["com", 3, object(), SimpleNamespace(tld="com")], ids=repr)
def test_what_is_no_client_is_refused(client):
    with pytest.raises(UsageError, match="Client"):
        market_of(client, "spot")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (None, {}),
        ({}, {}),
        ({"timeout": None}, {}),
        ({"timeout": 20}, {"read_timeout": 20}),
        ({"timeout": (3, 10)}, {"connect_timeout": 3, "read_timeout": 10}),
        ({"timeout": (None, 10)}, {"read_timeout": 10}),
        ({"timeout": (3, None)}, {"connect_timeout": 3}),
    ],
    ids=repr,
)
def test_a_timeout_becomes_the_engines(params, expected):
    assert settings_of(Client(requests_params=params)) == {"proxy": None} | expected


def test_a_proxy_becomes_the_engines():
    assert settings_of(Client(https_proxy="http://proxy:1")) == {"proxy": "http://proxy:1"}
    assert settings_of(None) == {"proxy": None}
