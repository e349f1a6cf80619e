import json
from decimal import Decimal

import pytest

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.feeds.order_flow_feed import LONGEST_LAG, OrderFlowFeed, phase
from tests.exchange.exchange_support import SYMBOLS, Replay
from tests.support import SetClock, table

ROWS = [markets.SPOT, markets.US, markets.USDM, markets.COINM, markets.OPTIONS]
SMALL = {"depth": 40, "levels": 6.0}
NOW = 1_700_000_000.25


def feed_of(row=markets.USDM, **options):
    return OrderFlowFeed(SYMBOLS[row.name], row, **({"clock": SetClock(NOW)} | SMALL | options))


def ticks(feed, count, *, tickers=False):
    """Step until the market has changed `count` times."""
    found = []
    while len(found) < count:
        step = feed.step(tickers=tickers)
        if step.event is not None:
            found.append(step.event)
    return found


def replay_of(depth):
    return Replay({"lastUpdateId": depth.last_update_id, "bids": depth.bids, "asks": depth.asks})


@table("row", ROWS)
def test_a_seed_makes_the_same_steps_and_another_one_others(row):
    first, second, third = (feed_of(row, seed=seed) for seed in (5, 5, 6))
    steps = [first.step(tickers=True) for _ in range(50)]
    assert steps == [second.step(tickers=True) for _ in range(50)]
    assert steps != [third.step(tickers=True) for _ in range(50)]


def test_symbols_of_one_seed_differ():
    books = {
        str(OrderFlowFeed(symbol, markets.SPOT, **SMALL).present(5)) for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")
    }
    assert len(books) == 3


@table("row", ROWS)
def test_events_chain_by_the_markets_rule_and_make_the_book(row):
    feed = feed_of(row)
    book = replay_of(feed.present(1_000))
    last_id = book.last_id
    for tick in ticks(feed, 300):
        event = tick.decoded()
        assert (event["U"], event["u"]) == (tick.first_id, tick.last_id)
        assert tick.previous_id == last_id
        assert event.get("pu", event["U"] - 1) == last_id
        assert book.apply(event)
        last_id = event["u"]
    present = replay_of(feed.present(1_000))
    assert (present.last_id, present.book()) == (last_id, book.book())


@table(("row", "is_holed"), [(markets.SPOT, False), (markets.USDM, True)])
def test_ids_have_holes_where_the_markets_have(row, is_holed):
    assert any(tick.first_id > tick.previous_id + 1 for tick in ticks(feed_of(row), 50)) is is_holed


def test_the_number_of_an_event_is_that_of_its_step():
    feed = feed_of()
    steps = [feed.step(tickers=False) for _ in range(30)]
    assert [step.number for step in steps] == list(range(1, 31))
    assert all(step.event.number == step.number for step in steps if step.event is not None)


def test_steps_without_a_change_have_no_event_and_count():
    feed = feed_of(levels=0.2)
    steps = [feed.step(tickers=True) for _ in range(100)]
    assert {step.event is None for step in steps} == {True, False}
    assert all(not step.tickers for step in steps if step.event is None)
    assert steps[-1].number == 100


def test_events_are_stamped_with_the_time_of_the_day():
    clock = SetClock(NOW)
    feed = feed_of(clock=clock)
    first, *_ = ticks(feed, 1)
    clock.now += 2.5
    second, *_ = ticks(feed, 1)
    assert (first.time_us, first.decoded()["E"]) == (1_700_000_000_250_000, 1_700_000_000_250)
    assert second.decoded()["E"] - first.decoded()["E"] == 2_500
    assert feed.present(1).time_us == second.time_us


def test_only_the_times_depend_on_the_clock():
    early, late = ([each.decoded() for each in ticks(feed_of(clock=SetClock(at)), 50)] for at in (1.0, 9.0))
    assert [event | {"E": 0, "T": 0} for event in early] == [event | {"E": 0, "T": 0} for event in late]


def test_steps_are_due_at_the_rate_from_a_moment_of_the_symbols_own():
    feed = feed_of(rate=20.0)
    dues = []
    for _ in range(4):
        dues.append(feed.due())
        feed.step(tickers=False)
    start = phase(0, "BTCUSDT") / 20
    assert dues == pytest.approx([start, start + 0.05, start + 0.1, start + 0.15])


def test_symbols_take_turns_within_the_interval():
    phases = [phase(0, f"SYM{number}USDT") for number in range(1_000)]
    assert all(0 < each <= 1 for each in phases)
    assert all(60 < sum(tenth <= 10 * each < tenth + 1 for each in phases) < 140 for tenth in range(10))
    assert phases == [phase(0, f"SYM{number}USDT") for number in range(1_000)]


def test_snapshots_are_a_few_events_behind_and_never_step_back():
    feed = feed_of()
    past = [feed.present(1_000)]
    shown, lags = 0, set()
    for _ in range(200):
        ticks(feed, 1)
        past.append(feed.present(1_000))
        snapshot = feed.snapshot(1_000)
        lag = [depth.last_update_id for depth in reversed(past)].index(snapshot.last_update_id)
        lags.add(lag)
        assert snapshot == past[-1 - lag]
        if lag:
            assert snapshot.last_update_id >= shown
            shown = snapshot.last_update_id
    assert lags == set(range(LONGEST_LAG + 1))


def test_depth_is_cut_best_first():
    depth = feed_of().snapshot(5)
    assert (len(depth.bids), len(depth.asks)) == (5, 5)
    bids, asks = ([Decimal(price) for price, _ in side] for side in (depth.bids, depth.asks))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


def test_stale_is_the_oldest_kept_book():
    feed = feed_of()
    first = feed.present(5)
    ticks(feed, 20)
    assert feed.stale(5) == first


def test_books_of_the_past_are_those_of_a_replay():
    feed = feed_of()
    book = replay_of(feed.present(1_000))
    past = {book.last_id: book.book()}
    for tick in ticks(feed, 700):
        book.apply(tick.decoded())
        past[book.last_id] = book.book()
    for update_id in [*list(past)[::61], book.last_id]:
        truth = feed.book_at(update_id)
        assert (truth.symbol, truth.last_update_id) == ("BTCUSDT", update_id)
        assert (truth.bids, truth.asks) == past[update_id]


def test_history_reaches_as_far_back_as_asked_and_ends():
    feed = feed_of(history=600)
    ids = [tick.last_id for tick in ticks(feed, 2_500)]
    assert feed.book_at(ids[-600]).last_update_id == ids[-600]
    with pytest.raises(UsageError, match="kept history"):
        feed.book_at(ids[0])


def test_since_is_the_events_of_the_last_second_for_the_slower_streams():
    feed = feed_of(markets.SPOT)
    done = []
    for _ in range(1_200):
        step = feed.step(tickers=False)
        if step.event is not None:
            done.append(step.event)
        wanted = [tick for tick in done[-10:] if tick.number > step.number - 10]
        assert feed.since(step.number - 10) == wanted


@table("row", ROWS)
def test_booktickers_show_each_change_of_the_best_prices_in_order(row):
    feed = feed_of(row)
    last_id, best, seen = feed.present(1).last_update_id, None, 0
    for _ in range(300):
        step = feed.step(tickers=True)
        events = [json.loads(payload) for payload in step.tickers]
        for event in events:
            assert event["s"] == SYMBOLS[row.name]
            assert last_id <= event["u"] <= step.event.last_id
            quote = [event[key] for key in "bBaA"]
            assert quote != best
            last_id, best = event["u"], quote
        seen += len(events)
        if events and events[-1]["u"] == step.event.last_id:
            present = feed.present(1)
            assert best == [*present.bids[0], *present.asks[0]]
    assert seen > 50


def test_no_bookticker_unless_asked_for_and_asking_changes_no_event():
    silent, asked = feed_of(), feed_of()
    for _ in range(100):
        step = silent.step(tickers=False)
        assert not step.tickers
        assert step.event == asked.step(tickers=True).event


@table("rate", [0, -1, float("nan")])
def test_a_rate_that_is_not_above_zero_is_refused(rate):
    with pytest.raises(UsageError, match=f"rate above zero, was {rate!r}"):
        feed_of(rate=rate)


@table(
    ("figures", "told"),
    [({"depth": 9}, "at least 10 levels, was 9"), ({"levels": 0}, "was 0"), ({"levels": 81}, "80 .* was 81")],
)
def test_figures_that_no_book_can_have_are_refused(figures, told):
    with pytest.raises(UsageError, match=told):
        feed_of(**figures)
