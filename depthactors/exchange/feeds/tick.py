"""One interval's change of a book, as a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence


class Tick(NamedTuple):
    """Everything that changed in a book in one interval of its fastest stream.

    Attributes:
        number: of the interval, counted from 1; intervals without a change have no tick.
        first_id: `U`.
        last_id: `u`.
        previous_id: `u` of the tick before: `pu` where ids have holes.
        time_us: event time, microseconds since the epoch.
        event: the fastest stream's event, JSON without an envelope, times in milliseconds.
    """

    number: int
    first_id: int
    last_id: int
    previous_id: int
    time_us: int
    event: bytes

    def decoded(self) -> dict[str, Any]:
        """Decode the event; a fresh dict each time."""
        event: dict[str, Any] = orjson.loads(self.event)
        return event


class Step(NamedTuple):
    """What one step of a feed brought.

    Attributes:
        number: of the interval.
        tick: what changed; `None` if nothing did.
        tickers: bookTicker events of the interval in their order, JSON; empty unless asked for.
    """

    number: int
    tick: Tick | None
    tickers: Sequence[bytes] = ()
