"""Rows of levels: every digit that is needed, and none that only fills up."""

from decimal import Decimal

import pytest

from depthactors.cli.levels import levels_of
from tests.cli.looks import deep, view


@pytest.mark.parametrize("number", [float, Decimal])
def test_no_digit_is_lost_and_sums_grow_from_the_touch(number):
    seen = view(((0.00001233, 5.0), (0.0000123, 10.0)), ((0.00001234, 1.5), (0.00001235, 123456789.25)), number=number)
    levels = levels_of(seen, 8, None, 60)
    assert [(row.price, row.size, row.total) for row in levels.bids] == [
        ("0.00001233", "5.00", "5.00"),
        ("0.00001230", "10.00", "15.00"),
    ]
    assert [(row.price, row.size, row.total) for row in levels.asks] == [
        ("0.00001234", "1.50", "1.50"),
        ("0.00001235", "123456789.25", "123456790.75"),
    ]
    assert max(row.share for row in levels.bids + levels.asks) == levels.asks[1].share == 1.0


def test_zeros_that_fill_up_are_left_out():
    levels = levels_of(view(((61730.1, 2.0),), ((61731.0, 1.0),)), 8, None, 60)
    assert (levels.bids[0].price, levels.asks[0].price, levels.bids[0].size) == ("61730.1", "61731.0", "2")


def test_the_last_step_is_marked_where_more_levels_may_belong_to_it():
    seen, step = deep(60), Decimal("0.5")
    marked = [row.size.endswith("+") for row in levels_of(seen, 5, step, 60).bids]
    assert marked == [False] * (len(marked) - 1) + [True]
    # With fewer levels than are followed the book is known as a whole.
    assert not any(row.size.endswith("+") for row in levels_of(seen, 5, step, 100).bids)
    # And a step that is not the last one shown is whole.
    assert not any(row.size.endswith("+") for row in levels_of(seen, 1, step, 60).bids)


def test_a_book_without_levels_has_no_rows():
    levels = levels_of(view(), 8, None, 60)
    assert (levels.bids, levels.asks) == ([], [])
