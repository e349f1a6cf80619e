"""The feeds of one exchange: which of them a path, a symbol or a stream name means."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.streams.kinds import kind_of
from depthactors.exchange.streams.path import ROUTED_PREFIX
from depthactors.exchange.streams.subscription import Subscription
from depthactors.markets import MARKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.on_demand import OnDemand
    from depthactors.exchange.shapes.number_format import NumberFormat
    from depthactors.markets import Family, Market

PRECEDENCE: Final = (markets.SPOT, markets.US, markets.COINM, markets.USDM, markets.OPTIONS)
"""The order of the markets that an unrouted path can mean, if several list the symbol; further markets come last."""


class Catalogue:
    """The feeds of one exchange, found by what clients call them. Thread: any.

    If several markets list a symbol, and a path does not say which is meant, it is the first of spot, us,
    coinm, usdm, options, other markets, and then their testnets.
    """

    def __init__(self, feeds: Iterable[Feed], on_demand: OnDemand | None = None) -> None:
        """List the feeds.

        Args:
            feeds: the feeds that are listed from the start.
            on_demand: symbols that are listed when they are first asked for.

        Raises:
            UsageError: neither a feed nor symbols on demand, or two feeds of one market and symbol.
        """
        self.play: Callable[[Iterable[Feed]], None] = _start_nothing
        """Starts a feed for which a REST request was the first one. (A stream's client starts its feed itself.)"""
        self._on_demand = on_demand
        self._lock = Lock()
        self._feeds: dict[tuple[str, str], Feed] = {}
        for feed in feeds:
            key = (feed.market.name, feed.symbol)
            if key in self._feeds:
                msg = f"expected one feed for a market and symbol, was a second one of {' '.join(key)}"
                raise UsageError(msg)
            self._feeds[key] = feed
        if not self._feeds and on_demand is None:
            msg = "expected at least one feed, was none"
            raise UsageError(msg)
        rows = {feed.market.name: feed.market for feed in self._feeds.values()}
        rows |= {row.name: row for row in (on_demand.markets if on_demand is not None else ())}
        self.markets: tuple[Market, ...] = tuple(sorted(rows.values(), key=precedence))
        """All markets that are served."""

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The feeds that are listed now, ordered by market."""
        with self._lock:
            feeds = [*self._feeds.values()]
        return tuple(sorted(feeds, key=lambda feed: precedence(feed.market)))

    @property
    def has_table(self) -> bool:
        """Whether any symbol of known assets is listed on demand."""
        return self._on_demand is not None and self._on_demand.table

    def stream(self, name: str, prefix: str) -> Subscription | None:
        """Return what a stream's name means on a path, and list its symbol; `None` for a stream that stays silent."""
        lower, mark, suffix = name.partition("@")
        symbol = lower.upper()
        if symbol.lower() != lower:
            return None
        for market in self.markets:
            if prefix and not (prefix == ROUTED_PREFIX and market.stream_path.startswith(ROUTED_PREFIX)):
                continue
            if self._lists(market, symbol):
                kind = kind_of(f"{mark}{suffix}", market)
                feed = None if kind is None else self._found(market, symbol)
                return None if kind is None or feed is None else Subscription(name, feed, kind)
        return None

    def market_of(self, prefix: str) -> Market:
        """Return the market whose limits apply to the connections of a path."""
        for market in self.markets:
            if not prefix or market.stream_path.startswith(ROUTED_PREFIX):
                return market
        return self.markets[0]

    def market_at(self, depth_path: str) -> Market | None:
        """Return the first market that is served under a depth path."""
        return next((market for market in self.markets if market.depth_path == depth_path), None)

    def rest(self, depth_path: str, symbol: str) -> Feed | None:
        """Return the feed that serves a symbol under a depth path, and list and start it."""
        for market in self.markets:
            if market.depth_path == depth_path:
                feed = self._found(market, symbol)
                if feed is not None:
                    if not feed.is_recording:
                        self.play([feed])
                    return feed
        return None

    def another(self, feed: Feed, now_ms: int) -> Feed | None:
        """Return the feed of another symbol of the same market, `None` if there is none."""
        listed = [each.symbol for each in self.feeds if each.market == feed.market]
        names = (name for name in (*listed, *self._names(feed.market, now_ms)) if name != feed.symbol)
        other = next(names, None)
        return None if other is None else self._found(feed.market, other)

    def number_formats(self, depth_path: str, now_ms: int) -> dict[str, NumberFormat]:
        """Return the symbols under a depth path with their number formats, as `exchangeInfo` shows them."""
        shown = {feed.symbol: feed.number_format for feed in self.feeds if feed.market.depth_path == depth_path}
        for market in self.markets:
            if market.depth_path == depth_path:
                for name in self._names(market, now_ms):
                    if name not in shown and (number_format := self._format(market, name)) is not None:
                        shown[name] = number_format
        return shown

    def number_format(self, depth_path: str, symbol: str) -> NumberFormat | None:
        """Return the number format of a symbol that is listed or would be; `None` for another one."""
        under = (market for market in self.markets if market.depth_path == depth_path)
        return next(
            (number_format for market in under if (number_format := self._format(market, symbol)) is not None), None
        )

    def symbols(self, now_ms: int, market: str | None = None) -> tuple[str, ...]:
        """Return the symbols that are listed, and those that are shown before they are; of one market or of all."""
        listed = [feed.symbol for feed in self.feeds if market in {None, feed.market.name}]
        rows = [row for row in self.markets if market in {None, row.name}]
        names = (name for row in rows for name in self._names(row, now_ms))
        return (*listed, *dict.fromkeys(name for name in names if name not in listed))

    def named(self, symbol: str, market: str | None = None) -> list[Feed]:
        """Return the listed feeds of a symbol, of all markets or of one.

        A market that is served as another one of its family, as a testnet is, means that other one.

        Raises:
            UsageError: the symbol is not served.
        """
        feeds = self.feeds
        found = [feed for feed in feeds if feed.symbol == symbol and market in {None, feed.market.name}]
        if not found and market in MARKETS:
            found = [feed for feed in feeds if feed.symbol == symbol and feed.market.family is MARKETS[market].family]
        if not found:
            listed = ", ".join(f"{feed.market.name} {feed.symbol}" for feed in feeds[:20]) or "none yet"
            msg = f"expected a symbol served here ({listed}), was {market or ''} {symbol!r}"
            raise UsageError(msg)
        return found

    def _names(self, market: Market, now_ms: int) -> list[str]:
        return [] if self._on_demand is None else self._on_demand.names(market, now_ms)

    def _format(self, market: Market, symbol: str) -> NumberFormat | None:
        with self._lock:
            feed = self._feeds.get((market.name, symbol))
        if feed is not None:
            return feed.number_format
        return None if self._on_demand is None else self._on_demand.number_format(market, symbol)

    def _lists(self, market: Market, symbol: str) -> bool:
        with self._lock:
            listed = (market.name, symbol) in self._feeds
        return listed or (self._on_demand is not None and self._on_demand.offers(market, symbol))

    def _found(self, market: Market, symbol: str) -> Feed | None:
        """Return a feed, and list it if it was not listed."""
        key = (market.name, symbol)
        with self._lock:
            feed = self._feeds.get(key)
            if feed is None and self._on_demand is not None:
                feed = self._on_demand.feed(market, symbol)
                if feed is not None:
                    self._feeds[key] = feed
            return feed


def _start_nothing(feeds: Iterable[Feed]) -> None:
    """Do nothing: the exchange has not set how to start a feed."""


def precedence(market: Market) -> tuple[bool, int]:
    """Return the sort key of a market for `PRECEDENCE`."""
    base, _, place = market.name.partition("-")
    names = [row.name for row in PRECEDENCE]
    return bool(place), names.index(base) if base in names else len(names)


def rows_of(market: str | Iterable[str] | None) -> list[Market]:
    """Return the rows of the markets with these names; for `None` the first market of each family.

    Raises:
        UsageError: no name, or an unknown one.
    """
    if market is None:
        first: dict[Family, Market] = {}
        for row in sorted(MARKETS.values(), key=precedence):
            first.setdefault(row.family, row)
        return list(first.values())
    names = [market] if isinstance(market, str) else list(market)
    if not names:
        msg = "expected a market, was none"
        raise UsageError(msg)
    return [markets.lookup(name) for name in dict.fromkeys(names)]
