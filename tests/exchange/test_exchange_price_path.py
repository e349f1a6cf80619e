"""Price paths: the same for a seed and an asset, up and down in turn, at a pace that an order flow can follow."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.exchange.feeds.price_path import PricePath

DAY = range(0, 864_000, 600)


def test_a_seed_and_an_asset_have_one_course():
    assert [PricePath(3, "BTC").at(step) for step in (0, 5_000)] == [
        PricePath(3, "BTC").at(step) for step in (0, 5_000)
    ]
    assert len({PricePath(seed, asset).at(5_000) for seed in (1, 2) for asset in ("BTC", "ETH")}) == 4


@given(st.integers(0, 1_000), st.lists(st.integers(0, 50_000), min_size=1))
def test_it_does_not_depend_on_which_steps_are_asked_for(seed, steps):
    sparse = PricePath(seed, "BTC")
    every = PricePath(seed, "BTC")
    wanted = sorted(steps)
    told = [every.at(step) for step in range(wanted[-1] + 1)]
    assert [sparse.at(step) for step in wanted] == [told[step] for step in wanted]


@given(st.integers(0, 1_000))
def test_it_goes_up_and_down_for_minutes_and_stays_near_where_it_began(seed):
    course = PricePath(seed, "BTC")
    way = [course.at(step) for step in DAY]
    steps = [after - before for before, after in pairwise(way)]
    assert max(map(abs, steps)) <= 600 * 1.001e-6
    turns = sum((one < 0) != (two < 0) for one, two in pairwise(steps))
    assert turns > len(steps) // 20
    assert max(map(abs, way)) < 0.25


def test_a_faster_market_goes_the_same_way_faster():
    slow, fast = PricePath(1, "BTC"), PricePath(1, "BTC", pace=5.0)
    start = slow.at(0)
    assert fast.at(0) == start
    assert fast.at(1_000) - start == pytest.approx(5.0 * (slow.at(1_000) - start))
