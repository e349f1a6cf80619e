"""What the tests of all folders share: a table fails if any of its rows does, and says which."""

import pytest

from tests.support import table


def test_a_table_runs_every_row_and_names_each_that_fails():
    ran = []

    @table(("left", "right"), [(1, 2), (3, 3), (0, 5)], ids=["less", "same", "much less"])
    def they_are_equal(left, right, fixture):
        ran.append(left)
        assert fixture == "fixture"
        if left == 0:
            pytest.fail("none")
        assert left == right

    with pytest.raises(BaseExceptionGroup, match="2 of 3 rows") as failed:
        they_are_equal(fixture="fixture")
    assert ran == [1, 3, 0]
    assert [each.__notes__[-1] for each in failed.value.exceptions] == [
        "in the row less {'left': 1, 'right': 2}",
        "in the row much less {'left': 0, 'right': 5}",
    ]


def test_a_table_within_a_table_has_every_pair_of_rows():
    seen = []

    @table("first", "ab")
    @table("second", [1, 2])
    def note(first, second):
        seen.append(f"{first}{second}")

    note()
    assert seen == ["a1", "a2", "b1", "b2"]


def test_a_table_without_a_row_fails():
    @table("row", [])
    def nothing(row):
        pass

    with pytest.raises(AssertionError, match="a table needs a row"):
        nothing()
