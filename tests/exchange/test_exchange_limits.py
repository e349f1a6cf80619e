from dataclasses import fields

import pytest

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.limits import MEANINGS, Limits
from tests.support import table


@table(
    ("market", "ping", "pong", "messages", "streams", "weight"),
    [
        ("spot", 20, 60, 5, 1024, 6000),
        ("usdm", 180, 600, 10, 1024, 2400),
        ("coinm", 180, 600, 10, 1024, 2400),
        ("options", 300, 900, 10, 200, 2400),
    ],
)
def test_limits_are_those_of_the_protocol(market, ping, pong, messages, streams, weight):
    limits = Limits.of(markets.lookup(market))
    assert limits == Limits(ping, pong, 86_400, messages, streams, weight, connections=300)


def test_changes_replace_what_they_name():
    limits = Limits.of(markets.SPOT, {"ping_interval": 1, "max_streams": 3.0, "connections": 2})
    assert (limits.ping_interval, limits.max_streams, limits.connections) == (1.0, 3, 2)
    assert (limits.pong_deadline, limits.messages_per_second) == (60, 5)


@table("name", Limits.__slots__)
def test_every_figure_can_be_changed_and_keeps_its_type(name):
    value = getattr(Limits.of(markets.SPOT, {name: 7}), name)
    assert (value, type(value)) == (7, type(getattr(Limits.of(markets.SPOT), name)))


def test_a_name_that_is_no_limit_is_refused_with_those_that_are():
    with pytest.raises(UsageError, match=r"a limit \(ping_interval, .*, ban\), was 'pings'"):
        Limits.of(markets.SPOT, {"pings": 1.0})


@table("name", Limits.__slots__)
@table("value", [0, -1, float("nan")])
def test_a_figure_that_is_not_above_zero_is_refused(name, value):
    with pytest.raises(UsageError, match=f"expected {name} above zero, was {value!r}"):
        Limits.of(markets.SPOT, {name: value})


@table("value", [0.5, float("inf")])
def test_a_count_that_is_no_number_of_anything_is_refused(value):
    with pytest.raises(UsageError, match="max_streams"):
        Limits.of(markets.SPOT, {"max_streams": value})


def test_each_limit_has_a_meaning():
    assert set(MEANINGS) == {field.name for field in fields(Limits)}
