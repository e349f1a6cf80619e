"""`Feed`: the interface between where prices come from and how they are served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from depthactors.exchange.feeds.depth_event import DepthEvent, Step
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.exchange.shapes.depth import Depth
    from depthactors.exchange.shapes.number_format import NumberFormat
    from depthactors.markets import Market


class Feed(Protocol):
    """One symbol's source of depth events, and the truth about its book.

    Thread: one thread at a time calls `due` and `step`: the thread that starts the feed calls `due` once, the player's
    thread calls both after that. Any thread may call the other methods at any time.
    """

    @property
    def symbol(self) -> str:
        """The symbol, upper case."""

    @property
    def market(self) -> Market:
        """The market under whose paths and rules the feed is served."""

    @property
    def number_format(self) -> NumberFormat:
        """How its prices and quantities are written, as `exchangeInfo` shows it."""

    @property
    def speed(self) -> float | None:
        """How fast its time runs (1.0: a second a second); `None` for as fast as the clients take the events."""

    @property
    def is_recording(self) -> bool:
        """Whether it may end, and starts at its first subscription. Others start at the first depth request, too."""

    @property
    def interval(self) -> int:
        """Milliseconds of market time in a step; 0 if each event is due on every stream, as in a recording."""

    def due(self) -> float | None:
        """Return the seconds of the feed's own time from its start to its next step; `None` after the last step."""

    def step(self, *, tickers: bool) -> Step:
        """Carry out the next step and return what it changed; from then on the book contains it.

        Args:
            tickers: whether a client listens to bookTicker events.

        Raises:
            DepthActorsError: the source is broken; the feed ends here.
        """

    def present(self, limit: int) -> Depth:
        """Return the best `limit` levels a side after the last step."""

    def snapshot(self, limit: int) -> Depth:
        """Return what REST shows now: the present book, or one that is a little older.

        Raises:
            DepthActorsError: the source turned out to be broken.
        """

    def stale(self, limit: int) -> Depth:
        """Return the oldest book that is kept."""

    def since(self, number: int) -> list[DepthEvent]:
        """Return the events of the intervals after number `number`, of the last second of market time at most."""

    def book_at(self, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book after the event that ended with `update_id`, or its best `levels` a side.

        Raises:
            UsageError: no such event in the kept history.
        """

    def renumber(self) -> None:
        """Continue the same book with much lower update ids. Order flows only; other feeds ignore it."""

    def close_session(self, seconds: float) -> None:
        """Change nothing for `seconds`. Order flows only; other feeds ignore it."""

    def close(self) -> None:
        """Close its files; idempotent. No step is asked for afterwards."""
