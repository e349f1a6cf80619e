"""The markets, a row of data each: hosts, paths, sequencing rule, limits and weights.

No code asks for the name of a market: it reads the row. Sources, by row:

- spot: binance-spot-api-docs, `web-socket-streams.md` and `rest-api.md`.
- usdm, coinm: developers.binance.com, derivatives, "Websocket Market Streams" and "Order Book";
  one weight pool for both since the integration of June 2026.
- options: developers.binance.com, options-trading, "Websocket Market Streams".
- us: spot's messages; its limits are hardly documented, so the strictest known figure stands here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from depthactors.errors import DepthTooLargeError, UnknownMarketError, UsageError


class Family(Enum):
    """Which of the exchange's protocols a market has: the paths, the keys and the spelling of its messages."""

    SPOT = "spot"
    USDM = "usdm"
    COINM = "coinm"
    OPTIONS = "options"


class Sequencing(Enum):
    """How a market's diffs are chained to each other."""

    CONTIGUOUS = "contiguous"
    """Ids have no holes: the next diff has `U == last u + 1`."""

    CHAINED = "chained"
    """Ids have holes: the next diff has `pu == last u`."""


@dataclass(frozen=True, slots=True)
class Market:
    """What order books need to know of one market of the exchange.

    Attributes:
        name: the name that users know: `spot`, `usdm`, `coinm-testnet`...
        family: the protocol, shared with other rows: spot, its testnet and demo, and Binance.US are one family.
        rest_url: the host of snapshots.
        depth_path: the path of snapshots.
        stream_url: the host of streams.
        stream_path: the path of the combined stream.
        sequencing: the rule that chains its diffs.
        speeds: each update interval in milliseconds, with its stream's suffix.
        limits: the snapshot sizes that the exchange accepts; with `any_limit`, the largest size of each weight.
        weights: the weight of a snapshot of each of `limits`.
        any_limit: whether any size up to the largest is accepted, not only those listed.
        weight_pool: the name of the weight budget; markets of one pool share it.
        weight_per_minute: the pool's budget for one address.
        max_streams: the number of streams that one connection may carry.
        messages_per_second: the number of messages that a client may send on one connection, pongs included.
        ping_interval: seconds between the server's pings.
        pong_deadline: seconds for which the server waits for a pong before it disconnects.
        connection_life: seconds after which the server ends any connection.
        connections: the number of websockets that one address may try to open in five minutes.
    """

    name: str
    family: Family
    rest_url: str
    depth_path: str
    stream_url: str
    stream_path: str
    sequencing: Sequencing
    speeds: tuple[tuple[int, str], ...]
    limits: tuple[int, ...]
    weights: tuple[int, ...]
    any_limit: bool
    weight_pool: str
    weight_per_minute: int
    max_streams: int
    messages_per_second: int
    ping_interval: float
    pong_deadline: float
    connection_life: float = 24 * 3600.0
    connections: int = 300

    def diff_stream(self, symbol: str, speed_ms: int = 100) -> str:
        """Name the diff-depth stream of `symbol` at one of the market's speeds."""
        for interval, suffix in self.speeds:
            if interval == speed_ms and type(speed_ms) is int:
                return f"{symbol.lower()}{suffix}"
        known = ", ".join(str(interval) for interval, _ in self.speeds)
        msg = f"expected an update interval of {self.name}: {known} (ms), was {speed_ms!r}"
        raise UsageError(msg)

    @staticmethod
    def book_ticker_stream(symbol: str) -> str:
        """Name the stream of the best bid and ask of `symbol`."""
        return f"{symbol.lower()}@bookTicker"

    @property
    def max_limit(self) -> int:
        """The number of levels a side of the largest snapshot."""
        return self.limits[-1]

    @property
    def max_depth(self) -> int:
        """The deepest promise that snapshots can keep: a tenth of the largest one is to spare."""
        return self.max_limit * 9 // 10

    def snapshot_limit(self, depth: int) -> int:
        """Choose the size of a snapshot that keeps the best `depth` levels right for a while.

        A snapshot of exactly `depth` levels would vouch for fewer at the first deletion. So half as many again are
        wanted, at least ten, and the largest size of the same weight is chosen.

        Raises:
            DepthTooLargeError: no snapshot of this market is that deep.
        """
        if depth > self.max_depth:
            msg = (
                f"expected a depth of at most {self.max_depth} on {self.name} (a snapshot has "
                f"{self.max_limit} levels, of which a tenth is kept in reserve), was {depth}"
            )
            raise DepthTooLargeError(msg)
        wanted = min(depth + max(10, depth // 2), self.max_limit)
        weight = self.snapshot_weight(wanted)
        return max(size for size, cost in zip(self.limits, self.weights, strict=True) if cost == weight)

    def snapshot_weight(self, limit: int) -> int:
        """Return the weight of one snapshot of `limit` levels."""
        for size, cost in zip(self.limits, self.weights, strict=True):
            if limit <= size:
                return cost
        return self.weights[-1]

    def implied_limit(self, levels: int) -> int:
        """Return the smallest `limit` of which a snapshot can be whose longer side has `levels`."""
        if self.any_limit:
            return levels
        return next((size for size in self.limits if size >= levels), levels)

    def at(self, address: str) -> Market:
        """Return the row of the same market on a local exchange at `address`, as `http://127.0.0.1:9000`."""
        try:
            parts = urlsplit(address if "//" in address else f"http://{address}")
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            msg = f"expected an address like http://127.0.0.1:9000, was {address!r}"
            raise UsageError(msg)
        base = f"{parts.netloc}{parts.path.rstrip('/')}"
        secure = "s" if parts.scheme == "https" else ""
        return replace(
            self,
            rest_url=f"http{secure}://{base}",
            stream_url=f"ws{secure}://{base}",
            weight_pool=f"{self.weight_pool}@{parts.netloc}",
        )


SPOT = Market(
    name="spot",
    family=Family.SPOT,
    rest_url="https://api.binance.com",
    depth_path="/api/v3/depth",
    stream_url="wss://stream.binance.com:9443",
    stream_path="/stream",
    sequencing=Sequencing.CONTIGUOUS,
    speeds=((100, "@depth@100ms"), (1000, "@depth")),
    limits=(100, 500, 1000, 5000),
    weights=(5, 25, 50, 250),
    any_limit=True,
    weight_pool="spot",
    weight_per_minute=6000,
    max_streams=1024,
    messages_per_second=5,
    ping_interval=20.0,
    pong_deadline=60.0,
)

US = replace(
    SPOT,
    name="us",
    rest_url="https://api.binance.us",
    stream_url="wss://stream.binance.us:9443",
    weight_pool="us",
    weight_per_minute=1200,
)

USDM = Market(
    name="usdm",
    family=Family.USDM,
    rest_url="https://fapi.binance.com",
    depth_path="/fapi/v1/depth",
    stream_url="wss://fstream.binance.com",
    stream_path="/public/stream",
    sequencing=Sequencing.CHAINED,
    speeds=((100, "@depth@100ms"), (250, "@depth"), (500, "@depth@500ms")),
    limits=(5, 10, 20, 50, 100, 500, 1000),
    weights=(2, 2, 2, 2, 5, 10, 20),
    any_limit=False,
    weight_pool="futures",
    weight_per_minute=2400,
    max_streams=1024,
    messages_per_second=10,
    ping_interval=180.0,
    pong_deadline=600.0,
)

COINM = replace(
    USDM,
    name="coinm",
    family=Family.COINM,
    rest_url="https://dapi.binance.com",
    depth_path="/dapi/v1/depth",
    stream_url="wss://dstream.binance.com",
    stream_path="/stream",
)

OPTIONS = replace(
    USDM,
    name="options",
    family=Family.OPTIONS,
    rest_url="https://eapi.binance.com",
    depth_path="/eapi/v1/depth",
    speeds=((100, "@depth@100ms"), (500, "@depth@500ms")),
    limits=(10, 20, 50, 100, 500, 1000),
    weights=(1, 1, 1, 5, 10, 20),
    weight_pool="options",
    max_streams=200,
    ping_interval=300.0,
    pong_deadline=900.0,
)


def _elsewhere(market: Market, place: str, rest_url: str, stream_url: str) -> Market:
    """Copy a row to other hosts, with a weight pool of its own."""
    return replace(
        market,
        name=f"{market.name}-{place}",
        rest_url=rest_url,
        stream_url=stream_url,
        weight_pool=f"{market.weight_pool}-{place}",
    )


MARKETS: dict[str, Market] = {
    market.name: market
    for market in (
        SPOT,
        US,
        USDM,
        COINM,
        OPTIONS,
        _elsewhere(SPOT, "testnet", "https://testnet.binance.vision", "wss://stream.testnet.binance.vision"),
        _elsewhere(SPOT, "demo", "https://demo-api.binance.com", "wss://demo-stream.binance.com"),
        _elsewhere(USDM, "testnet", "https://testnet.binancefuture.com", "wss://fstream.binancefuture.com"),
        _elsewhere(USDM, "demo", "https://demo-fapi.binance.com", "wss://demo-fstream.binance.com"),
        _elsewhere(COINM, "testnet", "https://testnet.binancefuture.com", "wss://dstream.binancefuture.com"),
        _elsewhere(COINM, "demo", "https://demo-dapi.binance.com", "wss://demo-dstream.binance.com"),
        _elsewhere(OPTIONS, "testnet", "https://testnet.binancefuture.com", "wss://fstream.binancefuture.com"),
    )
}
"""Every row by its name."""

_PLACES = ("-testnet", "-demo")
_LIKENESS = 0.75
"""Similarity, by `difflib` from 0 to 1, from which on a name is taken for a misspelling of another one."""
_OTHER_NAMES = {
    **dict.fromkeys(("futures", "future", "linear", "perp", "swap", "um", "usdt", "usdc", "usd-m", "usds-m"), "usdm"),
    **dict.fromkeys(("usdt-m", "usdsm", "usdtm", "usdt-futures", "usd-futures", "fapi", "fstream"), "usdm"),
    **dict.fromkeys(("cm", "coin", "coin-m", "coin-futures", "inverse", "delivery", "dapi", "dstream"), "coinm"),
    **dict.fromkeys(("option", "vanilla", "eoptions", "eapi"), "options"),
    **dict.fromkeys(("binance", "binance-com", "com", "cash", "margin", "api"), "spot"),
    **dict.fromkeys(("binance-us", "usa"), "us"),
    **dict.fromkeys(("testnet", "test"), "spot-testnet"),
    "demo": "spot-demo",
}
"""The names that other libraries and the exchange's own pages have for a market."""


def lookup(market: str | Market) -> Market:
    """Return the row of a name; a row is returned as it is.

    Raises:
        UnknownMarketError: no row has the name; the message lists all names, and the one that may be meant.
    """
    if isinstance(market, Market):
        return market
    try:
        return MARKETS[market]
    except (KeyError, TypeError):
        msg = f"expected one of {', '.join(MARKETS)}, was {market!r}{_hint(market)}"
        raise UnknownMarketError(msg) from None


def _hint(market: object) -> str:
    meant = _meant(market) if isinstance(market, str) else None
    return "" if meant is None else f"; did you mean {meant!r}?"


def _meant(name: str) -> str | None:
    """Return the market that a wrong name may mean, `None` if it is similar to none."""
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    base, _, place = text.rpartition("-") if text.endswith(_PLACES) else (text, "", "")
    known = {**_OTHER_NAMES, **{row: row for row in MARKETS}}
    close = get_close_matches(base, known, n=1, cutoff=_LIKENESS)
    if not close:
        return None
    meant = known[close[0]]
    elsewhere = f"{meant}-{place}"
    return elsewhere if elsewhere in MARKETS else meant


def normalize_symbol(symbol: str) -> str:
    """Return the symbol in upper case, as REST and the diffs spell it.

    Raises:
        UsageError: it is no text, empty, a market's name, or has a character that no stream name can have.
    """
    if not isinstance(symbol, str):
        msg = f"expected a symbol as text, was {symbol!r}"
        raise UsageError(msg)
    text = symbol.strip().upper()
    if not text or any(mark in "@/?&!" or mark.isspace() or "\ud800" <= mark <= "\udfff" for mark in text):
        msg = f"expected a symbol like BTCUSDT, was {symbol!r}"
        raise UsageError(msg)
    if text.lower() in MARKETS:
        msg = f"expected a symbol like BTCUSDT, was {symbol!r}, which is a market: market={text.lower()!r}"
        raise UsageError(msg)
    return text


_DELIVERY_SYMBOL = re.compile(r"[0-9A-Z]+USD_(PERP|\d{6})")
_OPTION_SYMBOL = re.compile(r"[0-9A-Z]+-\d{6}-[\d.]+-[CP]")


def guess(event: dict[str, Any]) -> Market:
    """Return the market that a depth event is from, by its keys and its symbol.

    Events of Binance.US look exactly like spot's, so they count as `spot`, which has the same rules.
    """
    symbol = str(event.get("s", ""))
    if "pu" not in event:
        return SPOT
    if _OPTION_SYMBOL.fullmatch(symbol):
        return OPTIONS
    return COINM if _DELIVERY_SYMBOL.fullmatch(symbol) else USDM
