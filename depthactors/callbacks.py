"""Callbacks of users: what is taken as one, and how a view gets to it."""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any

from depthactors.book import BookState
from depthactors.book.view import capture
from depthactors.errors import CallbackError

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from depthactors.book import BookView, OrderBook


def check_callback(name: str, callback: Any) -> None:
    """Refuse what cannot be called from a plain thread; `None` is no callback.

    Raises:
        CallbackError: not callable, or a coroutine function.
    """
    if callback is not None and not callable(callback):
        msg = f"expected a callable as {name}, was {callback!r}"
        raise CallbackError(msg)
    if inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(getattr(callback, "__call__", None)):  # noqa: B004 - an async one is what is looked for
        msg = (
            f"expected a plain function as {name}, was a coroutine function: there is no event loop here ({callback!r})"
        )
        raise CallbackError(msg)


def view_teller(
    callback: Callable[[BookView], None], depth: int, number: type[float | Decimal]
) -> Callable[[OrderBook], None]:
    """Wrap a user's callback: in the book's own thread a copy cannot be torn."""

    def tell_view(book: OrderBook) -> None:
        view = capture(book, depth, BookState.LIVE, number, time.time())
        assert view is not None
        callback(view)

    return tell_view
