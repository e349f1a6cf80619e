from decimal import Decimal

import orjson

from depthactors import markets
from depthactors.exchange.feeds.order_flow_feed import OrderFlowFeed
from depthactors.exchange.shapes.exchange_info import NEVER_MS
from depthactors.exchange.shapes.table import shape_of
from tests.support import table

NOW_MS = 1_700_000_000_500
LISTED = {
    "spot": "BTCUSDT",
    "us": "BTCUSD",
    "usdm": "BTCUSDT",
    "coinm": "BTCUSD_PERP",
    "options": "BTC-261225-100000-C",
}


def describe(market, *symbols):
    row = markets.lookup(market)
    shape = shape_of(row)
    return shape.exchange_info(row, {symbol: shape.symbols.terms(symbol).number_format for symbol in symbols}, NOW_MS)


def only(market, symbol):
    info = describe(market, symbol)
    (listed,) = info.get("symbols", info.get("optionSymbols"))
    return listed


def filters_of(listed):
    return {each["filterType"]: each for each in listed["filters"]}


@table("market", markets.MARKETS)
def test_each_market_is_described_with_or_without_symbols(market):
    row = markets.lookup(market)
    symbol = LISTED[market.partition("-")[0]]
    for symbols in [(), (symbol,)]:
        info = orjson.loads(orjson.dumps(describe(market, *symbols)))
        assert (info["timezone"], info["serverTime"]) == ("UTC", NOW_MS)
        listed = info.get("symbols", info.get("optionSymbols"))
        assert [each["symbol"] for each in listed] == list(symbols)
        assert info["rateLimits"][0] == {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": row.weight_per_minute,
        }


def test_symbols_are_listed_in_the_order_given():
    info = describe("spot", "ETHUSDT", "BTCUSDT")
    assert [each["symbol"] for each in info["symbols"]] == ["ETHUSDT", "BTCUSDT"]


@table(("market", "symbol"), LISTED.items())
def test_ticks_and_lots_are_those_of_the_order_flow(market, symbol):
    row = markets.lookup(market)
    listed = only(market, symbol)
    prices, lots = filters_of(listed)["PRICE_FILTER"], filters_of(listed)["LOT_SIZE"]
    feed = OrderFlowFeed(symbol, row, seed=1)
    assert (prices["tickSize"], lots["stepSize"]) == (feed.number_format.price(1), feed.number_format.quantity(1))
    depth = feed.present(row.max_limit)
    for price, quantity in [*depth.bids, *depth.asks]:
        assert Decimal(price) % Decimal(prices["tickSize"]) == 0
        assert Decimal(prices["minPrice"]) <= Decimal(price) <= Decimal(prices["maxPrice"])
        assert Decimal(quantity) % Decimal(lots["stepSize"]) == 0
        assert Decimal(lots["minQty"]) <= Decimal(quantity) <= Decimal(lots["maxQty"])


@table(
    ("symbol", "base", "quote"),
    [
        ("BTCUSDT", "BTC", "USDT"),
        ("BTCUSDC", "BTC", "USDC"),
        ("BTCFDUSD", "BTC", "FDUSD"),
        ("ETHBTC", "ETH", "BTC"),
        ("BNBETH", "BNB", "ETH"),
        ("USDCUSDT", "USDC", "USDT"),
        ("USDTTRY", "USDT", "TRY"),
        ("EURUSDT", "EUR", "USDT"),
        ("BTCEUR", "BTC", "EUR"),
        ("BTCBUSD", "BTC", "BUSD"),
        ("OMGBUSD", "OMG", "BUSD"),
        ("BNBUSD", "BNB", "USD"),
        ("DOTUSD", "DOT", "USD"),
        ("BTCUSD", "BTC", "USD"),
        ("SUSDT", "S", "USDT"),
        ("1000SATSUSDT", "1000SATS", "USDT"),
        ("SYM0001USDT", "SYM0001", "USDT"),
        ("FOOBAR", "FOO", "BAR"),
        ("XYZ", "XYZ", "USDT"),
        ("BTC", "BTC", "USDT"),
    ],
)
def test_assets_are_read_from_the_name(symbol, base, quote):
    listed = only("spot", symbol)
    assert (listed["baseAsset"], listed["quoteAsset"]) == (base, quote)


def test_a_spot_symbol_can_be_traded():
    listed = only("spot", "BTCUSDT")
    assert listed["status"] == "TRADING"
    assert listed["isSpotTradingAllowed"]
    assert "SPOT" in listed["permissionSets"][0]
    assert listed["baseAssetPrecision"] == listed["quotePrecision"] == 8
    assert "contractType" not in listed
    assert filters_of(listed).keys() >= {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL"}


def test_a_usdm_symbol_is_a_perpetual_contract_margined_in_its_quote():
    listed = only("usdm", "ETHUSDC")
    assert (listed["status"], listed["contractType"], listed["deliveryDate"]) == ("TRADING", "PERPETUAL", NEVER_MS)
    assert (listed["pair"], listed["baseAsset"], listed["quoteAsset"]) == ("ETHUSDC", "ETH", "USDC")
    assert listed["marginAsset"] == "USDC"
    assert (listed["pricePrecision"], listed["quantityPrecision"]) == (2, 2)
    assert [each["asset"] for each in describe("usdm", "ETHUSDC", "BTCUSDT", "SOLUSDT")["assets"]] == ["USDC", "USDT"]


@table(("symbol", "size"), [("BTCUSD_PERP", 100), ("ETHUSD_PERP", 10)])
def test_a_coinm_symbol_is_a_perpetual_contract_margined_in_its_base(symbol, size):
    listed = only("coinm", symbol)
    base = symbol[:3]
    assert (listed["contractStatus"], listed["contractType"], listed["deliveryDate"]) == (
        "TRADING",
        "PERPETUAL",
        NEVER_MS,
    )
    assert (listed["pair"], listed["baseAsset"], listed["quoteAsset"]) == (f"{base}USD", base, "USD")
    assert (listed["marginAsset"], listed["contractSize"]) == (base, size)


@table(("market", "symbol"), [("usdm", "BTCUSDT_261225"), ("coinm", "BTCUSD_261225")])
def test_a_dated_contract_shows_its_delivery(market, symbol):
    listed = only(market, symbol)
    assert (listed["contractType"], listed["deliveryDate"]) == ("CURRENT_QUARTER", 1_798_185_600_000)
    assert listed["pair"] == symbol.partition("_")[0]
    assert listed["baseAsset"] == "BTC"


@table(
    ("symbol", "underlying", "side", "strike"),
    [
        ("BTC-261225-100000-C", "BTCUSDT", "CALL", "100000"),
        ("DOGE-261225-0.15-P", "DOGEUSDT", "PUT", "0.15"),
    ],
)
def test_an_option_shows_its_contract(symbol, underlying, side, strike):
    listed = only("options", symbol)
    assert (listed["underlying"], listed["side"], listed["strikePrice"]) == (underlying, side, strike)
    assert (listed["expiryDate"], listed["unit"], listed["quoteAsset"]) == (1_798_185_600_000, 1, "USDT")
    number_format = shape_of(markets.OPTIONS).symbols.terms(symbol).number_format
    assert (listed["priceScale"], listed["quantityScale"]) == (
        number_format.price_decimals,
        number_format.quantity_decimals,
    )


def test_options_list_their_underlyings_once():
    info = describe("options", "BTC-261225-100000-C", "BTC-261225-100000-P", "ETH-261225-4000-C")
    assert [each["underlying"] for each in info["optionContracts"]] == ["BTCUSDT", "ETHUSDT"]
    assert [each["baseAsset"] for each in info["optionContracts"]] == ["BTC", "ETH"]
    assert info["optionAssets"] == [{"name": "USDT"}]


@table("symbol", ["BTCUSDT", "BTC-261399-100000-C", "BTC-261225-100000-X"])
def test_options_leave_out_what_is_no_contract(symbol):
    info = describe("options", symbol, "ETH-261225-4000-C")
    assert [each["symbol"] for each in info["optionSymbols"]] == ["ETH-261225-4000-C"]
