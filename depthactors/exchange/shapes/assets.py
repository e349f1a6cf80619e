"""Well-known assets and their prices: a table. Pure.

Prices are about those of late 2026, rounded; an order flow begins within a few per cent of them.
"""

from __future__ import annotations

from typing import Final

COINS: Final = {
    "BTC": 84_000.0,
    "ETH": 2_900.0,
    "BNB": 850.0,
    "SOL": 140.0,
    "XRP": 2.1,
    "ADA": 0.42,
    "DOGE": 0.15,
    "LTC": 84.0,
    "DOT": 2.4,
    "LINK": 13.0,
    "TRX": 0.28,
    "AVAX": 14.0,
    "BCH": 520.0,
    "XLM": 0.25,
    "SUI": 1.6,
    "TON": 1.6,
    "SHIB": 0.0000085,
    "HBAR": 0.145,
    "UNI": 6.0,
    "NEAR": 1.9,
    "APT": 2.3,
    "ICP": 4.0,
    "ETC": 13.5,
    "AAVE": 180.0,
    "ATOM": 2.5,
    "FIL": 1.6,
    "ARB": 0.21,
    "OP": 0.31,
    "INJ": 5.6,
    "VET": 0.0135,
    "ALGO": 0.14,
    "PEPE": 0.0000046,
    "WLD": 0.62,
    "SEI": 0.135,
    "TIA": 0.61,
    "RENDER": 1.75,
    "FET": 0.25,
    "GRT": 0.052,
    "IMX": 0.29,
    "STX": 0.3,
    "THETA": 0.38,
    "SAND": 0.155,
    "MANA": 0.165,
    "GALA": 0.0075,
    "AXS": 1.15,
    "CHZ": 0.03,
    "ENJ": 0.033,
    "EGLD": 8.3,
    "FLOW": 0.21,
    "KAVA": 0.12,
    "NEO": 4.1,
    "IOTA": 0.11,
    "XTZ": 0.49,
    "EOS": 0.22,
    "ZEC": 480.0,
    "DASH": 52.0,
    "XMR": 400.0,
    "QTUM": 1.45,
    "ONT": 0.067,
    "ZIL": 0.0055,
    "BAT": 0.22,
    "ZRX": 0.15,
    "OMG": 0.16,
    "COMP": 32.0,
    "MKR": 1_450.0,
    "SNX": 0.55,
    "CRV": 0.4,
    "SUSHI": 0.34,
    "YFI": 4_100.0,
    "1INCH": 0.19,
    "BAL": 0.62,
    "LDO": 0.63,
    "DYDX": 0.21,
    "GMX": 9.0,
    "PENDLE": 2.4,
    "ENA": 0.28,
    "JUP": 0.23,
    "JTO": 0.47,
    "PYTH": 0.072,
    "WIF": 0.37,
    "BONK": 0.0000095,
    "FLOKI": 0.000045,
    "ORDI": 4.2,
    "SATS": 0.0000000165,
    "RUNE": 0.7,
    "KSM": 8.9,
    "ROSE": 0.0165,
    "CELO": 0.17,
    "ANKR": 0.0073,
    "HOT": 0.00058,
    "IOST": 0.0018,
    "RVN": 0.0082,
    "SC": 0.0019,
    "LRC": 0.058,
    "CAKE": 2.3,
    "APE": 0.26,
    "GMT": 0.018,
    "BLUR": 0.034,
    "STRK": 0.16,
    "ZK": 0.039,
    "NOT": 0.00064,
    "W": 0.045,
    "ETHFI": 0.83,
    "EIGEN": 0.58,
    "TAO": 290.0,
    "TRUMP": 5.8,
    "S": 0.105,
    "PAXG": 4_150.0,
    "WBTC": 83_900.0,
    "FTT": 0.62,
    "LUNC": 0.000029,
    "TWT": 1.05,
    "ENS": 11.0,
    "HYPE": 34.0,
}
"""US dollars for one."""

STABLE: Final = {
    **dict.fromkeys(("USDT", "USDC", "FDUSD", "TUSD", "USDP", "USD1", "DAI", "BUSD", "USD"), 1.0),
    "EUR": 1.16,
    "EURI": 1.16,
    "GBP": 1.31,
    "AUD": 0.65,
    "BRL": 0.187,
    "TRY": 0.0235,
    "JPY": 0.0064,
    "MXN": 0.0545,
    "PLN": 0.274,
    "ARS": 0.00069,
    "COP": 0.00026,
    "UAH": 0.0237,
    "ZAR": 0.058,
}
"""US dollars for one; these have no price path."""

PRICES: Final = COINS | STABLE

QUOTES: Final = (
    *("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "USD1", "EURI", "DAI"),
    *("BTC", "ETH", "BNB", "XRP", "TRX", "SOL", "DOGE"),
    *("EUR", "TRY", "GBP", "AUD", "BRL", "JPY", "MXN", "PLN", "ARS", "COP", "UAH", "ZAR", "USD"),
)
"""Quote assets of spot. If one name ends with another one, the longer comes first."""
USUAL_BASE_LENGTH: Final = 3
"""Fewest letters of a base asset, if a pair can be split in two ways: BNBUSD is BNB in USD, not BN in BUSD."""
UNKNOWN_QUOTE_LENGTH: Final = 3
"""Letters of a quote asset that is not in the table."""

THOUSAND: Final = "1000"
"""Prefix for a thousand of an asset that is worth less than `NEXT_TO_NOTHING`."""
NEXT_TO_NOTHING: Final = 0.001
"""US dollars."""


def split(pair: str) -> tuple[str, str]:
    """Return base and quote of a pair like `BTCUSDT`; of an unknown quote asset, three letters."""
    splits = [(pair.removesuffix(quote), quote) for quote in QUOTES if pair.endswith(quote) and pair != quote]
    known = [each for each in splits if price_of(each[0]) is not None]
    usual = [each for each in splits if len(each[0]) >= USUAL_BASE_LENGTH]
    unknown = (pair[:-UNKNOWN_QUOTE_LENGTH], pair[-UNKNOWN_QUOTE_LENGTH:])
    return next(iter(known or usual or splits), unknown if unknown[0] else (pair, "USDT"))


def unit_of(asset: str) -> tuple[str, int]:
    """Return the asset that a name means, and its number: `1000PEPE` is a thousand PEPE."""
    one = asset.removeprefix(THOUSAND)
    is_thousand = one != asset and PRICES.get(one, NEXT_TO_NOTHING) < NEXT_TO_NOTHING
    return (one, int(THOUSAND)) if is_thousand else (asset, 1)


def price_of(asset: str) -> float | None:
    """Return the US dollars for one of that name; `None` if the table does not have it."""
    one, count = unit_of(asset)
    price = PRICES.get(one)
    return None if price is None else count * price
