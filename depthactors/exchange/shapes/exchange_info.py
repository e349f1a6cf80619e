"""The reply to `GET .../exchangeInfo`: the symbols of a market, with their ticks and lots. Pure.

Field names are those of binance-spot-api-docs, `rest-api.md`, `enums.md` and `filters.md`,
and of the derivatives pages "Exchange Information"; where the exchange sends something else than
the pages say (`orderTypes`, spot's `NOTIONAL`), they are as the exchange sends them. Assets, dates and strikes are
read from the symbols' names, ticks and lots from their number formats. The rest is about orders, which clients cannot
send here: it is the same for every symbol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors.exchange.shapes.assets import split
from depthactors.exchange.shapes.contract_names import expiry_of, option_of, pair_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depthactors.exchange.shapes.number_format import NumberFormat
    from depthactors.markets import Market

Json: TypeAlias = dict[str, Any]

NEVER_MS: Final = 4_133_404_800_000
"""Delivery date of perpetual contracts: the year 2100. Clients recognise them by it."""

_SIDES: Final = {"C": "CALL", "P": "PUT"}

_ONBOARD_MS: Final = 1_569_398_400_000
_MOST_STEPS: Final = 100_000_000
"""Ticks of the highest price, and lots of the largest order."""

_SPOT_ORDERS: Final = (
    *("LIMIT", "LIMIT_MAKER", "MARKET"),
    *("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
)
_FUTURES_ORDERS: Final = (
    *("LIMIT", "MARKET", "STOP", "STOP_MARKET"),
    *("TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"),
)


def spot(market: Market, symbols: Mapping[str, NumberFormat], now_ms: int) -> Json:
    """Describe spot and what it lists."""
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


def _spot_symbol(symbol: str, number_format: NumberFormat) -> Json:
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
            _price_filter(number_format),
            _lot_filter("LOT_SIZE", number_format),
            _lot_filter("MARKET_LOT_SIZE", number_format),
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


def usdm(market: Market, symbols: Mapping[str, NumberFormat], now_ms: int) -> Json:
    """Describe USD-M futures and what they list."""
    listed = [_contract(symbol, number_format, "status") for symbol, number_format in symbols.items()]
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


def coinm(market: Market, symbols: Mapping[str, NumberFormat], now_ms: int) -> Json:
    """Describe COIN-M futures and what they list."""
    listed = [_contract(symbol, number_format, "contractStatus") for symbol, number_format in symbols.items()]
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


def _contract(symbol: str, number_format: NumberFormat, status_key: str) -> Json:
    pair = pair_of(symbol)
    base, quote = split(pair)
    delivery_ms = expiry_of(symbol.removeprefix(f"{pair}_"))
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
        "pricePrecision": number_format.price_decimals,
        "quantityPrecision": number_format.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": [
            _price_filter(number_format),
            _lot_filter("LOT_SIZE", number_format),
            _lot_filter("MARKET_LOT_SIZE", number_format),
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


def options(market: Market, symbols: Mapping[str, NumberFormat], now_ms: int) -> Json:
    """Describe options and what they list; a name that is no contract is left out."""
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


def _option(symbol: str, number_format: NumberFormat) -> Json | None:
    option = option_of(symbol)
    if option is None:
        return None
    return {
        "expiryDate": option.expiry_ms,
        "filters": [_price_filter(number_format), _lot_filter("LOT_SIZE", number_format)],
        "symbol": symbol,
        "side": _SIDES[option.side],
        "strikePrice": option.strike,
        "underlying": f"{option.underlying}USDT",
        "unit": 1,
        "makerFeeRate": "0.0002",
        "takerFeeRate": "0.0002",
        "liquidationFeeRate": "0.0019000",
        "minQty": number_format.quantity(1),
        "maxQty": number_format.quantity(_MOST_STEPS),
        "initialMargin": "0.15",
        "maintenanceMargin": "0.075",
        "minInitialMargin": "0.1",
        "minMaintenanceMargin": "0.05",
        "priceScale": number_format.price_decimals,
        "quantityScale": number_format.quantity_decimals,
        "quoteAsset": "USDT",
    }


def _price_filter(number_format: NumberFormat) -> Json:
    return {
        "filterType": "PRICE_FILTER",
        "minPrice": number_format.price(1),
        "maxPrice": number_format.price(_MOST_STEPS),
        "tickSize": number_format.price(1),
    }


def _lot_filter(name: str, number_format: NumberFormat) -> Json:
    return {
        "filterType": name,
        "minQty": number_format.quantity(1),
        "maxQty": number_format.quantity(_MOST_STEPS),
        "stepSize": number_format.quantity(1),
    }


def _futures_limits(market: Market) -> list[Json]:
    return [_weight_limit(market), _limit("ORDERS", "MINUTE", 1, 1_200), _limit("ORDERS", "SECOND", 10, 300)]


def _weight_limit(market: Market) -> Json:
    return _limit("REQUEST_WEIGHT", "MINUTE", 1, market.weight_per_minute)


def _limit(kind: str, interval: str, number: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
