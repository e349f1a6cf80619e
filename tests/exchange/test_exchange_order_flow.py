from decimal import Decimal
from statistics import fmean

import pytest
from hour_of_trading import STEPS_A_MINUTE, Shape, main
from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.feeds.order_flow import OrderFlow
from tests.exchange.exchange_support import Replay
from tests.support import table

ROWS = [markets.SPOT, markets.US, markets.USDM, markets.COINM, markets.OPTIONS]
CHAINED = [markets.USDM, markets.COINM, markets.OPTIONS]
every_row = table("row", ROWS)


def changes(flow, count, **more):
    return [flow.step(**more) for _ in range(count)]


def replay(flow):
    bids, asks = flow.book()
    return Replay({"lastUpdateId": flow.last_id, "bids": bids, "asks": asks})


def apply(book, change):
    book.apply({"U": change.first_id, "u": change.last_id, "pu": book.last_id, "b": change.bids, "a": change.asks})


def exact(flow):
    return tuple(tuple((Decimal(price), Decimal(quantity)) for price, quantity in side) for side in flow.book())


@every_row
def test_same_seed_same_bytes(row):
    first, second = (OrderFlow("BTCUSDT", row, 7, depth=300) for _ in range(2))
    assert repr(first.book()) == repr(second.book())
    assert repr(changes(first, 100)) == repr(changes(second, 100))
    assert repr(first.book()) == repr(second.book())
    assert first.last_id == second.last_id


def test_seeds_markets_and_symbols_differ():
    flows = [
        OrderFlow(symbol, row, seed, depth=50)
        for seed, row, symbol in [
            (1, markets.SPOT, "BTCUSDT"),
            (2, markets.SPOT, "BTCUSDT"),
            (1, markets.US, "BTCUSDT"),
            (1, markets.SPOT, "ETHUSDT"),
        ]
    ]
    assert len({flow.best_bid for flow in flows}) == 4
    assert len({flow.last_id for flow in flows}) == 4
    assert min(flow.last_id for flow in flows) >= 10**9


@given(
    st.sampled_from(ROWS),
    st.integers(0, 1_000),
    st.integers(10, 100),
    st.floats(0.01, 2.0),
)
def test_the_changes_applied_to_the_book_before_give_the_book_after(row, seed, depth, busy):
    flow = OrderFlow("BTCUSDT", row, seed, levels=busy * depth, depth=depth)
    book = replay(flow)
    for _ in range(15):
        before = flow.last_id
        change = flow.step()
        if change is None:
            assert flow.last_id == before
        else:
            assert before < change.first_id <= change.last_id == flow.last_id
            assert change.bids or change.asks
            apply(book, change)
        assert book.book() == exact(flow)
        best_bid, best_ask = book.book()[0][0][0], book.book()[1][0][0]
        assert best_bid < best_ask
        assert flow.best_bid < flow.best_ask


@every_row
def test_a_change_has_one_entry_a_price_best_first(row):
    for change in changes(OrderFlow("BTCUSDT", row, levels=60.0, depth=300), 40):
        bids, asks = ([Decimal(price) for price, _ in side] for side in (change.bids, change.asks))
        assert bids == sorted(set(bids), reverse=True)
        assert asks == sorted(set(asks))


def test_ids_of_spot_have_no_holes():
    flow = OrderFlow("BTCUSDT", markets.SPOT, depth=300)
    last = flow.last_id
    for change in changes(flow, 300):
        assert change.first_id == last + 1
        assert change.last_id - last >= len(change.bids) + len(change.asks)
        last = change.last_id


@table("row", CHAINED)
def test_ids_of_futures_have_holes(row):
    flow = OrderFlow("BTCUSDT", row, depth=300)
    last = flow.last_id
    holes = 0
    for change in changes(flow, 300):
        assert last < change.first_id < change.last_id
        holes += change.first_id > last + 1
        last = change.last_id
    assert holes > 200


def test_nothing_may_happen_in_a_quiet_market():
    results = changes(OrderFlow("BTCUSDT", markets.SPOT, levels=0.5, depth=100), 300)
    assert None in results
    assert any(results)


@every_row
def test_reported_best_prices_follow_each_other_and_change_nothing_else(row):
    silent, told = (OrderFlow("BTCUSDT", row, 5, depth=300) for _ in range(2))
    touch = tuple(side[0] for side in told.book())
    seen = 0
    for _ in range(30):
        without, change = silent.step(), told.step(best_prices=True)
        assert change._replace(best_prices=[]) == without
        ids = [update_id for update_id, _, _ in change.best_prices]
        assert ids == sorted(set(ids))
        assert all(change.first_id <= update_id <= change.last_id for update_id in ids)
        for _, *best in change.best_prices:
            assert tuple(best) != touch
            touch = tuple(best)
            seen += 1
        assert touch == tuple(side[0] for side in told.book())
    assert seen > 50


@table("depth", [10, 100, 1_000, 2_000, 5_000])
def test_the_first_book_is_as_deep_as_asked_for(depth):
    for side in OrderFlow("BTCUSDT", markets.SPOT, 3, depth=depth).book():
        assert 0.75 * depth <= len(side) <= 1.3 * depth


@table(("levels", "depth"), [(2, 2_000), (20, 2_000), (200, 2_000), (20, 100), (50, 100)])
def test_a_step_has_as_many_level_changes_as_asked_for(levels, depth):
    happened = [
        change
        for change in changes(OrderFlow("BTCUSDT", markets.SPOT, 4, levels=levels, depth=depth), 4_000 // levels)
        if change is not None
    ]
    mean = fmean(len(change.bids) + len(change.asks) for change in happened)
    assert 0.75 * levels <= mean <= 1.25 * levels


@pytest.mark.parametrize(
    ("row", "seed"),
    [
        (markets.SPOT, 1),
        *(pytest.param(row, seed, marks=pytest.mark.full) for row in (markets.SPOT, markets.USDM) for seed in (2, 3)),
    ],
)
def test_the_market_keeps_its_shape_and_moves(row, seed):
    shape = Shape(OrderFlow("BTCUSDT", row, seed), 20.0, 2_000)
    for _ in range(5 * STEPS_A_MINUTE):
        shape.step()
    assert shape.faults() == []


def test_a_small_book_is_kept_up_while_the_price_moves():
    flow = OrderFlow("BTCUSDT", markets.USDM, 1, levels=20.0, depth=100)
    for _ in range(40):
        changes(flow, 50)
        for side in flow.book():
            assert 60 <= len(side) <= 160


def test_below_the_floor_the_price_only_rises():
    flow = OrderFlow("BTCUSDT", markets.SPOT, 1, depth=100)
    flow._floor = flow.best_bid + 10_000
    for _ in range(10):
        before = flow.best_bid
        changes(flow, 100)
        assert flow.best_bid > before


@pytest.mark.full
def test_the_command_that_trades_for_an_hour(capsys):
    assert main(["--hours", "0.1", "--seed", "6", "--market", "coinm"]) == 0
    assert "left the range" in capsys.readouterr().out


@table(
    ("more", "words"),
    [
        ({"depth": 9}, "depth of at least 10"),
        ({"levels": 0}, "level changes"),
        ({"levels": float("nan")}, "level changes"),
        ({"levels": 201, "depth": 100}, "level changes"),
    ],
)
def test_figures_that_no_book_can_have_are_refused(more, words):
    with pytest.raises(UsageError, match=words):
        OrderFlow("BTCUSDT", markets.SPOT, **more)
