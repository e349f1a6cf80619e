from depthactors.exchange.shapes.contract_names import Option, expiry_of, option_of, pair_of
from tests.support import table

CHRISTMAS = 1_798_185_600_000


@table(("date", "expiry"), [("261225", CHRISTMAS), ("261399", None), ("PERP", None), ("", None)])
def test_the_day_on_which_a_contract_ends(date, expiry):
    assert expiry_of(date) == expiry


@table(
    ("symbol", "option"),
    [
        ("BTC-261225-100000-C", Option("BTC", CHRISTMAS, "100000", "C")),
        ("DOGE-261225-0.15-P", Option("DOGE", CHRISTMAS, "0.15", "P")),
        ("BTC-261399-100000-C", None),
        ("BTC-261225-100000-X", None),
        ("BTCUSDT", None),
    ],
)
def test_what_the_name_of_an_option_says(symbol, option):
    assert option_of(symbol) == option


@table(("symbol", "pair"), [("BTCUSD_PERP", "BTCUSD"), ("BTCUSD_261225", "BTCUSD"), ("BTCUSDT", "BTCUSDT")])
def test_the_pair_of_a_contract(symbol, pair):
    assert pair_of(symbol) == pair
