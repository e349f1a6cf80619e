import json
from decimal import Decimal

import pytest
from exchange_support import Replay

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.flow_feed import FlowFeed


def feed_of(row=markets.USDM, **options):
    return FlowFeed("BTCUSDT", row, clock=lambda: 1_700_000_000.25, **options)


def test_events_are_those_of_the_seed():
    first, second = feed_of(seed=5), feed_of(seed=5)
    assert [first.step() for _ in range(50)] == [second.step() for _ in range(50)]


@pytest.mark.parametrize(("row", "keys"), [(markets.SPOT, "eEsUuba"), (markets.USDM, "eETsUu-ba")])
def test_keys_are_the_markets(row, keys):
    event = json.loads(feed_of(row).step())
    assert list(event) == ["pu" if key == "-" else key for key in keys]
    assert event["E"] == 1_700_000_000_250


def test_due_follows_the_rate():
    feed = feed_of(rate=20.0)
    dues = []
    for _ in range(3):
        dues.append(feed.due())
        feed.step()
    assert 0 < dues[0] <= 0.05
    assert [later - dues[0] for later in dues] == pytest.approx([0, 0.05, 0.1])


def test_books_of_the_past_equal_a_replay():
    feed = feed_of()
    start = feed.depth(5000)
    book = Replay({"lastUpdateId": start.last_update_id, "bids": start.bids, "asks": start.asks})
    past = {}
    for _ in range(1_000):
        book.apply(json.loads(feed.step()))
        past[book.last_id] = book.book()
    for update_id in [start.last_update_id, *list(past)[::37]]:
        truth = feed.book_at(update_id)
        assert truth.symbol == "BTCUSDT"
        if update_id in past:
            assert (truth.bids, truth.asks) == past[update_id]


def test_history_reaches_ten_thousand_events_back():
    feed = feed_of(markets.SPOT)
    ids = [json.loads(feed.step())["u"] for _ in range(12_000)]
    assert feed.book_at(ids[-10_000]).last_update_id == ids[-10_000]


def test_depth_is_cut():
    depth = feed_of().depth(5)
    assert (len(depth.bids), len(depth.asks)) == (5, 5)
    assert Decimal(depth.bids[0][0]) > Decimal(depth.bids[4][0])
    assert Decimal(depth.asks[0][0]) < Decimal(depth.asks[4][0])


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_rate_must_be_above_zero(rate):
    with pytest.raises(UsageError, match="rate above zero"):
        feed_of(rate=rate)
