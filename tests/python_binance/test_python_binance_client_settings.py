"""How a client gets to the exchange: what it says is the engine's setting, or is refused by name."""

from types import SimpleNamespace

import pytest

from depthactors import BinanceSocketManager, Client, DepthCacheManager, ThreadedDepthCacheManager
from depthactors.errors import UsageError
from depthactors.net.proxy import parse_proxy
from depthactors.python_binance.client_settings import settings_of
from depthactors.python_binance.socket_manager import lease
from tests.support import table

PROXY = "http://user:hush@proxy:1"
OTHER = "http://other:2"


def theirs(requests_params=None, session_params=None, **others):
    """Return an object with the attributes that python-binance 1.0.37's clients have."""
    session = {"verify": True, "cert": None, "trust_env": True, "proxies": {}} | others.pop("session", {})
    return SimpleNamespace(
        tld="com",
        testnet=False,
        demo=False,
        _requests_params=requests_params,
        _session_params=session_params or {},
        session=SimpleNamespace(**session),
        **{"REQUEST_TIMEOUT": 10, "TIME_UNIT": None, "verbose": False} | others,
    )


KINDS = pytest.mark.parametrize("kind", [Client, theirs], ids=["ours", "theirs"])


@KINDS
@table(
    "params, expected",
    [
        (None, {}),
        ({}, {}),
        ({"timeout": None}, {}),
        ({"timeout": 20}, {"connect_timeout": 20, "read_timeout": 20}),
        ({"timeout": (3, 10)}, {"connect_timeout": 3, "read_timeout": 10}),
        ({"timeout": (None, 10)}, {"read_timeout": 10}),
        ({"timeout": (3, None)}, {"connect_timeout": 3}),
        ({"verify": True}, {}),
    ],
)
def test_a_timeout_becomes_the_engines(kind, params, expected):
    assert settings_of(kind(requests_params=params)) == {"proxy": None} | expected


def test_no_client_says_nothing():
    assert settings_of(None) == {"proxy": None}


def test_a_request_timeout_that_a_program_has_set_holds():
    assert settings_of(theirs(REQUEST_TIMEOUT=30))["read_timeout"] == 30
    assert settings_of(theirs({"timeout": 3}, REQUEST_TIMEOUT=30))["read_timeout"] == 3


@table(
    "client",
    [
        Client(https_proxy=PROXY),
        Client(requests_params={"proxies": {"https": PROXY, "http": OTHER}}),
        Client(requests_params={"proxies": {"http": PROXY}}),
        Client(session_params={"proxy": PROXY, "trust_env": True}),
        theirs({"proxies": {"http": OTHER, "https": PROXY}}),
        theirs({"proxies": {"all": PROXY}}),
        theirs({"proxies": {"https": OTHER}}, https_proxy=PROXY),
        theirs(session_params={"proxy": PROXY}),
        theirs(session={"proxies": {"https": PROXY}}),
    ],
)
def test_a_proxy_is_the_engines_wherever_it_is_said(client):
    assert settings_of(client) == {"proxy": PROXY}


@table(
    "client, words",
    [
        (theirs({"verify": False}), r"requests_params\['verify'\]"),
        (theirs({"verify": "/etc/ca.pem"}), r"requests_params\['verify'\]"),
        (theirs(session={"verify": False}), r"session\.verify"),
        (theirs(session={"cert": "/etc/me.pem"}), r"session\.cert"),
        (theirs({"cert": "/etc/me.pem"}), "requests_params .*cert"),
        (theirs({"stream": True, "auth": 1}), "requests_params .*auth, stream"),
        (theirs({"proxies": {"https://api.binance.com": PROXY}}), r"requests_params\['proxies'\]"),
        (theirs("timeout=3"), "requests_params as a dict"),
        (theirs(session_params={"connector": object()}), "session_params .*connector"),
        (theirs(TIME_UNIT="MICROSECOND"), "time_unit"),
        (Client(time_unit="microsecond"), "time_unit"),
        (Client(requests_params={"verify": False}), "verify"),
        (Client(session_params={"timeout": 3}), "session_params"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name_in_every_manager(client, words):
    for use in (settings_of, BinanceSocketManager, lambda client: DepthCacheManager(client, "BTCUSDT")):
        with pytest.raises(UsageError, match=words) as caught:
            use(client)
        assert "hush" not in str(caught.value)


@table(
    "options",
    [
        {"requests_params": {"verify": False}},
        {"session_params": {"connector": 1}},
        {"requests_params": {"timeout": "x"}},
    ],
)
def test_what_cannot_be_honoured_is_refused_as_an_argument_of_the_threaded_manager_too(options):
    with pytest.raises(UsageError):
        ThreadedDepthCacheManager(**options)


def test_a_session_that_avoids_the_proxies_of_the_environment_is_refused_where_there_are_some(monkeypatch):
    client = theirs(session={"trust_env": False})
    monkeypatch.setattr("depthactors.python_binance.client_settings.getproxies", dict)
    assert settings_of(client) == {"proxy": None}
    monkeypatch.setattr("depthactors.python_binance.client_settings.getproxies", lambda: {"https": PROXY})
    with pytest.raises(UsageError, match="trust_env"):
        settings_of(client)


def test_each_manager_has_the_settings_of_its_client():
    client = {"requests_params": {"timeout": (3, 7), "proxies": {"https": PROXY}}}
    threaded = ThreadedDepthCacheManager(**client)._engine._runtime.settings
    with BinanceSocketManager(theirs(**client)) as bm:
        for settings in (threaded, lease(bm, "first")._runtime.settings):
            assert (settings.connect_timeout, settings.read_timeout, settings.proxy) == (3, 7, parse_proxy(PROXY))
