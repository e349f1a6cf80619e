"""What can happen to a book, classified: each cause is a value with all that its actions need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from depthactors.binance import Diff
    from depthactors.book import BookState
    from depthactors.errors import DepthActorsError
    from depthactors.sync.sequencing import Follower


@dataclass(frozen=True, slots=True)
class ConnectionUp:
    """A connection brings every diff from now on."""

    title: ClassVar = "connection up"
    epoch: int


@dataclass(frozen=True, slots=True)
class ConnectionDown:
    """The connection ended, without a successor."""

    title: ClassVar = "connection down"
    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class Handover:
    """The connection ended, and its successor goes on."""

    title: ClassVar = "handover"
    epoch: int


@dataclass(frozen=True, slots=True)
class DiffStale:
    """A diff that the book or the buffer has already."""

    title: ClassVar = "stale diff"


@dataclass(frozen=True, slots=True)
class DiffBehind:
    """A stale diff of a stream that has not met the base yet."""

    title: ClassVar = "diff behind its base"


@dataclass(frozen=True, slots=True)
class DiffConfirms:
    """A diff that ends at the id of a base that the stream had not met: they belong together."""

    title: ClassVar = "confirming diff"


@dataclass(frozen=True, slots=True)
class DiffNext:
    """The next diff, or the first one after a snapshot."""

    title: ClassVar = "next diff"
    diff: Diff
    recv_time: float


@dataclass(frozen=True, slots=True)
class DiffGap:
    """A diff before which something is missing."""

    title: ClassVar = "gap"
    diff: Diff


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The book cannot be trusted; `first` is the diff that showed it, if it is the first of a new chain."""

    title: ClassVar = "fault"
    error: DepthActorsError
    first: Diff | None = None


@dataclass(frozen=True, slots=True)
class SnapshotOld:
    """A snapshot that is too old for the buffered diffs, or that the stream has not met in time."""

    title: ClassVar = "snapshot too old"


@dataclass(frozen=True, slots=True)
class SnapshotCrossed:
    """A snapshot whose best bid is above its best ask."""

    title: ClassVar = "snapshot crossed"
    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class SnapshotFits:
    """A snapshot that the stream has reached, with the buffered diffs applied."""

    title: ClassVar = "snapshot fits"
    candidate: Follower


@dataclass(frozen=True, slots=True)
class SnapshotAhead:
    """A snapshot that the stream has not reached."""

    title: ClassVar = "snapshot ahead"
    candidate: Follower


@dataclass(frozen=True, slots=True)
class RefreshNeeded:
    """The book needs a new base."""

    title: ClassVar = "refresh needed"


@dataclass(frozen=True, slots=True)
class Met:
    """The stream has reached the base that was ahead of it."""

    title: ClassVar = "met"


@dataclass(frozen=True, slots=True)
class Changed:
    """The book in sequence, or the depth that it promises, changed: check whether it keeps its promise."""

    title: ClassVar = "changed"


@dataclass(frozen=True, slots=True)
class Close:
    """The book is to end in `STOPPED` or `FAILED`."""

    title: ClassVar = "close"
    final: BookState
    error: DepthActorsError | None = None


Cause: TypeAlias = (
    ConnectionUp
    | ConnectionDown
    | Handover
    | DiffStale
    | DiffBehind
    | DiffConfirms
    | DiffNext
    | DiffGap
    | ChainFault
    | SnapshotOld
    | SnapshotCrossed
    | SnapshotFits
    | SnapshotAhead
    | RefreshNeeded
    | Met
    | Changed
    | Close
)


def error_of(cause: Cause) -> DepthActorsError | None:
    """Return the error of a cause, `None` without one."""
    return cause.error if isinstance(cause, ConnectionDown | ChainFault | SnapshotCrossed | Close) else None
