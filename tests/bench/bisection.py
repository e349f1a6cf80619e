"""The highest rate that holds, by bisection. Pure: the measurement is a function that is given."""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def highest(
    holds: Callable[[float], bool], start: float, *, least: float, most: float, step: float = 2.0, precision: float
) -> float:
    """Return the highest rate that was seen to hold; 0 if not even `least` does.

    Args:
        holds: measures a rate, and returns whether it holds.
        start: the first rate to try.
        least: the lowest rate to try.
        most: the highest rate to try.
        step: factor from a rate to the next one, until one holds and one fails.
        precision: the next higher rate that was tried and failed is at most this part above the result.
    """
    held, failed = 0.0, inf
    rate = min(max(start, least), most)
    while True:
        if holds(rate):
            held = rate
        else:
            failed = rate
        if held >= most or failed <= least or failed <= held * (1 + precision):
            return held
        if held > 0 and failed < inf:
            rate = sqrt(held * failed)
        else:
            rate = min(held * step, most) if held else max(failed / step, least)
