"""The side against a plain dict and `sorted`, with windows so small that every branch is met often."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.book import BookSide
from depthactors.book.side import ASK
from tests.support import flat, table

PRICES = st.integers(1, 1200)

# A run of levels set or removed at once, so that windows of hundreds fill and run dry in a few events.
RUN = st.tuples(
    st.integers(1, 1200), st.sampled_from([1, 1, 2, 10, 200, 600]), st.sampled_from([1, 2, 3]), st.sampled_from("0012")
)
EVENT = st.lists(RUN, min_size=1, max_size=4)


def changes_of(event):
    return [
        (price, float(quantity))
        for start, count, step, quantity in event
        for price in range(start, start + count * step, step)
    ]


class Oracle:
    """What a side promises, by brute force."""

    def __init__(self, levels, sign, *, whole, keep_unvouched, max_levels):
        self.sign = sign
        self.levels = {sign * price: quantity for price, quantity in levels if quantity}
        self.edge = inf if whole else max(self.levels, default=-inf)
        self.keep_unvouched, self.max_levels = keep_unvouched, max_levels

    def apply(self, changes):
        for price, quantity in changes:
            key = self.sign * price
            if not quantity:
                self.levels.pop(key, None)
            elif self.keep_unvouched or key <= self.edge:
                self.levels[key] = quantity

    def keys(self):
        return sorted(self.levels)

    def forget(self, side):
        """Follow the side where it forgot its worst levels, and check that it had to and kept the best."""
        if len(self.levels) > (self.max_levels or inf):
            assert 0 < len(side) <= self.max_levels
            kept = self.keys()[: len(side)]
            self.levels = {key: self.levels[key] for key in kept}
            assert side.edge <= max(self.edge, kept[-1])
            assert side.edge >= min(self.edge, kept[-1])
            self.edge = side.edge


def compare(side, oracle):
    side.check("side")
    keys = oracle.keys()
    assert side.quantities == oracle.levels
    assert len(side) == len(keys)
    assert side.best() == (keys[0] if keys else None)
    assert side.best_keys() == keys
    for count in (0, 1, 5, 40, 500):
        assert side.best_keys(count) == keys[:count]
    assert side.edge == oracle.edge
    assert side.vouched() == len([key for key in keys if key <= oracle.edge])


@pytest.mark.parametrize("keep_unvouched", [False, True], ids=["vouched", "all"])
@pytest.mark.parametrize("sign", [-1.0, 1.0], ids=["bids", "asks"])
@given(
    snapshot=EVENT,
    events=st.lists(EVENT, max_size=12),
    whole=st.booleans(),
    max_levels=st.sampled_from([None, 3, 100, 700]),
    window=st.sampled_from([0, 5, 40]),
)
def test_side_against_a_dict(keep_unvouched, sign, snapshot, events, whole, max_levels, window):
    rules = {"whole": whole, "keep_unvouched": keep_unvouched, "max_levels": max_levels}
    levels = list(dict(changes_of(snapshot)).items())[:max_levels]
    side, oracle = BookSide(flat(levels), sign, window=window, **rules), Oracle(levels, sign, **rules)
    compare(side, oracle)
    for event in events:
        changes = changes_of(event)
        side.apply(flat(changes))
        oracle.apply(changes)
        oracle.forget(side)
        compare(side, oracle)


def side_of(count, **rules):
    rules = {"whole": True, "keep_unvouched": False, "max_levels": None, "window": 0} | rules
    return BookSide(flat((price, 1.0) for price in range(1, count + 1)), ASK, **rules)


def test_the_window_is_cut_and_filled_again():
    side = side_of(10)
    side.apply(flat((price, 1.0) for price in range(1, 2001)))
    assert len(side.window) < 1000 < len(side)
    for price in range(1, 2001):
        side.apply([price, 0.0])
        side.check("side")
        assert side.best() == (price + 1 if price < 2000 else None)


def test_reads_of_the_promised_size_stay_in_the_window():
    side = side_of(5000, window=1000)
    for price in range(1, 3000):
        side.apply([price, 0.0])
        assert len(side.window) >= 1000


def test_a_side_that_was_widened_keeps_as_many_keys_in_the_window():
    side = side_of(5000)
    assert len(side.window) < 1000
    keys = side.best_keys()
    side.widen(1000)
    assert (side.best_keys(), side.window) == (keys, keys[: len(side.window)])
    for price in range(1, 3000):
        side.apply([float(price), 0.0])
        assert len(side.window) >= 1000
    side.widen(10)
    assert len(side.window) >= 1000
    side.check("asks")


def test_a_side_that_is_not_whole_drops_changes_beyond_its_edge():
    side = side_of(3, whole=False)
    side.apply([3.5, 1.0, 2.5, 1.0, 9.0, 0.0])
    assert (side.edge, side.best_keys()) == (3.0, [1.0, 2.0, 2.5, 3.0])


def test_a_side_that_keeps_all_vouches_only_to_its_edge():
    side = side_of(3, whole=False, keep_unvouched=True)
    side.apply([3.5, 1.0, 2.5, 1.0])
    assert (len(side), side.vouched()) == (5, 4)


def test_the_edge_outlives_its_level():
    side = side_of(3, whole=False)
    side.apply([3.0, 0.0])
    side.apply([2.9, 1.0, 3.1, 1.0])
    assert side.best_keys() == [1.0, 2.0, 2.9]


@table("most", [1, 2, 3, 4, 10])
@table("whole", [True, False])
def test_forgetting_keeps_the_best_and_vouches_no_further(most, whole):
    side = side_of(most, whole=whole, max_levels=most)
    side.apply(flat((price / 64, 1.0) for price in range(1, 33)))
    side.check("side")
    assert 0 < len(side) <= most
    assert side.best_keys() == [price / 64 for price in range(1, len(side) + 1)]
    # What was forgotten must not be taken for absent: the next level beyond is not vouched for.
    side.apply([0.75, 1.0])
    assert 0.75 not in side.quantities


def test_a_snapshot_larger_than_allowed_is_cut_at_once():
    side = side_of(10, max_levels=5)
    side.check("side")
    assert side.best_keys(2) == [1.0, 2.0]


@table("whole", [True, False])
def test_an_empty_side(whole):
    side = side_of(0, whole=whole)
    side.check("side")
    assert (side.best(), side.best_keys(), side.best_keys(5), len(side), side.vouched()) == (None, [], [], 0, 0)


@given(st.permutations(range(1, 40)))
def test_a_snapshot_may_come_in_any_order(prices):
    side = BookSide(
        flat((price, 1.0) for price in prices), ASK, whole=False, keep_unvouched=False, max_levels=None, window=0
    )
    assert side.best_keys() == sorted(prices)
    assert side.edge == 39.0
