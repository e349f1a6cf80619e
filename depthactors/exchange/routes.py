"""Which feed a path, a symbol or a stream name means."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qs, unquote

from depthactors import markets
from depthactors.errors import UsageError
from depthactors.exchange.shapes import MICROSECOND, MILLISECOND
from depthactors.exchange.streams.kinds import StreamKind, kind_of
from depthactors.markets import MARKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.spelling import Spelling
    from depthactors.exchange.listing import OnDemand
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
    """The feeds of one exchange, found by what clients call them. Any thread.

    Where several markets list a symbol, and a path leaves open which is meant, it is the first one of spot, us,
    coinm, usdm, options, then of their testnets.
    """

    def __init__(self, feeds: Iterable[Feed], on_demand: OnDemand | None = None) -> None:
        """List the feeds.

        Args:
            feeds: the feeds that are listed from the beginning.
            on_demand: symbols that are listed when they are first asked for.

        Raises:
            UsageError: no feed, and none on demand, or two of one market and symbol.
        """
        self.play: Callable[[Iterable[Feed]], None] = _leave
        """Starts a feed that a REST request was the first to ask for; one of a stream is started by its client."""
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
        self.markets: tuple[Market, ...] = tuple(sorted(rows.values(), key=_precedence))
        """All that are served."""

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """What is listed now, ordered by market."""
        with self._lock:
            feeds = [*self._feeds.values()]
        return tuple(sorted(feeds, key=lambda feed: _precedence(feed.market)))

    @property
    def has_table(self) -> bool:
        """Whether any pair of the table of assets is listed on demand."""
        return self._on_demand is not None and self._on_demand.table

    def stream(self, name: str, prefix: str) -> Subscription | None:
        """Return what a stream's name means on a path, and list it; `None` for a stream that will stay silent."""
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
        """Return the market whose limits hold for the connections of a path."""
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
                    if self._on_demand is not None and not feed.is_recording:
                        self.play([feed])
                    return feed
        return None

    def another(self, feed: Feed, now_ms: int) -> Feed | None:
        """Return the feed of another symbol of the same market, `None` if there is none."""
        listed = [each.symbol for each in self.feeds if each.market == feed.market]
        names = (name for name in (*listed, *self._names(feed.market, now_ms)) if name != feed.symbol)
        other = next(names, None)
        return None if other is None else self._found(feed.market, other)

    def spellings(self, depth_path: str, now_ms: int) -> dict[str, Spelling]:
        """Return the symbols under a depth path, with how their numbers are written: what `exchangeInfo` shows."""
        shown = {feed.symbol: feed.spelling for feed in self.feeds if feed.market.depth_path == depth_path}
        for market in self.markets:
            if market.depth_path == depth_path:
                for name in self._names(market, now_ms):
                    if name not in shown and (spelling := self._spelling(market, name)) is not None:
                        shown[name] = spelling
        return shown

    def spelling(self, depth_path: str, symbol: str) -> Spelling | None:
        """Return how the numbers of a symbol are written, listed or to be listed; `None` if it is neither."""
        under = (market for market in self.markets if market.depth_path == depth_path)
        return next((spelling for market in under if (spelling := self._spelling(market, symbol)) is not None), None)

    def symbols(self, now_ms: int, market: str | None = None) -> tuple[str, ...]:
        """Return the symbols that are listed, and those shown and listed on demand; of one market or of all."""
        listed = [feed.symbol for feed in self.feeds if market in {None, feed.market.name}]
        rows = [row for row in self.markets if market in {None, row.name}]
        names = (name for row in rows for name in self._names(row, now_ms))
        return (*listed, *dict.fromkeys(name for name in names if name not in listed))

    def named(self, symbol: str, market: str | None = None) -> list[Feed]:
        """Return the feeds of a symbol that are listed, of all markets or of the one that is named.

        A market that is served under another's paths, as a testnet is, is that other one here.

        Raises:
            UsageError: not served here.
        """
        feeds = self.feeds
        found = [feed for feed in feeds if feed.symbol == symbol and market in {None, feed.market.name}]
        if not found and market in MARKETS:
            found = [
                feed for feed in feeds if feed.symbol == symbol and feed.market.depth_path == MARKETS[market].depth_path
            ]
        if not found:
            listed = ", ".join(f"{feed.market.name} {feed.symbol}" for feed in feeds[:20]) or "none yet"
            msg = f"expected a symbol served here ({listed}), was {market or ''} {symbol!r}"
            raise UsageError(msg)
        return found

    def _names(self, market: Market, now_ms: int) -> list[str]:
        return [] if self._on_demand is None else self._on_demand.names(market, now_ms)

    def _spelling(self, market: Market, symbol: str) -> Spelling | None:
        with self._lock:
            feed = self._feeds.get((market.name, symbol))
        if feed is not None:
            return feed.spelling
        return None if self._on_demand is None else self._on_demand.spelling(market, symbol)

    def _lists(self, market: Market, symbol: str) -> bool:
        with self._lock:
            listed = (market.name, symbol) in self._feeds
        return listed or (self._on_demand is not None and self._on_demand.offers(market, symbol))

    def _found(self, market: Market, symbol: str) -> Feed | None:
        """Return the feed, listed just now if it was not."""
        key = (market.name, symbol)
        with self._lock:
            feed = self._feeds.get(key)
            if feed is None and self._on_demand is not None:
                feed = self._on_demand.feed(market, symbol)
                if feed is not None:
                    self._feeds[key] = feed
            return feed


def _leave(feeds: Iterable[Feed]) -> None:
    """Start nothing: nobody has said how."""


def _precedence(market: Market) -> tuple[bool, int]:
    base, _, place = market.name.partition("-")
    names = [row.name for row in PRECEDENCE]
    return bool(place), names.index(base) if base in names else len(names)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name for name in listed.split("/") if name)
