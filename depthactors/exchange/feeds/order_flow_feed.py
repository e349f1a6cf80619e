"""An order flow as a feed: a live market, its events at a steady rate, with the time of the day."""

from __future__ import annotations

from math import inf
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Final

from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.errors import UsageError
from depthactors.exchange.feeds.book_history import DEFAULT_HISTORY, BookHistory
from depthactors.exchange.feeds.depth_event import DepthEvent, Step
from depthactors.exchange.feeds.order_flow import OrderFlow, check_figures
from depthactors.exchange.shapes.depth import Depth
from depthactors.exchange.shapes.table import shape_of

if TYPE_CHECKING:
    from depthactors.dispatcher import Clock
    from depthactors.exchange.feeds.changes import Change
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.markets import Market

DEFAULT_LEVELS: Final = 20.0
"""Number of level changes in an event, on average."""

DEFAULT_DEPTH: Final = 1_000
"""Number of levels a side, about."""

LONGEST_LAG: Final = 2
"""Number of events that a snapshot may be behind the stream..."""
LONGEST_LAG_TIME: Final = 0.2
"""... and number of seconds."""


class OrderFlowFeed:
    """One symbol of random but consistent traffic, from when it is first asked for to the exchange's stop.

    The events are those of `OrderFlow` for the seed; only `E` and `T` depend on the clock. Snapshots are
    0 to 2 events behind, at most a fifth of a second: the real exchange takes them from a copy of its book, too.

    The first book is made when it is first needed, in the thread that needs it; until then a feed costs nothing.
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
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Prepare.

        Args:
            symbol: the symbol, upper case.
            market: the market, which decides shapes and update ids.
            seed: the seed; the same seed, market and symbol make the same events.
            rate: steps a second, which is events a second on the market's fastest stream.
            levels: number of level changes in such an event, on average.
            depth: number of levels a side, about.
            history: number of events (at least) that `book_at` reaches back.
            clock: the time of day of the events, for `E` and `T`.

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
        self._shape = shape_of(market)
        self.number_format = self._shape.symbols.terms(symbol).number_format
        self.interval = market.speeds[0][0]
        self._pause = 1.0 / rate
        self._clock = clock
        # Each symbol has its own place in the interval; all at once would be a burst.
        self._phase = phase(seed, symbol)
        self._lag = Random(f"{seed}/{symbol}/lag")  # noqa: S311 - a game, not a secret
        self._longest_lag = longest_lag(rate)
        self._steps = 0
        self._opens_at = 0.0
        self._seed, self._levels, self._depth, self._kept = seed, levels, depth, history
        self._preparing = Lock()
        self._trading: tuple[OrderFlow, BookHistory] | None = None

    def due(self) -> float:
        """Return the seconds from the start to the next step; there always is one."""
        return (self._steps + self._phase) * self._pause

    def step(self, *, tickers: bool) -> Step:
        """Trade for one interval."""
        self._steps += 1
        if self._clock.monotonic() < self._opens_at:
            return Step(self._steps, None)
        flow, history = self._prepared()
        previous_id = flow.last_id
        change = flow.step(best_prices=tickers)
        if change is None:
            return Step(self._steps, None)
        now = self._now_us()
        ids = (change.first_id, change.last_id, previous_id)
        payload = self._shape.diff(self.symbol, now, ids, change.bids, change.asks)
        event = DepthEvent(self._steps, *ids, now, payload)
        history.append(event)
        return Step(self._steps, event, self._tickers(change, now))

    def present(self, limit: int) -> Depth:
        """Return the best `limit` levels a side after the last step."""
        return self._history().depth(limit)

    def snapshot(self, limit: int) -> Depth:
        """Return a book of the last few events."""
        return self._history().depth(limit, self._lag.randint(0, self._longest_lag))

    def stale(self, limit: int) -> Depth:
        """Return the oldest book that is kept."""
        return self._history().oldest(limit)

    def since(self, number: int) -> list[DepthEvent]:
        """Return the events of the intervals after number `number`."""
        return self._history().since(number)

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book after the event of that id, or its best levels."""
        return self._history().book_at(update_id, levels)

    def renumber(self) -> None:
        """Continue the same book with much lower update ids.

        Thread: that of `step`.
        """
        flow, history = self._prepared()
        flow.last_id //= 2
        history.rebase(Depth(flow.last_id, self._now_us(), *flow.book()))

    def close_session(self, seconds: float) -> None:
        """Change nothing for `seconds`.

        Thread: that of `step`.
        """
        self._opens_at = self._clock.monotonic() + seconds

    def close(self) -> None:
        """Do nothing: there is no file."""

    def _history(self) -> BookHistory:
        return self._prepared()[1]

    def _prepared(self) -> tuple[OrderFlow, BookHistory]:
        with self._preparing:
            if self._trading is None:
                flow = OrderFlow(self.symbol, self.market, self._seed, levels=self._levels, depth=self._depth)
                history = BookHistory(self.symbol, self._kept)
                history.rebase(Depth(flow.last_id, self._now_us(), *flow.book()))
                self._trading = flow, history
            return self._trading

    def _tickers(self, change: Change, now_us: int) -> list[bytes]:
        return [self._shape.ticker(self.symbol, now_us, *best) for best in change.best_prices]

    def _now_us(self) -> int:
        return int(self._clock.time() * 1_000_000)


def longest_lag(rate: float) -> int:
    """Return how many events snapshots of a feed may be behind its stream."""
    return min(LONGEST_LAG, int(rate * LONGEST_LAG_TIME))


def phase(seed: int, symbol: str) -> float:
    """Return at which part of the interval a symbol has its steps, above 0 and at most 1."""
    return 1.0 - Random(f"{seed}/{symbol}/phase").random()  # noqa: S311 - a game, not a secret
