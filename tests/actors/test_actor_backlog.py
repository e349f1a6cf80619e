"""Whose backlog goes when all together are too much."""

from hypothesis import given
from hypothesis import strategies as st

from depthactors.actors.backlog import too_large

SIZES = st.lists(st.integers(0, 1_000), max_size=30)


def test_up_to_the_limit_no_backlog_is_dropped():
    assert too_large([], 0) == []
    assert too_large([(60, "a"), (40, "b")], 100) == []


def test_the_largest_backlogs_are_dropped_and_no_more_than_necessary():
    backlogs = [(10, "a"), (90, "b"), (30, "c"), (70, "d")]
    assert too_large(backlogs, 120) == ["b"]
    assert too_large(backlogs, 105) == ["b", "d"]
    assert too_large(backlogs, 0) == ["b", "d", "c", "a"]


@given(SIZES, st.integers(0, 5_000))
def test_the_rest_is_within_the_limit_and_with_one_more_it_would_not_be(sizes, limit):
    going = too_large([(size, number) for number, size in enumerate(sizes)], limit)
    left = sum(size for number, size in enumerate(sizes) if number not in going)
    assert left <= limit
    assert all(sizes[number] >= size for number in going for other, size in enumerate(sizes) if other not in going)
    if going:
        assert left + sizes[going[-1]] > limit
