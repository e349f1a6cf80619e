"""Which symbols each family of markets can list, at which price and in which number format. Pure.

The source is the table of assets: a price in another asset than the dollar is a division. An asset is worth the same
on every market, but for its number format and for what the order flow makes of it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from math import exp
from typing import TYPE_CHECKING, Final, NamedTuple

from depthactors.exchange.shapes import assets
from depthactors.exchange.shapes.contract_names import OPTION, expiry_of, option_of
from depthactors.exchange.shapes.number_format import FormatRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depthactors.exchange.shapes.number_format import NumberFormat

FEWEST_TICKS: Final = 150
"""Ticks that a price must be worth: a pair below that, even with the finest tick, has no room for a book."""
UNKNOWN_PRICE: Final = (3_000.0, 9_000.0)
"""Range of the random price of a symbol that is not in the table."""

_LISTED_QUOTES: Final = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "USD")
"""Quote assets in which spot lists every coin; pairs in other quote assets are listed when they are asked for."""
_SPOT_TOO: Final = ("1000SATSUSDT", "USDCUSDT", "FDUSDUSDT", "EURUSDT", "USDTTRY")
_USDM_QUOTES: Final = ("USDT", "USDC", "BTC")
_COINM_COINS: Final = 20
_UNDERLYINGS: Final = ("BTC", "ETH", "BNB", "SOL", "XRP", "DOGE")
_STRIKES: Final = (0.8, 0.9, 1.0, 1.1, 1.2)
"""Listed strikes, as multiples of the underlying's price; others, up to `_FARTHEST_STRIKE`, when they are asked for."""
_FARTHEST_STRIKE: Final = 10.0
"""Largest factor between a strike and the underlying's price, up or down."""
_EXPIRIES: Final = 3
"""Number of Fridays, from the next one on, on which listed options end; others may end on any day."""
_FRIDAY: Final = 4
"""Friday as `datetime.weekday` counts."""
_TIME_VALUE: Final = 0.05
"""Worth of an option at the money, as a part of the underlying's price."""
_FAR: Final = 0.25
"""Distance of the strike, as a part of the underlying's price, at which the time value is down to a third."""

_PAIR: Final = re.compile(r"[^-_]+")
_DATED: Final = re.compile(r"(?![^-_]+USD_)([^-_]+)(?:_(\d{6}))?")
_COINM: Final = re.compile(r"([^-_]+)USD_(PERP|\d{6})")


class Terms(NamedTuple):
    """What an order flow needs to know of its symbol.

    Attributes:
        number_format: how its prices and quantities are written.
        price: the price near which it begins, in the quote asset; `None` for a symbol that is not in the table.
        moved_by: the assets whose price paths it follows, with 1, or with -1 where it moves the other way.
    """

    number_format: NumberFormat
    price: float | None
    moved_by: tuple[tuple[str, int], ...]


class SymbolRules(NamedTuple):
    """The symbols of a family of markets.

    Attributes:
        pattern: what its symbols look like, known or not.
        format_rule: how the number format of a symbol follows from its price.
        known_terms: the terms of a symbol that consists of known assets, else `None`.
        listed: the symbols that it lists at a time (milliseconds since the epoch, since options end), the
            best-known first; more are listed when they are asked for.
    """

    pattern: re.Pattern[str]
    format_rule: FormatRule
    known_terms: Callable[[str], Terms | None]
    listed: Callable[[int], Iterator[str]]

    def fits(self, symbol: str) -> bool:
        """Return whether a symbol looks like one of the family, known or not."""
        return self.pattern.fullmatch(symbol) is not None

    def knows(self, symbol: str) -> bool:
        """Return whether a symbol consists of known assets."""
        return self.known_terms(symbol) is not None

    def terms(self, symbol: str) -> Terms:
        """Return the terms of any symbol; an unknown symbol gets a number format for `UNKNOWN_PRICE`."""
        low, _ = UNKNOWN_PRICE
        return self.known_terms(symbol) or Terms(self.format_rule.format_for(low, low), None, ((symbol, 1),))


def _spot_terms(symbol: str) -> Terms | None:
    return _pair(symbol, assets.QUOTES, _SPOT_FORMAT)


def _usdm_terms(symbol: str) -> Terms | None:
    match = _DATED.fullmatch(symbol)
    if match is None or (match[2] is not None and expiry_of(match[2]) is None):
        return None
    return _pair(match[1], _USDM_QUOTES, _USDM_FORMAT)


def _coinm_terms(symbol: str) -> Terms | None:
    match = _COINM.fullmatch(symbol)
    price = None if match is None else assets.COINS.get(match[1])
    if match is None or price is None or (match[2] != "PERP" and expiry_of(match[2]) is None):
        return None
    return _terms(_COINM_FORMAT, price, price, ((match[1], 1),))


def _option_terms(symbol: str) -> Terms | None:
    option = option_of(symbol)
    if option is None or option.underlying not in _UNDERLYINGS:
        return None
    price, strike = assets.COINS[option.underlying], float(option.strike)
    if not price / _FARTHEST_STRIKE <= strike <= price * _FARTHEST_STRIKE:
        return None
    direction = 1 if option.side == "C" else -1
    time_value = price * max(0.1 * _TIME_VALUE, _TIME_VALUE * exp(-(((strike - price) / (_FAR * price)) ** 2)))
    worth = max(0.0, direction * (price - strike)) + time_value
    return _terms(_OPTIONS_FORMAT, worth, price, ((option.underlying, direction),))


def _pair(pair: str, quotes: tuple[str, ...], rule: FormatRule) -> Terms | None:
    base, quote = assets.split(pair)
    price, unit = assets.price_of(base), assets.PRICES.get(quote)
    if price is None or unit is None or quote not in quotes or base == quote or base + quote != pair:
        return None
    moved_by = [(assets.unit_of(base)[0], 1), (quote, -1)]
    return _terms(rule, price / unit, price, tuple(each for each in moved_by if each[0] in assets.COINS))


def _terms(rule: FormatRule, price: float, dollars: float, moved_by: tuple[tuple[str, int], ...]) -> Terms | None:
    number_format = rule.format_for(price, dollars)
    return Terms(number_format, price, moved_by) if price / number_format.tick >= FEWEST_TICKS else None


def _spot_listed(_: int) -> Iterator[str]:
    pairs = (f"{coin}{quote}" for quote in _LISTED_QUOTES for coin in assets.COINS)
    yield from (pair for pair in pairs if _spot_terms(pair) is not None)
    yield from _SPOT_TOO


def _usdm_listed(_: int) -> Iterator[str]:
    for quote in _USDM_QUOTES[:2]:
        for coin, price in assets.COINS.items():
            yield f"{assets.THOUSAND if price < assets.NEXT_TO_NOTHING else ''}{coin}{quote}"
    yield "ETHBTC"


def _coinm_listed(_: int) -> Iterator[str]:
    return (f"{coin}USD_PERP" for coin in [*assets.COINS][:_COINM_COINS])


def _options_listed(now_ms: int) -> Iterator[str]:
    today = datetime.fromtimestamp(now_ms / 1_000, UTC)
    # An option that ends today is not listed any more.
    friday = today + timedelta(days=(_FRIDAY - today.weekday() - 1) % 7 + 1)
    for underlying in _UNDERLYINGS:
        for week in range(_EXPIRIES):
            for part in _STRIKES:
                # Two digits are enough for a round number.
                strike = float(f"{part * assets.COINS[underlying]:.1e}")
                for side in "CP":
                    yield f"{underlying}-{friday + timedelta(weeks=week):%y%m%d}-{strike:.12g}-{side}"


_SPOT_FORMAT: Final = FormatRule(8, 8, 8)
_USDM_FORMAT: Final = FormatRule(2, 8, None, coarser=1)
_COINM_FORMAT: Final = FormatRule(1, 8, None, contracts=0)
_OPTIONS_FORMAT: Final = FormatRule(3, 8, None, contracts=2)

SPOT_SYMBOLS: Final = SymbolRules(_PAIR, _SPOT_FORMAT, _spot_terms, _spot_listed)
USDM_SYMBOLS: Final = SymbolRules(_DATED, _USDM_FORMAT, _usdm_terms, _usdm_listed)
COINM_SYMBOLS: Final = SymbolRules(_COINM, _COINM_FORMAT, _coinm_terms, _coinm_listed)
OPTIONS_SYMBOLS: Final = SymbolRules(OPTION, _OPTIONS_FORMAT, _option_terms, _options_listed)
