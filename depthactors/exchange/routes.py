"""Which feed a path, a symbol or a stream name means. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qs, unquote

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.message import MICROSECOND, MILLISECOND
from depthactors.exchange.stream_kinds import StreamKind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.exchange.feed import Feed
    from depthactors.markets import Market

PRECEDENCE: Final = (markets.SPOT, markets.US, markets.COINM, markets.USDM, markets.OPTIONS)
"""Which market an unrouted path means first, when several list the symbol."""
ROUTED_PREFIX: Final = "/public"
"""Where USD-M futures and options have their books; without it a path means the same and all other markets."""

MUTE_PREFIXES: Final = ("/market", "/private")
"""Where other streams are: those of books are acked there and stay silent."""

ENDPOINTS: Final = ("depth", "ping", "time", "exchangeInfo")
TIME_UNITS: Final = {"MILLISECOND": MILLISECOND, "MICROSECOND": MICROSECOND}


class Subscription(NamedTuple):
    """One stream that a client may listen to."""

    name: str
    feed: Feed
    kind: StreamKind


class StreamRoute(NamedTuple):
    """What the path of a websocket connection says.

    Attributes:
        prefix: `/public`, `/market`, `/private`, or nothing.
        combined: frames have the `{"stream", "data"}` envelope.
        streams: subscribed by the path itself.
        unit: of the times in spot's events, in microseconds.
    """

    prefix: str
    combined: bool
    streams: tuple[str, ...]
    unit: int = MILLISECOND


class RestRoute(NamedTuple):
    """What a REST path says.

    Attributes:
        endpoint: one of `ENDPOINTS`.
        depth_path: the depth path of the markets that the path belongs to.
        query: parameters, each with its last value.
    """

    endpoint: str
    depth_path: str
    query: dict[str, str]


def stream_route(path: str) -> StreamRoute | None:
    """Read a websocket path; `None` for one that the exchange does not have."""
    place, _, query_text = path.partition("?")
    place = unquote(place).rstrip("/")
    prefix = next((each for each in (ROUTED_PREFIX, *MUTE_PREFIXES) if place.startswith(f"{each}/")), "")
    place = place.removeprefix(prefix)
    query = parse_qs(query_text)
    unit = TIME_UNITS.get(query.get("timeUnit", [""])[-1].upper(), MILLISECOND)
    if place == "/stream":
        return StreamRoute(prefix, combined=True, streams=_names(query.get("streams", [""])[-1]), unit=unit)
    if place == "/ws" or place.startswith("/ws/"):
        # `/ws/btcusdt@depth&timeUnit=MICROSECOND` is documented, too.
        listed, _, more = place.removeprefix("/ws").partition("&")
        unit = TIME_UNITS.get(parse_qs(more).get("timeUnit", [""])[-1].upper(), unit)
        return StreamRoute(prefix, combined=False, streams=_names(listed), unit=unit)
    return None


def rest_route(path: str) -> RestRoute | None:
    """Read a REST path; `None` for one that the exchange does not have."""
    place, _, query_text = path.partition("?")
    base, _, endpoint = place.rpartition("/")
    depth_path = f"{base}/depth"
    if endpoint not in ENDPOINTS or all(row.depth_path != depth_path for row in PRECEDENCE):
        return None
    values = parse_qs(query_text, keep_blank_values=True)
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
        self._by_stream: dict[tuple[str, str], Feed] = {}
        self._by_rest: dict[tuple[str, str], Feed] = {}
        self._by_symbol: dict[str, Feed] = {}
        for feed in self.feeds:
            name = feed.symbol.lower()
            self._by_stream.setdefault(("", name), feed)
            if feed.market.stream_path.startswith(ROUTED_PREFIX):
                self._by_stream.setdefault((ROUTED_PREFIX, name), feed)
            self._by_rest.setdefault((feed.market.depth_path, feed.symbol), feed)
            self._by_symbol.setdefault(feed.symbol, feed)

    def stream(self, name: str, prefix: str) -> Subscription | None:
        """Return what a stream's name means on a path; `None` for a stream that will stay silent."""
        symbol, mark, suffix = name.partition("@")
        feed = self._by_stream.get((prefix, symbol))
        if feed is None:
            return None
        kind = kind_of(f"{mark}{suffix}", feed.market)
        return None if kind is None else Subscription(name, feed, kind)

    def market_of(self, prefix: str) -> Market:
        """Return the market whose limits hold for the connections of a path."""
        for feed in self.feeds:
            if not prefix or feed.market.stream_path.startswith(ROUTED_PREFIX):
                return feed.market
        return self.feeds[0].market

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
