"""Readers of command-line values that several commands take."""

from __future__ import annotations

import argparse


def above_zero(text: str) -> float:
    """Read a finite number above zero.

    Raises:
        argparse.ArgumentTypeError: anything else; names it.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        msg = f"expected a number above zero, was {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def at_least_one(text: str) -> int:
    """Read a whole number of at least one.

    Raises:
        argparse.ArgumentTypeError: anything else; names it.
    """
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        msg = f"expected a whole number of at least 1, was {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value
