"""What a book is to be, and what tells it from others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from depthactors.book.numerals import Number
    from depthactors.markets import Market


BookKey: TypeAlias = "tuple[Market, str, int]"
"""Market, symbol and update interval: subscriptions that agree in these share a book."""


@dataclass(frozen=True, slots=True)
class BookSpec:
    """What a book is to be."""

    market: Market
    symbol: str
    depth: int
    speed_ms: int
    refresh_interval: float | None
    number: type[Number]

    @property
    def key(self) -> BookKey:
        """What tells it from others."""
        return self.market, self.symbol, self.speed_ms

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f"{self.symbol} ({self.market.name})"

    def serving(self, other: BookSpec) -> BookSpec:
        """Return what serves a further subscription too: the greater depth, and the shorter of the intervals."""
        interval = min(filter(None, (self.refresh_interval, other.refresh_interval)), default=None)
        return replace(self, depth=max(self.depth, other.depth), refresh_interval=interval)
