"""What a callback and `recv` get beside depth caches: error dicts as the guide of python-binance has them, and `None`.

The guide's own handler stops a program at any error but `BinanceWebsocketClosed`. So there is a dict where a program of
python-binance would have lost data for good: at the end of a stream, once, with `None` behind it; and when the
connection ends, once an outage. What is repaired here is logged and counted, without a dict. `ERRORS` lists all cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from depthactors import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.actors.book_event import BookEvent
    from depthactors.errors import DepthActorsError


class ErrorRow(NamedTuple):
    """One thing that can happen to a stream.

    Attributes:
        what: what happens, in words.
        error: class of our error for it; `None` if the end has no error.
        theirs: what a callback of python-binance 1.0.37 gets.
        type: type in the error dict; `None` if there is no dict.
        ends: whether the stream is over; then `None` follows the dict.
        instead: what a program gets if there is no dict.
    """

    what: str
    error: type[DepthActorsError] | None
    theirs: str
    type: str | None
    ends: bool = False
    instead: str = ""


ERRORS: Final = (
    ErrorRow(
        "the connection ends, or cannot be made yet",
        errors.StreamError,
        "`ConnectionClosedError` or `ConnectionClosedOK`, then `BinanceWebsocketClosed`",
        "BinanceWebsocketClosed",
        instead="once an outage; updates resume by themselves",
    ),
    ErrorRow(
        "the tries to connect are used up",
        errors.ReconnectsExhaustedError,
        "`BinanceWebsocketUnableToConnect`, then `ReadLoopClosed` without end",
        "BinanceWebsocketUnableToConnect",
        ends=True,
    ),
    ErrorRow(
        "the exchange does not list the symbol", errors.UnknownSymbolError, "nothing", "BinanceAPIException", ends=True
    ),
    ErrorRow(
        "an actor, a worker process or the supervisor dies and is not replaced",
        errors.EscalatedError,
        "nothing",
        "EscalatedError",
        ends=True,
    ),
    ErrorRow("there is no shared memory for the book", errors.SharingError, "nothing", "SharingError", ends=True),
    ErrorRow("its `bm` was closed", None, "nothing", "ReadLoopClosed", ends=True),
    ErrorRow(
        "a callback is late",
        errors.SlowCallbackError,
        "each update, later and later; beyond 100 messages `BinanceWebsocketQueueOverflow`, and then nothing for ever",
        None,
        instead="the latest update when it returns; `coalesced` counts those left out",
    ),
    ErrorRow(
        "more waits for all books together than a process may have",
        errors.BacklogError,
        "each update, later and later, in ever more memory",
        None,
        instead="updates resume; the books with most of it drop it, and a fresh snapshot is asked for",
    ),
    ErrorRow(
        "a callback raises",
        errors.CallbackError,
        "nothing for ever",
        None,
        instead="the next update; the first traceback is on stderr, or in the log; `callback_errors` counts",
    ),
    ErrorRow(
        "a snapshot fails: a time-out, 5xx, an answer that is none",
        errors.SnapshotError,
        "`BinanceAPIException`, `ClientPayloadError` or nothing, and then nothing for ever",
        None,
        instead="updates resume; it is asked for again, after longer and longer waits",
    ),
    ErrorRow(
        "429, 418",
        errors.RateLimitedError,
        "`BinanceAPIException`, and then nothing for ever",
        None,
        instead="updates resume when the exchange answers again; nothing is asked until the second that it names",
    ),
    ErrorRow(
        "the exchange refuses a subscription",
        errors.SubscriptionError,
        "nothing for ever",
        None,
        instead="updates resume; it is asked for again",
    ),
    ErrorRow(
        "a subscription is acknowledged and brings nothing",
        errors.SilentStreamError,
        "nothing for ever",
        None,
        instead="updates resume; it is subscribed again, then on a connection of its own",
    ),
    ErrorRow(
        "a frame is no JSON, or of another shape",
        errors.MalformedFrameError,
        "`JSONDecodeError`, and then nothing for ever, or a wrong book",
        None,
        instead="updates resume from a fresh snapshot",
    ),
    ErrorRow(
        "events are missing",
        errors.ExchangeError,
        "a wrong book",
        None,
        instead="updates resume from a fresh snapshot",
    ),
    ErrorRow(
        "the book is crossed",
        errors.BookIntegrityError,
        "a wrong book",
        None,
        instead="updates resume from a fresh snapshot",
    ),
    ErrorRow(
        "a fresh snapshot differs from the book",
        errors.AuditError,
        "a wrong book until then",
        None,
        instead="updates resume from another snapshot",
    ),
    ErrorRow("an actor is replaced", errors.ActorDiedError, "nothing", None, instead="updates resume"),
    ErrorRow("a worker process is replaced", errors.WorkerDiedError, "nothing", None, instead="updates resume"),
)
"""Each error that can reach a listener; `error_messages` looks an error up by its class, then by its bases."""

_ROWS: Final = {row.error: row for row in ERRORS}


def error_messages(event: BookEvent) -> Iterable[dict[str, Any] | None]:
    """Return what a callback is called with for an event: nothing, a dict, or at the end a dict and `None`.

    A stopped book is an end too for a listener that is still there: its program has not asked for it.
    """
    error = event.error
    if event.state.over:
        return _message(_row(error, ends=True), error), None
    row = None if error is None else _row(error, ends=False)
    return () if row is None or row.type is None else (_message(row, error),)


def _row(error: DepthActorsError | None, *, ends: bool) -> ErrorRow | None:
    """Return the row of an error's class, or of its nearest base that has one."""
    kinds = (None,) if error is None else type(error).__mro__
    rows = (_ROWS.get(kind) for kind in kinds)
    return next((row for row in rows if row is not None and row.ends is ends), None)


def _message(row: ErrorRow | None, error: DepthActorsError | None) -> dict[str, Any]:
    # An end that has no row of its own has the error's own name.
    name = row.type if row is not None else type(error).__name__
    return {"e": "error", "type": name, "m": str(error or "its connections were closed")}
