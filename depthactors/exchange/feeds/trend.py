"""Where the price of an order flow is to go, and how strongly. Pure."""

from __future__ import annotations

from math import exp, inf
from random import Random
from typing import TYPE_CHECKING, Final

from depthactors.exchange.feeds.price_path import PricePath
from depthactors.exchange.shapes.symbol_rules import UNKNOWN_PRICE
from depthactors.markets import SPOT

if TYPE_CHECKING:
    from depthactors.exchange.shapes.symbol_rules import Terms
    from depthactors.markets import Market

# Found by experiment: `tests/exchange/hour_of_trading.py` shows what they make.
_STRONGEST: Final = 0.9  # buys minus sells, as a part of all market orders
_GAP: Final = 40.0  # ticks from the price path at which a trend would have strength 1
_GAP_PART: Final = 0.004  # the same as a part of the price; the smaller of both counts
_USUAL_TICKS: Final = 800_000  # ticks of a price at which an order flow can follow a price path at full pace
_BASIS: Final = 0.0005  # largest difference between a market's price and spot's, as a part of the price


class Trend:
    """The price of one symbol, by the price paths of its assets, in ticks. Not thread-safe."""

    def __init__(self, terms: Terms, symbol: str, market: Market, *, seed: int, pace: float, random: Random) -> None:
        """Begin near the symbol's price in the table of assets; a symbol without one gets a random price.

        Args:
            terms: what is known of the symbol.
            symbol: the symbol, upper case.
            market: the market; its price differs a little from spot's.
            seed: the seed of the price paths.
            pace: factor by which prices change faster than usual.
            random: the order flow's random numbers.
        """
        tick, price = terms.number_format.tick, terms.price
        if price is None:
            price = Random(f"{seed}/{symbol}/price").uniform(*UNKNOWN_PRICE)  # noqa: S311 - a game, not a secret
            pace *= _USUAL_TICKS * tick / price
        self._paths = [(PricePath(seed, asset, pace), direction) for asset, direction in terms.moved_by]
        basis = 0.0 if market.name == SPOT.name else random.uniform(-_BASIS, _BASIS)
        self._price = price / tick * (1.0 + basis)
        self._gap = min(_GAP, _GAP_PART * self._price)
        self._step = 0

    def aim(self) -> float:
        """Return the price at this step."""
        return self._price * exp(sum(direction * path.at(self._step) for path, direction in self._paths))

    def next_strength(self, best_bid: int, floor: int) -> float:
        """Return the trend's strength in the next step, above 0 for a price that is to rise.

        Args:
            best_bid: the present price, in ticks.
            floor: the price, in ticks, below which it only rises.
        """
        self._step += 1
        short = inf if best_bid < floor else self.aim() - best_bid
        return max(-_STRONGEST, min(_STRONGEST, short / self._gap))
