import copy
from decimal import Decimal
from math import inf

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from depthactors import wire
from depthactors.book import BookState, BookView
from depthactors.book.numerals import price_decimal
from depthactors.errors import MalformedFrameError
from depthactors.markets import Sequencing
from depthactors.wire import ASK, BID, Notice, Reply

SPOT_DIFF = {"e": "depthUpdate", "E": 1000, "s": "BTCUSDT", "U": 5, "u": 7, "b": [["10.5", "1"]], "a": [["11", "0"]]}
CHAINED_DIFF = SPOT_DIFF | {"pu": 3}
SNAPSHOT = {"lastUpdateId": 7, "bids": [["10.50", "1"], ["10.40", "2"]], "asks": [["11.00", "3"]]}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
NUMERAL = st.from_regex(r"\A[0-9]{1,12}(\.[0-9]{0,12})?\Z") | st.sampled_from(["nan", "inf", "-1", "1e400", "x", ""])
LEVELS = JSON | st.lists(st.lists(NUMERAL | JSON, min_size=1, max_size=3) | JSON, max_size=4)


def numerals(digits=15):
    """Positive numbers of at most so many significant digits, spelt plainly."""
    return st.builds(
        lambda mantissa, places: f"{Decimal(mantissa).scaleb(-places):f}",
        st.integers(1, 10**digits - 1),
        st.integers(0, 12),
    )


@given(LEVELS, st.sampled_from([BID, ASK]))
@example(["12"], ASK)
@example({}, ASK)
@example("", ASK)
@example({"12": 0}, ASK)
@example([{"1": 0, "2": 0}], ASK)
@example([[2**63, "1"]], ASK)
@example([["1", "1"], ["1", "1", []]], BID)
def test_levels_of_any_json_are_sound_or_malformed(levels, side):
    before = copy.deepcopy(levels)
    try:
        changes = wire.parse_levels(levels, side)
    except MalformedFrameError as error:
        assert str(error)  # noqa: PT017
    else:
        assert type(levels) is list, "only a JSON array holds levels"
        assert len(changes) == len(levels)
        for (key, quantity), level in zip(changes, levels, strict=True):
            assert type(level) is list
            assert all(type(text) is str for text in level[:2])
            assert 0 < key * side < inf
            assert Decimal(repr(key * side)) == Decimal(level[0])
            assert (quantity is None) == (float(level[1]) == 0)
            assert quantity in {None, level[1]}
    assert repr(levels) == repr(before)


@given(numerals(), numerals(), st.sampled_from([("bid", BID), ("ask", ASK)]))
def test_fifteen_digits_survive_exactly(price, quantity, side):
    name, sign = side
    [(key, text)] = wire.parse_levels([[price, quantity]], sign)
    assert price_decimal(key) == Decimal(price)
    assert text == quantity
    raw = {"bids" if sign == BID else "asks": ([key], [text])}
    places = len(price.partition(".")[2])
    view = BookView("X", BookState.LIVE, number=Decimal, decimals=places, **raw)
    assert view.texts(name) == [(price, quantity)]
    assert (view.bids or view.asks) == ((Decimal(price), Decimal(quantity)),)


@pytest.mark.parametrize("price", ["1234567890123456", "0.1234567890123456", "100000000.00000001", "4.95e-322"])
def test_a_price_of_more_digits_than_a_float_holds_is_malformed(price):
    with pytest.raises(MalformedFrameError, match="expected a price"):
        wire.parse_levels([[price, "1"]], ASK)


@pytest.mark.parametrize(
    "level", [["1" * 400, "1"], ["1", "0." + "0" * 40], ["1", "1" * 10**6]], ids=["price", "0", "1"]
)
def test_a_number_that_is_too_long_is_malformed_and_not_repeated(level):
    with pytest.raises(MalformedFrameError, match="expected numbers of at most 32 characters") as raised:
        wire.parse_levels([level], ASK)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("zero", ["0", "0.0", "0.00000000", "00", "0.", ".0", "0e5", "0E-8", "-0"])
def test_zero_in_any_spelling_is_gone(zero):
    assert wire.parse_levels([["10.5", zero]], ASK) == [(10.5, None)]


def test_two_spellings_of_one_price_are_one_key():
    changes = wire.parse_levels([["61730.1", "1"], ["61730.10", "2"], ["61730.1000000000000", "3"]], BID)
    assert {key for key, _ in changes} == {-61730.1}


def test_captures_of_2017_have_a_third_element():
    assert wire.parse_levels([["1", "2", []], ["3", "4", []]], ASK) == [(1.0, "2"), (3.0, "4")]


@pytest.mark.parametrize(
    "level",
    [["0", "1"], ["-1", "1"], ["1", "-1"], ["nan", "1"], ["1", "nan"], ["inf", "1"], ["1", "inf"], ["", "1"], ["1", ""],
     ["1"], [], [1, "1"], ["1", 1], [1.5, 1.5], [None, "1"], [True, True], "1", "12", None, {"1": 0, "2": 0}],
    ids=repr,
)  # fmt: skip
def test_an_unsound_level_is_malformed(level):
    with pytest.raises(MalformedFrameError):
        wire.parse_levels([["1", "1"], level], ASK)


def test_a_contiguous_diff_follows_the_id_before_its_first():
    diff = wire.parse_diff(SPOT_DIFF, Sequencing.CONTIGUOUS, "BTCUSDT")
    assert diff == (5, 7, 4, 1000, [(-10.5, "1")], [(11.0, None)])


def test_a_chained_diff_follows_what_it_says():
    assert wire.parse_diff(CHAINED_DIFF, Sequencing.CHAINED, "BTCUSDT").previous_id == 3


def test_unknown_keys_are_ignored():
    more = {"T": 1, "ps": "BTC", "st": 2, "new": {"deep": [1]}}
    assert wire.parse_diff(CHAINED_DIFF | more, Sequencing.CHAINED, "BTCUSDT") == wire.parse_diff(
        CHAINED_DIFF, Sequencing.CHAINED, "BTCUSDT"
    )
    assert wire.parse_snapshot(SNAPSHOT | {"new": 1}, 5) == wire.parse_snapshot(SNAPSHOT, 5)


@pytest.mark.parametrize("key", ["e", "E", "s", "U", "u", "pu", "b", "a"])
@given(value=JSON)
def test_a_diff_with_one_odd_value_is_malformed_or_the_same_shape(key, value):
    try:
        diff = wire.parse_diff(CHAINED_DIFF | {key: value}, Sequencing.CHAINED, "BTCUSDT")
    except MalformedFrameError:
        return
    assert key not in {"e", "s"} or value == CHAINED_DIFF[key]
    assert all(type(number) is int for number in diff[:4])
    assert 0 <= diff.first_id <= diff.last_id >= diff.previous_id


@pytest.mark.parametrize("key", ["e", "E", "s", "U", "u", "pu", "b", "a"])
def test_a_diff_that_lacks_a_key_names_it(key):
    event = {name: value for name, value in CHAINED_DIFF.items() if name != key}
    with pytest.raises(MalformedFrameError, match=f"'{key}'"):
        wire.parse_diff(event, Sequencing.CHAINED, "BTCUSDT")


@pytest.mark.parametrize("ids", [{"U": 8}, {"pu": 8}, {"U": True}, {"U": "5"}, {"u": 7.0}, {"U": -1}], ids=repr)
def test_ids_that_run_backwards_or_are_no_integers_are_malformed(ids):
    for sequencing in Sequencing:
        if sequencing is Sequencing.CONTIGUOUS and "pu" in ids:
            continue
        with pytest.raises(MalformedFrameError):
            wire.parse_diff(CHAINED_DIFF | ids, sequencing, "BTCUSDT")


def test_a_snapshot():
    snapshot = wire.parse_snapshot(SNAPSHOT | {"E": 99}, 5)
    assert snapshot == (7, 99, 5, 2, [(-10.5, "1"), (-10.4, "2")], [(11.0, "3")])


def test_one_side_may_be_empty_but_not_both():
    assert wire.parse_snapshot(SNAPSHOT | {"bids": []}, 5).decimals == 2
    assert wire.parse_snapshot(SNAPSHOT | {"asks": []}, 5).asks == []
    with pytest.raises(MalformedFrameError, match="lastUpdateId 7"):
        wire.parse_snapshot(SNAPSHOT | {"bids": [], "asks": []}, 5)


def test_a_snapshot_of_more_levels_than_were_asked_for_is_malformed():
    bids = [["10.50", "1"], ["10.40", "2"], ["10.30", "3"]]
    assert len(wire.parse_snapshot(SNAPSHOT | {"bids": bids}, 3).bids) == 3
    with pytest.raises(MalformedFrameError, match="at most 2 levels a side"):
        wire.parse_snapshot(SNAPSHOT | {"bids": bids}, 2)


def test_another_symbols_snapshot_is_malformed_where_the_market_names_it():
    assert wire.parse_snapshot(SNAPSHOT, 5, "BTCUSD_PERP")
    assert wire.parse_snapshot(SNAPSHOT | {"symbol": "BTCUSD_PERP"}, 5, "BTCUSD_PERP")
    with pytest.raises(MalformedFrameError, match="ETHUSD_PERP"):
        wire.parse_snapshot(SNAPSHOT | {"symbol": "ETHUSD_PERP"}, 5, "BTCUSD_PERP")


@pytest.mark.parametrize("key", ["lastUpdateId", "bids", "asks", "E", "symbol"])
@given(value=LEVELS)
@example(value={"12": 0})
def test_a_snapshot_with_one_odd_value_is_malformed_or_the_same_shape(key, value):
    try:
        snapshot = wire.parse_snapshot(SNAPSHOT | {key: value}, 5, "BTCUSDT")
    except MalformedFrameError:
        return
    assert type(snapshot.last_update_id) is type(snapshot.event_time) is int
    assert snapshot.bids or snapshot.asks


@pytest.mark.parametrize(
    "frame", [b"", b"[]", b"1", b'"x"', b"null", b"{", b'{"a":1}x', b"\xff", b'{"a":NaN}'], ids=repr
)
def test_a_frame_that_is_no_json_object_is_malformed(frame):
    with pytest.raises(MalformedFrameError):
        wire.decode(frame)


@given(st.binary(max_size=60) | JSON.map(orjson.dumps))
def test_any_bytes_are_an_object_or_malformed(frame):
    try:
        assert type(wire.decode(frame)) is dict
    except MalformedFrameError as error:
        assert error.excerpt == frame.decode("utf-8", "replace")[:120]  # noqa: PT017


def test_the_payload_is_taken_out_of_its_envelope():
    assert wire.payload_of({"stream": "x", "data": SPOT_DIFF}) is SPOT_DIFF
    assert wire.payload_of(SPOT_DIFF) is SPOT_DIFF


@pytest.mark.parametrize("data", [None, [], "x", 1], ids=repr)
def test_an_envelope_around_anything_else_is_malformed(data):
    with pytest.raises(MalformedFrameError, match="'data'"):
        wire.payload_of({"stream": "x", "data": data})


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"result": None, "id": 1}, Reply(1, None, None)),
        ({"result": ["a@depth"], "id": "x"}, Reply("x", ["a@depth"], None)),
        ({"error": {"code": 2, "msg": "bad"}, "id": 3}, Reply(3, None, "2: bad")),
        ({"error": {"code": 4, "msg": "Too many subscriptions"}}, Reply(None, None, "4: Too many subscriptions")),
        ({"code": 3, "msg": "Invalid JSON"}, Reply(None, None, "3: Invalid JSON")),
        ({"e": "serverShutdown", "E": 1}, Notice.SERVER_SHUTDOWN),
        ({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}, Notice.SERVER_SHUTDOWN),
        (SPOT_DIFF, None),
        ({"stream": "btcusdt@depth", "data": SPOT_DIFF}, None),
    ],
    ids=repr,
)
def test_notices_and_replies(frame, expected):
    assert wire.parse_notice(frame) == expected


@pytest.mark.parametrize(("encode", "method"), [(wire.subscribe, "SUBSCRIBE"), (wire.unsubscribe, "UNSUBSCRIBE")])
def test_requests(encode, method):
    assert orjson.loads(encode(["a@depth", "b@depth"], 7)) == {
        "method": method,
        "params": ["a@depth", "b@depth"],
        "id": 7,
    }


def test_recorded_frames_parse(captures):
    for name in ("usdm", "options"):
        for line in (captures / f"{name}-frames.jsonl").read_bytes().splitlines():
            event = wire.payload_of(wire.decode(line))
            if event["e"] == "depthUpdate":
                diff = wire.parse_diff(event, Sequencing.CHAINED, event["s"])
                assert (diff.last_id, len(diff.bids)) == (event["u"], len(event["b"]))
