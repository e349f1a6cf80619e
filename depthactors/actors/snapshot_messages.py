"""What a book's actor and the snapshot actor of its weight pool send each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pykka

    from depthactors.binance import Snapshot
    from depthactors.errors import DepthActorsError
    from depthactors.markets import Market
    from depthactors.sync import Priority


@dataclass(frozen=True, slots=True)
class SnapshotWanted:
    """Fetch a snapshot for `ref`. A later request of the same book replaces the earlier one."""

    market: Market
    symbol: str
    limit: int
    epoch: int
    priority: Priority
    ref: pykka.ActorRef[Any]


@dataclass(frozen=True, slots=True)
class SnapshotArrived:
    """The snapshot that was wanted, received at `recv_time`."""

    epoch: int
    snapshot: Snapshot
    recv_time: float


@dataclass(frozen=True, slots=True)
class SnapshotDelayed:
    """The pool must be silent for a while; the request stays in the queue."""

    epoch: int
    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class SnapshotFailed:
    """No snapshot this time."""

    epoch: int
    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class SnapshotsAt:
    """The snapshot actor was replaced: ask this one, and again for what is still unanswered."""

    ref: pykka.ActorRef[Any]


SnapshotNews: TypeAlias = SnapshotArrived | SnapshotDelayed | SnapshotFailed | SnapshotsAt
