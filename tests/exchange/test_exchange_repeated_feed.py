import json
from decimal import Decimal
from itertools import pairwise

import pytest

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.feeds.order_flow_feed import LONGEST_LAG, phase
from depthactors.exchange.feeds.repeated_events import RepeatedEvents
from depthactors.exchange.feeds.repeated_feed import STALE_BY, RepeatedFeed
from tests.exchange.exchange_support import SYMBOLS, Replay
from tests.support import SetClock, table

ROWS = [markets.SPOT, markets.US, markets.USDM, markets.COINM, markets.OPTIONS]
NOW = 1_700_000_000.25
STEPS = 40
TAPES = {row.name: RepeatedEvents(row, STEPS, seed=1, levels=5.0, depth=40) for row in ROWS}


def feed_of(row=markets.USDM, symbol=None, **options):
    options = {"clock": SetClock(NOW)} | options
    return RepeatedFeed(symbol or SYMBOLS[row.name], row, TAPES[row.name], **options)


def ticks(feed, count):
    return [feed.step(tickers=False).event for _ in range(count)]


def replay_of(depth):
    return Replay({"lastUpdateId": depth.last_update_id, "bids": depth.bids, "asks": depth.asks})


@table("row", ROWS)
def test_events_chain_over_rounds_and_make_the_books_of_book_at(row):
    feed = feed_of(row)
    book = replay_of(feed.present(1_000))
    start = feed.book_at(book.last_id)
    assert (start.bids, start.asks) == book.book()
    last_id = book.last_id
    for tick in ticks(feed, 4 * (STEPS + 1)):
        event = tick.decoded()
        assert (event["U"], event["u"], event["s"]) == (tick.first_id, tick.last_id, feed.symbol)
        assert event.get("pu", event["U"] - 1) == tick.previous_id == last_id
        assert book.apply(event)
        truth = feed.book_at(event["u"])
        assert (truth.symbol, truth.last_update_id) == (feed.symbol, event["u"])
        assert (truth.bids, truth.asks) == book.book()
        last_id = event["u"]
    present = replay_of(feed.present(1_000))
    assert (present.last_id, present.book()) == (last_id, book.book())


def test_every_round_repeats_the_last_one_but_for_ids_and_times():
    clock = SetClock(NOW)
    feed = feed_of(clock=clock)
    first = [tick.decoded() for tick in ticks(feed, STEPS + 1)]
    clock.now += 60.0
    second = [tick.decoded() for tick in ticks(feed, STEPS + 1)]
    span = TAPES["usdm"].span
    for before, after in zip(first, second, strict=True):
        assert after["E"] - before["E"] == after["T"] - before["T"] == 60_000
        moved = {name: before[name] + span for name in ("U", "u", "pu")}
        assert before | moved | {"E": after["E"], "T": after["T"]} == after


def test_the_truth_reaches_back_to_the_first_round_however_many_follow():
    feed = feed_of()
    start = feed.present(1_000)
    ticks(feed, 20_000)
    assert feed.book_at(start.last_update_id).bids[0] == tuple(Decimal(text) for text in start.bids[0])


def test_ids_that_were_not_played_are_refused_with_the_symbol():
    feed = feed_of()
    before = feed.present(1).last_update_id
    played = ticks(feed, 2 * STEPS)
    upcoming = feed_of()
    coming = ticks(upcoming, 2 * STEPS + 1)[-1].last_id
    ends = {before, *(tick.last_id for tick in played)}
    inside = next(number for number in range(before, played[-1].last_id) if number not in ends)
    for update_id in (before - 1, before - TAPES["usdm"].span, inside, coming, 0, -5):
        with pytest.raises(UsageError, match=rf"update id of BTCUSDT .* was {update_id}$"):
            feed.book_at(update_id)


def test_symbols_share_a_repetition_and_have_places_of_their_own():
    feeds = [feed_of(symbol=f"SYM{number}USDT") for number in range(30)]
    places = {feed.present(1).last_update_id for feed in feeds}
    assert len(places) > 10
    for feed in feeds:
        book = replay_of(feed.present(1_000))
        for tick in ticks(feed, STEPS + 5):
            assert book.apply(tick.decoded())
        truth = feed.book_at(book.last_id)
        assert (truth.symbol, truth.bids, truth.asks) == (feed.symbol, *book.book())


def test_a_symbol_that_plays_on_moves_no_other():
    first, second = feed_of(symbol="AUSDT"), feed_of(symbol="BUSDT")
    alone = ticks(feed_of(symbol="BUSDT"), 20)
    mixed = []
    for _ in range(20):
        ticks(first, 3)
        mixed += ticks(second, 1)
    assert mixed == alone


def test_the_seed_decides_the_place():
    def places(seed):
        return [feed_of(symbol=f"SYM{number}USDT", seed=seed).present(1).last_update_id for number in range(10)]

    assert places(1) == places(1) != places(2)


def test_steps_are_due_at_the_rate_from_the_symbols_moment():
    feed = feed_of(rate=20.0, seed=4)
    dues = []
    for _ in range(3):
        dues.append(feed.due())
        feed.step(tickers=False)
    start = phase(4, "BTCUSDT") / 20
    assert dues == pytest.approx([start, start + 0.05, start + 0.1])


def test_steps_are_numbered_and_stamped():
    feed = feed_of()
    steps = [feed.step(tickers=True) for _ in range(3 * STEPS)]
    assert [step.number for step in steps] == [step.event.number for step in steps] == list(range(1, 3 * STEPS + 1))
    assert {step.event.time_us for step in steps} == {int(NOW * 1_000_000)}
    assert {step.event.decoded()["E"] for step in steps} == {int(NOW * 1_000)}


def test_bookticker_streams_stay_silent():
    feed = feed_of()
    assert not any(feed.step(tickers=True).tickers for _ in range(STEPS))


def test_snapshots_are_up_to_a_few_events_behind_and_true():
    feed = feed_of()
    ids = [feed.present(1).last_update_id]
    lags = set()
    for _ in range(200):
        ids.append(ticks(feed, 1)[0].last_id)
        shown = feed.snapshot(1_000)
        lags.add(ids[::-1].index(shown.last_update_id))
        truth = feed.book_at(shown.last_update_id)
        assert replay_of(shown).book() == (truth.bids, truth.asks)
    assert lags == set(range(LONGEST_LAG + 1))


def test_no_snapshot_is_older_than_the_feeds_start():
    feed = feed_of()
    start = feed.present(1).last_update_id
    for _ in range(20):
        assert feed.snapshot(1).last_update_id == feed.stale(1).last_update_id == start


def test_a_stale_snapshot_is_true_and_far_behind():
    feed = feed_of()
    ids = [tick.last_id for tick in ticks(feed, 3 * STALE_BY)]
    shown = feed.stale(1_000)
    assert shown.last_update_id == ids[-1 - STALE_BY]
    truth = feed.book_at(shown.last_update_id)
    assert replay_of(shown).book() == (truth.bids, truth.asks)


def test_since_is_what_the_slowest_stream_needs():
    feed = feed_of(markets.SPOT)
    done = ticks(feed, 57)
    assert feed.since(47) == done[47:]
    assert feed.since(55) == done[55:]
    assert feed.since(57) == []


def test_depth_is_cut_best_first():
    depth = feed_of().present(4)
    bids, asks = ([Decimal(price) for price, _ in side] for side in (depth.bids, depth.asks))
    assert [len(bids), len(asks)] == [4, 4]
    assert all(better > worse for better, worse in pairwise(bids))
    assert all(better < worse for better, worse in pairwise(asks))


def test_spots_events_have_spots_keys():
    event = ticks(feed_of(markets.SPOT), 1)[0].payload
    assert list(json.loads(event)) == ["e", "E", "s", "U", "u", "b", "a"]


@table("rate", [0, -1.0, float("nan")])
def test_a_rate_that_is_not_above_zero_is_refused(rate):
    with pytest.raises(UsageError, match=f"rate above zero, was {rate!r}"):
        feed_of(rate=rate)
