"""The bands of resting orders: octaves that leave out no distance, and orders that leave in any order."""

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from depthactors.exchange.feeds.matching import MatchingBook
from depthactors.exchange.feeds.order_bands import OrderBand, octaves, set_rates
from tests.support import table


@given(st.integers(1, 100_000))
def test_octaves_cover_each_distance_once(farthest):
    covered = 0
    for near, width in octaves(farthest):
        assert near == covered + 1
        assert 0 < width <= near
        covered += width
    assert covered == farthest


def pool_beside_a_full_side(random, *, near=4, width=4):
    """A band of bids, against asks that none of them crosses."""
    book = MatchingBook()
    asks = OrderBand(book, book.asks, random, 1, 1)
    for key in range(1_000, 1_010):
        asks.place(key)
    return book, OrderBand(book, book.bids, random, near, width)


def test_orders_come_within_their_octave_of_the_opposite_best():
    book, pool = pool_beside_a_full_side(Random(1).random)
    for _ in range(200):
        assert pool.arrive() == 1
    assert {1_000 + key for key in book.bids.levels} == {4, 5, 6, 7}
    assert len(pool.quotes) == 200


def test_a_band_is_filled_as_by_arrivals():
    def seen(levels):
        return {key: (level.total, [(order.position, lots) for order, lots in level.items()]) for key, level in levels}

    one, arrivals = pool_beside_a_full_side(Random(4).random, near=8, width=8)
    _, filled = pool_beside_a_full_side(Random(4).random, near=8, width=8)
    arrivals.arrive()
    filled.arrive()
    levels = dict(filled.side.levels)
    filled.fill(levels)
    while len(arrivals.quotes) < arrivals.target:
        arrivals.arrive()
    assert seen(levels.items()) == seen(one.bids.levels.items())
    assert [quote.key for quote in filled.quotes] == [quote.key for quote in arrivals.quotes]
    filled.fill(levels)
    assert len(filled.quotes) == len(arrivals.quotes)


def test_each_order_leaves_once_and_the_last_levels_stay():
    book, pool = pool_beside_a_full_side(Random(2).random, near=16, width=16)
    for _ in range(300):
        pool.arrive()
    left = 0
    while pool.leave():
        left += 1
        assert [quote.position for quote in pool.quotes] == list(range(len(pool.quotes)))
    assert len(pool.quotes) == 300 - left
    assert len(book.bids.levels) == 5
    assert sum(map(len, book.bids.levels.values())) == len(pool.quotes)


@table("levels", [2.0, 20.0, 200.0])
def test_rates_keep_each_band_at_its_target_and_favour_the_best_price(levels):
    book = MatchingBook()
    pools = [OrderBand(book, book.bids, Random(3).random, *octave) for octave in octaves(2_000)]
    births = set_rates(pools, levels)
    assert math.isclose(births, sum(pool.births for pool in pools))
    for pool in pools:
        assert math.isclose(pool.deaths * pool.target, pool.births)
    per_tick = [pool.births / pool.width for pool in pools]
    assert per_tick == sorted(per_tick, reverse=True)
