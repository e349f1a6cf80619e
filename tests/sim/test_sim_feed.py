from random import Random

import orjson
import pytest

from depthactors import markets
from depthactors.errors import UsageError
from tests.exchange.exchange_support import SYMBOLS, Replay
from tests.sim.feed import SimulatedFeed
from tests.support import SetClock, table

ROWS = [markets.SPOT, markets.USDM, markets.COINM, markets.OPTIONS]


def feed_of(row=markets.SPOT, **options):
    options = {"seed": 1, "rate": 10.0, "levels": 4.0, "clock": SetClock(5.0)} | options
    return SimulatedFeed(SYMBOLS[row.name], row, **options)


def events(feed, count):
    return [feed.step(tickers=False).event.decoded() for _ in range(count)]


def replay_of(depth):
    return Replay({"lastUpdateId": depth.last_update_id, "bids": depth.bids, "asks": depth.asks})


@table("row", ROWS)
def test_the_truth_is_what_its_events_make_of_its_first_book(row):
    feed = feed_of(row)
    book = replay_of(feed.present(10_000))
    for count, event in enumerate(events(feed, 300)):
        assert book.apply(event)
        if count % 60 == 0:
            truth = feed.book_at(event["u"])
            assert (truth.bids, truth.asks) == book.book()
            assert truth.bids[0][0] < truth.asks[0][0]
    assert feed.last_id == event["u"]
    assert replay_of(feed.present(10_000)).book() == book.book()


@table("row", ROWS)
def test_a_snapshot_is_a_book_of_the_last_events_and_its_truth_is_known(row):
    feed = feed_of(row)
    holes = 0
    for _ in range(200):
        *_, event = events(feed, 3)
        snapshot = feed.snapshot(20)
        truth = feed.book_at(snapshot.last_update_id, 20)
        assert replay_of(snapshot).book() == (truth.bids, truth.asks)
        holes += snapshot.last_update_id > event["u"]
    assert bool(holes) is (row is not markets.SPOT)


@table("number", [float, str])
def test_the_best_levels_are_those_of_the_whole_book_in_any_order_of_asking(number):
    feed = feed_of(number=number)
    ids = [event["u"] for event in events(feed, 1_000)]
    for update_id in Random(1).sample(ids, 100):
        truth = feed.book_at(update_id, 10)
        texts = [
            [(number(str(price)), number(str(units))) for price, units in side] for side in (truth.bids, truth.asks)
        ]
        assert feed.top(update_id, 10) == tuple(texts)


def test_an_id_that_was_never_shown_or_long_ago_is_an_error():
    feed = feed_of()
    first, *_, last = [event["u"] for event in events(feed, 5_000)]
    for update_id in (first, last + 1, 0):
        with pytest.raises(UsageError, match=str(update_id)):
            feed.top(update_id, 1)
    assert feed.book_at(feed.stale(5).last_update_id, 5)


def test_prices_move_and_the_seed_decides_how():
    feeds = [feed_of(seed=seed) for seed in (1, 1, 2)]
    one, same, other = ([feed.step(tickers=False).event.payload for _ in range(3_000)] for feed in feeds)
    assert one == same != other
    first = feed_of(seed=1)
    assert abs(feeds[0].top(feeds[0].last_id, 1)[0][0][0] - first.top(first.last_id, 1)[0][0][0]) > 0.5


def test_ids_go_on_far_below_and_the_book_stays():
    feed = feed_of()
    before = events(feed, 10)[-1]["u"]
    feed.renumber()
    assert feed.snapshot(5).last_update_id <= before
    (event,) = events(feed, 1)
    assert event["u"] < before / 1.5
    book = replay_of(feed.present(10_000))
    for event in events(feed, 5_000):
        assert book.apply(event)
    assert book.book()[0] == feed.book_at(event["u"]).bids


def test_a_closed_session_changes_nothing():
    clock = SetClock(5.0)
    feed = feed_of(clock=clock)
    feed.close_session(10.0)
    assert feed.step(tickers=False).event is None
    clock.now = 15.0
    event = feed.step(tickers=False).event
    assert orjson.loads(event.payload)["E"] == 15_000
    assert feed.since(1) == [event]
