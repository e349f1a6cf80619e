"""The rows of an engine's status, typed and plain: a book, a connection, a weight pool each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depthactors.book import BookState
    from depthactors.sync import Counters


@dataclass(frozen=True, slots=True)
class BookStatus:
    """How a book does.

    Attributes:
        symbol, market, last_update_id: as in the view.
        speed_ms: update interval of its stream.
        state: what may be believed of it.
        error: what happened to it last, `None` if nothing did.
        depth: how many of the best levels are promised.
        age: seconds since its last change.
        trusted_bids, trusted_asks: how many of the best levels are vouched for.
        lag: seconds for which the oldest frame not yet handled has waited.
        waiting_frames: frames not yet handled.
        restarts: how often the actor was replaced.
        counters: see `sync.Counters`.
    """

    symbol: str
    market: str
    speed_ms: int
    state: BookState
    error: str | None
    last_update_id: int
    depth: int
    age: float
    lag: float
    trusted_bids: int
    trusted_asks: int
    waiting_frames: int
    restarts: int
    counters: Counters

    @property
    def live(self) -> bool:
        """Whether the promised levels equal the exchange's."""
        return self.state == "LIVE"


@dataclass(frozen=True, slots=True)
class SocketStatus:
    """How a connection does.

    Attributes:
        name: of the socket.
        market: whose streams it carries.
        connected: the handshake is done and nothing ended it since.
        streams: streams it carries or will carry.
        epoch: number of the present connection in the engine.
        age: seconds since it was made, 0 when there is none.
        connections: how many were made so far, successors included.
        rotations: how often a successor took over in good order.
        failures: tries that failed since the last acknowledged subscription.
        rejected_frames: frames that could not be read at all.
        unrouted_frames: frames of this connection for streams that nobody follows any more.
        restarts: how often the actor was replaced.
        error: what the last connection ended with, while there is no other; else `None`.
        retry_in: seconds until the next try to connect, 0 while there is a connection or a try.
    """

    name: str
    market: str
    connected: bool
    streams: int
    epoch: int
    age: float
    connections: int
    rotations: int
    failures: int
    rejected_frames: int
    unrouted_frames: int
    restarts: int
    error: str | None
    retry_in: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """How a worker process does.

    Attributes:
        name: of the worker.
        pid: number of the present process, `None` while there is none.
        cpu: processor time of the process so far, in seconds.
        restarts: how often it was replaced.
        left_out: messages that the present process did not send, since this one took none for long.
    """

    name: str
    pid: int | None
    cpu: float
    restarts: int
    left_out: int = 0

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.pid is not None


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """How a weight pool does.

    Attributes:
        name: of the pool.
        waiting: snapshots not yet asked for.
        under_way: requests not yet answered.
        estimate: seconds until all that waits can have been asked for.
        used_weight: of the current minute, by everybody behind the address, as far as known.
        allowed_weight: what the exchange allows in a minute.
        others_weight: what others behind the address are expected to use of it.
        silent_for: seconds for which the exchange still wants to be left alone (429, 418, 403, 451).
        fetched, failed, limited: requests that brought a snapshot, those that did not, and those answered "not now".
        restarts: how often the actor was replaced; the counts begin anew then.
        error: why the last request brought no snapshot, `None` if it brought one.
    """

    name: str
    waiting: int
    under_way: int
    estimate: float
    used_weight: int
    allowed_weight: int
    others_weight: int
    silent_for: float
    fetched: int
    failed: int
    limited: int
    restarts: int
    error: str | None = None
