"""The status of an engine: a typed row for each book, connection, weight pool and worker process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from depthactors.book import BookState
from depthactors.book.html import table_html

if TYPE_CHECKING:
    from depthactors.sync import Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStatus:
    """The status of a book's recording.

    Attributes:
        frames: number of websocket frames that were recorded.
        bytes: bytes of the files, compressed.
        gaps: number of gaps that the files have marked.
        files: number of files that were begun.
        lost: number of events that never came to the files, because the disk was too slow or they could not be opened.
        failures: number of times that the disk refused what was to be written; a gap follows.
        error: why the book is not recorded now, `None` if it is.
    """

    frames: int
    bytes: int
    gaps: int
    files: int
    lost: int
    failures: int
    error: str | None

    @property
    def writes(self) -> bool:
        """Whether the disk takes what arrives, as far as is known."""
        return self.error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookStatus:
    """The status of a book.

    Attributes:
        symbol, market, last_update_id: as in the view.
        speed_ms: update interval of its stream in milliseconds.
        state: whether the book can be believed.
        error: latest error of the book, `None` if there was none.
        depth: number of promised levels a side.
        age: seconds since the latest change; 0 before the first one.
        trusted_bids, trusted_asks: number of levels that the snapshot vouches for; `None` for a book whose worker
            process does not answer.
        lag: seconds for which the oldest unhandled frame has waited.
        waiting_frames: number of unhandled frames.
        restarts: number of times that the book's actor was replaced.
        counters: see `sync.Counters`.
        recording: status of its recording, `None` if it is not recorded.
    """

    symbol: str
    market: str
    speed_ms: int
    state: BookState
    error: str | None
    last_update_id: int
    depth: int
    age: float
    lag: float = 0.0
    trusted_bids: int | None = None
    trusted_asks: int | None = None
    waiting_frames: int = 0
    restarts: int
    counters: Counters
    recording: RecordingStatus | None = None

    @property
    def live(self) -> bool:
        """Whether the promised levels equal the exchange's."""
        return self.state is BookState.LIVE


@dataclass(frozen=True, slots=True)
class SocketStatus:
    """The status of a connection.

    Attributes:
        name: name of the socket actor.
        market: name of the market whose streams it carries.
        connected: whether the handshake is done and the connection has not ended since.
        streams: number of streams that it carries or will carry.
        epoch: number of the present connection; it is unique in the engine.
        age: seconds since the connection was made, 0 without a connection.
        connections: number of connections made so far, successors included.
        rotations: number of times that a successor took over in good order.
        failures: number of failed attempts since the latest acknowledged subscription.
        rejected_frames: number of frames that could not be read at all.
        unrouted_frames: number of frames of this connection for streams that are not followed any more.
        restarts: number of times that the actor was replaced.
        error: error that ended the latest connection, `None` while there is another one.
        retry_in: seconds until the next attempt to connect, 0 during a connection or an attempt.
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
class PoolStatus:
    """The status of a weight pool.

    Attributes:
        name: name of the pool.
        waiting: number of snapshots that are not requested yet.
        under_way: number of requests that are not answered yet.
        estimate: seconds until all waiting snapshots can have been requested.
        used_weight: weight used in the current minute by all clients behind the address, as far as known.
        allowed_weight: weight that the exchange allows in a minute.
        others_weight: weight that other clients behind the address are expected to use in a minute.
        silent_for: seconds for which the exchange still refuses all requests (429, 418, 403, 451).
        fetched: number of requests that brought a snapshot.
        failed: number of requests that did not.
        limited: number of requests that the exchange refused because of a limit.
        restarts: number of times that the actor was replaced; the numbers above then begin at 0 again.
        error: reason why the latest request brought no snapshot, `None` if it brought one.
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


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """The status of a worker process.

    Attributes:
        name: name of the worker.
        pid: process id, `None` while there is no process.
        cpu: processor time of the process so far, in seconds.
        restarts: number of times that the process was replaced.
        left_out: number of messages that the process did not send because the engine's process had not read the earlier
            ones.
        refused: number of questions that the process refused because too many orders waited in it.
    """

    name: str
    pid: int | None
    cpu: float
    restarts: int
    left_out: int = 0
    refused: int = 0

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.pid is not None


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The status of an engine.

    Attributes:
        books: a row for each book, in the order of the subscriptions.
        sockets: a row for each connection.
        pools: a row for each weight pool, in each process that fetches snapshots.
        workers: a row for each worker process; empty if the books are in the engine's own process.
    """

    books: tuple[BookStatus, ...]
    sockets: tuple[SocketStatus, ...]
    pools: tuple[PoolStatus, ...]
    workers: tuple[WorkerStatus, ...] = ()

    @property
    def live(self) -> int:
        """Number of live books."""
        return sum(book.live for book in self.books)

    @property
    def progress(self) -> float:
        """Share of the books that are live, 0 to 1; 1 without books."""
        return self.live / len(self.books) if self.books else 1.0

    @property
    def estimate(self) -> float:
        """Seconds until all waiting snapshots can have been requested within the allowed weight."""
        return max((pool.estimate for pool in self.pools), default=0.0)

    def _repr_html_(self) -> str:
        """Return the books as a table, for notebooks."""
        columns = ("symbol", "market", "state", "last_update_id", "depth", "age", "lag", "restarts", "error")
        rows = [[getattr(book, column) for column in columns] for book in self.books]
        return table_html(f"{self.live} of {len(self.books)} books live", columns, rows)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON; O(books)."""
        summary = {"live": self.live, "progress": self.progress, "estimate": self.estimate}
        return summary | asdict(self)
