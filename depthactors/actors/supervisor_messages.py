"""What the supervisor is sent: by the engine, and by the actors below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.book_spec import BookSpec
    from depthactors.actors.cell import BookCell, Lease
    from depthactors.actors.local_cell import LocalCell
    from depthactors.errors import StreamError


@dataclass(frozen=True, slots=True)
class OpenBooks:
    """Follow these books; answered with their cells in the same order."""

    specs: tuple[BookSpec, ...]


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

    cell: LocalCell


@dataclass(frozen=True, slots=True)
class StreamSilent:
    """The stream of this cell's book brings nothing though the book moves."""

    cell: LocalCell
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
class ReconnectExhausted:
    """The socket called `name` used up its tries."""

    name: str
    error: StreamError
