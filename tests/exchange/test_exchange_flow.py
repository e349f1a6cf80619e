from decimal import Decimal

import orjson
import pytest
from exchange_support import Replay

from depthactors import markets, wire
from depthactors.exchange.flow import LEVELS_HIGH, LEVELS_LOW, SPELLINGS, OrderFlow

ROWS = [markets.SPOT, markets.US, markets.USDM, markets.COINM, markets.OPTIONS]


def events(flow, count):
    return [flow.step() for _ in range(count)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_same_seed_same_events(row):
    first, second = OrderFlow("BTCUSDT", row, 7), OrderFlow("BTCUSDT", row, 7)
    assert first.levels() == second.levels()
    assert events(first, 500) == events(second, 500)
    assert first.levels() == second.levels()


def test_seeds_and_symbols_differ():
    pairs = [(1, "BTCUSDT"), (2, "BTCUSDT"), (1, "ETHUSDT")]
    books = [str(OrderFlow(symbol, markets.SPOT, seed).levels()) for seed, symbol in pairs]
    assert len(set(books)) == 3


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_never_crossed_always_deep_and_replayable(row):
    flow = OrderFlow("BTCUSDT", row, 3)
    bids, asks = flow.levels()
    book = Replay({"lastUpdateId": flow.last_id, "bids": bids, "asks": asks})
    spelling = SPELLINGS[row.depth_path]
    tick = Decimal(spelling.price(1))
    mids = set()
    for _ in range(5_000):
        event = flow.step()
        assert event["b"] or event["a"]
        assert book.apply(event)
        best_bid, best_ask = max(book.sides["b"]), min(book.sides["a"])
        assert best_bid + tick <= best_ask <= best_bid + 2 * tick
        for side in book.sides.values():
            assert LEVELS_LOW <= len(side) <= LEVELS_HIGH
        mids.add(best_bid)
    assert len(mids) > 20
    bids, asks = flow.levels()
    assert book.book() == tuple(tuple((Decimal(p), Decimal(q)) for p, q in side) for side in (bids, asks))


def test_spot_ids_are_contiguous():
    flow = OrderFlow("BTCUSDT", markets.SPOT)
    last = flow.last_id
    for event in events(flow, 300):
        assert event["U"] == last + 1
        assert event["u"] >= event["U"]
        assert "pu" not in event
        last = event["u"]


@pytest.mark.parametrize("row", [markets.USDM, markets.COINM, markets.OPTIONS], ids=lambda row: row.name)
def test_futures_ids_have_holes_and_chain(row):
    flow = OrderFlow("BTCUSDT", row)
    last = flow.last_id
    holes = 0
    for event in events(flow, 300):
        assert event["pu"] == last
        assert event["pu"] < event["U"] <= event["u"]
        holes += event["U"] > event["pu"] + 1
        last = event["u"]
    assert holes > 200


@pytest.mark.parametrize(
    ("row", "price", "quantity"),
    [
        (markets.SPOT, "123.45000000", "0.00070000"),
        (markets.USDM, "1234.50", "0.007"),
        (markets.COINM, "1234.5", "7"),
        (markets.OPTIONS, "61725.000", "0.07"),
    ],
    ids=["spot", "usdm", "coinm", "options"],
)
def test_numbers_are_spelt_as_the_market_does(row, price, quantity):
    spelling = SPELLINGS[row.depth_path]
    assert (spelling.price(12345), spelling.quantity(7)) == (price, quantity)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_librarys_own_parser_takes_the_events(row):
    event = orjson.loads(orjson.dumps(OrderFlow("BTCUSDT", row).step() | {"E": 1}))
    diff = wire.parse_diff(event, row.sequencing, "BTCUSDT")
    assert diff.last_id == event["u"]


def test_price_does_not_fall_through_the_floor():
    flow = OrderFlow("BTCUSDT", markets.USDM)
    flow._best_bid = 2_001
    flow._best_ask = 2_002
    for _ in range(2_000):
        flow.step()
    assert float(flow.levels()[0][-1][0]) > 0
