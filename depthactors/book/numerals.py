"""From a book's numbers back to exact ones and to the exchange's spelling, without loss.

A float of at most 15 significant digits has the exchange's number as its shortest decimal form; `binance` sees to it
that each price is one, and each quantity is one or a `Decimal`.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors.errors import UsageError

if TYPE_CHECKING:
    # Its defaults are for type checkers, which bring the package along; programs need not have it.
    from typing_extensions import TypeVar

    NumberT = TypeVar("NumberT", bound="Number", default=float)
    NumberT_co = TypeVar("NumberT_co", bound="Number", default=float, covariant=True)
else:
    from typing import TypeVar

    NumberT = TypeVar("NumberT", bound="Number")
    NumberT_co = TypeVar("NumberT_co", bound="Number", covariant=True)

Number: TypeAlias = float | Decimal
"""What a view's prices and quantities are: one of the two throughout an engine."""

Level: TypeAlias = tuple[NumberT, NumberT]
"""`(price, quantity)`."""

CONTEXT: Final = Context(prec=40, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""For sums and products of the exchange's numbers, whatever the program's own context is."""

TOLERANCE: Final = Decimal("1e-12")
"""Share of a number by which a float, or a sum of some, may miss the decimal that is meant."""

_ZERO: Final = Decimal(0)

_KEPT: Final = 1 << 10
"""Numbers kept, some 200 kB of them: the best levels' hardly change between two looks, and making a `Decimal` takes ten
times as long as finding it."""


def check_number_type(number: Any) -> None:
    """Refuse what cannot be the number type of an engine.

    Raises:
        UsageError: another one than `float` and `Decimal`.
    """
    if number is not float and number is not Decimal:
        msg = f"expected float or Decimal as the number type, was {number!r}"
        raise UsageError(msg)


def given(what: str, number: Any) -> tuple[Decimal, Decimal]:
    """Return a user's price or quantity as the number that is meant, and by how much it may miss that.

    A float is meant as its shortest decimal form, and may miss by some units in its last place, as `0.1 + 0.2` does.

    Raises:
        UsageError: not a number.
    """
    if isinstance(number, Decimal):
        meant = number
    elif isinstance(number, float):
        # Not `repr`, which subclasses change: numpy's says what type it is.
        meant = Decimal(float.__repr__(number))
    elif isinstance(number, Integral):
        meant = Decimal(int(number))
    elif isinstance(number, Real):
        return given(what, float(number))
    else:
        meant = Decimal("NaN")
    if meant.is_nan():
        msg = f"expected {what} as a number, was {number!r}"
        raise UsageError(msg)
    misses = isinstance(number, float) and meant.is_finite()
    return meant, CONTEXT.multiply(meant.copy_abs(), TOLERANCE) if misses else _ZERO


def exact(number: Number) -> Decimal:
    """Return the exchange's number; any thread."""
    # One Decimal is never answered with another that only equals it: 0.10 is not 0.1 where it is shown.
    return number if isinstance(number, Decimal) else _decimal(number)


@lru_cache(_KEPT, typed=True)
def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def spelt(number: Number, decimals: int) -> str:
    """Spell a number as the exchange does, with at least `decimals` digits behind the point."""
    value = exact(number)
    exponent = value.normalize().as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"{value:.{max(places, decimals)}f}"


def plain(number: Decimal) -> str:
    """Spell a number without exponent and without trailing zeros: `61730.1`, `100`, `0.000001`."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
