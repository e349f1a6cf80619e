"""How the actors that reach the exchange are started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthactors.actors.snapshots import SnapshotActor
from depthactors.actors.socket import SocketActor
from depthactors.net.allowance import allowance_of
from depthactors.net.rest import RestClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pykka

    from depthactors.markets import Market
    from depthactors.net.settings import NetworkSettings


def start_snapshots(
    market: Market, settings: NetworkSettings, supervisor: pykka.ActorRef[Any], *, restarts: int = 0
) -> pykka.ActorRef[Any]:
    """Start the snapshot actor of a market's weight pool."""

    def new_client() -> RestClient:
        return RestClient(settings)

    return SnapshotActor.start(
        f"snapshots-{market.weight_pool}",
        supervisor,
        allowance=allowance_of(market),
        new_client=new_client,
        answer_deadline=2 * settings.read_timeout,
        timing=settings.timing,
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
        settings=settings,
        allowance=allowance_of(market),
        place=place,
        restarts=restarts,
    )
