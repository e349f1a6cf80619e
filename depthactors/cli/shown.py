"""What the commands ask of a book to show it on a screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from depthactors.book import BookView


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is to be seen of a book at one moment.

    Attributes:
        symbol: the symbol, upper case.
        market: name of the market.
        speed_ms: update interval in milliseconds.
        depth: number of levels a side that are followed.
        view: the best levels; `None` where there is no book to show.
        why: reason, if known, for which the book is not live or not there.
        vouched: number of levels a side that the snapshot vouches for; `None` if unknown.
        rate: updates a second; `None` if they are not counted.
    """

    symbol: str
    market: str
    speed_ms: int
    depth: int
    view: BookView[Any] | None
    why: str | None = None
    vouched: int | None = None
    rate: float | None = None

    @property
    def note(self) -> str:
        """Market, interval and reason, as a line has them behind the numbers."""
        return f"{self.market} {self.speed_ms} ms" + (f": {self.why}" if self.why else "")

    @property
    def lag(self) -> float | None:
        """Seconds from the exchange's time of the last event to its arrival here, by two clocks; `None` if unknown."""
        view = self.view
        return None if view is None or not view.event_time else view.recv_time - view.event_time / 1000


class Shown(Protocol):
    """A book that can be shown."""

    def look(self, levels: int | None) -> Look:
        """Return what is to be seen, with the best `levels` a side, or all that are followed."""
