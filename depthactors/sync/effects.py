"""What the machine wants done, as values: the actor carries them out, the machine never calls out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from depthactors.book.state import BookState
    from depthactors.errors import DepthActorsError, StreamError


class Priority(IntEnum):
    """Which snapshot goes first when the weight does not suffice for all; smaller is sooner."""

    RESYNC = 0
    """A book that was live is not."""
    NEW = 1
    """A book that was never live."""
    REFRESH = 2
    """A live book that wants a fresh base."""


@dataclass(frozen=True, slots=True)
class RequestSnapshot:
    """Fetch a snapshot; answer with the same epoch. One that follows another soon should wait a little."""

    epoch: int
    priority: Priority


@dataclass(frozen=True, slots=True)
class Publish:
    """The book shows a new update: tell those who listen."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A new base is in hand that the stream has not reached yet: call `overdue` if that takes long."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """What may be believed of the book changed; `error` says why, where there is a why."""

    previous: BookState
    state: BookState
    error: DepthActorsError | None = None


@dataclass(frozen=True, slots=True)
class Resync:
    """The chain broke and the book is being built anew; `error` says what broke."""

    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class Refused:
    """A snapshot was let go without use, and another one is asked for; `error` says why."""

    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class Silent:
    """The stream brings nothing though the book moves: subscribe to it anew. Not live until it brings something."""

    error: StreamError


@dataclass(frozen=True, slots=True)
class Audited:
    """A refreshed book was compared with the one it replaces, at the same update id.

    `differences` counts levels, of all that both vouch for.
    """

    last_update_id: int
    differences: int


Effect: TypeAlias = RequestSnapshot | Publish | Ahead | StateChanged | Resync | Refused | Silent | Audited
