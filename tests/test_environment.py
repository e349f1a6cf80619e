"""One variable sends every market to a local exchange."""

import pytest

from depthactors import markets
from depthactors.environment import EXCHANGE_VARIABLE, resolve
from depthactors.errors import UsageError


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(EXCHANGE_VARIABLE, raising=False)


@pytest.mark.parametrize("name", markets.MARKETS)
def test_without_the_variable_a_market_is_its_row(name, caplog):
    assert resolve(name) is markets.MARKETS[name]
    assert not caplog.records


@pytest.mark.parametrize("name", markets.MARKETS)
def test_with_it_every_market_goes_there_and_the_log_warns(name, monkeypatch, caplog):
    monkeypatch.setenv(EXCHANGE_VARIABLE, "http://127.0.0.1:9000")
    row = resolve(name)
    assert (row.name, row.rest_url, row.stream_url) == (name, "http://127.0.0.1:9000", "ws://127.0.0.1:9000")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert EXCHANGE_VARIABLE in caplog.text


def test_a_wrong_address_is_named(monkeypatch):
    monkeypatch.setenv(EXCHANGE_VARIABLE, "ftp://127.0.0.1")
    with pytest.raises(UsageError, match=r"ftp://127\.0\.0\.1"):
        resolve("spot")
