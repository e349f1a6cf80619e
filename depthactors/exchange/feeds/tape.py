"""A stretch of trading made beforehand, to be repeated without end: load without the work of making it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from depthactors.errors import UsageError
from depthactors.exchange.catalogue import terms_of
from depthactors.exchange.feeds.flow import OrderFlow
from depthactors.exchange.feeds.truth import LevelText, PlainBook

if TYPE_CHECKING:
    from depthactors.markets import Market

_SYMBOL: Final = "TAPE"
COPY_EVERY: Final = 128
"""Steps between two kept copies of the book."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """One event: its ids counted from the tape's start, its sides as JSON."""

    first: int
    last: int
    bids: bytes
    asks: bytes


class Tape:
    """The events of some steps of an order flow, and one more that leads back to the first book. Immutable.

    Ids are counted from the tape's start; `span` is how far one lap brings them. Many symbols may play
    one tape, each from a place of its own.
    """

    def __init__(self, market: Market, steps: int, *, seed: int, levels: float, depth: int) -> None:
        """Let a market trade for so many steps; takes as long as that takes.

        Args:
            market: decides the spelling and how ids run.
            steps: events (steps in which nothing happened are left out).
            seed: the same seed makes the same tape.
            levels: level changes in an event, on average.
            depth: levels a side, about.

        Raises:
            UsageError: no event, or figures that no book can have.
        """
        if steps < 1:
            msg = f"expected at least one event to repeat, was {steps!r}"
            raise UsageError(msg)
        self.spelling = terms_of(market, _SYMBOL).spelling
        """How prices and quantities are written."""
        flow = OrderFlow(_SYMBOL, market, seed, levels=levels, depth=depth)
        origin = flow.last_id
        first_book = PlainBook(*flow.book())
        book = first_book.copy()
        self._frames: list[_Frame] = []
        self._copies = [first_book]
        while len(self._frames) < steps:
            change = flow.step()
            if change is not None:
                self._add(book, change.first_id - origin, change.last_id - origin, change.bids, change.asks)
        bids, asks = book.changes_to(first_book)
        last = self._frames[-1].last
        self._add(book, last + 1, last + max(1, len(bids) + len(asks)), bids, asks)
        self._ends = [frame.last for frame in self._frames]
        self.span = self._ends[-1]

    def __len__(self) -> int:
        """Events in a lap, the one that leads back included."""
        return len(self._frames)

    def frame(self, place: int) -> tuple[int, int, orjson.Fragment, orjson.Fragment]:
        """Return ids (first, last) and sides (bids, asks) of the event at a place of the lap."""
        frame = self._frames[place]
        return frame.first, frame.last, orjson.Fragment(frame.bids), orjson.Fragment(frame.asks)

    def end_before(self, place: int) -> int:
        """Return the id at which the event before that place ended; 0 at the lap's start."""
        return self._frames[place - 1].last if place else 0

    def place_after(self, last: int) -> int | None:
        """Return the place that follows the event that ended at `last` (0 for none); `None` if none ended there."""
        if last == 0:
            return 0
        place = bisect_right(self._ends, last)
        return place if place and self._ends[place - 1] == last else None

    def book_before(self, place: int) -> PlainBook:
        """Return the book before the event at that place, a fresh one; replays at most `COPY_EVERY` events."""
        copy = min(place // COPY_EVERY, len(self._copies) - 1)
        book = self._copies[copy].copy()
        for frame in self._frames[copy * COPY_EVERY : place]:
            book.apply({"b": orjson.loads(frame.bids), "a": orjson.loads(frame.asks)})
        return book

    def _add(self, book: PlainBook, first: int, last: int, bids: list[LevelText], asks: list[LevelText]) -> None:
        self._frames.append(_Frame(first, last, orjson.dumps(bids), orjson.dumps(asks)))
        book.apply({"b": bids, "a": asks})
        if len(self._frames) % COPY_EVERY == 0:
            self._copies.append(book.copy())
