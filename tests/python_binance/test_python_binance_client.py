"""`Client`: what it keeps, and what it refuses at once."""

import logging

import pytest

from depthactors import Client
from depthactors.errors import UsageError
from tests.support import table


def test_a_client_keeps_what_concerns_market_data_and_no_keys():
    client = Client("key", "secret", {"timeout": 3}, "us", "", True, https_proxy="http://proxy:1", private_key="secret")
    assert (client.requests_params, client.tld, client.testnet, client.demo) == ({"timeout": 3}, "us", True, False)
    assert client.https_proxy == "http://proxy:1"
    assert "secret" not in repr(vars(client))


def test_the_arguments_of_either_client_of_theirs_are_taken_by_name():
    Client(
        api_key="k", api_secret="s", requests_params=None, tld="com", base_endpoint="1", testnet=False, demo=False,
        private_key=None, private_key_pass=None, ping=False, loop=None, session_params={}, https_proxy=None,
        time_unit=None, verbose=False,
    )  # fmt: skip


@table("endpoint", [True, 1, "5", None, "https://api1.binance.com"])
def test_what_is_no_base_endpoint_is_refused(endpoint):
    with pytest.raises(UsageError, match="base_endpoint"):
        Client(None, None, None, "com", endpoint)


def test_verbose_logs_at_debug_level():
    log = logging.getLogger("depthactors")
    before = log.level
    try:
        Client(verbose=True)
        assert log.level == logging.DEBUG
    finally:
        log.setLevel(before)
