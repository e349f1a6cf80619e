"""Numbers from the command line: finite and above zero, or refused by name."""

import argparse
from decimal import Decimal

import pytest

from depthactors.cli.arguments import above_zero, at_least_one, price_step, rotation
from depthactors.recording import Rotation
from tests.support import table


@table(("text", "value"), [("1", 1.0), ("0.25", 0.25), ("1e3", 1000.0)])
def test_a_number_above_zero_is_read(text, value):
    assert above_zero(text) == value


@table("text", ["0", "-1", "nan", "inf", "-inf", "", "ten"])
def test_anything_else_is_refused_and_named(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a number above zero, was '{text}'"):
        above_zero(text)


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("250", 250)])
def test_a_whole_number_of_at_least_one_is_read(text, value):
    assert at_least_one(text) == value


@table("text", ["0", "-1", "1.5", "nan", "", "ten"])
def test_what_is_no_such_number_is_refused_and_named(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a whole number of at least 1, was '{text}'"):
        at_least_one(text)


@table("text", ["0.5", "10", "1e-8"])
def test_a_step_of_the_price_is_read_exactly(text):
    assert price_step(text) == Decimal(text)


@table("text", ["0", "-1", "nan", "sNaN", "inf", "", "ten"])
def test_what_is_no_step_is_refused_and_named(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a step of the price above zero, was '{text}'"):
        price_step(text)


@table("text", ["1h", "15m", "500MB"])
def test_a_rotation_is_a_time_or_a_size(text):
    assert rotation(text) == Rotation.parse(text)


@table("text", ["", "1", "1 week", "-1h", "5s"])
def test_another_rotation_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a"):
        rotation(text)
