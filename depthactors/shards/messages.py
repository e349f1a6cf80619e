"""The messages between the engine's process and a worker process. Both processes use this module.

A `book_id` is given by the engine's process. A `request_id` is repeated by the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.book_spec import BookSpec
    from depthactors.errors import DepthActorsError
    from depthactors.markets import Market
    from depthactors.net.settings import NetworkSettings
    from depthactors.recording import RecordTo

# To a worker.


@dataclass(frozen=True, slots=True)
class Begin:
    """The first message after the greeting.

    Attributes:
        name: the worker's name.
        settings: the way to the exchange.
        folder: the folder of the slots.
        log_level: the lowest level of the log records that the engine's process takes.
        record: where the worker records its books; `None` for nowhere.
    """

    name: str
    settings: NetworkSettings
    folder: str
    log_level: int
    record: RecordTo | None = None


@dataclass(frozen=True, slots=True)
class BookOpening:
    """A book to follow, or to follow deeper than before.

    Attributes:
        book_id: the id of the book.
        life: the number of workers that have kept the book, this one included. Reports repeat it: a report of a former
            worker may arrive late.
        spec: the book's specification.
        place: the place of the slot to fill.
        reports_updates: whether updates are to be reported.
    """

    book_id: int
    life: int
    spec: BookSpec
    place: str
    reports_updates: bool


@dataclass(frozen=True, slots=True)
class Follow:
    """Follow these books."""

    books: tuple[BookOpening, ...]


@dataclass(frozen=True, slots=True)
class Unfollow:
    """Follow a book no longer; answered once its actor has ended, or did not within the deadline."""

    request_id: int
    book_id: int


@dataclass(frozen=True, slots=True)
class ReportUpdates:
    """Report the updates of a book from now on."""

    book_id: int


@dataclass(frozen=True, slots=True)
class BookQuestion:
    """Ask a book's actor, which answers.

    Attributes:
        question: a question of `actors.questions`.
    """

    request_id: int
    book_id: int
    question: Any


@dataclass(frozen=True, slots=True)
class Stop:
    """The engine stops the worker: its process is not being killed, and removes its folder itself."""


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """Gather the status of the worker within `timeout` seconds; answered with an `EngineStatus`."""

    request_id: int
    timeout: float


# Both ways.


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: a value, or an error instead."""

    request_id: int
    value: Any = None
    error: BaseException | None = None


# From a worker.


@dataclass(frozen=True, slots=True)
class Alive:
    """The worker's supervisor is alive.

    Attributes:
        cpu: processor time of the process so far, in seconds.
    """

    cpu: float


@dataclass(frozen=True, slots=True)
class BookChanged:
    """An event of a book; its slot shows the change already.

    `STOPPED` and `FAILED` are the end of the book in the worker alone. The engine's process decides whether the book
    itself is over, and writes that into the slot, to which the worker then writes no more.
    """

    book_id: int
    life: int
    event: BookEvent


@dataclass(frozen=True, slots=True)
class BookRefused:
    """A book cannot be followed, or cannot fill the slot at `place`."""

    book_id: int
    place: str
    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class BooksUpdated:
    """The slots of these books have newer records."""

    book_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """An error that belongs to no book."""

    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class NoticeReport:
    """A notice of `depthactors.reporting`, or that its cause is over."""

    cause: Any
    words: str
    level: int
    is_over: bool
    traceback: str


@dataclass(frozen=True, slots=True)
class LogReport:
    """A log record."""

    record: logging.LogRecord


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The number of messages that were not sent so far because the engine's process had not read the earlier ones."""

    count: int


@dataclass(frozen=True, slots=True)
class AllowanceCall:
    """Call a method of the allowance of a market's weight pool; answered if `request_id` is not 0."""

    request_id: int
    market: Market
    method: str
    arguments: tuple[Any, ...]
