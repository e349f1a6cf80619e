"""Which feed a path, a symbol or a stream name means. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from depthactors import markets
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.exchange.feed import Feed
    from depthactors.markets import Market

PRECEDENCE: Final = (markets.SPOT, markets.US, markets.COINM, markets.USDM, markets.OPTIONS)
"""Which market an unrouted path means first, when several list the symbol."""
ROUTED_PREFIX: Final = "/public"
REAL_TIME_SUFFIX: Final = "@depth@0ms"
"""Undocumented, but collectors ask for it."""


class StreamRoute(NamedTuple):
    """What the path of a websocket connection says.

    Attributes:
        routed: came by `/public`.
        combined: frames have the `{"stream", "data"}` envelope.
        streams: subscribed by the path itself.
    """

    routed: bool
    combined: bool
    streams: tuple[str, ...]


class RestRoute(NamedTuple):
    """What a REST path says.

    Attributes:
        endpoint: `depth`, `ping` or `time`.
        depth_path: the depth path of the markets that the path belongs to.
        query: parameters, each with its last value.
    """

    endpoint: str
    depth_path: str
    query: dict[str, str]


def stream_route(path: str) -> StreamRoute | None:
    """Read a websocket path; `None` for one that the exchange does not have."""
    parts = urlsplit(path)
    place = unquote(parts.path).rstrip("/")
    routed = place.startswith(f"{ROUTED_PREFIX}/")
    if routed:
        place = place.removeprefix(ROUTED_PREFIX)
    if place == "/stream":
        listed = parse_qs(parts.query).get("streams", [""])[-1]
        return StreamRoute(routed, combined=True, streams=_names(listed))
    if place == "/ws" or place.startswith("/ws/"):
        return StreamRoute(routed, combined=False, streams=_names(place.removeprefix("/ws")))
    return None


def rest_route(path: str) -> RestRoute | None:
    """Read a REST path; `None` for one that the exchange does not have."""
    parts = urlsplit(path)
    base, _, endpoint = parts.path.rpartition("/")
    depth_path = f"{base}/depth"
    if endpoint not in {"depth", "ping", "time"} or all(row.depth_path != depth_path for row in PRECEDENCE):
        return None
    values = parse_qs(parts.query, keep_blank_values=True)
    return RestRoute(endpoint, depth_path, {name: each[-1] for name, each in values.items()})


def family_of(depth_path: str) -> Market:
    """Return the first market with that depth path: the one to ask when no feed serves."""
    return next(row for row in PRECEDENCE if row.depth_path == depth_path)


class Catalogue:
    """The feeds of one exchange, found by what clients call them. Immutable."""

    def __init__(self, feeds: Iterable[Feed]) -> None:
        """Order the feeds: spot, us, coinm, usdm, options, then their testnets.

        Raises:
            UsageError: no feed, or two of one market and symbol.
        """
        self.feeds: tuple[Feed, ...] = tuple(sorted(feeds, key=lambda feed: _precedence(feed.market)))
        if not self.feeds:
            msg = "expected at least one feed, was none"
            raise UsageError(msg)
        seen: set[tuple[str, str]] = set()
        for feed in self.feeds:
            key = (feed.market.name, feed.symbol)
            if key in seen:
                msg = f"expected one feed for a market and symbol, was a second one of {' '.join(key)}"
                raise UsageError(msg)
            seen.add(key)
        self._by_stream: dict[tuple[bool, str], Feed] = {}
        self._by_rest: dict[tuple[str, str], Feed] = {}
        self._by_symbol: dict[str, Feed] = {}
        for feed in self.feeds:
            name = feed.symbol.lower()
            self._by_stream.setdefault((False, name), feed)
            if feed.market.stream_path.startswith(ROUTED_PREFIX):
                self._by_stream.setdefault((True, name), feed)
            self._by_rest.setdefault((feed.market.depth_path, feed.symbol), feed)
            self._by_symbol.setdefault(feed.symbol, feed)

    def stream(self, name: str, *, routed: bool) -> Feed | None:
        """Return the feed that a stream's name means, `None` for a stream that will stay silent."""
        symbol, mark, kind = name.partition("@")
        feed = self._by_stream.get((routed, symbol))
        if feed is None:
            return None
        suffix = f"{mark}{kind}"
        known = suffix == REAL_TIME_SUFFIX or any(suffix == each for _, each in feed.market.speeds)
        return feed if known else None

    def rest(self, depth_path: str, symbol: str) -> Feed | None:
        """Return the feed that serves a symbol under a depth path."""
        return self._by_rest.get((depth_path, symbol))

    def symbol(self, symbol: str, market: str | None = None) -> Feed:
        """Return the feed of a symbol, of the first market that lists it unless one is named.

        Raises:
            UsageError: not served here.
        """
        found: Feed | None = self._by_symbol.get(symbol)
        if market is not None:
            found = next((feed for feed in self.feeds if (feed.market.name, feed.symbol) == (market, symbol)), None)
        if found is None:
            listed = ", ".join(f"{feed.market.name} {feed.symbol}" for feed in self.feeds[:20])
            msg = f"expected a symbol served here ({listed}), was {market or ''} {symbol!r}"
            raise UsageError(msg)
        return found


def _precedence(market: Market) -> tuple[bool, int]:
    base, _, place = market.name.partition("-")
    names = [row.name for row in PRECEDENCE]
    return bool(place), names.index(base) if base in names else len(names)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name for name in listed.split("/") if name)
