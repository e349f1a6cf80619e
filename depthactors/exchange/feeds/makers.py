"""Makers of feeds: an order flow or repeated events for each symbol, made when the symbol is first asked for."""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from depthactors.exchange.feeds.order_flow_feed import OrderFlowFeed
from depthactors.exchange.feeds.repeated_events import RepeatedEvents
from depthactors.exchange.feeds.repeated_feed import RepeatedFeed
from depthactors.exchange.shapes.table import shape_of
from depthactors.markets import SPOT

if TYPE_CHECKING:
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.shapes.number_format import NumberFormat
    from depthactors.markets import Market


class Maker(Protocol):
    """Makes feeds. Thread: any."""

    def feed(self, market: Market, symbol: str) -> Feed:
        """Make the feed of a symbol; cheap until the feed starts."""

    def number_format(self, market: Market, symbol: str) -> NumberFormat:
        """Return how the numbers of a symbol's feed would be written."""


class OrderFlowFeeds:
    """Makes feeds that trade live."""

    def __init__(self, **figures: Any) -> None:
        """Take the arguments of `OrderFlowFeed`.

        Raises:
            UsageError: figures that `OrderFlowFeed` refuses.
        """
        self._figures = figures
        self.feed(SPOT, "BTCUSDT")

    def feed(self, market: Market, symbol: str) -> Feed:
        """Make the feed of a symbol."""
        return OrderFlowFeed(symbol, market, **self._figures)

    def number_format(self, market: Market, symbol: str) -> NumberFormat:
        """Return the symbol's own number format."""
        return shape_of(market).symbols.terms(symbol).number_format


class RepeatedFeeds:
    """Makes feeds that repeat events made beforehand: the same for all symbols of a market, each from its own place."""

    def __init__(self, first: Market, steps: int, *, seed: int, rate: float, levels: float, depth: int) -> None:
        """Make the events of the first market; those of others are made when they are first asked for.

        Raises:
            UsageError: figures that `RepeatedEvents` or `RepeatedFeed` refuses.
        """
        self._rate, self._seed = rate, seed
        self._make = partial(RepeatedEvents, steps=steps, seed=seed, levels=levels, depth=depth)
        self._lock = Lock()
        self._made: dict[str, RepeatedEvents] = {}
        self.feed(first, "BTCUSDT")

    def feed(self, market: Market, symbol: str) -> Feed:
        """Make the feed of a symbol."""
        return RepeatedFeed(symbol, market, self._events(market), seed=self._seed, rate=self._rate)

    def number_format(self, market: Market, symbol: str) -> NumberFormat:  # noqa: ARG002 - the same for all
        """Return the number format of the market's events."""
        return self._events(market).number_format

    def _events(self, market: Market) -> RepeatedEvents:
        with self._lock:
            if market.name not in self._made:
                self._made[market.name] = self._make(market)
            return self._made[market.name]
