"""The reply to `GET .../exchangeInfo`: what each market lists, and on which grid its numbers lie. Pure.

Field names are those of binance-spot-api-docs, `rest-api.md`, `enums.md` and `filters.md`,
and of the derivatives pages "Exchange Information"; where the pages and what the exchange really sends
differ (`orderTypes`, spot's `NOTIONAL`), clients know the latter. Assets, dates and strikes are read out of
the symbols' names, ticks and lots are those of `spelling`. The rest is about orders, which nobody can
send here: it is the same for every symbol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors.exchange.assets import split
from depthactors.exchange.catalogue import expiry_of, option_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depthactors.exchange.feeds.spelling import Spelling
    from depthactors.markets import Market

Json: TypeAlias = dict[str, Any]

NEVER_MS: Final = 4_133_404_800_000
"""Delivery date of what is never delivered: the year 2100. Clients tell perpetual contracts by it."""

_SIDES: Final = {"C": "CALL", "P": "PUT"}

_ONBOARD_MS: Final = 1_569_398_400_000
_MOST_STEPS: Final = 100_000_000
"""Ticks of the highest price, lots of the largest order."""

_SPOT_ORDERS: Final = (
    *("LIMIT", "LIMIT_MAKER", "MARKET"),
    *("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
)
_FUTURES_ORDERS: Final = (
    *("LIMIT", "MARKET", "STOP", "STOP_MARKET"),
    *("TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"),
)


def exchange_info(market: Market, symbols: Mapping[str, Spelling], now_ms: int) -> Json:
    """Describe a market and what it lists, ready to be encoded.

    Args:
        market: its `depth_path` decides the shape, its `weight_per_minute` the first rate limit.
        symbols: the form of each one's numbers by symbol, upper case and in the order of the list; none is fine.
            Options leave out a name that is no contract's.
        now_ms: milliseconds since the epoch.
    """
    return _SHAPES[market.depth_path](market, symbols, now_ms)


def _spot(market: Market, symbols: Mapping[str, Spelling], now_ms: int) -> Json:
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [
            _weight_limit(market),
            _limit("ORDERS", "SECOND", 10, 100),
            _limit("ORDERS", "DAY", 1, 200_000),
            _limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
        ],
        "exchangeFilters": [],
        "symbols": [_spot_symbol(*each) for each in symbols.items()],
    }


def _spot_symbol(symbol: str, spelling: Spelling) -> Json:
    base, quote = split(symbol)
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(_SPOT_ORDERS),
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": [
            _price_filter(spelling),
            _lot_filter("LOT_SIZE", spelling),
            _lot_filter("MARKET_LOT_SIZE", spelling),
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        ],
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _usdm(market: Market, symbols: Mapping[str, Spelling], now_ms: int) -> Json:
    listed = [_contract(symbol, spelling, "status") for symbol, spelling in symbols.items()]
    for contract in listed:
        contract["marginAsset"] = contract["quoteAsset"]
        contract["filters"].append({"filterType": "MIN_NOTIONAL", "notional": "5"})
    margins = dict.fromkeys(contract["marginAsset"] for contract in listed)
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": _futures_limits(market),
        "exchangeFilters": [],
        "assets": [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"} for asset in margins],
        "symbols": listed,
    }


def _coinm(market: Market, symbols: Mapping[str, Spelling], now_ms: int) -> Json:
    listed = [_contract(symbol, spelling, "contractStatus") for symbol, spelling in symbols.items()]
    for contract in listed:
        contract["marginAsset"] = contract["baseAsset"]
        contract["contractSize"] = 100 if contract["baseAsset"] == "BTC" else 10
        contract["equalQtyPrecision"] = 4
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": _futures_limits(market),
        "exchangeFilters": [],
        "symbols": listed,
    }


def _contract(symbol: str, spelling: Spelling, status_key: str) -> Json:
    pair, _, delivery = symbol.partition("_")
    base, quote = split(pair)
    delivery_ms = expiry_of(delivery)
    return {
        "symbol": symbol,
        "pair": pair,
        "contractType": "PERPETUAL" if delivery_ms is None else "CURRENT_QUARTER",
        "deliveryDate": NEVER_MS if delivery_ms is None else delivery_ms,
        "onboardDate": _ONBOARD_MS,
        status_key: "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base,
        "quoteAsset": quote,
        "pricePrecision": spelling.price_decimals,
        "quantityPrecision": spelling.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": [
            _price_filter(spelling),
            _lot_filter("LOT_SIZE", spelling),
            _lot_filter("MARKET_LOT_SIZE", spelling),
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": list(_FUTURES_ORDERS),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _options(market: Market, symbols: Mapping[str, Spelling], now_ms: int) -> Json:
    described = (_option(*each) for each in symbols.items())
    listed = [option for option in described if option is not None]
    underlyings = dict.fromkeys(option["underlying"] for option in listed)
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "optionContracts": [
            {
                "baseAsset": underlying.removesuffix("USDT"),
                "quoteAsset": "USDT",
                "underlying": underlying,
                "settleAsset": "USDT",
            }
            for underlying in underlyings
        ],
        "optionAssets": [{"name": "USDT"}],
        "optionSymbols": listed,
        "rateLimits": _futures_limits(market),
    }


def _option(symbol: str, spelling: Spelling) -> Json | None:
    option = option_of(symbol)
    if option is None:
        return None
    return {
        "expiryDate": option.expiry_ms,
        "filters": [_price_filter(spelling), _lot_filter("LOT_SIZE", spelling)],
        "symbol": symbol,
        "side": _SIDES[option.side],
        "strikePrice": option.strike,
        "underlying": f"{option.underlying}USDT",
        "unit": 1,
        "makerFeeRate": "0.0002",
        "takerFeeRate": "0.0002",
        "liquidationFeeRate": "0.0019000",
        "minQty": spelling.quantity(1),
        "maxQty": spelling.quantity(_MOST_STEPS),
        "initialMargin": "0.15",
        "maintenanceMargin": "0.075",
        "minInitialMargin": "0.1",
        "minMaintenanceMargin": "0.05",
        "priceScale": spelling.price_decimals,
        "quantityScale": spelling.quantity_decimals,
        "quoteAsset": "USDT",
    }


def _price_filter(spelling: Spelling) -> Json:
    return {
        "filterType": "PRICE_FILTER",
        "minPrice": spelling.price(1),
        "maxPrice": spelling.price(_MOST_STEPS),
        "tickSize": spelling.price(1),
    }


def _lot_filter(name: str, spelling: Spelling) -> Json:
    return {
        "filterType": name,
        "minQty": spelling.quantity(1),
        "maxQty": spelling.quantity(_MOST_STEPS),
        "stepSize": spelling.quantity(1),
    }


def _futures_limits(market: Market) -> list[Json]:
    return [_weight_limit(market), _limit("ORDERS", "MINUTE", 1, 1_200), _limit("ORDERS", "SECOND", 10, 300)]


def _weight_limit(market: Market) -> Json:
    return _limit("REQUEST_WEIGHT", "MINUTE", 1, market.weight_per_minute)


def _limit(kind: str, interval: str, number: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


_SHAPES: Final[dict[str, Callable[[Market, Mapping[str, Spelling], int], Json]]] = {
    "/api/v3/depth": _spot,
    "/fapi/v1/depth": _usdm,
    "/dapi/v1/depth": _coinm,
    "/eapi/v1/depth": _options,
}
