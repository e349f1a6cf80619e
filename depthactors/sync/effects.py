"""Effects: the synchronizer returns what has to be done as values, and the book's actor carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from depthactors.book.state import BookState
    from depthactors.errors import DepthActorsError, StreamError


class Priority(IntEnum):
    """The order of snapshots when there is not enough weight for all; a smaller value is earlier."""

    RESYNC = 0
    """A book was live and is not any more."""
    NEW = 1
    """A book was never live."""
    REFRESH = 2
    """A live book needs a fresh base."""


@dataclass(frozen=True, slots=True)
class RequestSnapshot:
    """Fetch a snapshot, and answer with the same epoch. A request soon after another one should wait a little."""

    epoch: int
    priority: Priority


@dataclass(frozen=True, slots=True)
class Publish:
    """The book shows a new update: notify the listeners."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A new base waits for the stream to reach it: call `overdue` if that takes long."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The book's public state changed; `error` is the reason, if there is one."""

    previous: BookState
    state: BookState
    error: DepthActorsError | None = None


@dataclass(frozen=True, slots=True)
class Resync:
    """The chain of diffs is broken, and the book is being rebuilt; `error` is the reason."""

    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class SnapshotRefused:
    """A snapshot was not used, and another one is requested; `error` is the reason."""

    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class Silent:
    """The stream brings nothing though the book changes: subscribe again. The book is not live until a diff comes."""

    error: StreamError


@dataclass(frozen=True, slots=True)
class Audited:
    """A fresh book was compared with the book that it replaces, at the same update id.

    `differences` is the number of levels that differ, among the levels that both vouch for.
    """

    last_update_id: int
    differences: int


Effect: TypeAlias = RequestSnapshot | Publish | Ahead | StateChanged | Resync | SnapshotRefused | Silent | Audited
