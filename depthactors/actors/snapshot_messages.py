"""The messages between a book's actor and the snapshot actor of its weight pool.

`epoch` is the number of the connection from which the book gets its stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pykka

    from depthactors.binance import Snapshot
    from depthactors.errors import DepthActorsError
    from depthactors.markets import Market
    from depthactors.sync import Priority


@dataclass(frozen=True, slots=True)
class SnapshotWanted:
    """Fetch a snapshot. A later request for the same book replaces this one.

    Attributes:
        market: market of the book.
        symbol: symbol of the book.
        limit: number of levels to request.
        epoch: returned with the answer.
        priority: place in the queue.
        ref: the book's actor, which gets the answer.
    """

    market: Market
    symbol: str
    limit: int
    epoch: int
    priority: Priority
    ref: pykka.ActorRef[Any]


@dataclass(frozen=True, slots=True)
class SnapshotArrived:
    """A requested snapshot.

    Attributes:
        snapshot: the snapshot.
        recv_time: time of its arrival in seconds since the epoch.
        body: its text as it arrived, for a recording.
    """

    epoch: int
    snapshot: Snapshot
    recv_time: float
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class SnapshotDelayed:
    """The exchange refuses requests for a while, so the snapshot comes later; the request stays in the queue."""

    epoch: int
    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class SnapshotFailed:
    """The request failed; it is not repeated."""

    epoch: int
    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class SnapshotsAt:
    """The snapshot actor was replaced by `ref`: send the unanswered request again, and all later ones, there."""

    ref: pykka.ActorRef[Any]


SnapshotNews: TypeAlias = SnapshotArrived | SnapshotDelayed | SnapshotFailed | SnapshotsAt
