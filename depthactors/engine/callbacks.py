"""Checks of the functions that users pass as callbacks."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from depthactors.actors.callbacks import name_of
from depthactors.errors import CallbackError

if TYPE_CHECKING:
    from collections.abc import Callable


def check_callback(name: str, callback: Any, instead: str = "") -> None:
    """Check that a callback can be called in a plain thread; `None` stands for no callback.

    Args:
        name: the argument's name.
        callback: the argument's value.
        instead: advice that is added to the error if it is a coroutine function.

    Raises:
        CallbackError: not callable, a coroutine function, a generator function, or a function that does not take one
            positional argument.
    """
    if callback is not None and not callable(callback):
        msg = f"expected a callable as {name}, was {callback!r}"
        raise CallbackError(msg)
    if inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(getattr(callback, "__call__", None)):  # noqa: B004 - an async one is what is looked for
        msg = (
            f"expected a plain function as {name}, was a coroutine function: there is no event loop here ({callback!r})"
            f"{instead}"
        )
        raise CallbackError(msg)
    if inspect.isgeneratorfunction(callback) or inspect.isasyncgenfunction(callback):
        msg = f"expected a plain function as {name}, was a generator function: a call of it runs nothing ({callback!r})"
        raise CallbackError(msg)
    if callback is not None and (parameters := _refused_parameters(callback)) is not None:
        msg = f"expected a function of one argument as {name}, was {name_of(callback)}, which takes {parameters}"
        raise CallbackError(msg)


def _refused_parameters(callback: Callable[..., object]) -> str | None:
    """Return the parameters of a callable that does not take one positional argument, `None` if it does."""
    try:
        signature = inspect.signature(callback)
    except Exception:  # noqa: BLE001 - whatever an object raises when it is compared with another one
        # Some builtins have no signature, and a class of the program's own may have a wrong one.
        return None
    try:
        signature.bind(None)
    except TypeError:
        return str(signature.replace(return_annotation=inspect.Signature.empty))
    return None
