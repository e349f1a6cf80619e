import json
from decimal import Decimal

import pytest
from exchange_support import spot_event

from depthactors.errors import UsageError
from depthactors.exchange.ledger import CHAPTER_LENGTH, Depth, Ledger


def filled(count, history=10_000):
    """A book whose one bid has the update id as its quantity."""
    ledger = Ledger("BTCUSDT", history)
    ledger.rebase(Depth(1000, 1, 2, [("10", "1000")], [("11", "1")]))
    for update_id in range(1001, 1001 + count):
        event = spot_event(update_id, update_id, bids=[("10", str(update_id))])
        ledger.apply(event, json.dumps(event).encode())
    return ledger


def test_depth_shows_the_last_event():
    depth = filled(3).depth(5)
    assert (depth.last_update_id, depth.bids) == (1003, [("10", "1003")])
    assert depth.event_time == depth.transaction_time == 1_700_000_000_000 + 1003


@pytest.mark.parametrize("offset", [0, 1, 5, CHAPTER_LENGTH - 1, CHAPTER_LENGTH, CHAPTER_LENGTH + 1, 700])
def test_book_at_any_kept_event_and_at_the_snapshot(offset):
    truth = filled(700).book_at(1000 + offset)
    assert truth.last_update_id == 1000 + offset
    assert truth.bids == ((Decimal(10), Decimal(1000 + offset)),)


@pytest.mark.parametrize("update_id", [999, 1701, -1])
def test_unknown_id_is_told_with_what_is_kept(update_id):
    with pytest.raises(UsageError, match=rf"kept history \(1000\.\.1700\), was {update_id}"):
        filled(700).book_at(update_id)


def test_id_inside_an_event_is_unknown():
    ledger = filled(1)
    event = spot_event(1002, 1009, bids=[("10", "5")])
    ledger.apply(event, json.dumps(event).encode())
    with pytest.raises(UsageError):
        ledger.book_at(1005)


def test_history_is_bounded_and_at_least_as_long_as_asked():
    ledger = filled(5_000, history=1_000)
    assert ledger.book_at(6000 - 999).bids[0][1] == 6000 - 999
    with pytest.raises(UsageError):
        ledger.book_at(6000 - 1_000 - 2 * CHAPTER_LENGTH)


def test_rebase_keeps_the_past():
    ledger = filled(2)
    ledger.rebase(Depth(2000, 1, 2, [("20", "1")], []))
    assert ledger.book_at(1001).bids == ((Decimal(10), Decimal(1001)),)
    assert ledger.book_at(2000).bids == ((Decimal(20), Decimal(1)),)
    assert ledger.last_id == 2000


def test_event_that_ends_at_the_snapshots_id_is_part_of_its_book():
    ledger = filled(0)
    event = spot_event(990, 1000, bids=[("9", "4")])
    ledger.apply(event, json.dumps(event).encode())
    assert (Decimal(9), Decimal(4)) in ledger.book_at(1000).bids
