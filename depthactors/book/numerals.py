"""From a book's keys and texts back to numbers and spellings, without loss.

A price is kept as a float, whose shortest decimal form is the exchange's number (at most 15
significant digits, checked in `wire`); a quantity is kept as the exchange's own text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Number: TypeAlias = float | Decimal
"""What a view's prices and quantities are: one of the two throughout an engine."""

Level: TypeAlias = tuple[Number, Number]
"""`(price, quantity)`."""


def price_decimal(key: float) -> Decimal:
    """Return the exact price of a key of either side."""
    return Decimal(repr(abs(key)))


def price_text(key: float, decimals: int) -> str:
    """Spell a key's price as the exchange does, with at least `decimals` digits behind the point."""
    price = price_decimal(key)
    exponent = price.normalize().as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"{price:.{max(places, decimals)}f}"


def plain(number: Decimal) -> str:
    """Spell a number without exponent and without trailing zeros: `61730.1`, `100`, `0.000001`."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_reader(number: type[float | Decimal]) -> Callable[[float], Number]:
    """Return what turns a key into a price of type `number`."""
    return abs if number is float else price_decimal
