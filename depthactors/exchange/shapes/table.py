"""One row for each family of markets. Pure.

A further market of a known family needs a row in `depthactors.markets`; one of a new family needs a row here, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors.exchange.shapes import exchange_info, symbol_rules
from depthactors.exchange.shapes.contract_names import pair_of
from depthactors.exchange.shapes.number_format import NumberFormat
from depthactors.exchange.shapes.shape import MILLISECOND, Shape
from depthactors.markets import Family

if TYPE_CHECKING:
    from depthactors.exchange.shapes.depth import Depth
    from depthactors.exchange.shapes.shape import Json
    from depthactors.markets import Market


def shape_of(market: Market) -> Shape:
    """Return the row of a market's family."""
    return SHAPES[market.family]


def _spot_depth(_: str, depth: Depth) -> Json:
    return {"lastUpdateId": depth.last_update_id, "bids": depth.bids, "asks": depth.asks}


def _usdm_depth(_: str, depth: Depth) -> Json:
    return {"lastUpdateId": depth.last_update_id, **_times(depth), "bids": depth.bids, "asks": depth.asks}


def _coinm_depth(symbol: str, depth: Depth) -> Json:
    names = {"symbol": symbol, "pair": pair_of(symbol)}
    return {"lastUpdateId": depth.last_update_id, **_times(depth), **names, "bids": depth.bids, "asks": depth.asks}


def _options_depth(_: str, depth: Depth) -> Json:
    matched_ms = _times(depth)["T"]
    return {"bids": depth.bids, "asks": depth.asks, "T": matched_ms, "lastUpdateId": depth.last_update_id}


def _times(depth: Depth) -> Json:
    matched_us = depth.time_us if depth.matched_us is None else depth.matched_us
    return {"E": depth.time_us // MILLISECOND, "T": matched_us // MILLISECOND}


SHAPES: Final[dict[Family, Shape]] = {
    Family.SPOT: Shape(
        symbols=symbol_rules.SPOT_SYMBOLS,
        number_format=NumberFormat(8, 1_000_000, 8, 10_000),
        symbol_fields=lambda symbol: {"s": symbol},
        full_events=False,
        microseconds=True,
        depth_fields=_spot_depth,
        exchange_info=exchange_info.spot,
        default_limit=100,
        # Some clients still read the older name.
        weight_headers=("X-MBX-USED-WEIGHT", "X-MBX-USED-WEIGHT-1M"),
    ),
    Family.USDM: Shape(
        symbols=symbol_rules.USDM_SYMBOLS,
        number_format=NumberFormat(2, 10, 3, 1),
        symbol_fields=lambda symbol: {"s": symbol, "ps": symbol, "st": 1},
        full_events=True,
        microseconds=False,
        depth_fields=_usdm_depth,
        exchange_info=exchange_info.usdm,
        default_limit=500,
        weight_headers=("X-MBX-USED-WEIGHT-1M",),
    ),
    Family.COINM: Shape(
        symbols=symbol_rules.COINM_SYMBOLS,
        number_format=NumberFormat(1, 1, 0, 1),
        symbol_fields=lambda symbol: {"s": symbol, "ps": pair_of(symbol), "st": 2},
        full_events=True,
        microseconds=False,
        depth_fields=_coinm_depth,
        exchange_info=exchange_info.coinm,
        default_limit=500,
        weight_headers=("X-MBX-USED-WEIGHT-1M",),
    ),
    Family.OPTIONS: Shape(
        symbols=symbol_rules.OPTIONS_SYMBOLS,
        number_format=NumberFormat(3, 5_000, 2, 1),
        symbol_fields=lambda symbol: {"s": symbol},
        full_events=True,
        microseconds=False,
        depth_fields=_options_depth,
        exchange_info=exchange_info.options,
        default_limit=100,
        weight_headers=("X-MBX-USED-WEIGHT-1M",),
    ),
}
