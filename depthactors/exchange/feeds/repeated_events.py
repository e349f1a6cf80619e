"""Events of an order flow made beforehand, to be repeated without end: load without the work of making it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from depthactors.errors import UsageError
from depthactors.exchange.feeds.order_flow import OrderFlow
from depthactors.exchange.feeds.truth import PlainBook
from depthactors.exchange.shapes.table import shape_of

if TYPE_CHECKING:
    from depthactors.exchange.shapes.depth import LevelText
    from depthactors.markets import Market

_SYMBOL: Final = "TAPE"
COPY_EVERY: Final = 128
"""Number of events between two kept copies of the book."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """One event: its ids counted from the first event, its sides as JSON."""

    first: int
    last: int
    bids: bytes
    asks: bytes


class RepeatedEvents:
    """The events of an order flow, and one more that leads back to the first book. Immutable.

    Ids are counted from the first event; `span` is how far one round brings them. Many symbols may repeat the same
    events, each from a place of its own.
    """

    def __init__(self, market: Market, steps: int, *, seed: int, levels: float, depth: int) -> None:
        """Make the events. Cost: that of `steps` steps of an order flow.

        Args:
            market: the market, which decides the number format and the update ids.
            steps: number of events (steps in which nothing happened are left out).
            seed: the seed; the same seed makes the same events.
            levels: number of level changes in an event, on average.
            depth: number of levels a side, about.

        Raises:
            UsageError: no event, or figures that no book can have.
        """
        if steps < 1:
            msg = f"expected at least one event to repeat, was {steps!r}"
            raise UsageError(msg)
        self.number_format = shape_of(market).symbols.terms(_SYMBOL).number_format
        """How prices and quantities are written."""
        flow = OrderFlow(_SYMBOL, market, seed, levels=levels, depth=depth)
        origin = flow.last_id
        first_book = PlainBook(*flow.book())
        book = first_book.copy()
        self._events: list[_Sides] = []
        self._copies = [first_book]
        while len(self._events) < steps:
            change = flow.step()
            if change is not None:
                self._add(book, change.first_id - origin, change.last_id - origin, change.bids, change.asks)
        bids, asks = book.changes_to(first_book)
        last = self._events[-1].last
        self._add(book, last + 1, last + max(1, len(bids) + len(asks)), bids, asks)
        self._ends = [event.last for event in self._events]
        self.span = self._ends[-1]

    def __len__(self) -> int:
        """Return the number of events in a round, with the one that leads back."""
        return len(self._events)

    def event(self, place: int) -> tuple[int, int, orjson.Fragment, orjson.Fragment]:
        """Return ids (first, last) and sides (bids, asks) of the event at a place of the round."""
        event = self._events[place]
        return event.first, event.last, orjson.Fragment(event.bids), orjson.Fragment(event.asks)

    def end_before(self, place: int) -> int:
        """Return the id at which the event before that place ended; 0 at the start of the round."""
        return self._events[place - 1].last if place else 0

    def place_after(self, last: int) -> int | None:
        """Return the place that follows the event that ended at `last` (0 for none); `None` if no event ended there."""
        if last == 0:
            return 0
        place = bisect_right(self._ends, last)
        return place if place and self._ends[place - 1] == last else None

    def book_before(self, place: int) -> PlainBook:
        """Return a new book, as it is before the event at that place. Cost: at most `COPY_EVERY` events."""
        copy = min(place // COPY_EVERY, len(self._copies) - 1)
        book = self._copies[copy].copy()
        for event in self._events[copy * COPY_EVERY : place]:
            book.apply({"b": orjson.loads(event.bids), "a": orjson.loads(event.asks)})
        return book

    def _add(self, book: PlainBook, first: int, last: int, bids: list[LevelText], asks: list[LevelText]) -> None:
        self._events.append(_Sides(first, last, orjson.dumps(bids), orjson.dumps(asks)))
        book.apply({"b": bids, "a": asks})
        if len(self._events) % COPY_EVERY == 0:
            self._copies.append(book.copy())
