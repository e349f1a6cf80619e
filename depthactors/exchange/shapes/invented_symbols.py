"""Symbols for a number that a user asks for, instead of names. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors.errors import UsageError
from depthactors.markets import Family

if TYPE_CHECKING:
    from depthactors.markets import Market

COINS: Final = ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC", "DOT", "LINK")
FIRST_STRIKE: Final = 60_000
STRIKE_STEP: Final = 500
OPTION_EXPIRY: Final = "261225"


def invent(market: Market, count: int) -> list[str]:
    """Return `count` symbols as the market writes them, well-known ones first.

    Raises:
        UsageError: a count that is not above zero.
    """
    if count < 1:
        msg = f"expected at least one symbol, was {count!r}"
        raise UsageError(msg)
    if market.family is Family.OPTIONS:
        strikes = (FIRST_STRIKE + STRIKE_STEP * (number // 2) for number in range(count))
        return [f"BTC-{OPTION_EXPIRY}-{strike}-{'CP'[number % 2]}" for number, strike in enumerate(strikes)]
    quote = "USD_PERP" if market.family is Family.COINM else "USDT"
    coins = [*COINS[:count], *(f"SYM{number:04}" for number in range(len(COINS) + 1, count + 1))]
    return [f"{coin}{quote}" for coin in coins]
