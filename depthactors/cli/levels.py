"""The levels around the touch as rows of text: aligned, added up, and put together by steps of the price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from depthactors.cli.grouping import decimals_of, grouped

if TYPE_CHECKING:
    from depthactors.book import BookView
    from depthactors.book.view import Side
    from depthactors.cli.grouping import ExactLevel


@dataclass(frozen=True, slots=True)
class Row:
    """One level, or one step of the price.

    Attributes:
        price: the price, or the multiple of the step.
        size: quantity there; with a `+` if levels that are not followed belong to it, too.
        total: quantity from the best price to this one.
        share: size in relation to the largest on the screen, 0 to 1.
    """

    price: str
    size: str
    total: str
    share: float


@dataclass(frozen=True, slots=True)
class Levels:
    """The rows of both sides, best first; numbers have as many decimals as the longest of them needs."""

    bids: list[Row]
    asks: list[Row]


def levels_of(view: BookView[Any], count: int, step: Decimal | None, depth: int) -> Levels:
    """Return the best `count` rows a side.

    Args:
        view: the levels to show; with a step all that are followed.
        count: number of rows a side.
        step: step of the price; `None` for a row a level.
        depth: number of levels a side that are followed.
    """
    if step is None:
        view = view.best(count, view.number)
    bids, partial_bid = _side(view, "bid", count, step, depth)
    asks, partial_ask = _side(view, "ask", count, step, depth)
    both = bids + asks
    price_decimals = decimals_of(f"{price:f}" for price, _ in both)
    size_decimals = decimals_of(f"{size:f}" for _, size in both)
    largest = max((size for _, size in both), default=Decimal(1)) or Decimal(1)

    def rows(levels: list[ExactLevel], partial: int | None) -> list[Row]:
        totals = accumulate(size for _, size in levels)
        return [
            Row(
                f"{price:.{price_decimals}f}",
                f"{size:.{size_decimals}f}" + "+" * (place == partial),
                f"{total:.{size_decimals}f}",
                float(size / largest),
            )
            for place, ((price, size), total) in enumerate(zip(levels, totals, strict=True))
        ]

    return Levels(rows(bids, partial_bid), rows(asks, partial_ask))


def _side(
    view: BookView[Any], side: Side, count: int, step: Decimal | None, depth: int
) -> tuple[list[ExactLevel], int | None]:
    """Return the best rows of one side, and the place of one that may go on beyond the levels that are followed."""
    levels = [(Decimal(price), Decimal(size)) for price, size in view.texts(side)]
    if step is None:
        return levels[:count], None
    groups = grouped(levels, side, step)
    return groups[:count], len(groups) - 1 if len(levels) >= depth else None
