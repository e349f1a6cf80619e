"""What a setting may be, and that the error names it."""

from math import inf, nan

import pytest

from depthactors.engine.settings import check_interval, network_settings
from depthactors.errors import UsageError
from tests.support import table

GOOD = {
    "max_reconnects": None,
    "proxy": None,
    "connect_timeout": 5.0,
    "read_timeout": 10,
    "silence_limit": 10.0,
    "rotate_after": None,
}


def test_good_settings_are_kept():
    settings = network_settings(**GOOD | {"max_reconnects": 3, "rotate_after": 60.0, "proxy": "http://kept-secret:1"})
    assert (settings.backoff.tries, settings.rotate_after, settings.read_timeout) == (3, 60.0, 10)
    assert "kept-secret" not in repr(settings)


@table("name", ["connect_timeout", "read_timeout", "silence_limit", "rotate_after"])
@table("value", [0, -1.0, inf, nan, "5", True])
def test_a_time_that_is_none_is_refused_by_name(name, value):
    with pytest.raises(UsageError, match=f"expected {name} in seconds above zero"):
        network_settings(**GOOD | {name: value})


@table("value", [-1, 1.5, "3", True])
def test_a_number_of_tries_that_is_none_is_refused(value):
    with pytest.raises(UsageError, match="max_reconnects"):
        network_settings(**GOOD | {"max_reconnects": value})


def test_an_interval_may_be_left_out():
    check_interval(None)
    check_interval(0)
    check_interval(False)
    check_interval(0.5)


@table("value", [-1, -0.5, inf, nan, "5", True, []])
def test_an_interval_that_is_none_is_refused_with_its_value(value):
    with pytest.raises(UsageError, match="expected refresh_interval in seconds") as refused:
        check_interval(value)
    assert str(refused.value).endswith(f"was {value!r}")


def test_tries_that_are_numbered_last_about_as_long_as_in_python_binance():
    """Its five tries wait for up to 2, 4, 8 and 16 seconds, half of that on average, and are over then."""
    for jitter in (0.0, 0.5, 0.99):
        backoff = network_settings(**GOOD | {"max_reconnects": 5}).backoff
        waits = [backoff.wait(failed, failed, jitter) for failed in range(1, 6)]
        assert waits[-1] is None
        assert sum(waits[:-1]) >= 15
