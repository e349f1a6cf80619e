"""The seam between where prices come from and how they are served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from depthactors.exchange.feeds.ledger import Depth
    from depthactors.exchange.feeds.spelling import Spelling
    from depthactors.exchange.feeds.tick import Step, Tick
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.markets import Market


class Feed(Protocol):
    """One symbol's source of depth events, and the truth about its book.

    `due` and `step` are called by one thread at a time: first `due` by whoever starts the feed, then
    both by the player's thread. Any thread may call the rest at any time.
    """

    @property
    def symbol(self) -> str:
        """Upper case."""

    @property
    def market(self) -> Market:
        """Whose paths and rules serve this feed."""

    @property
    def spelling(self) -> Spelling:
        """How its prices and quantities are written, as `exchangeInfo` tells it."""

    @property
    def speed(self) -> float | None:
        """How fast its time runs (1.0: a second a second); `None` as fast as the clients take the events."""

    @property
    def is_recording(self) -> bool:
        """Whether it starts at its first subscription and may end; else it runs from start to stop."""

    @property
    def interval(self) -> int:
        """Milliseconds of market time in a step; 0 where each event is due on every stream, as recorded."""

    def due(self) -> float | None:
        """Seconds of the feed's own time, from its start to its next step; `None` after the last one."""

    def step(self, *, tickers: bool) -> Step:
        """Carry out the next step and return what it brought; the book has it from now on.

        Args:
            tickers: whether anybody listens to bookTicker events.

        Raises:
            DepthActorsError: the source is broken; the feed ends here.
        """

    def present(self, limit: int) -> Depth:
        """Return the best `limit` levels a side after the last step."""

    def snapshot(self, limit: int) -> Depth:
        """Return what REST shows now: the present book, or one that lags it a little.

        Raises:
            DepthActorsError: the source turned out to be broken.
        """

    def stale(self, limit: int) -> Depth:
        """Return the oldest book that is kept."""

    def since(self, number: int) -> list[Tick]:
        """Return the ticks of the intervals after the `number`th; no further back than a second of market time."""

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book after the event that ended with `update_id`, or its best `levels` a side.

        Raises:
            UsageError: no such event in the kept history.
        """

    def renumber(self) -> None:
        """Begin anew with update ids far below, the book as it is; what is no order flow has the ids that it has."""

    def close_session(self, seconds: float) -> None:
        """Change nothing for `seconds`; what is no order flow goes on."""

    def close(self) -> None:
        """Let go of files; idempotent. No step is asked for afterwards."""
