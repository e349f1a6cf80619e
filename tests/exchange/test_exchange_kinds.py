from depthactors import markets
from depthactors.exchange.streams.kinds import DiffStream, PartialStream, TickerStream, kind_of
from tests.exchange.exchange_support import SYMBOLS
from tests.support import table

SPOT = {"@depth": 1000, "@depth@100ms": 100}
FUTURES = {"@depth": 250, "@depth@100ms": 100, "@depth@500ms": 500}
DIFFS = {
    "spot": SPOT,
    "us": SPOT,
    "usdm": FUTURES,
    "coinm": FUTURES,
    "options": {"@depth@100ms": 100, "@depth@500ms": 500},
}


@table("market", SYMBOLS)
def test_each_market_has_its_diff_streams(market):
    row = markets.lookup(market)
    names = ["@depth", *(f"@depth@{interval}ms" for interval in (50, 100, 250, 500, 1000))]
    served = {name: kind for name in names if (kind := kind_of(name, row)) is not None}
    assert served == {name: DiffStream(interval) for name, interval in DIFFS[market].items()}


@table("market", SYMBOLS)
@table("levels", [5, 10, 20])
def test_partial_depth_comes_at_the_same_speeds(market, levels):
    row = markets.lookup(market)
    for suffix, interval in DIFFS[market].items():
        name = suffix.replace("@depth", f"@depth{levels}", 1)
        assert kind_of(name, row) == PartialStream(levels, interval)


@table("market", SYMBOLS)
def test_tickers_and_real_time_depth_are_served_everywhere(market):
    row = markets.lookup(market)
    assert kind_of("@bookTicker", row) == TickerStream()
    assert kind_of("@depth@0ms", row) == DiffStream(0)


@table("market", SYMBOLS)
@table(
    "suffix",
    [
        "",
        "@",
        "depth",
        "@Depth",
        "@depth@",
        "@depth@100",
        "@depth7",
        "@depth05",
        "@depth5@0ms",
        "@depth100",
        "@bookticker",
        "@trade",
        "@depth@100ms ",
    ],
)
def test_other_names_stay_silent(market, suffix):
    assert kind_of(suffix, markets.lookup(market)) is None
