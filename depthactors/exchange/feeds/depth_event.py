"""What one step of a feed changed, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence


class DepthEvent(NamedTuple):
    """Everything that changed in a book in one interval of its fastest stream.

    Attributes:
        number: the interval's number, counted from 1; an interval without a change has no event.
        first_id: `U`.
        last_id: `u`.
        previous_id: `u` of the event before; it is `pu` where update ids have holes.
        time_us: the event's time, in microseconds since the epoch.
        payload: the fastest stream's event, JSON without an envelope, times in milliseconds.
    """

    number: int
    first_id: int
    last_id: int
    previous_id: int
    time_us: int
    payload: bytes

    def decoded(self) -> dict[str, Any]:
        """Decode the payload; returns a new dict each time."""
        event: dict[str, Any] = orjson.loads(self.payload)
        return event


class Step(NamedTuple):
    """What one step of a feed changed.

    Attributes:
        number: the interval's number.
        event: what changed; `None` if nothing did.
        tickers: bookTicker events of the interval in their order, JSON; empty if not asked for.
    """

    number: int
    event: DepthEvent | None
    tickers: Sequence[bytes] = ()
