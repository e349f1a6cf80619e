"""A tape as a feed: events that cost next to nothing to make, and a truth that reaches back without end."""

from __future__ import annotations

import time
from collections import deque
from math import inf
from random import Random
from typing import TYPE_CHECKING, Final

from depthactors.errors import UsageError
from depthactors.exchange import shapes
from depthactors.exchange.feeds.flow_feed import longest_lag, phase
from depthactors.exchange.feeds.ledger import Depth
from depthactors.exchange.feeds.tick import Step, Tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.exchange.feeds.tape import Tape
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.markets import Market

FIRST_ID: Final = 1_000_000_000
STALE_BY: Final = 100
"""Events that a stale snapshot is behind."""


class TapeFeed:
    """One symbol that plays a tape in a circle, from a place drawn for it.

    Ids go on from lap to lap. bookTicker streams stay silent.
    """

    is_recording = False
    speed = 1.0

    def __init__(
        self,
        symbol: str,
        market: Market,
        tape: Tape,
        *,
        seed: int = 0,
        rate: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Choose the place to begin at.

        Args:
            symbol: upper case.
            market: that the tape was made for.
            tape: shared by many.
            seed: decides the place.
            rate: steps a second: events of the market's fastest stream.
            clock: seconds since the epoch, for `E` and `T`.

        Raises:
            UsageError: a rate that is not above zero.
        """
        if not 0 < rate < inf:
            msg = f"expected a rate above zero, was {rate!r}"
            raise UsageError(msg)
        self.symbol = symbol
        self.market = market
        self.spelling = tape.spelling
        self.interval = market.speeds[0][0]
        self._tape = tape
        self._pause = 1.0 / rate
        self._phase = phase(seed, symbol)
        self._lag = Random(f"{seed}/{symbol}/lag")  # noqa: S311 - a game, not a secret
        self._clock = clock
        self._longest_lag = longest_lag(rate)
        self._steps = 0
        self._first_place = self._position = self._lag.randrange(len(tape))
        ticks_in_a_second = 1_000 // self.interval
        self._recent: deque[Tick] = deque(maxlen=ticks_in_a_second)

    def due(self) -> float:
        """Seconds from the start to the next step; there always is one."""
        return (self._steps + self._phase) * self._pause

    def step(self, *, tickers: bool) -> Step:  # noqa: ARG002 - none are on the tape
        """Take the next event from the tape."""
        lap, place = divmod(self._position, len(self._tape))
        base = FIRST_ID + lap * self._tape.span
        first, last, bids, asks = self._tape.frame(place)
        ids = (base + first, base + last, base + self._tape.end_before(place))
        now = self._now_us()
        event = shapes.diff(self.market, self.symbol, now, ids, bids, asks)
        self._steps += 1
        self._position += 1
        tick = Tick(self._steps, *ids, now, event)
        self._recent.append(tick)
        return Step(self._steps, tick)

    def present(self, limit: int) -> Depth:
        """Return the best `limit` levels a side after the last step; replays a piece of the tape."""
        return self._depth(limit, 0)

    def snapshot(self, limit: int) -> Depth:
        """Return a book of the last few ticks; replays a piece of the tape."""
        return self._depth(limit, self._lag.randint(0, self._longest_lag))

    def stale(self, limit: int) -> Depth:
        """Return a book of long ago."""
        return self._depth(limit, STALE_BY)

    def since(self, number: int) -> list[Tick]:
        """Return the ticks of the intervals after the `number`th, a second of market time at most."""
        return [tick for tick in self._recent.copy() if tick.number > number]

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book after the event of that id, or its best levels, however long ago.

        Raises:
            UsageError: no event that was played ended with that id.
        """
        lap, last = divmod(update_id - FIRST_ID, self._tape.span)
        place = self._tape.place_after(last)
        position = None if place is None else lap * len(self._tape) + place
        if place is None or position is None or not self._first_place <= position <= self._position:
            msg = f"expected an update id of {self.symbol} that ended an event, was {update_id}"
            raise UsageError(msg)
        return self._tape.book_before(place).truth(self.symbol, update_id, levels)

    def renumber(self) -> None:
        """The ids are given."""

    def close_session(self, seconds: float) -> None:
        """What is played goes on."""

    def close(self) -> None:
        """Nothing is held."""

    def _depth(self, limit: int, lag: int) -> Depth:
        lap, place = divmod(max(self._first_place, self._position - lag), len(self._tape))
        last_id = FIRST_ID + lap * self._tape.span + self._tape.end_before(place)
        return Depth(last_id, self._now_us(), *self._tape.book_before(place).cut(limit))

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)
