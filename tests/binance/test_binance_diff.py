import gzip

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import binance
from depthactors.binance.diff import _take_apart
from depthactors.errors import MalformedFrameError
from depthactors.markets import Sequencing
from tests.binance.frame_support import CHAINED_DIFF, JSON, SPOT_DIFF
from tests.support import table


def test_a_contiguous_diff_follows_the_id_before_its_first():
    diff = binance.parse_diff(SPOT_DIFF, Sequencing.CONTIGUOUS, "BTCUSDT")
    assert diff == (5, 7, 4, 1000, [10.5, 1.0], [11.0, 0.0])


def test_a_chained_diff_follows_what_it_says():
    assert binance.parse_diff(CHAINED_DIFF, Sequencing.CHAINED, "BTCUSDT").previous_id == 3


def test_unknown_keys_are_ignored():
    more = {"T": 1, "ps": "BTC", "st": 2, "new": {"deep": [1]}}
    assert binance.parse_diff(CHAINED_DIFF | more, Sequencing.CHAINED, "BTCUSDT") == binance.parse_diff(
        CHAINED_DIFF, Sequencing.CHAINED, "BTCUSDT"
    )


@pytest.mark.parametrize("key", ["e", "E", "s", "U", "u", "pu", "b", "a"])
@given(value=JSON)
def test_a_diff_with_one_odd_value_is_malformed_or_the_same_shape(key, value):
    try:
        diff = binance.parse_diff(CHAINED_DIFF | {key: value}, Sequencing.CHAINED, "BTCUSDT")
    except MalformedFrameError:
        return
    assert key not in {"e", "s"} or value == CHAINED_DIFF[key]
    assert all(type(number) is int for number in diff[:4])
    assert 0 <= diff.first_id <= diff.last_id >= diff.previous_id


@table("key", ["e", "E", "s", "U", "u", "pu", "b", "a"])
def test_a_diff_that_lacks_a_key_names_it(key):
    event = {name: value for name, value in CHAINED_DIFF.items() if name != key}
    with pytest.raises(MalformedFrameError, match=f"'{key}'"):
        binance.parse_diff(event, Sequencing.CHAINED, "BTCUSDT")


@table("ids", [{"U": 8}, {"pu": 8}, {"U": True}, {"U": "5"}, {"u": 7.0}, {"U": -1}])
def test_ids_that_run_backwards_or_are_no_integers_are_malformed(ids):
    for sequencing in Sequencing:
        if sequencing is Sequencing.CONTIGUOUS and "pu" in ids:
            continue
        with pytest.raises(MalformedFrameError):
            binance.parse_diff(CHAINED_DIFF | ids, sequencing, "BTCUSDT")


def test_recorded_frames_parse(captures):
    for name in ("usdm", "options"):
        for line in (captures / f"{name}-frames.jsonl").read_bytes().splitlines():
            event = binance.payload_of(binance.decode(line))
            if event["e"] == "depthUpdate":
                diff = binance.parse_diff(event, Sequencing.CHAINED, event["s"])
                assert (diff.last_id, len(diff.bids)) == (event["u"], 2 * len(event["b"]))


# The quick way.

NUMBERS = st.from_regex(r"\A[0-9]{1,9}(\.[0-9]{1,9})?\Z")
SIDES = st.lists(st.lists(NUMBERS, min_size=2, max_size=2), max_size=5)
ODD = st.sampled_from(
    [b'"', b"[", b"]", b"{", b"}", b",", b":", b"-", b"e", b"0", b"1", b".", b" ", b"null", b'"b":', b""]
)


def frame_of(event, envelope):
    return orjson.dumps({"stream": "btcusdt@depth", "data": event} if envelope else event)


def read(way):
    """Return what a way makes of a frame, or that it is malformed."""
    try:
        return way()
    except MalformedFrameError:
        return None


def both_ways(frame, sequencing):
    quick = read(lambda: binance.read_diff(frame, sequencing, "BTCUSDT"))
    careful = read(lambda: binance.parse_diff(binance.payload_of(binance.decode(frame)), sequencing, "BTCUSDT"))
    return quick, careful


@given(SIDES, SIDES, st.booleans(), st.sampled_from(Sequencing))
def test_both_ways_lead_to_one_diff(bids, asks, envelope, sequencing):
    frame = frame_of(CHAINED_DIFF | {"b": bids, "a": asks}, envelope)
    quick, careful = both_ways(frame, sequencing)
    assert quick == careful
    assert repr(quick and [*map(float, quick.bids + quick.asks)]) == repr(
        careful and [*map(float, careful.bids + careful.asks)]
    )


@given(SIDES, SIDES, st.booleans(), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), ODD), max_size=3))
def test_a_mangled_frame_is_read_as_with_care(bids, asks, envelope, wounds):
    frame = frame_of(CHAINED_DIFF | {"b": bids, "a": asks}, envelope)
    for number, cut, put in wounds:
        place = number % (len(frame) + 1)
        frame = frame[:place] + put + frame[place + cut :]
    quick, careful = both_ways(frame, Sequencing.CHAINED)
    assert quick == careful


@table("bids", ['["10","1"],["9.5","20"]', '["","1"]', '["10",""]', ""])
@table("asks", ['["11.5","0.00"],["12","3"]', '["","1"]', '["12",""]', ""])
@table("put", ["7", ".", "7.7", '"', ",", "[", " "])
def test_a_character_more_anywhere_is_read_as_with_care(bids, asks, put):
    text = f'{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"pu":3,"b":[{bids}],"a":[{asks}]}}'
    for place in range(text.index(',"b"'), len(text) + 1):
        quick, careful = both_ways((text[:place] + put + text[place:]).encode(), Sequencing.CHAINED)
        assert quick == careful, text[:place] + put + text[place:]


@table(
    "levels",
    [
        '["0","1"]',
        '["0.00","1"]',
        '["-1","1"]',
        '["1","-1"]',
        '["nan","1"]',
        '["1","1","1"]',
        '["1"],["1","2","3"]',
        '["1","2","3"],["1"]',
        '["1","1"],',
        '["1",1]',
        '[1,"1"]',
        '["1",null]',
        '["1","true"]',
        '["1e5","1"]',
        '["1234567890123456","1"]',
        '["1","1234567890123456"]',
        '["0.1234567890123456","1"]',
        '["01","1"]',
        '[".5","1"]',
        '["5.","1"]',
        '["1","1"] ',
        '["1","1"]],"x":[["1","1"]',
        '["1","1"]],"b":[["2","2"]',
        '["1","1"]],"a":[["2","2"]',
        '["1 ","1"]',
        '["1","1"],[]',
        '["1","1"],["',
        '["1","1"],["2',
        '["1","1"],["2"',
        '["1","1"],["2","',
        '["1","1"],["2","2',
        '["1","1"],["2","2"',
        '[["1","1"]]',
        '["",""]',
        '["1_0","1"]',
        "",
        '["\u0661","1"]',
    ],
)
@table("side", ["b", "a"])
def test_odd_levels_are_read_as_with_care(levels, side):
    good = {"b": '["10","1"]', "a": '["11.5","0.00"]'} | {side: levels}
    text = f'{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"pu":3,"b":[{good["b"]}],"a":[{good["a"]}]}}'
    for frame in (text.encode(), b'{"stream":"x","data":%b}' % text.encode()):
        quick, careful = both_ways(frame, Sequencing.CHAINED)
        assert quick == careful


@table(
    "frame",
    [
        b'{"stream":"x","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7},"z":{"q":1,"b":[],"a":[["1","1"]]}}',
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"z":{"q":1,"b":[],"a":[["1","1"]]}}',
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"b":[],"a":[],"z":{"q":1,"b":[],"a":[["1","1"]]}}',
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"b":[["3","3"]],"z":1,"b":[],"a":[["1","1"]]}',
        b'{"b":[["3","3"]],"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"q":1,"b":[],"a":[["1","1"]]}',
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"b":[],"a":[["1","1"]]}}',
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT{","U":5,"u":7,"b":[],"a":[["1","1"]]}}',
        b'{"x":"{","e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"b":[],"a":[["1","1"]]}',
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7},{"data":{"q":1,"b":[],"a":[["1","1"]]}}',
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7},1,{"data":{"q":1,"b":[["2","2"]],"a":[["1","1"]]}}',
        b',"b":[],"a":[]',
        b'{"data":{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"pu":4,"b":[]}}',
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"pu":4,"b":[["1","1"]]}',
    ],
)
def test_levels_in_odd_places_are_read_as_with_care(frame):
    quick, careful = both_ways(frame, Sequencing.CONTIGUOUS)
    assert quick == careful


def test_every_recorded_event_goes_the_quick_way(capture):
    careful = 0
    with gzip.open(capture) as lines:
        for line in lines:
            frame = line.split(b" ", 1)[1].strip()
            message = binance.decode(frame)
            if binance.payload_of(message).get("e") != "depthUpdate":
                continue
            event = binance.payload_of(message)
            sequencing = Sequencing.CHAINED if "pu" in event else Sequencing.CONTIGUOUS
            assert binance.read_diff(frame, sequencing, event["s"]) == binance.parse_diff(event, sequencing, event["s"])
            careful += _take_apart(frame) is None
    assert careful == 0
