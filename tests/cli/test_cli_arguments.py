"""Numbers from the command line: finite and above zero, or refused by name."""

import argparse

import pytest

from depthactors.cli.arguments import above_zero


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("0.25", 0.25), ("1e3", 1000.0)])
def test_a_number_above_zero_is_read(text, value):
    assert above_zero(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "-inf", "", "ten"])
def test_anything_else_is_refused_and_named(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a number above zero, was '{text}'"):
        above_zero(text)
