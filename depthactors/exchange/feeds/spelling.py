"""How each market writes prices and quantities: the exact texts that the exchange would send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a market writes its numbers. Immutable; any thread may use it.

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
        """One tick."""
        return float(self.price_step / 10**self.price_decimals)

    def price(self, ticks: int) -> str:
        """Spell a price of so many ticks, at least none."""
        return _spell(ticks * self.price_step, self.price_decimals)

    def quantity(self, lots: int) -> str:
        """Spell a quantity of so many lots, at least none; zero has all its decimals too."""
        return _spell(lots * self.quantity_step, self.quantity_decimals)


SPELLINGS: Final = {
    "/api/v3/depth": Spelling(8, 1_000_000, 8, 10_000),
    "/fapi/v1/depth": Spelling(2, 10, 3, 1),
    "/dapi/v1/depth": Spelling(1, 1, 0, 1),
    "/eapi/v1/depth": Spelling(3, 5_000, 2, 1),
}
"""By the market's depth path, as captured: of recordings and tapes; `catalogue` knows each symbol's own."""


def _spell(units: int, decimals: int) -> str:
    digits = str(units)
    if not decimals:
        return digits
    if len(digits) <= decimals:
        digits = digits.zfill(decimals + 1)
    # Cutting the digits apart takes half the time of a division and a format.
    return f"{digits[:-decimals]}.{digits[-decimals:]}"
