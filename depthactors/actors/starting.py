"""How the actors that reach the exchange are started, and the settings by which they reach it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from depthactors.actors.snapshots import SnapshotActor
from depthactors.actors.socket import SocketActor
from depthactors.net.allowance import allowance_of
from depthactors.net.rest import RestClient
from depthactors.pacing import Backoff

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pykka

    from depthactors.markets import Market

ROTATE_AFTER: Final = 23 * 3600.0
"""Seconds: an hour before the exchange ends a connection, and up to a tenth of it sooner, each in its turn."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How to reach the exchange.

    Attributes:
        backoff: waits between reconnects, and how many tries.
        proxy: for everything, see `parse_proxy`; `None` for the environment's.
        connect_timeout: seconds for each connection, REST or websocket.
        read_timeout: seconds between two bytes of a REST answer; the whole may take twice that.
        silence_limit: seconds without a byte after which a websocket peer is pinged.
        rotate_after: seconds after which a connection is replaced by its successor; `None` for never.
    """

    backoff: Backoff = field(default_factory=Backoff)
    proxy: str | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 10.0
    silence_limit: float = 10.0
    rotate_after: float | None = ROTATE_AFTER


def start_snapshots(
    market: Market, settings: NetworkSettings, supervisor: pykka.ActorRef[Any], *, restarts: int = 0
) -> pykka.ActorRef[Any]:
    """Start the snapshot actor of a market's weight pool."""

    def new_client() -> RestClient:
        return RestClient(
            proxy=settings.proxy,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )

    return SnapshotActor.start(
        f"snapshots-{market.weight_pool}",
        supervisor,
        allowance=allowance_of(market),
        new_client=new_client,
        answer_deadline=2 * settings.read_timeout,
        restarts=restarts,
    )


def start_socket(
    name: str,
    market: Market,
    settings: NetworkSettings,
    supervisor: pykka.ActorRef[Any],
    *,
    epochs: Iterator[int],
    place: int,
    restarts: int = 0,
) -> pykka.ActorRef[Any]:
    """Start a socket actor; arguments as for `SocketActor`."""
    return SocketActor.start(
        name,
        market,
        supervisor,
        epochs=epochs,
        backoff=settings.backoff,
        options={
            "connect_timeout": settings.connect_timeout,
            "silence_limit": settings.silence_limit,
            "proxy": settings.proxy,
        },
        allowance=allowance_of(market),
        rotate_after=settings.rotate_after,
        place=place,
        restarts=restarts,
    )
