"""The order flow as a feed: a live market, its events at a steady rate, stamped with the time of the day."""

from __future__ import annotations

import time
from math import inf
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Final

from depthactors.errors import UsageError
from depthactors.exchange import shapes
from depthactors.exchange.catalogue import terms_of
from depthactors.exchange.feeds.flow import OrderFlow, check_figures
from depthactors.exchange.feeds.ledger import DEFAULT_HISTORY, Depth, Ledger
from depthactors.exchange.feeds.tick import Step, Tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.exchange.feeds.flow import Change
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.markets import Market

DEFAULT_LEVELS: Final = 20.0
"""Level changes in an event, on average."""

DEFAULT_DEPTH: Final = 1_000
"""Levels a side, about."""

LONGEST_LAG: Final = 2
"""Ticks that a snapshot may be behind the stream..."""
LONGEST_LAG_TIME: Final = 0.2
"""... and seconds."""


class FlowFeed:
    """One symbol of made-up but consistent traffic, from the exchange's start to its stop.

    The events are those of `OrderFlow` for the seed; only `E` and `T` depend on the clock. Snapshots are
    0 to 2 ticks behind, at most a fifth of a second, as the real exchange's come from a copy.

    The first book is laid out when it is first needed, in the thread that needs it; until then a feed costs nothing.
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
        levels: float = DEFAULT_LEVELS,
        depth: int = DEFAULT_DEPTH,
        history: int = DEFAULT_HISTORY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare.

        Args:
            symbol: upper case.
            market: whose shapes and ids the events have.
            seed: the same seed, market and symbol make the same events.
            rate: steps a second: events of the market's fastest stream.
            levels: level changes in such an event, on average.
            depth: levels a side, about.
            history: events (at least) that `book_at` reaches back.
            clock: seconds since the epoch, for `E` and `T`.

        Raises:
            UsageError: a rate that is not above zero, or figures that no book can have.
        """
        if not 0 < rate < inf:
            msg = f"expected a rate above zero, was {rate!r}"
            raise UsageError(msg)
        if history < 1:
            msg = f"expected a history of at least one event, was {history!r}"
            raise UsageError(msg)
        check_figures(levels, depth)
        self.symbol = symbol
        self.market = market
        self.spelling = terms_of(market, symbol).spelling
        self.interval = market.speeds[0][0]
        self._pause = 1.0 / rate
        self._clock = clock
        # Symbols take turns within the interval; all at once would be a burst.
        self._phase = phase(seed, symbol)
        self._lag = Random(f"{seed}/{symbol}/lag")  # noqa: S311 - a game, not a secret
        self._longest_lag = longest_lag(rate)
        self._steps = 0
        self._opens_at = 0.0
        self._seed, self._levels, self._depth, self._history = seed, levels, depth, history
        self._laying_out = Lock()
        self._trading: tuple[OrderFlow, Ledger] | None = None

    def due(self) -> float:
        """Seconds from the start to the next step; there always is one."""
        return (self._steps + self._phase) * self._pause

    def step(self, *, tickers: bool) -> Step:
        """Let the market trade for one interval."""
        self._steps += 1
        if self._clock() < self._opens_at:
            return Step(self._steps, None)
        flow, ledger = self._laid_out()
        previous_id = flow.last_id
        change = flow.step(touches=tickers)
        if change is None:
            return Step(self._steps, None)
        now = self._now_us()
        ids = (change.first_id, change.last_id, previous_id)
        event = shapes.diff(self.market, self.symbol, now, ids, change.bids, change.asks)
        tick = Tick(self._steps, *ids, now, event)
        ledger.append(tick)
        return Step(self._steps, tick, self._tickers(change, now))

    def present(self, limit: int) -> Depth:
        """Return the best `limit` levels a side after the last step."""
        return self._ledger().depth(limit)

    def snapshot(self, limit: int) -> Depth:
        """Return a book of the last few ticks."""
        return self._ledger().depth(limit, self._lag.randint(0, self._longest_lag))

    def stale(self, limit: int) -> Depth:
        """Return the oldest book that is kept."""
        return self._ledger().oldest(limit)

    def since(self, number: int) -> list[Tick]:
        """Return the ticks of the intervals after the `number`th."""
        return self._ledger().since(number)

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book after the event of that id, or its best levels."""
        return self._ledger().book_at(update_id, levels)

    def renumber(self) -> None:
        """Begin anew with update ids far below, the book as it is; `step`'s thread."""
        flow, ledger = self._laid_out()
        flow.last_id //= 2
        ledger.rebase(Depth(flow.last_id, self._now_us(), *flow.book()))

    def close_session(self, seconds: float) -> None:
        """Change nothing for `seconds`; `step`'s thread."""
        self._opens_at = self._clock() + seconds

    def close(self) -> None:
        """Nothing is held."""

    def _ledger(self) -> Ledger:
        return self._laid_out()[1]

    def _laid_out(self) -> tuple[OrderFlow, Ledger]:
        with self._laying_out:
            if self._trading is None:
                flow = OrderFlow(self.symbol, self.market, self._seed, levels=self._levels, depth=self._depth)
                ledger = Ledger(self.symbol, self._history)
                ledger.rebase(Depth(flow.last_id, self._now_us(), *flow.book()))
                self._trading = flow, ledger
            return self._trading

    def _tickers(self, change: Change, now_us: int) -> list[bytes]:
        return [shapes.ticker(self.market, self.symbol, now_us, *touch) for touch in change.touches]

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)


def longest_lag(rate: float) -> int:
    """Return how many ticks snapshots of a feed may be behind its stream."""
    return min(LONGEST_LAG, int(rate * LONGEST_LAG_TIME))


def phase(seed: int, symbol: str) -> float:
    """Return where in the interval a symbol has its steps, above 0 and at most 1."""
    return 1.0 - Random(f"{seed}/{symbol}/phase").random()  # noqa: S311 - a game, not a secret
