"""Keys and passwords are in no log line, no `repr`, no error and no status; TLS cannot be turned off."""

import inspect
import logging

import pytest

from depthactors import Client, DepthEngine, ThreadedDepthCacheManager
from depthactors.errors import UsageError
from depthactors.markets import SPOT
from depthactors.net.settings import NetworkSettings
from tests.net.net_support import rest_client
from tests.support import Recorder, table

SECRET = "s3cr3t-w0rd"


@pytest.fixture
def everything(caplog):
    caplog.set_level(logging.DEBUG)
    return caplog


def test_a_proxys_password_is_told_to_nobody(everything):
    events, errors = Recorder(), Recorder()
    proxy = f"http://me:{SECRET}@127.0.0.1:1"
    with DepthEngine(proxy=proxy, max_reconnects=2, on_error=errors) as engine:
        book = engine.subscribe("BTCUSDT", on_event=events)
        failed = events.wait_for(lambda event: event.state == "FAILED", 20)
        told = [
            repr(engine),
            repr(engine._runtime.settings),
            repr(book),
            repr(engine.status()),
            repr(book.error),
            str(failed),
        ]
        told += [f"{event.error!r} {event.error} {event.error.__cause__!r}" for event in events.seen if event.error]
    assert len(told) > 7
    assert not any(SECRET in text for text in told)
    assert SECRET not in everything.text
    assert "refused" in everything.text, "but that it could not be reached is"


def test_a_proxy_that_is_none_is_refused_without_repeating_it():
    with pytest.raises(UsageError) as refused:
        DepthEngine(proxy=f"ftp://me:{SECRET}@host:port")
    assert SECRET not in str(refused.value)


def test_a_rest_clients_proxy_password_is_told_to_nobody(everything):
    client = rest_client(proxy=f"http://me:{SECRET}@127.0.0.1:1", connect_timeout=0.5)
    error = client.fetch_depth(SPOT, "BTCUSDT", 5).result
    client.close()
    assert SECRET not in f"{error!r} {error} {error.__cause__!r} {client!r} {everything.text}"


def test_keys_are_not_kept(everything):
    client = Client(SECRET, SECRET)
    manager = ThreadedDepthCacheManager(SECRET, SECRET)
    assert SECRET not in f"{vars(client)} {vars(manager)} {vars(manager._client)} {client!r} {manager!r}"


@table("callable_", [DepthEngine, ThreadedDepthCacheManager, Client, NetworkSettings])
def test_nothing_that_a_user_can_set_turns_the_verification_of_certificates_off(callable_):
    names = " ".join(inspect.signature(callable_).parameters)
    assert not any(word in names for word in ("verify", "ssl", "tls", "cert", "insecure", "hostname"))


def test_requests_params_cannot_turn_it_off_either(monkeypatch):
    with pytest.raises(UsageError, match="verify"):
        ThreadedDepthCacheManager(requests_params={"verify": False, "timeout": 3})
