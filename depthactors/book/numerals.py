"""From a book's numbers to exact ones and to the exchange's spelling, without loss.

A float of at most 15 significant digits has the exchange's number as its shortest decimal form. `binance` makes sure
that each price is such a float, and each quantity such a float or a `Decimal`.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors.errors import UsageError

if TYPE_CHECKING:
    # Only type checkers need the defaults, and they have this package; programs do not need it.
    from typing_extensions import TypeVar

    NumberT = TypeVar("NumberT", bound="Number", default=float)
    NumberT_co = TypeVar("NumberT_co", bound="Number", default=float, covariant=True)
else:
    from typing import TypeVar

    NumberT = TypeVar("NumberT", bound="Number")
    NumberT_co = TypeVar("NumberT_co", bound="Number", covariant=True)

Number: TypeAlias = float | Decimal
"""The type of prices and quantities: one of the two throughout an engine."""

Level: TypeAlias = tuple[NumberT, NumberT]
"""`(price, quantity)`."""

CONTEXT: Final = Context(prec=40, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""The context for sums and products of the exchange's numbers, whatever the program's own context is."""

TOLERANCE: Final = Decimal("1e-12")
"""Relative error of a float, or of a sum of floats, as compared with the decimal that is meant."""

_ZERO: Final = Decimal(0)

_KEPT: Final = 1 << 10
"""Numbers in the cache, some 200 kB: the best levels hardly change between two views, and making a `Decimal` takes ten
times as long as finding it."""


def check_number_type(number: Any) -> None:
    """Check the number type of an engine.

    Raises:
        UsageError: it is neither `float` nor `Decimal`.
    """
    if number is not float and number is not Decimal:
        msg = f"expected float or Decimal as the number type, was {number!r}"
        raise UsageError(msg)


def given(what: str, number: Any) -> tuple[Decimal, Decimal]:
    """Return the number that a user's price or quantity means, and the largest error that it may have.

    A float means its shortest decimal form, and may be wrong by some units in its last place, as `0.1 + 0.2` is.

    Raises:
        UsageError: it is not a number.
    """
    if isinstance(number, Decimal):
        meant = number
    elif isinstance(number, float):
        # Not `repr`, which subclasses change: numpy's includes the type.
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
    """Return the exchange's number.

    Thread: any.
    """
    # A Decimal is never replaced by an equal one: 0.10 is not 0.1 where it is shown.
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
