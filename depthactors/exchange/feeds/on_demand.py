"""Symbols that are listed when a client first asks for them: pairs of known assets, and symbols given by name."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from depthactors import reporting
from depthactors.errors import UsageError
from depthactors.exchange.shapes.table import shape_of
from depthactors.markets import normalize_symbol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.makers import Maker
    from depthactors.exchange.shapes.number_format import NumberFormat
    from depthactors.markets import Market

logger = reporting.logger(__name__)

MOST: Final = 500
"""Most symbols of known assets that are traded at once: each needs memory, and time of the one thread that trades."""


class OnDemand:
    """The symbols that are listed when they are first asked for. Thread: any."""

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
            markets: the markets that list them.
            maker: the maker of their feeds.
            named: symbols that are offered because the user named them, by the name of the market.
            table: whether to offer all symbols of known assets, too.
            most: the largest number of feeds for symbols of known assets.
        """
        self.markets = tuple(markets)
        self.table = table
        self._maker = maker
        self._named = {market.name: tuple(named.get(market.name, ())) for market in markets}
        self._lock = Lock()
        self._most = self._left = most
        self._reported = False

    def names(self, market: Market, now_ms: int) -> list[str]:
        """Return the named symbols, and those that the market lists of itself."""
        if market not in self.markets:
            return []
        return list(
            dict.fromkeys([*self._named[market.name], *(shape_of(market).symbols.listed(now_ms) if self.table else ())])
        )

    def number_format(self, market: Market, symbol: str) -> NumberFormat | None:
        """Return how the numbers of a symbol are written; `None` if it is not offered."""
        return self._maker.number_format(market, symbol) if self.offers(market, symbol) else None

    def feed(self, market: Market, symbol: str) -> Feed | None:
        """Make the feed of a symbol; `None` if it is not offered, or if there are too many feeds already."""
        if not self.offers(market, symbol):
            return None
        if symbol in self._named[market.name] or self._has_room(market, symbol):
            return self._maker.feed(market, symbol)
        return None

    def offers(self, market: Market, symbol: str) -> bool:
        """Return whether the symbol would be listed."""
        if market not in self.markets:
            return False
        return symbol in self._named[market.name] or (self.table and shape_of(market).symbols.knows(symbol))

    def _has_room(self, market: Market, symbol: str) -> bool:
        """Return whether one more feed is allowed, and count it; the first refusal is logged."""
        with self._lock:
            if self._left:
                self._left -= 1
                return True
            is_news, self._reported = not self._reported, True
        if is_news:
            logger.error(
                "! %s %s is not listed, and neither is any further symbol: the exchange trades %d symbols at once, and "
                "more only if they are named",
                symbol,
                market.name,
                self._most,
            )
        return False


def offer(
    markets: Sequence[Market], maker: Maker, *, symbols: Sequence[str] | None, also: Sequence[str]
) -> tuple[list[Feed], OnDemand | None]:
    """Decide what is listed from the start, and what on demand.

    Args:
        markets: in the order in which a symbol is looked for.
        maker: the maker of the feeds.
        symbols: symbols to list alone, each from the start on the first market that it fits; `None` for all symbols of
            known assets.
        also: symbols to list beside those of known assets.

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
    """Return the markets whose symbols look like this one; the first market if there is none."""
    return [market for market in markets if shape_of(market).symbols.fits(symbol)] or [markets[0]]


def normalized(symbols: str | Iterable[str] | None) -> list[str] | None:
    """Return one or more symbols in upper case; `None` for `None`.

    Raises:
        UsageError: a text that is not a symbol.
    """
    if symbols is None:
        return None
    return [normalize_symbol(name) for name in ([symbols] if isinstance(symbols, str) else symbols)]
