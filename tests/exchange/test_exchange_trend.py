from random import Random

import pytest

from depthactors import markets
from depthactors.exchange.feeds.trend import Trend
from depthactors.exchange.shapes.table import shape_of


def trend_of(market="spot", symbol="BTCUSDT", seed=3, pace=1.0):
    row = markets.lookup(market)
    return Trend(shape_of(row).symbols.terms(symbol), symbol, row, seed=seed, pace=pace, random=Random(1))


def test_the_first_price_is_near_that_of_the_table():
    terms = shape_of(markets.SPOT).symbols.terms("BTCUSDT")
    assert trend_of().aim() == pytest.approx(terms.price / terms.number_format.tick, rel=0.031)


def test_markets_differ_a_little_and_seeds_more():
    spot, usdm, other = trend_of().aim(), trend_of("usdm").aim(), trend_of(seed=4).aim()
    assert 0 < abs(usdm / spot - 1) <= 0.0005
    assert abs(other / spot - 1) > 0.0005


def test_the_strength_is_bounded_and_leads_to_the_price_path():
    trend = trend_of()
    aim = round(trend.aim())
    assert trend.next_strength(aim - 10_000, 0) == 0.9
    assert trend.next_strength(aim + 10_000, 0) == -0.9
    assert 0 < trend.next_strength(aim - 10, 0) < 0.9


def test_below_the_floor_the_price_is_to_rise():
    trend = trend_of()
    aim = round(trend.aim())
    assert trend.next_strength(aim + 10_000, aim + 10_001) == 0.9


def test_the_price_moves_with_the_steps_and_with_the_pace():
    moved = []
    for pace in (1.0, 3.0):
        trend = trend_of(pace=pace)
        first = trend.aim()
        for _ in range(500):
            trend.next_strength(round(first), 0)
        moved.append(abs(trend.aim() / first - 1))
    assert moved[0] > 0.0001
    assert moved[1] == pytest.approx(3 * moved[0], rel=0.01)


def test_a_symbol_that_is_not_in_the_table_has_a_price_of_its_own():
    assert trend_of(symbol="FOOUSDT").aim() != trend_of(symbol="BARUSDT").aim()
