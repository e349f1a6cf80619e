"""What each market can list: under which names, on which grid, at which price; from the table of assets. Pure.

A price in another asset than the dollar is a division. An asset is worth the same on every market, but for the
grids and for what the order flow makes of it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from math import exp, floor, log10
from typing import TYPE_CHECKING, Final, NamedTuple

from depthactors.exchange import assets
from depthactors.exchange.feeds.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depthactors.markets import Market

FEWEST_TICKS: Final = 150
"""A pair that is worth less of the finest grid there is has no room for a book, and is not listed."""
UNKNOWN_PRICE: Final = (3_000.0, 9_000.0)
"""Between which the price of a symbol that is not in the table is drawn."""

_DIGITS: Final = 6
"""Of a price down to its tick: with fewer the lowest bids of a deep book would be below zero."""
_LISTED_QUOTES: Final = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "USD")
"""In which spot lists every coin; pairs in other quotes are there for those who ask."""
_SPOT_TOO: Final = ("1000SATSUSDT", "USDCUSDT", "FDUSDUSDT", "EURUSDT", "USDTTRY")
_USDM_QUOTES: Final = ("USDT", "USDC", "BTC")
_COINM_COINS: Final = 20
_UNDERLYINGS: Final = ("BTC", "ETH", "BNB", "SOL", "XRP", "DOGE")
_STRIKES: Final = (0.8, 0.9, 1.0, 1.1, 1.2)
"""In prices of the underlying, those that are listed; others, up to `_FARTHEST_STRIKE`, are there for those who ask."""
_FARTHEST_STRIKE: Final = 10.0
"""Factor between strike and price of the underlying, up or down."""
_EXPIRIES: Final = 3
"""Fridays from the next one on, on which listed options end; they may end on any day."""
_FRIDAY: Final = 4
"""As `datetime.weekday` counts."""
_EXPIRY_HOUR: Final = 8
"""UTC, of options and of delivery contracts, as `exchangeInfo` has it."""
_TIME_VALUE: Final = 0.05
"""Of an option at the money, in prices of the underlying."""
_FAR: Final = 0.25
"""Distance of the strike, in prices of the underlying, at which the time value is down to a third."""

_PAIR: Final = re.compile(r"[^-_]+")
_DATED: Final = re.compile(r"(?![^-_]+USD_)([^-_]+)(?:_(\d{6}))?")
_COINM: Final = re.compile(r"([^-_]+)USD_(PERP|\d{6})")
_OPTION: Final = re.compile(r"([0-9A-Z]+)-(\d{6})-(\d+(?:\.\d+)?)-([CP])")


class Terms(NamedTuple):
    """What an order flow needs to know of its symbol.

    Attributes:
        spelling: the form of its numbers.
        price: about where it begins, in the quote asset; `None` for a symbol that is not in the table.
        moved_by: the assets whose course the price follows, with 1, or with -1 where it goes the other way.
    """

    spelling: Spelling
    price: float | None
    moved_by: tuple[tuple[str, int], ...]


class Option(NamedTuple):
    """What the name of an option says: `BTC-261225-100000-C`."""

    underlying: str
    expiry_ms: int
    strike: str
    side: str


def fits(market: Market, symbol: str) -> bool:
    """Return whether a symbol is spelt as the market's are, known or not."""
    return _FAMILIES[market.depth_path].shape.fullmatch(symbol) is not None


def lists(market: Market, symbol: str) -> bool:
    """Return whether the table has what the symbol is made of."""
    return _FAMILIES[market.depth_path].terms(symbol) is not None


def terms_of(market: Market, symbol: str) -> Terms:
    """Return the terms of a symbol, also of one that the table does not have."""
    family = _FAMILIES[market.depth_path]
    return family.terms(symbol) or Terms(family.grid(UNKNOWN_PRICE[0], UNKNOWN_PRICE[0]), None, ((symbol, 1),))


def names(market: Market, now_ms: int) -> list[str]:
    """Return what the market lists, the best-known first; what it lists on request is more.

    Args:
        market: the market, of which `depth_path` decides.
        now_ms: milliseconds since the epoch; options end.
    """
    return [*_FAMILIES[market.depth_path].names(now_ms)]


def option_of(symbol: str) -> Option | None:
    """Read the name of an option, `None` if it is none."""
    match = _OPTION.fullmatch(symbol)
    expiry_ms = None if match is None else expiry_of(match[2])
    return None if match is None or expiry_ms is None else Option(match[1], expiry_ms, match[3], match[4])


def expiry_of(date: str) -> int | None:
    """Return the time, in ms, at which contracts named after a day (`261225`) end; `None` when it is no day."""
    try:
        day = datetime.strptime(date, "%y%m%d").replace(hour=_EXPIRY_HOUR, tzinfo=UTC)
    except ValueError:
        return None
    return int(day.timestamp()) * 1_000


class _Grid(NamedTuple):
    """How a market spells: decimals of prices, at least and at most, and of quantities; `None`: as few as there are.

    Attributes:
        coarser: powers of ten by which a lot is larger than spot's.
        contracts: quantities are whole contracts.
    """

    fewest: int
    most: int
    quantity: int | None
    coarser: int = 0
    contracts: int | None = None

    def __call__(self, price: float, dollars: float) -> Spelling:
        """Choose tick and lot: a tick is a hundred thousandth of the price or less, a lot one to ten dollars' worth.

        Args:
            price: in the quote asset.
            dollars: worth of one unit of the quantity.
        """
        tick = max(floor(log10(price)) - _DIGITS + 1, -self.most)
        decimals = max(self.fewest, -tick)
        if self.contracts is not None:
            return Spelling(decimals, 10 ** (decimals + tick), self.contracts, 1)
        lot = self.coarser - floor(log10(dollars))
        quantity = max(0, -lot) if self.quantity is None else self.quantity
        return Spelling(decimals, 10 ** (decimals + tick), quantity, 10 ** max(0, quantity + lot))


class _Family(NamedTuple):
    """The markets with one depth path."""

    shape: re.Pattern[str]
    grid: _Grid
    terms: Callable[[str], Terms | None]
    names: Callable[[int], Iterator[str]]


def _spot(symbol: str) -> Terms | None:
    return _pair(symbol, assets.QUOTES, _SPOT_GRID)


def _usdm(symbol: str) -> Terms | None:
    match = _DATED.fullmatch(symbol)
    if match is None or (match[2] is not None and expiry_of(match[2]) is None):
        return None
    return _pair(match[1], _USDM_QUOTES, _USDM_GRID)


def _coinm(symbol: str) -> Terms | None:
    match = _COINM.fullmatch(symbol)
    price = None if match is None else assets.COINS.get(match[1])
    if match is None or price is None or (match[2] != "PERP" and expiry_of(match[2]) is None):
        return None
    return _terms(_COINM_GRID, price, price, ((match[1], 1),))


def _option(symbol: str) -> Terms | None:
    option = option_of(symbol)
    if option is None or option.underlying not in _UNDERLYINGS:
        return None
    price, strike = assets.COINS[option.underlying], float(option.strike)
    if not price / _FARTHEST_STRIKE <= strike <= price * _FARTHEST_STRIKE:
        return None
    direction = 1 if option.side == "C" else -1
    time_value = price * max(0.1 * _TIME_VALUE, _TIME_VALUE * exp(-(((strike - price) / (_FAR * price)) ** 2)))
    worth = max(0.0, direction * (price - strike)) + time_value
    return _terms(_OPTIONS_GRID, worth, price, ((option.underlying, direction),))


def _pair(pair: str, quotes: tuple[str, ...], grid: _Grid) -> Terms | None:
    base, quote = assets.split(pair)
    price, unit = assets.price_of(base), assets.PRICES.get(quote)
    if price is None or unit is None or quote not in quotes or base == quote or base + quote != pair:
        return None
    moved_by = [(assets.unit_of(base)[0], 1), (quote, -1)]
    return _terms(grid, price / unit, price, tuple(each for each in moved_by if each[0] in assets.COINS))


def _terms(grid: _Grid, price: float, dollars: float, moved_by: tuple[tuple[str, int], ...]) -> Terms | None:
    spelling = grid(price, dollars)
    return Terms(spelling, price, moved_by) if price / spelling.tick >= FEWEST_TICKS else None


def _spot_names(_: int) -> Iterator[str]:
    pairs = (f"{coin}{quote}" for quote in _LISTED_QUOTES for coin in assets.COINS)
    yield from (pair for pair in pairs if _spot(pair) is not None)
    yield from _SPOT_TOO


def _usdm_names(_: int) -> Iterator[str]:
    for quote in _USDM_QUOTES[:2]:
        for coin, price in assets.COINS.items():
            yield f"{assets.THOUSAND if price < assets.NEXT_TO_NOTHING else ''}{coin}{quote}"
    yield "ETHBTC"


def _coinm_names(_: int) -> Iterator[str]:
    return (f"{coin}USD_PERP" for coin in [*assets.COINS][:_COINM_COINS])


def _options_names(now_ms: int) -> Iterator[str]:
    today = datetime.fromtimestamp(now_ms / 1_000, UTC)
    # One that ends today is not listed any more.
    friday = today + timedelta(days=(_FRIDAY - today.weekday() - 1) % 7 + 1)
    for underlying in _UNDERLYINGS:
        for week in range(_EXPIRIES):
            for part in _STRIKES:
                # Two digits are enough for a round number.
                strike = float(f"{part * assets.COINS[underlying]:.1e}")
                for side in "CP":
                    yield f"{underlying}-{friday + timedelta(weeks=week):%y%m%d}-{strike:.12g}-{side}"


_SPOT_GRID: Final = _Grid(8, 8, 8)
_USDM_GRID: Final = _Grid(2, 8, None, coarser=1)
_COINM_GRID: Final = _Grid(1, 8, None, contracts=0)
_OPTIONS_GRID: Final = _Grid(3, 8, None, contracts=2)
_FAMILIES: Final = {
    "/api/v3/depth": _Family(_PAIR, _SPOT_GRID, _spot, _spot_names),
    "/fapi/v1/depth": _Family(_DATED, _USDM_GRID, _usdm, _usdm_names),
    "/dapi/v1/depth": _Family(_COINM, _COINM_GRID, _coinm, _coinm_names),
    "/eapi/v1/depth": _Family(_OPTION, _OPTIONS_GRID, _option, _options_names),
}
