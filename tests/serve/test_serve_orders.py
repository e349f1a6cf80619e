import orjson
import pytest

from depthactors.serve.orders import Order, OrderError, parse_order
from depthactors.serve.stream_name import Numbers
from tests.support import table

SUBSCRIBE = {"op": "subscribe", "id": 7, "symbol": "btcusdt"}


def test_the_least_that_is_to_be_said():
    wanted = Order("subscribe", None, None, "BTCUSDT", None, None, Numbers.TEXT)
    assert parse_order('{"op": "subscribe", "symbol": "btcusdt"}') == wanted


def test_all_that_can_be_said():
    message = SUBSCRIBE | {
        "op": "unsubscribe",
        "id": "mine",
        "market": "usdm",
        "speed_ms": 250,
        "levels": 5,
        "numbers": "float",
    }
    assert parse_order(orjson.dumps(message)) == Order("unsubscribe", "mine", "usdm", "BTCUSDT", 250, 5, Numbers.FLOAT)


@table(
    ("text", "code", "words"),
    [
        ("", "not_json", "expected JSON, was ''"),
        ("{" * 100_000, "not_json", "expected JSON"),
        ("[1]", "not_an_object", "expected an object with op and symbol, was"),
    ],
)
def test_what_is_no_object_is_refused(text, code, words):
    with pytest.raises(OrderError, match=words) as caught:
        parse_order(text)
    assert (caught.value.code, caught.value.id) == (code, None)
    assert len(str(caught.value)) < 300


@table(
    ("name", "value"),
    [
        ("op", None),
        ("op", "Subscribe"),
        ("op", ["subscribe"]),
        ("symbol", None),
        ("symbol", ""),
        ("symbol", "X" * 101),
        ("symbol", 5),
        ("market", 5),
        ("speed_ms", "100"),
        ("speed_ms", True),
        ("levels", 0),
        ("levels", 5_001),
        ("levels", True),
        ("numbers", "texts"),
        ("numbers", {}),
    ],
)
def test_a_bad_value_is_named(name, value):
    with pytest.raises(OrderError, match=f"expected {name} as ") as caught:
        parse_order(orjson.dumps(SUBSCRIBE | {name: value}))
    assert (caught.value.code, caught.value.id) == ("bad_value", 7)


@table("value", [1.5, True, [1], "x" * 101])
def test_an_id_that_is_none_is_not_sent_back(value):
    with pytest.raises(OrderError, match="expected id as") as caught:
        parse_order(orjson.dumps(SUBSCRIBE | {"id": value}))
    assert (caught.value.code, caught.value.id) == ("bad_value", None)


def test_an_unknown_name_is_refused():
    with pytest.raises(OrderError, match="was 'depth'") as caught:
        parse_order(orjson.dumps(SUBSCRIBE | {"depth": 5}))
    assert caught.value.code == "unknown_name"
