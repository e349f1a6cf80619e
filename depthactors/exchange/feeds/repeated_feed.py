"""Repeated events as a feed: they cost next to nothing to make, and `book_at` reaches back without end."""

from __future__ import annotations

from collections import deque
from math import inf
from random import Random
from typing import TYPE_CHECKING, Final

from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.errors import UsageError
from depthactors.exchange.feeds.depth_event import DepthEvent, Step
from depthactors.exchange.feeds.order_flow_feed import longest_lag, phase
from depthactors.exchange.shapes.depth import Depth
from depthactors.exchange.shapes.table import shape_of

if TYPE_CHECKING:
    from depthactors.dispatcher import Clock
    from depthactors.exchange.feeds.repeated_events import RepeatedEvents
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.markets import Market

FIRST_ID: Final = 1_000_000_000
STALE_BY: Final = 100
"""Number of events that a stale snapshot is behind."""


class RepeatedFeed:
    """One symbol that repeats the same events, from a place that its seed decides.

    Ids go on from round to round. bookTicker streams stay silent.
    """

    is_recording = False
    speed = 1.0

    def __init__(
        self,
        symbol: str,
        market: Market,
        events: RepeatedEvents,
        *,
        seed: int = 0,
        rate: float = 10.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Choose the place of the first event.

        Args:
            symbol: the symbol, upper case.
            market: the market for which the events were made.
            events: the events, which many feeds share.
            seed: the seed, which decides the place.
            rate: steps a second, which is events a second on the market's fastest stream.
            clock: the time of day of the events, for `E` and `T`.

        Raises:
            UsageError: a rate that is not above zero.
        """
        if not 0 < rate < inf:
            msg = f"expected a rate above zero, was {rate!r}"
            raise UsageError(msg)
        self.symbol = symbol
        self.market = market
        self._shape = shape_of(market)
        self.number_format = events.number_format
        self.interval = market.speeds[0][0]
        self._repeated = events
        self._pause = 1.0 / rate
        self._phase = phase(seed, symbol)
        self._lag = Random(f"{seed}/{symbol}/lag")  # noqa: S311 - a game, not a secret
        self._clock = clock
        self._longest_lag = longest_lag(rate)
        self._steps = 0
        self._first_place = self._position = self._lag.randrange(len(events))
        events_in_a_second = 1_000 // self.interval
        self._recent: deque[DepthEvent] = deque(maxlen=events_in_a_second)

    def due(self) -> float:
        """Return the seconds from the start to the next step; there always is one."""
        return (self._steps + self._phase) * self._pause

    def step(self, *, tickers: bool) -> Step:  # noqa: ARG002 - there are none
        """Take the next event."""
        cycle, place = divmod(self._position, len(self._repeated))
        base = FIRST_ID + cycle * self._repeated.span
        first, last, bids, asks = self._repeated.event(place)
        ids = (base + first, base + last, base + self._repeated.end_before(place))
        now = self._now_us()
        payload = self._shape.diff(self.symbol, now, ids, bids, asks)
        self._steps += 1
        self._position += 1
        event = DepthEvent(self._steps, *ids, now, payload)
        self._recent.append(event)
        return Step(self._steps, event)

    def present(self, limit: int) -> Depth:
        """Return the best `limit` levels a side after the last step. Cost: at most `COPY_EVERY` events."""
        return self._depth(limit, 0)

    def snapshot(self, limit: int) -> Depth:
        """Return a book of the last few events. Cost: at most `COPY_EVERY` events."""
        return self._depth(limit, self._lag.randint(0, self._longest_lag))

    def stale(self, limit: int) -> Depth:
        """Return a book of `STALE_BY` events ago."""
        return self._depth(limit, STALE_BY)

    def since(self, number: int) -> list[DepthEvent]:
        """Return the events of the intervals after number `number`, of the last second of market time at most."""
        return [event for event in self._recent.copy() if event.number > number]

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book after the event of that id, or its best levels, from any time since the start.

        Raises:
            UsageError: no event that was sent ended with that id.
        """
        cycle, last = divmod(update_id - FIRST_ID, self._repeated.span)
        place = self._repeated.place_after(last)
        position = None if place is None else cycle * len(self._repeated) + place
        if place is None or position is None or not self._first_place <= position <= self._position:
            msg = f"expected an update id of {self.symbol} that ended an event, was {update_id}"
            raise UsageError(msg)
        return self._repeated.book_before(place).truth(self.symbol, update_id, levels)

    def renumber(self) -> None:
        """Do nothing: the update ids are given."""

    def close_session(self, seconds: float) -> None:
        """Do nothing: the events are given."""

    def close(self) -> None:
        """Do nothing: there is no file."""

    def _depth(self, limit: int, lag: int) -> Depth:
        cycle, place = divmod(max(self._first_place, self._position - lag), len(self._repeated))
        last_id = FIRST_ID + cycle * self._repeated.span + self._repeated.end_before(place)
        return Depth(last_id, self._now_us(), *self._repeated.book_before(place).cut(limit))

    def _now_us(self) -> int:
        return int(self._clock.time() * 1_000_000)
