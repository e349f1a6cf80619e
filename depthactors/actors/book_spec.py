"""The specification of a book: what is followed, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from depthactors.book.numerals import Number
    from depthactors.markets import Market


BookKey: TypeAlias = "tuple[Market, str, int]"
"""Market, symbol and update interval in milliseconds. Subscriptions with the same key share a book."""


@dataclass(frozen=True, slots=True)
class BookSpec:
    """The specification of a book.

    Attributes:
        market: market of the symbol.
        symbol: symbol, in upper case.
        depth: number of promised levels a side.
        speed_ms: update interval in milliseconds.
        refresh_interval: seconds between two refreshes, `None` for no refreshes.
        number: type of prices and quantities in views.
    """

    market: Market
    symbol: str
    depth: int
    speed_ms: int
    refresh_interval: float | None
    number: type[Number]

    @property
    def key(self) -> BookKey:
        """The key that no other book of the engine has."""
        return self.market, self.symbol, self.speed_ms

    @property
    def title(self) -> str:
        """Name of the book for a person to read."""
        return f"{self.symbol} ({self.market.name})"

    def serving(self, other: BookSpec) -> BookSpec:
        """Return a specification that serves both subscriptions: the greater depth and the shorter interval."""
        interval = min(filter(None, (self.refresh_interval, other.refresh_interval)), default=None)
        return replace(self, depth=max(self.depth, other.depth), refresh_interval=interval)
