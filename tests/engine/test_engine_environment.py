"""One variable sends every market to a local exchange."""

import re
import subprocess
import sys

import pytest

from depthactors import markets
from depthactors.engine.environment import EXCHANGE_VARIABLE, resolve
from depthactors.errors import UsageError
from tests.support import table


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(EXCHANGE_VARIABLE, raising=False)


@table("name", markets.MARKETS)
def test_without_the_variable_a_market_is_its_row(name, caplog):
    assert resolve(name) is markets.MARKETS[name]
    assert not caplog.records


@table("name", markets.MARKETS)
def test_with_it_every_market_goes_there(name, monkeypatch):
    monkeypatch.setenv(EXCHANGE_VARIABLE, "http://127.0.0.1:9000")
    row = resolve(name)
    assert (row.name, row.rest_url, row.stream_url) == (name, "http://127.0.0.1:9000", "ws://127.0.0.1:9000")


@pytest.mark.parametrize(
    "logging_set_up",
    [pytest.param("", marks=pytest.mark.full), "import logging; logging.basicConfig(level='CRITICAL');"],
)
def test_stderr_says_so_once_whatever_logging_is_set_up(logging_set_up, monkeypatch):
    monkeypatch.setenv(EXCHANGE_VARIABLE, "http://127.0.0.1:9")
    program = f"{logging_set_up}from depthactors import DepthEngine; DepthEngine(); DepthEngine('usdm')"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert ran.stderr == (
        "depthactors: DEPTHACTORS_EXCHANGE is set: every market is at http://127.0.0.1:9, not at the exchange\n"
    )


def test_a_command_of_ours_that_follows_nothing_does_not_say_so(monkeypatch, capfd):
    monkeypatch.setenv(EXCHANGE_VARIABLE, "http://127.0.0.1:9")
    command = [sys.executable, "-m", "depthactors", "watch", "nonsense!", "--market", "spot"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert EXCHANGE_VARIABLE not in ran.stderr


@table(
    "address",
    [
        "ftp://127.0.0.1:9",
        "127.0.0.1:9000",
        "http://127.0.0.1",
        "http://",
        "http://[::1",
        "http://:80",
        "http://h:x",
        "https://127.0.0.1:9000",
        "http://127.0.0.1:9000/path",
        "http://127.0.0.1:99999",
        "true",
    ],
)
def test_a_wrong_address_is_named(address, monkeypatch):
    monkeypatch.setenv(EXCHANGE_VARIABLE, address)
    with pytest.raises(UsageError, match=re.escape(f"like http://127.0.0.1:9000, was {address!r}")):
        resolve("spot")


@table("host", ["localhost", "127.8.9.1", "[::1]", "box.localhost"])
def test_every_name_of_this_machine_is_taken(host, monkeypatch):
    monkeypatch.setenv(EXCHANGE_VARIABLE, f"http://{host}:9000/")
    assert resolve("spot").rest_url == f"http://{host}:9000"


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "127.0.0.1.example.com", "0.0.0.0"])
def test_another_machine_has_to_be_allowed(host, monkeypatch):
    monkeypatch.setenv(EXCHANGE_VARIABLE, f"http://{host}:9000")
    with pytest.raises(UsageError, match=f"this machine, was 'http://{host}:9000'.*DEPTHACTORS_EXCHANGE_ANY=1"):
        resolve("spot")
    monkeypatch.setenv("DEPTHACTORS_EXCHANGE_ANY", "1")
    assert resolve("spot").rest_url == f"http://{host}:9000"
