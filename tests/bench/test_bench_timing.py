"""The spread of measurements."""

from tests.bench.timing import spread


def test_the_spread_is_the_middle_the_least_and_the_most():
    assert spread([5.0, 1.0, 3.0]) == (3.0, 1.0, 5.0)
