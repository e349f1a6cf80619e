"""The messages to a book's actor, besides frames and questions. `epoch` is the number of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from depthactors.actors.cell import Listener
    from depthactors.errors import BacklogError, DepthActorsError, StreamError


@dataclass(frozen=True, slots=True)
class StreamUp:
    """The exchange acknowledged the subscription: connection `epoch` brings all updates from now on.

    Attributes:
        epoch: number of the connection.
        predecessor: number of the connection's predecessor if that still brings all updates, too.
    """

    epoch: int
    predecessor: int | None = None


@dataclass(frozen=True, slots=True)
class StreamDown:
    """Connection `epoch` ended, or could not be opened."""

    epoch: int
    error: StreamError


@dataclass(frozen=True, slots=True)
class FramesLost:
    """The mailbox was full, so `count` frames of connection `epoch` are missing before the next ones."""

    epoch: int
    count: int


@dataclass(frozen=True, slots=True)
class Greet:
    """Call a new listener with the book as it is, or with the reason why it is not live."""

    listener: Listener


@dataclass(frozen=True, slots=True)
class Deepen:
    """Promise `depth` levels from now on, which are more than before."""

    depth: int


@dataclass(frozen=True, slots=True)
class RefreshEvery:
    """Refresh the book every `seconds` from now on, which is more often than before."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RefreshNow:
    """Refresh the book now, if it is in sequence: a new file of its recording begins with the snapshot."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The supervisor dropped `frames` of the waiting frames: drop the buffered ones, too, and begin anew."""

    frames: int
    error: BacklogError


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Fail with this error, and notify the listeners; questions are still answered."""

    error: DepthActorsError


StreamNews: TypeAlias = StreamUp | StreamDown | FramesLost | Dropped
BookOrder: TypeAlias = Greet | Deepen | RefreshEvery | RefreshNow | GiveUp
