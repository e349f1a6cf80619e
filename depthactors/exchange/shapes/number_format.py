"""How a market writes prices and quantities: the exact texts that the exchange would send. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Final, NamedTuple

_DIGITS: Final = 6
"""Digits from the first one of a price to its tick: with fewer, the lowest bids of a deep book would be below zero."""


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How the prices and quantities of a symbol are written. Immutable; any thread may use it.

    Attributes:
        price_decimals: digits behind the point of a price.
        price_step: one tick, in units of the last of these digits.
        quantity_decimals: digits behind the point of a quantity.
        quantity_step: one lot, in units of the last of these digits.
    """

    price_decimals: int
    price_step: int
    quantity_decimals: int
    quantity_step: int

    @property
    def tick(self) -> float:
        """One tick, in the quote asset."""
        return float(self.price_step / 10**self.price_decimals)

    def price(self, ticks: int) -> str:
        """Write a price, given in ticks (0 or more)."""
        return _written(ticks * self.price_step, self.price_decimals)

    def quantity(self, lots: int) -> str:
        """Write a quantity, given in lots (0 or more); zero has all its decimals too."""
        return _written(lots * self.quantity_step, self.quantity_decimals)


class FormatRule(NamedTuple):
    """How a family of markets chooses the number format of a symbol from its price.

    Attributes:
        fewest: decimals of a price, at least.
        most: decimals of a price, at most.
        quantity: decimals of a quantity; `None` for as few as its lot needs.
        coarser: powers of ten by which a lot is larger than spot's.
        contracts: decimals of a quantity that is counted in contracts; `None` if it is counted in the base asset.
    """

    fewest: int
    most: int
    quantity: int | None
    coarser: int = 0
    contracts: int | None = None

    def format_for(self, price: float, dollars: float) -> NumberFormat:
        """Choose tick and lot: a tick is a hundred thousandth of the price or less, a lot is worth 1 to 10 dollars.

        Args:
            price: the price, in the quote asset.
            dollars: US dollars for one unit of the quantity.
        """
        tick = max(floor(log10(price)) - _DIGITS + 1, -self.most)
        decimals = max(self.fewest, -tick)
        if self.contracts is not None:
            return NumberFormat(decimals, 10 ** (decimals + tick), self.contracts, 1)
        lot = self.coarser - floor(log10(dollars))
        quantity = max(0, -lot) if self.quantity is None else self.quantity
        return NumberFormat(decimals, 10 ** (decimals + tick), quantity, 10 ** max(0, quantity + lot))


def _written(units: int, decimals: int) -> str:
    digits = str(units)
    if not decimals:
        return digits
    if len(digits) <= decimals:
        digits = digits.zfill(decimals + 1)
    # Cutting the text of digits takes half the time of a division and a format.
    return f"{digits[:-decimals]}.{digits[-decimals:]}"
