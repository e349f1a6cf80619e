"""Calling a user's function. An exception of it is reported, the first time with its traceback, and ends nothing.

A function that forks returns in two processes. In the child the caller would go on as a second copy, for example as
another actor that writes the same shared memory. So a child that returns from the function ends, as a child of
`multiprocessing` does at the end of its function.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from functools import partial
from types import AsyncGeneratorType, BuiltinFunctionType, CoroutineType, FunctionType, GeneratorType, MethodType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from depthactors import reporting
from depthactors.book import BookState, BookView
from depthactors.book.view import capture
from depthactors.errors import CallbackError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from depthactors.book import OrderBook
    from depthactors.book.numerals import NumberT
    from depthactors.dispatcher.clock import Clock

logger = reporting.logger(__name__)

_PACKAGE: Final = __name__.partition(".")[0]
_LAYERS: Final = 10
"""Number of wrappers that are unwrapped to find the name of a function."""
_TRACEBACK: Final[Any] = BaseException.__dict__["__traceback__"]
"""Sets it without the methods of a foreign class: an exception that is a frozen dataclass would refuse."""
_NOT_BEGUN: Final = frozenset({AsyncGeneratorType, CoroutineType, GeneratorType})
"""What a call returns that has run nothing yet."""
_calling: set[int] = set()
"""Idents of the threads that are in a user's function."""
_forks = 0
"""Number of forks from the program's first process to this one."""


def call(callback: Callable[[Any], object], argument: object, owner: str = "engine") -> CallbackError | None:
    """Call a user's function; return an error if it raised an exception or has run nothing, else `None`.

    Args:
        callback: the function.
        argument: its argument.
        owner: title of the book, for the report.
    """
    thread, forks = threading.get_ident(), _forks
    _calling.add(thread)
    try:
        result = callback(argument)
    except BaseException as error:  # noqa: BLE001 - a SystemExit let through would end the actor
        if _forks != forks:
            _end_child(error)
        return _failure(callback, error, owner)
    finally:
        _calling.discard(thread)
    if _forks != forks:
        _end_child(None)
    return None if type(result) not in _NOT_BEGUN else _not_begun(callback, result, owner)


def view_of(depth: int, number: type[NumberT], clock: Clock) -> Callable[[OrderBook | BookView[Any]], BookView[Any]]:
    """Return a function that makes a view of `depth` levels of a book: the `capture` of a `QueuedListener`.

    Thread: the book actor's, where no update can fall into the copy of the book.
    """

    def view(book: OrderBook | BookView[Any]) -> BookView[Any]:
        if isinstance(book, BookView):
            return book
        view = capture(book, depth, BookState.LIVE, number, clock.time())
        assert view is not None, "the book does not change in its actor's turn"
        return view

    return view


def is_calling(thread: threading.Thread) -> bool:
    """Return whether a thread is in a user's function, which may wait for the thread that calls this. Thread: any."""
    return thread.ident in _calling


def name_of(callback: Any) -> str:
    """Return the name by which a user knows a function, without calling any code of the user."""
    for _ in range(_LAYERS):
        kind = type(callback)
        if kind is MethodType:
            callback = callback.__func__
        elif kind is partial:
            callback = callback.func
        elif kind is FunctionType and "__wrapped__" in callback.__dict__:
            callback = callback.__dict__["__wrapped__"]
        else:
            break
    kind = type(callback)
    if kind is FunctionType:
        return f"{callback.__module__}.{callback.__qualname__}"
    return str(callback.__qualname__) if kind is BuiltinFunctionType else f"a {reporting.class_name(kind)}"


def _is_ours(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] == _PACKAGE


def _failure(callback: Callable[[Any], object], error: BaseException, owner: str) -> CallbackError:
    # Without our frames above the user's, which would keep the book alive.
    while (trace := _TRACEBACK.__get__(error)) is not None and _is_ours(trace):
        _TRACEBACK.__set__(error, trace.tb_next)
    name, kind = name_of(callback), reporting.class_name(type(error))
    said = reporting.words_of(error)
    words = f"{owner}: the callback {name} raised {kind}" + (f": {said}" if said else "")
    if not issubclass(type(error), Exception):
        words += "; in a callback this ends nothing, neither the program nor the book"
    logger.notice(("callback", owner, name, kind), "%s", words, level=logging.ERROR, error=error)
    failure = CallbackError(words)
    failure.__cause__ = error
    return failure


def _not_begun(callback: Callable[[Any], object], result: Any, owner: str) -> CallbackError:
    """Report a function whose body did not run, such as a lambda that calls a coroutine function."""
    name, kind = name_of(callback), type(result).__name__
    if type(result) is CoroutineType:
        # So that Python does not warn of it with a line of ours.
        result.close()
    words = f"{owner}: the callback {name} returned an object of type {kind}, which nothing runs here"
    words += ": give a plain function"
    logger.notice(("callback", owner, name, kind), "%s", words, level=logging.ERROR)
    return CallbackError(words)


def _count_fork() -> None:
    global _forks  # noqa: PLW0603 - it is the process's
    _forks += 1
    # Only the calling thread is here, and new threads may have the idents of the others.
    _calling.intersection_update({threading.get_ident()})


def _end_child(error: BaseException | None) -> NoReturn:
    """End a process that a user's function has forked.

    Args:
        error: the exception that the function raised, if any; `SystemExit` has the exit status.
    """
    status = 0
    try:
        if isinstance(error, SystemExit):
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
        elif error is not None:
            status = 1
            sys.excepthook(type(error), error, _TRACEBACK.__get__(error))
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        os._exit(status & 0xFF)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)
