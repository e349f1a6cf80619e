import pytest
from hypothesis import example, given

from depthactors import binance
from depthactors.errors import MalformedFrameError
from tests.binance.frame_support import LEVELS

SNAPSHOT = {"lastUpdateId": 7, "bids": [["10.50", "1"], ["10.40", "2"]], "asks": [["11.00", "3"]]}


def test_unknown_keys_are_ignored():
    assert binance.parse_snapshot(SNAPSHOT | {"new": 1}, 5) == binance.parse_snapshot(SNAPSHOT, 5)


def test_a_snapshot():
    snapshot = binance.parse_snapshot(SNAPSHOT | {"E": 99}, 5)
    assert snapshot == (7, 99, 5, (2, 0), [10.5, 1.0, 10.4, 2.0], [11.0, 3.0])


def test_one_side_may_be_empty_and_so_may_both():
    assert binance.parse_snapshot(SNAPSHOT | {"bids": []}, 5).decimals == (2, 0)
    assert binance.parse_snapshot(SNAPSHOT | {"asks": []}, 5).asks == []
    assert binance.parse_snapshot({"lastUpdateId": 0, "bids": [], "asks": []}, 5) == (0, 0, 5, (0, 0), [], [])


def test_a_snapshot_of_more_levels_than_were_asked_for_is_malformed():
    bids = [["10.50", "1"], ["10.40", "2"], ["10.30", "3"]]
    assert len(binance.parse_snapshot(SNAPSHOT | {"bids": bids}, 3).bids) == 6
    with pytest.raises(MalformedFrameError, match="at most 2 levels a side"):
        binance.parse_snapshot(SNAPSHOT | {"bids": bids}, 2)


def test_another_symbols_snapshot_is_malformed_where_the_market_names_it():
    assert binance.parse_snapshot(SNAPSHOT, 5, "BTCUSD_PERP")
    assert binance.parse_snapshot(SNAPSHOT | {"symbol": "BTCUSD_PERP"}, 5, "BTCUSD_PERP")
    with pytest.raises(MalformedFrameError, match="ETHUSD_PERP"):
        binance.parse_snapshot(SNAPSHOT | {"symbol": "ETHUSD_PERP"}, 5, "BTCUSD_PERP")


@pytest.mark.parametrize("key", ["lastUpdateId", "bids", "asks", "E", "symbol"])
@given(value=LEVELS)
@example(value={"12": 0})
def test_a_snapshot_with_one_odd_value_is_malformed_or_the_same_shape(key, value):
    try:
        snapshot = binance.parse_snapshot(SNAPSHOT | {key: value}, 5, "BTCUSDT")
    except MalformedFrameError:
        return
    assert type(snapshot.last_update_id) is type(snapshot.event_time) is int
    assert snapshot.bids or snapshot.asks
