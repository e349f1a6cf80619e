"""The built-in order flow as a feed: events at a steady rate, stamped with the time of the day."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

import orjson

from depthactors.errors import UsageError
from depthactors.exchange.flow import OrderFlow
from depthactors.exchange.ledger import DEFAULT_HISTORY, Depth, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.exchange.truth import BookTruth
    from depthactors.markets import Market


class FlowFeed:
    """One symbol of made-up but consistent traffic, from the exchange's start to its stop.

    The events are those of `OrderFlow` for the seed; only `E` and `T` depend on the clock.
    """

    is_recording = False
    speed = 1.0

    def __init__(
        self,
        symbol: str,
        market: Market,
        *,
        seed: int = 0,
        rate: float = 10.0,
        history: int = DEFAULT_HISTORY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Lay out the first book.

        Args:
            symbol: upper case.
            market: whose shapes and ids the events have.
            seed: the same seed, market and symbol make the same events.
            rate: events a second.
            history: events (at least) that `book_at` reaches back.
            clock: seconds since the epoch, for `E` and `T`.

        Raises:
            UsageError: a rate that is not above zero.
        """
        if not rate > 0:
            msg = f"expected a rate above zero, was {rate!r}"
            raise UsageError(msg)
        self.symbol = symbol
        self.market = market
        self._interval = 1.0 / rate
        self._clock = clock
        # Symbols take turns within the interval; all at once would be a burst.
        self._phase = 1.0 - Random(f"{seed}/{symbol}/phase").random()  # noqa: S311 - a game, not a secret
        self._steps = 0
        self._flow = OrderFlow(symbol, market, seed)
        self._ledger = Ledger(symbol, history)
        now = self._now_ms()
        bids, asks = self._flow.levels()
        self._ledger.rebase(Depth(self._flow.last_id, now, now, bids, asks))

    def due(self) -> float:
        """Seconds from the start to the next event; there always is one."""
        return (self._steps + self._phase) * self._interval

    def step(self) -> bytes:
        """Make the next event, apply it and return it."""
        self._steps += 1
        changes = self._flow.step()
        now = self._now_ms()
        stamps = {"E": now, "T": now} if "pu" in changes else {"E": now}
        event = {"e": changes["e"], **stamps, **changes}
        payload = orjson.dumps(event)
        self._ledger.apply(event, payload)
        return payload

    def depth(self, limit: int) -> Depth:
        """Return the present book, at most `limit` levels a side."""
        return self._ledger.depth(limit)

    def book_at(self, update_id: int) -> BookTruth:
        """Return the exact book after the event of that id."""
        return self._ledger.book_at(update_id)

    def close(self) -> None:
        """Nothing is held."""

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
