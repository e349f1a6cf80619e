"""What a program may give as a duration, and what it reads if it may not."""

import threading
from fractions import Fraction
from math import inf, nan

import pytest

from depthactors.errors import UsageError
from depthactors.pacing.seconds import check_seconds, checked_timeout
from tests.support import table


@table("value", [1, 0.001, 1e9])
def test_a_duration_above_zero(value):
    check_seconds("patience", value)


@table("value", [0, -1, inf, nan, 1.1e9, "5", None, True])
def test_another_duration_is_an_error_with_its_name_and_value(value):
    with pytest.raises(UsageError) as refused:
        check_seconds("patience", value)
    assert str(refused.value) == f"expected patience in seconds above zero and at most 1e+09, was {value!r}"


@table("value", [0, -0.5, 5, 30.0, Fraction(1, 2)])
def test_a_timeout_may_be_over(value):
    assert checked_timeout(value) == value


@table("value", [inf, 1e300])
def test_an_endless_timeout_is_one_that_every_wait_of_the_system_takes(value):
    # Some waits are a `time_t` of 32 bits.
    assert 2**29 < checked_timeout(value) < min(threading.TIMEOUT_MAX, 2**31)


@table("value", ["5", None, nan, True, [5]])
def test_a_timeout_that_is_no_number_of_seconds_is_an_error_with_its_value(value):
    with pytest.raises(UsageError) as refused:
        checked_timeout(value)
    assert str(refused.value) == f"expected timeout as a number of seconds, was {value!r}"
