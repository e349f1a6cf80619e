"""What the engine's process and a worker process say to each other, each over the one line between them. Frozen.

Books are called by numbers that the engine's process gives; a `request` is a number that its answer repeats.
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

# To a worker.


@dataclass(frozen=True, slots=True)
class Begin:
    """The first message: what the worker is called, how to reach the exchange, where slots are, and what is logged."""

    name: str
    settings: NetworkSettings
    folder: str
    log_level: int


@dataclass(frozen=True, slots=True)
class Opening:
    """Follow a book and fill the slot at `place`; of updates something is to be said only if `told`.

    What is said of the book repeats `life`: a worker that kept it before may have something to say yet.
    """

    number: int
    life: int
    spec: BookSpec
    place: str
    told: bool


@dataclass(frozen=True, slots=True)
class Open:
    """Follow these, or deeper than before."""

    books: tuple[Opening, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """Follow a book no longer; answered once its actor is gone, or could not be waited for any longer."""

    request: int
    number: int


@dataclass(frozen=True, slots=True)
class TellUpdates:
    """Say something of this book's updates from now on."""

    number: int


@dataclass(frozen=True, slots=True)
class Question:
    """Ask a book's actor; answered by it."""

    request: int
    number: int
    message: Any


@dataclass(frozen=True, slots=True)
class StatusWanted:
    """Report how everything does; answered with an `EngineStatus`."""

    request: int
    timeout: float


# Both ways.


@dataclass(frozen=True, slots=True)
class Answer:
    """The value that was asked for, or the error instead."""

    request: int
    value: Any = None
    error: BaseException | None = None


# From a worker.


@dataclass(frozen=True, slots=True)
class Alive:
    """The worker's supervisor gets on; `cpu` is the processor time of its process so far, in seconds."""

    cpu: float


@dataclass(frozen=True, slots=True)
class Changed:
    """Something happened to a book; its slot shows it already.

    `STOPPED` and `FAILED` are what became of it in the worker. What becomes of the book itself is for the engine's
    process to say, and to write into the slot, to which the worker writes no more.
    """

    number: int
    life: int
    event: BookEvent


@dataclass(frozen=True, slots=True)
class Refused:
    """A book cannot be followed, or cannot fill the slot at `place`."""

    number: int
    place: str
    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class Updated:
    """These books have newer records in their slots."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """An error that belongs to no book."""

    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class Noticed:
    """What makes a program see no data, or that this is over, as `depthactors.reporting` has it."""

    cause: Any
    words: str
    level: int
    is_over: bool
    traceback: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A log record."""

    record: logging.LogRecord


@dataclass(frozen=True, slots=True)
class LeftOut:
    """`count` messages of the worker were not sent by now, since the engine's process took none for long."""

    count: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """Call a method of the allowance that a market's weight pool has in the engine; answered if `request` is not 0."""

    request: int
    market: Market
    method: str
    arguments: tuple[Any, ...]


# Within the engine's process.


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The process that kept the book is gone; what it left is labelled, and another one is on the way."""

    error: DepthActorsError


@dataclass(frozen=True, slots=True)
class Rebalance:
    """Spread the books over so many processes, or the present number with `None`; answered with how many moved."""

    processes: int | None
