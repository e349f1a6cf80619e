"""Every message of the library, in one place. Frozen; nobody changes one.

The first group is for users: questions to a book, for `ref.ask(...)` and `handle.ask(...)`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from depthactors.book.numerals import given
from depthactors.errors import UsageError

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.cell import BookCell, Lease
    from depthactors.actors.listeners import Listener
    from depthactors.binance import DepthReply, Snapshot
    from depthactors.book import BookState, Side
    from depthactors.book.numerals import Number
    from depthactors.errors import BacklogError, DepthActorsError, ExchangeError, StreamError
    from depthactors.markets import Market
    from depthactors.sync import Priority

# Questions to a book.


@dataclass(frozen=True, slots=True)
class Top:
    """Ask for a `BookView` of the best `levels` of each side."""

    levels: int

    def __post_init__(self) -> None:
        if type(self.levels) is not int or self.levels < 1:
            msg = f"expected a number of levels of at least 1, was {self.levels!r}"
            raise UsageError(msg)


@dataclass(frozen=True, slots=True)
class Best:
    """Ask for a `BookView` of the best level of each side."""


@dataclass(frozen=True, slots=True)
class Full:
    """Ask for a `BookView` of every vouched-for level; O(n log n)."""


@dataclass(frozen=True, slots=True)
class DepthTo:
    """Ask for the levels of one side from the best to `price`: a tuple of `(price, quantity)`."""

    side: Side
    price: Number

    def __post_init__(self) -> None:
        if self.side not in {"bid", "ask"}:
            msg = f"expected 'bid' or 'ask', was {self.side!r}"
            raise UsageError(msg)
        given("a price", self.price)


@dataclass(frozen=True, slots=True)
class Status:
    """Ask for a `BookStatus`."""


@dataclass(frozen=True, slots=True)
class BookEvent:
    """What listeners are told beside updates: a change of state, or an error that changed none.

    Attributes:
        symbol: whose book.
        previous, state: what could be believed of it before, and now; equal when only the error is news.
        error: what happened, `None` where all is well.
    """

    symbol: str
    previous: BookState
    state: BookState
    error: DepthActorsError | None


# From the sockets to the books.


@dataclass(frozen=True, slots=True)
class Frames:
    """Raw frames of one stream, in order, that one read brought at `recv_time` (seconds since the epoch)."""

    epoch: int
    frames: list[bytes]
    recv_time: float


@dataclass(frozen=True, slots=True)
class StreamUp:
    """The exchange acknowledged the subscription: all from here on comes on connection `epoch`.

    And on connection `beside` too, if this is the successor of one that still serves the stream.
    """

    epoch: int
    beside: int | None = None


@dataclass(frozen=True, slots=True)
class StreamDown:
    """Connection `epoch` ended, or could not be made."""

    epoch: int
    error: StreamError


@dataclass(frozen=True, slots=True)
class FramesLost:
    """The mailbox was full: `count` frames of connection `epoch` are missing before the next ones."""

    epoch: int
    count: int


# To the sockets.


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Carry `stream` and bring its frames to `ref`; for one already carried, change only the receiver."""

    stream: str
    ref: pykka.ActorRef[Any]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Carry `stream` no longer; its receiver is told of the end if an `error` says why."""

    stream: str
    error: StreamError | None = None


@dataclass(frozen=True, slots=True)
class Resubscribe:
    """Ask the exchange for `stream` once more, from the beginning: it is acknowledged and brings nothing."""

    stream: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The reader's handshake is done."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The reader ended."""

    epoch: int
    error: StreamError


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The exchange accepted a control message; `streams` are those that it subscribed to."""

    epoch: int
    streams: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The exchange refused a control message; `streams` are those that it was to subscribe to, none of which is."""

    epoch: int
    streams: tuple[bytes, ...]
    error: str
    code: int | None


@dataclass(frozen=True, slots=True)
class ShutdownAnnounced:
    """The exchange will end connection `epoch` soon."""

    epoch: int


@dataclass(frozen=True, slots=True)
class FrameRejected:
    """Connection `epoch` brought a frame of which not even the stream could be told."""

    epoch: int
    error: ExchangeError


# Between books and snapshots.


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
class Fetched:
    """A worker's reply to the request of that number."""

    number: int
    reply: DepthReply


@dataclass(frozen=True, slots=True)
class SnapshotsAt:
    """The snapshot actor was replaced: ask this one, and again for what is still unanswered."""

    ref: pykka.ActorRef[Any]


# Timers, to oneself.


@dataclass(frozen=True, slots=True)
class Tick:
    """Time for the work called `name`; `serial` tells a timer that was set again since."""

    name: str
    serial: int = 0


# Listeners, and the supervisor.

BookKey: TypeAlias = "tuple[Market, str, int]"
"""Market, symbol and update interval: subscriptions that agree in these share a book."""


@dataclass(frozen=True, slots=True)
class Greet:
    """Tell `listener`, new to the cell, of the book as it is, or why it is not live."""

    listener: Listener


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer; whatever the actor was at when this was sent, a callback perhaps, is over then."""


@dataclass(frozen=True, slots=True)
class BookSpec:
    """What a book is to be."""

    market: Market
    symbol: str
    depth: int
    speed_ms: int
    refresh_interval: float | None
    number: type[Number]

    @property
    def key(self) -> BookKey:
        """What tells it from others."""
        return self.market, self.symbol, self.speed_ms

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f"{self.symbol} ({self.market.name})"

    def serving(self, other: BookSpec) -> BookSpec:
        """Return what serves a further subscription too: the greater depth, and the shorter of the intervals."""
        interval = min(filter(None, (self.refresh_interval, other.refresh_interval)), default=None)
        return replace(self, depth=max(self.depth, other.depth), refresh_interval=interval)


@dataclass(frozen=True, slots=True)
class OpenBooks:
    """Follow these books; answered with their cells in the same order."""

    specs: tuple[BookSpec, ...]


@dataclass(frozen=True, slots=True)
class Deepen:
    """Promise `depth` levels from now on, more than before."""

    depth: int


@dataclass(frozen=True, slots=True)
class RefreshEvery:
    """Fetch a fresh snapshot every `seconds` from now on, more often than before."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """`frames` that waited were dropped: drop what else waits for a snapshot, and begin anew."""

    frames: int
    error: BacklogError


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End as failed, for this reason, and say so; questions are still answered."""

    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class CloseBook:
    """Let go of a book; answered with its threads once the last who followed it let go.

    Attributes:
        cell: the book's.
        lease: the subscription that ends; asked twice to end it, the supervisor does it once.
    """

    cell: BookCell
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Close the books of an `OpenBooks` whose answer, in this future, nobody waits for any more."""

    opened: pykka.Future[Any]


@dataclass(frozen=True, slots=True)
class Shutdown:
    """End everything; answered with the threads that are ending."""


@dataclass(frozen=True, slots=True)
class BookGivenUp:
    """The book of this cell failed for good: its stream is not needed any more."""

    cell: BookCell


@dataclass(frozen=True, slots=True)
class StreamSilent:
    """The stream of this cell's book brings nothing though the book moves."""

    cell: BookCell
    error: StreamError


@dataclass(frozen=True, slots=True)
class StreamsRefused:
    """The socket called `name` cannot get these streams, and others can do without them: carry them elsewhere.

    `is_full` if the exchange said that it has as many as a connection may have.
    """

    name: str
    streams: tuple[str, ...]
    is_full: bool


@dataclass(frozen=True, slots=True)
class ChildFailed:
    """A handler of the child called `name` raised; its actor is gone."""

    name: str
    ref: pykka.ActorRef[Any]
    error: BaseException


@dataclass(frozen=True, slots=True)
class ReconnectExhausted:
    """The socket called `name` used up its tries."""

    name: str
    error: StreamError
