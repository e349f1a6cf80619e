"""A deadline: the seconds that are left, and an error that names all of them."""

import pytest

from depthactors.net.deadline import Deadline


def test_the_seconds_that_are_left_become_fewer():
    deadline = Deadline(60.0)
    first = deadline.left()
    assert 59.0 < first <= 60.0
    assert deadline.left() <= first


def test_a_deadline_that_is_over_is_an_error_with_its_seconds():
    with pytest.raises(TimeoutError, match="not connected within 0 s"):
        Deadline(0.0).left()
