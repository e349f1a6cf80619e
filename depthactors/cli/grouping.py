"""Levels of a ladder that are put together by steps of the price."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.book.view import Side

ExactLevel: TypeAlias = tuple[Decimal, Decimal]

_NEXT: Final = {1: 2, 2: 5, 5: 10}


def grouped(levels: Iterable[ExactLevel], side: Side, step: Decimal) -> list[ExactLevel]:
    """Add up the quantities of one side, best first, by multiples of `step`.

    A bid counts at the multiple at or below its price, an ask at the one at or above: no price looks better than it is.
    """
    rounding = ROUND_FLOOR if side == "bid" else ROUND_CEILING
    groups: list[ExactLevel] = []
    for price, quantity in levels:
        place = (price / step).to_integral_value(rounding) * step
        if groups and groups[-1][0] == place:
            groups[-1] = place, groups[-1][1] + quantity
        else:
            groups.append((place, quantity))
    return groups


def coarser(step: Decimal | None, tick: Decimal) -> Decimal:
    """Return the next larger of the steps 1, 2, 5, 10, 20, 50... times a power of ten; first twice the tick."""
    unit, digit = _split(tick if step is None else step)
    return unit * _NEXT[digit]


def finer(step: Decimal | None, tick: Decimal) -> Decimal | None:
    """Return the next smaller step; `None`, for every level apart, at the tick."""
    if step is None:
        return None
    unit, digit = _split(step)
    smaller = unit * digit if unit * digit < step else {1: unit / 2, 2: unit, 5: unit * 2}[digit]
    return smaller if smaller > tick else None


def _split(step: Decimal) -> tuple[Decimal, int]:
    """Return the power of ten and the digit, 1, 2 or 5, of the largest of the steps that is not above this one."""
    unit = Decimal(1).scaleb(step.adjusted())
    return unit, max(digit for digit in (1, 2, 5) if unit * digit <= step)


def tick_of(prices: Iterable[str]) -> Decimal:
    """Return the smallest step that the spelling of prices shows: many markets fill their prices with zeros."""
    return Decimal(1).scaleb(-decimals_of(prices))


def decimals_of(texts: Iterable[str]) -> int:
    """Return the number of digits behind the point that the longest of these numbers needs."""
    return max((len(text.partition(".")[2].rstrip("0")) for text in texts), default=0)
