"""The limits for clients of the exchange; any of them can be replaced, so that a client reaches it in seconds."""

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
    "pong_deadline": "seconds within which a ping must get its pong",
    "connection_life": "seconds after which any connection ends",
    "messages_per_second": "text messages, pings and pongs a second from a client",
    "max_streams": "streams of one connection",
    "connections": "new websocket connections in five minutes",
    "weight_per_minute": "REST weight of a pool in one minute of the clock",
    "refusals": "replies of status 429 in one minute, before a ban",
    "ban": "seconds of the first ban; each further one lasts twice as long",
}
"""The meaning of each limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one market; `MEANINGS` explains them."""

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
        """Return the market's limits, with some of them replaced.

        Raises:
            UsageError: an unknown limit, or a figure that is not above zero.
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
