"""Ratios that are fair on a shared machine: who is compared takes turns, and each round gives one ratio."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple


class Spread(NamedTuple):
    """What repeated measurements gave: the middle one, and the least and the most."""

    median: float
    least: float
    most: float


def spread(values) -> Spread:
    """Return the spread of some measurements."""
    return Spread(median(values), min(values), max(values))
