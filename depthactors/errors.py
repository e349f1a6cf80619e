"""Every error that depthactors raises or reports, one tree under `DepthActorsError`.

    DepthActorsError
    ├── UsageError (also a ValueError)      a mistake of the caller; nothing was started or changed
    │   ├── UnknownMarketError
    │   ├── UnknownSymbolError              the exchange does not list the symbol
    │   ├── CallbackError (also a TypeError)    cannot be called with one argument, or raised (`__cause__`)
    │   └── DepthTooLargeError              no snapshot of that market is that deep
    ├── ExchangeError                       the exchange broke a rule, or could not be reached
    │   ├── MalformedFrameError             a frame or a reply is not as documented
    │   ├── BookIntegrityError              a book breaks its own invariants
    │   ├── AuditError                      a fresh snapshot differs from the book at the same update id
    │   ├── StreamError                     a websocket connection could not be made, or ended
    │   │   ├── SubscriptionError           the exchange refused a stream
    │   │   ├── HandshakeRefusedError       the exchange opens no websocket for now: wait `retry_after` seconds
    │   │   └── SilentStreamError           a stream was acknowledged, and brings nothing though the book changes
    │   └── SnapshotError                   a REST depth request brought no usable snapshot
    │       └── RateLimitedError            the exchange answered "not now": wait `retry_after` seconds
    ├── LifecycleError (also a RuntimeError)    called before the start, after the stop, or in a fork
    ├── NotLiveError (also a TimeoutError)  a book did not become live in the time given
    ├── SharingError                        books cannot be shared between processes, or cannot be read there
    │   ├── EngineGoneError                 no engine of that name runs on this machine
    │   └── BookNotSharedError              the engine shares no such book
    ├── ServerGoneError                     a server of books cannot be reached, refuses, or does not answer
    ├── SlowCallbackError                   a callback is too slow, and updates are left out for it; or the machine is
    ├── BacklogError                        too much waits in an engine; a book lost its backlog and is resynced
    ├── ActorDiedError                      a handler raised; the supervisor replaces the actor
    ├── WorkerDiedError                     a worker process ended or does not answer, and is being replaced
    │   ├── WorkerStartError                a worker process cannot be started for now, and will be tried again
    │   └── WorkerVersionError              a worker has another version of the package, and is not replaced
    ├── BusyError                           a worker process refused a question: too many orders wait there
    ├── LineError                           the other process of a channel is gone
    ├── DependencyError (also an ImportError)   a package is not installed, or has a version that does not fit
    ├── EscalatedError                      retries are used up; a book or the engine was given up
    │   ├── ReconnectsExhaustedError        `max_reconnects` tries to connect in a row have failed
    │   └── SupervisorDiedError             the root of an engine's actors has ended, and with it every book
    ├── ExportError                         an export cannot be written; names the file
    └── RecordingError (also a ValueError)  a recording cannot be read or written; names the file and the line
        └── RecordingCutError               a recording ends within a message; the lines before are whole

Messages read "expected ..., was ...". The data that the message was made from is in attributes.
"""

from __future__ import annotations

from typing import TypeVar

_ErrorT = TypeVar("_ErrorT", bound=BaseException)


def as_value(error: _ErrorT) -> _ErrorT:
    """Return an error that was caught without its frames, so that it can be kept or sent on.

    The frames would keep books and buffers in memory.
    """
    link: BaseException | None = error
    while link is not None:
        # Past the methods of its class: a frozen dataclass refuses.
        for name in ("__traceback__", "__context__"):
            object.__setattr__(link, name, None)
        link = link.__cause__
    return error


def printable(words: str, limit: int) -> str:
    r"""Return at most `limit` characters, with line ends and other control characters escaped (`\n`, `\x1b`)."""
    cut = words if len(words) <= limit else f"{words[:limit]}..."
    if cut.isprintable():
        return cut
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in cut)


class DepthActorsError(Exception):
    """Base of every error of this package."""


class UsageError(DepthActorsError, ValueError):
    """An argument that is wrong, whatever the exchange says."""


class UnknownMarketError(UsageError):
    """A market name that no row describes."""


class UnknownSymbolError(UsageError):
    """The exchange answered that it does not list the symbol (code -1121)."""


class CallbackError(UsageError, TypeError):
    """A callback that cannot be called from a plain thread with one argument, or what one raised (`__cause__`)."""


class DepthTooLargeError(UsageError):
    """A depth that no snapshot of the market could vouch for."""


class ExchangeError(DepthActorsError):
    """The exchange broke a rule, or could not be reached."""


class MalformedFrameError(ExchangeError):
    """A frame or a REST reply that is not what the protocol documents.

    Attributes:
        cause: the words on what was expected and what was there.
        excerpt: the start of the text that they are about.
    """

    def __init__(self, cause: str, excerpt: bytes | str = b"") -> None:
        """Keep the first 120 characters of the text."""
        text = excerpt.decode("utf-8", "replace") if isinstance(excerpt, bytes) else excerpt
        super().__init__(cause, text[:120])
        self.cause = cause
        self.excerpt = text[:120]

    def __str__(self) -> str:
        return f"{self.cause}: {self.excerpt!r}" if self.excerpt else self.cause


class BookIntegrityError(ExchangeError):
    """A book whose invariants do not hold: it is crossed, unsorted, or contradicts itself."""


class AuditError(ExchangeError):
    """A fresh snapshot and the book that was kept differ at the same update id: neither is believed."""


class StreamError(ExchangeError):
    """A websocket connection that could not be made, ended, or fell silent.

    Attributes:
        close_code: the code with which the exchange closed it, `None` where it did not.
    """

    def __init__(self, message: str, *, close_code: int | None = None) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.close_code = close_code


class SubscriptionError(StreamError):
    """The exchange answered a SUBSCRIBE with an error object."""


class HandshakeRefusedError(StreamError):
    """The exchange answered the request for a websocket with "not now": 429, 418, 403, 451, or a `Retry-After`.

    Attributes:
        status: the HTTP status.
        retry_after: the seconds for which no connection to that place is to be opened.
        longest: the longest time that such waits may grow to, where the exchange did not say how long.
    """

    def __init__(self, message: str, *, status: int, retry_after: float, longest: float) -> None:
        """Keep the waiting time, which all connections to that place obey."""
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.longest = longest


class SilentStreamError(StreamError):
    """A stream that brings nothing though snapshots show that the book changes."""


class SnapshotError(ExchangeError):
    """A REST depth request that brought no snapshot, or a snapshot that cannot be of this book.

    Attributes:
        status: the HTTP status, or `None` when no answer came.
        code: the exchange's own error code, or `None`.
    """

    def __init__(self, message: str, *, status: int | None = None, code: int | None = None) -> None:
        """Keep the numbers beside the message."""
        super().__init__(message)
        self.status = status
        self.code = code


class RateLimitedError(SnapshotError):
    """The exchange answered "not now": 429, 418, a firewall's 403, 451, or a `Retry-After`.

    Attributes:
        retry_after: the seconds for which no request of the whole pool is to be sent.
        longest: the longest time that such waits may grow to, where the exchange did not say how long.
    """

    def __init__(
        self, message: str, *, status: int = 429, retry_after: float = 0.0, longest: float | None = None
    ) -> None:
        """Keep the waiting time, which the pool obeys."""
        super().__init__(message, status=status)
        self.retry_after = retry_after
        self.longest = retry_after if longest is None else longest


class LifecycleError(DepthActorsError, RuntimeError):
    """A call that is too early or too late: before the start, after the stop, or in a fork."""


class NotLiveError(DepthActorsError, TimeoutError):
    """Books that did not become live in the time given; the message names them."""


class SharingError(DepthActorsError):
    """Shared memory that is missing, full, or another engine's; the message says how much of it, and where."""


class EngineGoneError(SharingError):
    """No engine of that name runs on this machine, or not any more."""


class BookNotSharedError(SharingError):
    """The engine runs, and shares no book of that kind, or several; the message lists its books."""


class ServerGoneError(DepthActorsError):
    """A server of books that cannot be reached, refuses, or does not answer; the message says which."""


class SlowCallbackError(DepthActorsError):
    """A callback is so slow that updates were left out for it, or the machine is too slow for the book itself."""


class BacklogError(DepthActorsError):
    """Too much waits for all books together: the book with the largest backlog lost it, and is resynced."""


class ActorDiedError(DepthActorsError):
    """An actor raised while handling a message and is being replaced."""


class WorkerDiedError(DepthActorsError):
    """A worker process of the engine ended or does not answer, and is being replaced."""


class BusyError(DepthActorsError):
    """A question that a worker process refused, since too many orders wait there."""


class WorkerStartError(WorkerDiedError):
    """A worker process that could not be started, because of too few descriptors for example; it is tried again."""


class WorkerVersionError(WorkerDiedError):
    """A worker process that has another version than the engine: the package was replaced while the engine ran."""


class LineError(DepthActorsError):
    """The process at the other end of a channel is gone, or does not read."""


class DependencyError(DepthActorsError, ImportError):
    """A package that this one needs is missing, or has a version that does not fit; it says what to install."""


class EscalatedError(DepthActorsError):
    """Retries or restarts are used up, and the supervisor gave the child up."""


class ReconnectsExhaustedError(EscalatedError):
    """A connection could not be made in `max_reconnects` tries in a row; its books are given up."""


class SupervisorDiedError(EscalatedError):
    """The root of an engine's actors has ended. It is not replaced: make a new engine."""


class ExportError(DepthActorsError):
    """A file or folder of an export that cannot be written.

    Attributes:
        path: the file or folder.
        cause: the system's words.
    """

    def __init__(self, path: str, cause: str) -> None:
        """Name the file first, as `RecordingError` does."""
        super().__init__(path, cause)
        self.path = path
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.path}: {self.cause}"


class RecordingError(DepthActorsError, ValueError):
    """A recording that cannot be read or written.

    Attributes:
        path: the file.
        line: 1-based number of the offending line, 0 for the file as a whole.
    """

    def __init__(self, path: str, line: int, cause: str) -> None:
        """Name the file and the line first, as compilers do."""
        super().__init__(path, line, cause)
        self.path = path
        self.line = line
        self.cause = cause

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.cause}"


class RecordingCutError(RecordingError):
    """A recording that ends in the middle, as one whose recorder was killed; the lines before are whole."""
