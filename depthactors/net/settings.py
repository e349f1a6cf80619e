"""The settings of an engine that say how the exchange is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from depthactors.pacing import USUAL, Backoff, Timing

if TYPE_CHECKING:
    from depthactors.net.proxy import Proxy

ROTATE_AFTER: Final = 23 * 3600.0
"""Seconds: an hour before the exchange ends a connection. Each connection of an engine takes up to a tenth less."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How to reach the exchange. Can be pickled.

    Attributes:
        backoff: waits between reconnects, and how many tries.
        proxy: proxy for all connections; `None` for the environment's.
        connect_timeout: seconds for each connection, REST or websocket: name, addresses, proxy, TLS and handshake.
        read_timeout: seconds between two bytes of a REST answer; the whole may take twice that.
        silence_limit: seconds without a byte after which a websocket peer is pinged.
        rotate_after: seconds after which a connection is replaced by its successor, `None` for never.
        timing: the durations that the actors work by.
    """

    backoff: Backoff = field(default_factory=Backoff)
    proxy: Proxy | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 10.0
    silence_limit: float = 10.0
    rotate_after: float | None = ROTATE_AFTER
    timing: Timing = USUAL
