"""The phases of a book: what its stream brings, and how far the book has got. A phase is a value with its own parts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, TypeAlias, TypeVar

if TYPE_CHECKING:
    from depthactors.book import BookState
    from depthactors.sync.sequencing import Follower


class SyncState(Enum):
    """The names of the phases."""

    DISCONNECTED = "disconnected"
    """No stream: nothing can be kept current."""
    BUFFERING = "buffering"
    """The stream is up, diffs are buffered, a snapshot is wanted."""
    BRIDGING = "bridging"
    """A snapshot is in hand that the stream has not reached: believed once a diff joins the two."""
    FOLLOWING = "following"
    """Each diff is applied as it comes."""
    REFRESHING = "refreshing"
    """The same, and diffs are buffered too, since a snapshot is wanted for a new base."""
    ALIGNING = "aligning"
    """The same, with the new base in hand and ahead: waiting until the diffs reach it."""
    CLOSED = "closed"
    """Stopped or given up."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """Without a stream."""

    state: ClassVar = SyncState.DISCONNECTED


@dataclass(frozen=True, slots=True)
class Buffering:
    """Without a base."""

    state: ClassVar = SyncState.BUFFERING
    epoch: int


@dataclass(frozen=True, slots=True)
class Bridging:
    """With a base that is ahead of the stream, and none before it."""

    state: ClassVar = SyncState.BRIDGING
    epoch: int
    candidate: Follower


@dataclass(frozen=True, slots=True)
class Following:
    """In sequence."""

    state: ClassVar = SyncState.FOLLOWING
    epoch: int
    follower: Follower


@dataclass(frozen=True, slots=True)
class Refreshing:
    """In sequence, and waiting for a snapshot; `urgent` if it was requested to repair the book."""

    state: ClassVar = SyncState.REFRESHING
    epoch: int
    follower: Follower
    urgent: bool


@dataclass(frozen=True, slots=True)
class Aligning:
    """In sequence, with a new base that is ahead of the stream."""

    state: ClassVar = SyncState.ALIGNING
    epoch: int
    follower: Follower
    candidate: Follower


@dataclass(frozen=True, slots=True)
class Closed:
    """At the end, in `STOPPED` or `FAILED`."""

    state: ClassVar = SyncState.CLOSED
    final: BookState


Followed: TypeAlias = Following | Refreshing | Aligning
"""In sequence: the book that readers see is the follower's."""
Connected: TypeAlias = Buffering | Bridging | Followed
"""With a stream: `epoch` is the connection that is listened to."""
Unconnected: TypeAlias = Disconnected | Closed
Phase: TypeAlias = Connected | Unconnected

FollowedT = TypeVar("FollowedT", Following, Refreshing, Aligning)
PhaseT = TypeVar("PhaseT", bound=Phase)
