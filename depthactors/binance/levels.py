"""The levels of one side, checked: exact prices above zero, and quantities, where zero removes the level.

A number of up to 15 significant digits is exact as a float: its shortest decimal form is the exchange's number but for
trailing zeros. A price with more digits is refused; a quantity with more digits is kept as a `Decimal`.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from depthactors.binance.envelope import SHORT
from depthactors.errors import MalformedFrameError

if TYPE_CHECKING:
    from collections.abc import Iterable

Levels: TypeAlias = list[Any]
"""Prices and quantities in turn: `[price, quantity, price, quantity, ...]`, in the exchange's order.

The list is flat, because a list of pairs takes twice as long to make and is only ever walked through. A price is a
float above zero; a quantity is a float or a `Decimal`, and zero removes the level."""

EXACT_DIGITS: Final = 15
"""Significant decimal digits that a float has without loss (IEEE 754 binary64)..."""
_LEAST_EXACT: Final = 1e-300
"""... from about here on; nearer to zero it has fewer."""
_NUMERALS: Final = b"0123456789.eE+-"
_LONGEST_NUMBER: Final = 32
"""Most characters of a price or a quantity: the exchange's longest numbers have about twenty."""


def parse_levels(levels: Any) -> Levels:
    """Check the levels of one side as the exchange sends them; O(levels).

    Args:
        levels: decoded JSON, a list of `[price, quantity]`, both texts.

    Raises:
        MalformedFrameError: a level is no `[price, quantity]` of texts, a price is not above zero, a quantity is
            negative, or a number is not finite; the message has the first such level.
    """
    if type(levels) is not list or not set(map(type, levels)) <= {list}:
        msg = f"expected a list of levels, was {SHORT.repr(levels)}"
        raise MalformedFrameError(msg)
    flat: Levels = []
    level: Any = None
    try:
        for level in levels:
            price_text, quantity_text = level
            price = float(price_text)
            quantity = float(quantity_text)
            if (
                not (price > _LEAST_EXACT and (quantity > _LEAST_EXACT or quantity == 0.0) and price + quantity < inf)
                or len(price_text) > EXACT_DIGITS
                or len(quantity_text) > EXACT_DIGITS
            ):
                flat += _checked(price_text, quantity_text)
            else:
                flat += price, quantity
        _check_characters(levels)
    except MalformedFrameError:
        raise
    except (TypeError, ValueError) as error:
        if len(level) > 2:
            # Captures of 2017 have a third, empty element.
            return parse_levels([each[:2] for each in levels])
        msg = f"expected levels as [price, quantity] texts, was {SHORT.repr(level)} ({error})"
        raise MalformedFrameError(msg) from None
    return flat


def _check_characters(levels: list[list[str]]) -> None:
    """Check that no number has what only Python takes: blanks, underscores, digits of other scripts."""
    # All of them in one step, which is quick; only a bad one is looked for.
    if not _are_numerals(chain.from_iterable(levels)):
        bad = next(level for level in levels if not _are_numerals(level))
        msg = f"expected digits in price and quantity, was {SHORT.repr(bad)}"
        raise MalformedFrameError(msg)


def _are_numerals(texts: Iterable[str]) -> bool:
    return not "".join(texts).encode("ascii", "replace").translate(None, _NUMERALS)


def decimals_of(text: str) -> int:
    """Return the number of digits behind the point of a number's text."""
    return len(text.partition(".")[2])


def _checked(price_text: Any, quantity_text: Any) -> tuple[float, float | Decimal]:
    """Check a level that did not pass the quick test in `parse_levels`."""
    if type(price_text) is not str or type(quantity_text) is not str:
        msg = f"expected price and quantity as texts, was {SHORT.repr([price_text, quantity_text])}"
        raise MalformedFrameError(msg)
    if max(len(price_text), len(quantity_text)) > _LONGEST_NUMBER:
        shown = SHORT.repr([price_text, quantity_text])
        msg = f"expected numbers of at most {_LONGEST_NUMBER} characters, was {shown}"
        raise MalformedFrameError(msg)
    price, quantity = float(price_text), float(quantity_text)
    if not (0.0 < price < inf and 0.0 <= quantity < inf):
        msg = f"expected a price above zero and a quantity not below it, was {[price_text, quantity_text]!r}"
        raise MalformedFrameError(msg)
    if not _is_exact(price, price_text):
        msg = f"expected a price of at most {EXACT_DIGITS} significant digits, was {price_text!r}"
        raise MalformedFrameError(msg)
    # Only a number with an exponent, which the exchange never uses, can be so small that its float is zero.
    return price, quantity if quantity == 0.0 or _is_exact(quantity, quantity_text) else Decimal(quantity_text)


def _is_exact(number: float, text: str) -> bool:
    """Return whether a float has all digits of a text's number."""
    exact = Decimal(text)
    return Decimal(repr(number)) == exact and len(exact.normalize().as_tuple().digits) <= EXACT_DIGITS
