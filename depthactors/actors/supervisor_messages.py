"""The messages to a supervisor, from the engine and from its children."""

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
    """Follow books. The answer: their cells, in the same order."""

    specs: tuple[BookSpec, ...]


@dataclass(frozen=True, slots=True)
class CloseBook:
    """End a subscription to a book, which is closed with its last one.

    The answer: the actor and the threads that are ending; none while the book has other subscriptions.

    Attributes:
        cell: cell of the book.
        lease: lease of the subscription. A second message with the same lease does nothing.
    """

    cell: BookCell
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Undo an `OpenBooks` whose caller does not wait for the answer any more.

    Attributes:
        opened: future of the answer.
    """

    opened: pykka.Future[Any]


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Stop all children. The answer: the mailboxes of the actors that are ending."""


@dataclass(frozen=True, slots=True)
class BookGivenUp:
    """The book has failed, so its stream is not needed any more."""

    cell: LocalCell


@dataclass(frozen=True, slots=True)
class StreamSilent:
    """The stream of a book brings nothing although the book changes.

    Attributes:
        cell: the book's cell.
        error: the error of which the book's listeners were notified.
        diffs: the number of diffs that the stream had brought by then.
    """

    cell: LocalCell
    error: StreamError
    diffs: int


@dataclass(frozen=True, slots=True)
class StreamsRefused:
    """The exchange refuses streams on one connection: carry them on another one.

    Attributes:
        name: name of the socket actor.
        streams: names of the streams.
        is_full: whether the exchange answered that the connection has as many streams as it may have.
    """

    name: str
    streams: tuple[str, ...]
    is_full: bool


@dataclass(frozen=True, slots=True)
class ReconnectExhausted:
    """The socket actor called `name` has used up its attempts to connect."""

    name: str
    error: StreamError
