"""What a book's actor is sent, besides frames and questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from depthactors.actors.cell import Listener
    from depthactors.errors import BacklogError, DepthActorsError, StreamError


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


@dataclass(frozen=True, slots=True)
class Greet:
    """Tell `listener`, new to the cell, of the book as it is, or why it is not live."""

    listener: Listener


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


StreamNews: TypeAlias = StreamUp | StreamDown | FramesLost | Dropped
BookOrder: TypeAlias = Greet | Deepen | RefreshEvery | GiveUp
