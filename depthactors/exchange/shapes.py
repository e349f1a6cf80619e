"""How each market writes its events and replies. Pure.

Field names and their order are those of binance-spot-api-docs, `web-socket-streams.md` and `rest-api.md`,
and of the derivatives pages since the integration of June 2026 (`ps`, `st`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.exchange.feeds.ledger import Depth
    from depthactors.exchange.feeds.truth import LevelText
    from depthactors.markets import Market

MILLISECOND: Final = 1_000
MICROSECOND: Final = 1
"""Units of time that a connection may ask for, in microseconds."""

_MATCHING_DELAY_US: Final = 6_000
"""From a change of the book (`T`) to its event (`E`), as recorded."""

SPOT_PATH: Final = "/api/v3/depth"

Levels: TypeAlias = "Sequence[LevelText] | orjson.Fragment"


def diff(
    market: Market,
    symbol: str,
    time_us: int,
    ids: tuple[int, int, int],
    bids: Levels,
    asks: Levels,
    unit: int = MILLISECOND,
) -> bytes:
    """Encode a diff event.

    Args:
        market: its `depth_path` decides the keys.
        symbol: upper case.
        time_us: microseconds since the epoch.
        ids: `U`, `u`, `pu`.
        bids: best first, or their JSON.
        asks: the same.
        unit: microseconds in the unit of `E`.
    """
    first_id, last_id, previous_id = ids
    event = _head("depthUpdate", market, symbol, time_us, unit) | {"U": first_id, "u": last_id}
    if market.depth_path != SPOT_PATH:
        event["pu"] = previous_id
    event["b"], event["a"] = bids, asks
    # A copy: many events are kept, and orjson's own bytes hold on to 4 kB each.
    return b"%b" % orjson.dumps(event)


def partial(market: Market, symbol: str, depth: Depth, ids: tuple[int, int, int]) -> bytes:
    """Encode an event of a partial-depth stream; spot's tells neither symbol nor time."""
    if market.depth_path == SPOT_PATH:
        return orjson.dumps({"lastUpdateId": depth.last_update_id, "bids": depth.bids, "asks": depth.asks})
    return diff(market, symbol, depth.time_us, ids, depth.bids, depth.asks)


def ticker(market: Market, symbol: str, time_us: int, update_id: int, bid: LevelText, ask: LevelText) -> bytes:
    """Encode a bookTicker event; spot's tells no time."""
    best = {"u": update_id, "s": symbol, "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
    if market.depth_path == SPOT_PATH:
        return orjson.dumps(best)
    return orjson.dumps(_head("bookTicker", market, symbol, time_us, MILLISECOND) | best)


def in_microseconds(event: dict[str, Any], time_us: int) -> bytes:
    """Encode a spot event again, its time in microseconds."""
    return orjson.dumps(event | {"E": time_us} if "E" in event else event)


def depth_reply(market: Market, symbol: str, depth: Depth) -> bytes:
    """Encode a reply to `GET .../depth`."""
    sides = {"bids": depth.bids, "asks": depth.asks}
    head: dict[str, Any] = {"lastUpdateId": depth.last_update_id}
    time_ms = depth.time_us // MILLISECOND
    matched_ms = (depth.time_us if depth.matched_us is None else depth.matched_us) // MILLISECOND
    times = {"E": time_ms, "T": matched_ms}
    match market.depth_path:
        case "/api/v3/depth":
            reply = head | sides
        case "/fapi/v1/depth":
            reply = head | times | sides
        case "/dapi/v1/depth":
            reply = head | times | {"symbol": symbol, "pair": pair_of(symbol)} | sides
        case _:
            reply = sides | {"T": matched_ms} | head
    return orjson.dumps(reply)


def shutdown(time_us: int, *, combined: bool, unit: int) -> bytes:
    """Encode the announcement that the server will end the connection."""
    event = {"e": "serverShutdown", "E": time_us // unit}
    return orjson.dumps({"stream": "!serverShutdown", "data": event} if combined else event)


def pair_of(symbol: str) -> str:
    """Return the pair of a delivery contract: `BTCUSD` of `BTCUSD_PERP`."""
    return symbol.partition("_")[0]


def _head(kind: str, market: Market, symbol: str, time_us: int, unit: int) -> dict[str, Any]:
    head: dict[str, Any] = {"e": kind, "E": time_us // unit}
    match market.depth_path:
        case "/api/v3/depth":
            return head | {"s": symbol}
        case "/fapi/v1/depth":
            return head | {"T": (time_us - _MATCHING_DELAY_US) // unit, "s": symbol, "ps": symbol, "st": 1}
        case "/dapi/v1/depth":
            return head | {"T": (time_us - _MATCHING_DELAY_US) // unit, "s": symbol, "ps": pair_of(symbol), "st": 2}
        case _:
            return head | {"T": (time_us - _MATCHING_DELAY_US) // unit, "s": symbol}
