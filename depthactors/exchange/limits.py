"""What the exchange allows a client, and when its patience ends; any figure can be replaced, to see it happen."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depthactors.markets import Market


WHOLE: Final = ("messages_per_second", "max_streams", "connections", "weight_per_minute", "refusals")
"""Limits that are counts."""

MEANINGS: Final = {
    "ping_interval": "seconds between the server's pings",
    "pong_deadline": "seconds that a ping may go unanswered",
    "connection_life": "seconds after which any connection ends",
    "messages_per_second": "text messages, pings and pongs from a client",
    "max_streams": "streams of a connection",
    "connections": "new websocket connections in five minutes",
    "weight_per_minute": "REST weight of a pool in a minute of the clock",
    "refusals": "answers with 429 in a minute before the address is banned",
    "ban": "seconds of the first ban; each further one lasts twice as long",
}
"""What each limit is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one market; `MEANINGS` says what each is."""

    ping_interval: float
    pong_deadline: float
    connection_life: float
    messages_per_second: int
    max_streams: int
    weight_per_minute: int
    connections: int = 300
    refusals: int = 10
    ban: float = 120.0

    @classmethod
    def of(cls, market: Market, changes: Mapping[str, float] | None = None) -> Limits:
        """Take the market's limits, some of them replaced.

        Raises:
            UsageError: a name that is no limit, or a figure that is not above zero.
        """
        names = [field.name for field in fields(cls)]
        for name, value in (changes or {}).items():
            if name not in names:
                msg = f"expected a limit ({', '.join(names)}), was {name!r}"
                raise UsageError(msg)
            if not value > 0:
                msg = f"expected {name} above zero, was {value!r}"
                raise UsageError(msg)
            if name in WHOLE and value % 1:
                msg = f"expected {name} to be a whole number, was {value!r}"
                raise UsageError(msg)
        given = cls(
            market.ping_interval,
            market.pong_deadline,
            market.connection_life,
            market.messages_per_second,
            market.max_streams,
            market.weight_per_minute,
        )
        wanted: dict[str, Any] = {
            name: int(value) if name in WHOLE else float(value) for name, value in (changes or {}).items()
        }
        return replace(given, **wanted)
