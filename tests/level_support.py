"""Levels as `binance` gives them, from pairs, which read better."""

from __future__ import annotations

from itertools import chain
from typing import Any


def flat(pairs: Any) -> list[Any]:
    """Return prices and quantities in turn."""
    return list(chain.from_iterable(pairs))


def pairs(levels: list[Any]) -> list[tuple[Any, Any]]:
    """Return `(price, quantity)` of each level."""
    return list(zip(levels[::2], levels[1::2], strict=True))
