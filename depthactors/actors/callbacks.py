"""Calling a user's function: whatever it raises is said, once with its traceback, and goes no further."""

from __future__ import annotations

import logging
import threading
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.errors import CallbackError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

logger = reporting.logger(__name__)

_PACKAGE: Final = __name__.partition(".")[0]
_LAYERS: Final = 10
"""Wrappers that are looked through for the name of a function."""
_calling: set[int] = set()
"""The threads, by their ident, that are in a user's function at the moment."""


def call(callback: Callable[[Any], object], argument: object, owner: str = "engine") -> CallbackError | None:
    """Call a user's function; returns what was wrong with it, `None` if it returned.

    Args:
        callback: the function.
        argument: the only one.
        owner: the book that it is called for.
    """
    thread = threading.get_ident()
    _calling.add(thread)
    try:
        callback(argument)
    except BaseException as error:  # noqa: BLE001 - a SystemExit let through would end the actor
        return _failure(callback, error, owner)
    finally:
        _calling.discard(thread)
    return None


def is_calling(thread: threading.Thread) -> bool:
    """Return whether a thread is in a user's function: it may be waiting for whoever asks. Any thread."""
    return thread.ident in _calling


def name_of(callback: Any) -> str:
    """Return how a user knows a function, without calling anything of the user's."""
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
    return str(callback.__qualname__) if kind is BuiltinFunctionType else f"a {kind.__qualname__}"


def _is_ours(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] == _PACKAGE


def _failure(callback: Callable[[Any], object], error: BaseException, owner: str) -> CallbackError:
    # Without the frames above the user's own, which hold on to the book.
    while (trace := error.__traceback__) is not None and _is_ours(trace):
        # Past the methods of its class: a frozen dataclass refuses.
        object.__setattr__(error, "__traceback__", trace.tb_next)
    name = name_of(callback)
    words = f"{owner}: the callback {name} raised {type(error).__name__}: {reporting.words_of(error)}"
    if not isinstance(error, Exception):
        words += "; in a callback this ends nothing, neither the program nor the book"
    logger.notice(("callback", owner, name, type(error).__qualname__), "%s", words, level=logging.ERROR, error=error)
    failure = CallbackError(words)
    failure.__cause__ = error
    return failure
