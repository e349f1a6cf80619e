"""The name of a stream: which book, how deep, and how its numbers are written."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

MOST_LEVELS: Final = 5_000
"""Levels a side of a stream: no snapshot of the exchange has more."""


class Numbers(StrEnum):
    """How prices and quantities are written."""

    TEXT = "text"
    """As the exchange spells them, without loss."""
    FLOAT = "float"
    """As JSON numbers."""


class StreamName(NamedTuple):
    """All readers of one stream get the same bytes.

    Attributes:
        market: name of the market.
        symbol: upper case.
        speed_ms: update interval of the book.
        levels: number of levels a side.
        numbers: how they are written.
    """

    market: str
    symbol: str
    speed_ms: int
    levels: int
    numbers: Numbers

    def __str__(self) -> str:
        """Return it as it is in each message: `spot/BTCUSDT/100/20/text`."""
        return "/".join(map(str, self))
