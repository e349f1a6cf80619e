"""What one step of an order flow changed, as values. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from depthactors.exchange.shapes.depth import LevelText


class BestPrices(NamedTuple):
    """The best prices right after one update of the book.

    Attributes:
        update_id: the update's id.
        bid: price and quantity of the best bid, as texts.
        ask: price and quantity of the best ask, as texts.
    """

    update_id: int
    bid: LevelText
    ask: LevelText


class Change(NamedTuple):
    """Everything that one step changed, merged: one entry for each price, with its last quantity.

    Attributes:
        first_id: the id of the step's first update.
        last_id: the id of the step's last update, and of the book after it.
        bids: levels, best first; quantity zero for a level that vanished, even one that came within the step.
        asks: the same for asks.
        best_prices: each change of a best price or its quantity, in order; empty if not asked for. A market order
            that takes several levels is seen once, when it is done.
    """

    first_id: int
    last_id: int
    bids: list[LevelText]
    asks: list[LevelText]
    best_prices: list[BestPrices]
