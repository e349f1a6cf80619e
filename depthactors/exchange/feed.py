"""The seam between where prices come from and how they are served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from depthactors.exchange.ledger import Depth
    from depthactors.exchange.truth import BookTruth
    from depthactors.markets import Market


class Feed(Protocol):
    """One symbol's source of depth events, and the truth about its book.

    `due` and `step` are called by one thread at a time: first `due` by whoever starts the feed, then
    both by the player's thread. Any thread may call the rest at any time.
    A feed's book is never behind what `step` has returned: an event is in the book before it is sent.
    """

    @property
    def symbol(self) -> str:
        """Upper case."""

    @property
    def market(self) -> Market:
        """Whose paths and rules serve this feed."""

    @property
    def speed(self) -> float | None:
        """How fast its time runs (1.0: a second a second); `None` as fast as the clients take the events."""

    @property
    def is_recording(self) -> bool:
        """Whether it starts at its first subscription and ends; else it runs from start to stop."""

    def due(self) -> float | None:
        """Seconds of the feed's own time, from its start to its next step; `None` after the last one."""

    def step(self) -> bytes | None:
        """Carry out the next step and return the event to send, JSON without an envelope, if there is one.

        Raises:
            DepthActorsError: the source is broken; the feed ends here.
        """

    def depth(self, limit: int) -> Depth:
        """Return what REST shows now, at most `limit` levels a side."""

    def book_at(self, update_id: int) -> BookTruth:
        """Return the exact book after the event that ended with `update_id`.

        Raises:
            UsageError: no such event in the kept history.
        """

    def close(self) -> None:
        """Let go of files; idempotent. No step is asked for afterwards."""
