"""What is listed when somebody first asks for it: any pair of the table of assets, and symbols given by name."""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from depthactors import reporting
from depthactors.errors import UsageError
from depthactors.exchange import catalogue
from depthactors.exchange.feeds.flow_feed import FlowFeed
from depthactors.exchange.feeds.tape import Tape
from depthactors.exchange.feeds.tape_feed import TapeFeed
from depthactors.markets import SPOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.spelling import Spelling
    from depthactors.markets import Market

logger = reporting.logger(__name__)

MOST: Final = 500
"""Symbols of the table that are traded at once: each takes memory, and time of the one thread that trades."""


class Maker(Protocol):
    """Makes feeds; any thread."""

    def feed(self, market: Market, symbol: str) -> Feed:
        """Make the feed of a symbol; cheap until the feed starts."""

    def spelling(self, market: Market, symbol: str) -> Spelling:
        """Return how its numbers would be written."""


class Flows:
    """Makes feeds that trade live."""

    def __init__(self, **figures: Any) -> None:
        """Take the arguments of `FlowFeed`, which refuses some with `UsageError`."""
        self._figures = figures
        self.feed(SPOT, "BTCUSDT")

    def feed(self, market: Market, symbol: str) -> Feed:
        """Make one."""
        return FlowFeed(symbol, market, **self._figures)

    def spelling(self, market: Market, symbol: str) -> Spelling:
        """Return the symbol's own spelling."""
        return catalogue.terms_of(market, symbol).spelling


class Tapes:
    """Makes feeds that repeat what was traded beforehand: all symbols of a market the same, each from its own place."""

    def __init__(self, first: Market, steps: int, *, seed: int, rate: float, levels: float, depth: int) -> None:
        """Trade for the first market; for the others when they are first asked for."""
        self._rate, self._seed = rate, seed
        self._make = partial(Tape, steps=steps, seed=seed, levels=levels, depth=depth)
        self._lock = Lock()
        self._tapes: dict[str, Tape] = {}
        self.feed(first, "BTCUSDT")

    def feed(self, market: Market, symbol: str) -> Feed:
        """Make one."""
        return TapeFeed(symbol, market, self._tape(market), seed=self._seed, rate=self._rate)

    def spelling(self, market: Market, symbol: str) -> Spelling:  # noqa: ARG002 - all are alike
        """Return the tape's spelling."""
        return self._tape(market).spelling

    def _tape(self, market: Market) -> Tape:
        with self._lock:
            if market.name not in self._tapes:
                self._tapes[market.name] = self._make(market)
            return self._tapes[market.name]


class OnDemand:
    """The symbols that are listed when they are first asked for; any thread."""

    def __init__(
        self,
        markets: Sequence[Market],
        maker: Maker,
        *,
        named: Mapping[str, Sequence[str]],
        table: bool,
        most: int = MOST,
    ) -> None:
        """Offer symbols.

        Args:
            markets: those that list them.
            maker: makes their feeds.
            named: symbols that are offered because somebody named them, by the name of the market.
            table: whether to offer whatever the table of assets has, too.
            most: feeds of the table's symbols that are made at most.
        """
        self.markets = tuple(markets)
        self.table = table
        self._maker = maker
        self._named = {market.name: tuple(named.get(market.name, ())) for market in markets}
        self._lock = Lock()
        self._left = most
        self._said = False

    def names(self, market: Market, now_ms: int) -> list[str]:
        """Return what can be listed without being named, and what was named."""
        if market not in self.markets:
            return []
        return list(
            dict.fromkeys([*self._named[market.name], *(catalogue.names(market, now_ms) if self.table else ())])
        )

    def spelling(self, market: Market, symbol: str) -> Spelling | None:
        """Return how the numbers of a symbol are written, `None` for one that is not offered."""
        return self._maker.spelling(market, symbol) if self.offers(market, symbol) else None

    def feed(self, market: Market, symbol: str) -> Feed | None:
        """Make the feed of a symbol; `None` for one that is not offered, or when there are too many already."""
        if not self.offers(market, symbol):
            return None
        if symbol in self._named[market.name] or self._has_room(market, symbol):
            return self._maker.feed(market, symbol)
        return None

    def offers(self, market: Market, symbol: str) -> bool:
        """Return whether the symbol would be listed."""
        if market not in self.markets:
            return False
        return symbol in self._named[market.name] or (self.table and catalogue.lists(market, symbol))

    def _has_room(self, market: Market, symbol: str) -> bool:
        """Take room for one more symbol of the table; returns whether there was any, and logs it once if not."""
        with self._lock:
            if self._left:
                self._left -= 1
                return True
            is_news, self._said = not self._said, True
        if is_news:
            logger.error(
                "! %s %s is not listed, nor is any other one from now on: the exchange trades no more symbols at once, "
                "unless they are named",
                symbol,
                market.name,
            )
        return False


def offer(
    markets: Sequence[Market], maker: Maker, *, symbols: Sequence[str] | None, also: Sequence[str]
) -> tuple[list[Feed], OnDemand | None]:
    """Decide what is listed from the start, and what on demand.

    Args:
        markets: in the order in which a symbol is looked for.
        maker: makes the feeds.
        symbols: symbols to list alone, each from the start on the first market that it fits; `None` for those of the
            table.
        also: symbols to list beside those of the table.

    Raises:
        UsageError: symbols of both kinds.
    """
    if symbols is None:
        named = {market.name: [name for name in also if market in homes_of(name, markets)] for market in markets}
        return [], OnDemand(markets, maker, named=named, table=True)
    if also:
        msg = f"expected either these symbols alone or some beside the well-known ones, were both: {also[0]!r}"
        raise UsageError(msg)
    homes = [homes_of(name, markets) for name in symbols]
    feeds = [maker.feed(rows[0], name) for name, rows in zip(symbols, homes, strict=True)]
    named = {
        market.name: [name for name, rows in zip(symbols, homes, strict=True) if market in rows[1:]]
        for market in markets
    }
    rest = [market for market in markets if named[market.name]]
    return feeds, OnDemand(rest, maker, named=named, table=False) if rest else None


def homes_of(symbol: str, markets: Sequence[Market]) -> list[Market]:
    """Return the markets that a symbol is spelt for; the first of all where it is spelt for none, or there is one."""
    return [market for market in markets if catalogue.fits(market, symbol)] or [markets[0]]
