"""What each market can list: its own names, at prices that agree, in number formats that leave room for a book."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.exchange.shapes.contract_names import option_of
from depthactors.exchange.shapes.symbol_rules import FEWEST_TICKS
from depthactors.exchange.shapes.table import shape_of
from depthactors.markets import COINM, OPTIONS, SPOT, US, USDM, Family
from tests.support import table

ROWS = [SPOT, US, USDM, COINM, OPTIONS]
every_row = table("row", ROWS)
NOW_MS = 1_795_858_000_000


def fits(row, symbol):
    return shape_of(row).symbols.fits(symbol)


def knows(row, symbol):
    return shape_of(row).symbols.knows(symbol)


def terms_of(row, symbol):
    return shape_of(row).symbols.terms(symbol)


def names(row, now_ms):
    return [*shape_of(row).symbols.listed(now_ms)]


def price(row, symbol):
    return terms_of(row, symbol).price


@table(
    ("row", "symbol"),
    [
        *[
            (SPOT, symbol)
            for symbol in ("BTCUSDT", "BNBBTC", "ETHBTC", "DOGEBTC", "PEPEUSDT", "1000SATSUSDT", "BTCTRY")
        ],
        *[(SPOT, symbol) for symbol in ("USDCUSDT", "EURUSDT", "USDTTRY", "XRPETH", "SOLBRL")],
        *[(US, symbol) for symbol in ("BTCUSD", "BTCUSDT")],
        *[(USDM, symbol) for symbol in ("BTCUSDT", "ETHUSDC", "1000PEPEUSDT", "BTCUSDT_261225", "ETHBTC")],
        *[(COINM, symbol) for symbol in ("BTCUSD_PERP", "ETHUSD_261225", "ENSUSD_PERP")],
        *[(OPTIONS, symbol) for symbol in ("BTC-261225-100000-C", "ETH-270326-3000-P", "DOGE-261225-0.15-P")],
    ],
)
def test_symbols_of_known_assets_are_listed(row, symbol):
    assert knows(row, symbol)
    assert fits(row, symbol)


@table(
    ("row", "symbol"),
    [
        *[(SPOT, symbol) for symbol in ("BTCUSTD", "BTUSDT", "BTCUSDTT", "USDTUSDT", "BTC", "USDT", "", "btcusdt")],
        *[(SPOT, symbol) for symbol in ("BTCUSD_PERP", "BTC-USDT", "BTC_USDT", "SATSUSDT", "SHIBBTC", "NOSUCHCOIN")],
        *[(USDM, symbol) for symbol in ("BTCEUR", "BTCUSD_PERP", "BTCUSDT_261399", "BTCUSTD", "BTCUSDT_PERP")],
        *[(COINM, symbol) for symbol in ("BTCUSDT", "BTCUSD", "BTCUSD_PREP", "USDTUSD_PERP", "BTCUSD_261399")],
        *[(OPTIONS, symbol) for symbol in ("BTCUSDT", "BTC-261399-100000-C", "BTC-261225-100000-X")],
        *[(OPTIONS, symbol) for symbol in ("BTC-261225-1-C", "BTC-261225-9000000-P", "EOS-261225-1-C")],
    ],
)
def test_another_name_is_no_symbol(row, symbol):
    assert not knows(row, symbol)


@every_row
@given(symbol=st.text(max_size=12) | st.text("ABCDEFUSTD-_0123456789", max_size=20))
def test_any_text_is_listed_or_not(row, symbol):
    assert not knows(row, symbol) or fits(row, symbol)
    assert terms_of(row, symbol).number_format.tick > 0


@every_row
def test_what_is_shown_is_listed_once_and_the_best_known_comes_first(row):
    shown = names(row, NOW_MS)
    assert len(set(shown)) == len(shown) <= 1_500
    assert [name for name in shown if not knows(row, name)] == []
    assert shown[0].startswith("BTC")


def test_options_end_on_the_next_fridays_whatever_day_it_is():
    for day in range(23, 30):
        now = datetime(2026, 11, day, 12, tzinfo=UTC)
        ends = sorted({option_of(name).expiry_ms for name in names(OPTIONS, int(now.timestamp() * 1_000))})
        dates = [datetime.fromtimestamp(end / 1_000, UTC) for end in ends]
        assert [date.weekday() for date in dates] == [4, 4, 4]
        assert 0 < (dates[0] - now).total_seconds() <= 7 * 86_400


def test_cross_rates_are_divisions():
    assert price(SPOT, "ETHBTC") == pytest.approx(price(SPOT, "ETHUSDT") / price(SPOT, "BTCUSDT"))
    assert price(SPOT, "BTCEUR") == pytest.approx(price(SPOT, "BTCUSDT") / price(SPOT, "EURUSDT"))
    assert price(USDM, "1000PEPEUSDT") == pytest.approx(1_000 * price(SPOT, "PEPEUSDT"))


def test_an_asset_is_worth_the_same_on_every_market():
    assert price(SPOT, "BTCUSDT") == price(USDM, "BTCUSDT") == price(COINM, "BTCUSD_PERP") == price(US, "BTCUSD")


def test_an_option_is_worth_more_the_deeper_it_is_in_the_money():
    calls = [price(OPTIONS, f"BTC-261225-{strike}-C") for strike in (60_000, 84_000, 100_000, 200_000)]
    puts = [price(OPTIONS, f"BTC-261225-{strike}-P") for strike in (60_000, 84_000, 100_000, 200_000)]
    assert calls == sorted(calls, reverse=True)
    assert puts == sorted(puts)
    assert min(calls + puts) > 0


@every_row
def test_numbers_lie_on_grids_that_leave_room_for_a_book(row):
    for name in names(row, NOW_MS):
        terms = terms_of(row, name)
        tick = Decimal(terms.number_format.price(1))
        assert float(tick) == pytest.approx(terms.number_format.tick)
        assert FEWEST_TICKS <= terms.price / terms.number_format.tick < 1_000_001
        assert Decimal(terms.number_format.quantity(1)) > 0
        if row.family is Family.SPOT:
            assert len(terms.number_format.price(1).partition(".")[2]) == 8


@table(
    ("row", "symbol", "tick", "lot"),
    [
        (SPOT, "BTCUSDT", "0.10000000", "0.00010000"),
        (SPOT, "ETHUSDT", "0.01000000", "0.00100000"),
        (SPOT, "DOGEUSDT", "0.00000100", "10.00000000"),
        (USDM, "BTCUSDT", "0.10", "0.001"),
        (COINM, "BTCUSD_PERP", "0.1", "1"),
        (OPTIONS, "BTC-261225-100000-C", "0.010", "0.01"),
        (SPOT, "FOOUSDT", "0.01000000", "0.00100000"),
    ],
)
def test_ticks_and_lots(row, symbol, tick, lot):
    number_format = terms_of(row, symbol).number_format
    assert (number_format.price(1), number_format.quantity(1)) == (tick, lot)


@table("name", markets.MARKETS)
def test_a_testnet_lists_what_its_market_does(name):
    row = markets.lookup(name)
    first = names(row, NOW_MS)[0]
    assert knows(row, first)
