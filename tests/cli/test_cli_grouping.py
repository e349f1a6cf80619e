"""Levels by steps of the price: no price looks better than it is, and no quantity is lost."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from depthactors.cli.grouping import coarser, decimals_of, finer, grouped, tick_of
from tests.support import table

PRICES = st.decimals(min_value="0.01", max_value="99999.99", places=2)
SIZES = st.decimals(min_value="0.001", max_value="1000", places=3)
STEPS = st.sampled_from([Decimal(text) for text in ("0.02", "0.5", "1", "7", "10", "2E+3")])


@given(st.dictionaries(PRICES, SIZES, max_size=30), STEPS, st.sampled_from(["bid", "ask"]))
def test_groups_have_what_an_addition_by_hand_has(levels, step, side):
    best_first = sorted(levels.items(), reverse=side == "bid")
    by_hand = {}
    for price, size in best_first:
        # In whole cents, whose division rounds downwards.
        cents, width = int(price * 100), int(step * 100)
        place = cents // width if side == "bid" else -(-cents // width)
        by_hand[place * step] = by_hand.get(place * step, 0) + size
    groups = grouped(best_first, side, step)
    assert dict(groups) == by_hand
    assert [price for price, _ in groups] == sorted(by_hand, reverse=side == "bid")
    if best_first:
        best = best_first[0][0]
        assert groups[0][0] <= best if side == "bid" else groups[0][0] >= best


@given(st.integers(min_value=-8, max_value=3), st.integers(min_value=1, max_value=12))
def test_coarser_and_finer_are_each_others_reverse(exponent, count):
    tick, steps = Decimal(1).scaleb(exponent), [None]
    for _ in range(count):
        steps.append(coarser(steps[-1], tick))
    assert [step / tick for step in steps[1:5]] == [2, 5, 10, 20][:count]
    back = [steps[-1]]
    while back[-1] is not None:
        back.append(finer(back[-1], tick))
    assert back[::-1] == steps


@table(
    ("step", "next_coarser", "next_finer"),
    [("0.3", "0.5", "0.2"), ("7", "10", "5"), ("1", "2", "0.5"), ("0.05", "0.1", "0.02"), ("0.01", "0.02", None)],
)
def test_a_step_of_ones_own_goes_on_in_the_row(step, next_coarser, next_finer):
    assert coarser(Decimal(step), Decimal("0.01")) == Decimal(next_coarser)
    assert finer(Decimal(step), Decimal("0.01")) == (None if next_finer is None else Decimal(next_finer))


def test_zeros_that_fill_up_are_no_decimals():
    assert decimals_of(["61730.10000000", "61731.00000000"]) == 1
    assert decimals_of([]) == 0
    assert tick_of(["61730.10000000", "61731"]) == Decimal("0.1")
    assert tick_of(["0.00001234"]) == Decimal("0.00000001")
