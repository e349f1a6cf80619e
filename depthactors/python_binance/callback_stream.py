"""One stream of a `ThreadedDepthCacheManager`: a subscription whose callback is called in a thread of the manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from depthactors.actors.queued_listener import QueuedListener
from depthactors.engine import inside
from depthactors.python_binance import socket_manager
from depthactors.python_binance.error_dicts import error_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depthactors.actors.book_event import BookEvent
    from depthactors.book import BookView, OrderBook
    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.engine.handle import BookHandle
    from depthactors.python_binance.callback_threads import CallbackThreads
    from depthactors.python_binance.depth_cache import DepthCache
    from depthactors.python_binance.socket_manager import BinanceSocketManager

END_TIMEOUT: Final = 5.0
"""Seconds for one stream to end, unless the caller gives another deadline."""


class CallbackStream:
    """One stream of a manager.

    Attributes:
        engine: the engine that keeps the book.
        bm: the socket manager that has this engine, `None` if the depth cache manager has it.
        handle: the subscription, once there is one.
    """

    __slots__ = ("_callbacks", "_given_up", "bm", "engine", "handle")

    def __init__(self, engine: DepthEngine, bm: BinanceSocketManager | None, callbacks: CallbackThreads) -> None:
        self.engine = engine
        self.bm = bm
        self.handle: BookHandle | None = None
        self._callbacks = callbacks
        self._given_up = False

    @property
    def symbol(self) -> str:
        """The symbol, upper case; empty until the book is followed."""
        return "" if self.handle is None else self.handle.symbol

    @property
    def is_over(self) -> bool:
        """Whether the book was given up, and the callback has been called with all its events."""
        listener = None if self.handle is None else inside.listener_of(self.handle)
        return self._given_up and isinstance(listener, QueuedListener) and listener.is_empty

    def listen(
        self, callback: Callable[[Any], None], capture: Callable[[OrderBook | BookView[Any]], DepthCache]
    ) -> None:
        """Have the callback called, with what `capture` makes of the book, and with the messages."""
        assert self.handle is not None, "the book is followed first"
        listener = QueuedListener(
            self._callbacks.lane_for(self.handle),
            inside.dispatcher_of(self.engine),
            self.symbol,
            capture=capture,
            update=callback,
            event=callback,
            depth=self.handle.depth,
            messages=self.messages,
        )
        inside.listen(self.handle, listener)

    def messages(self, event: BookEvent) -> Iterator[dict[str, Any] | None]:
        """Return the callback's arguments for an event of the book, as python-binance's guide has them."""
        yield from error_messages(event)
        # The arguments wait for the callback now.
        self._given_up |= event.state.over

    def close(self) -> None:
        """Begin no further call of its callback. Thread: any, signal handlers included; returns at once."""
        listener = None if self.handle is None else inside.listener_of(self.handle)
        if listener is not None:
            listener.close()

    def stop(self, deadline: float | None = None) -> None:
        """End the calls and the subscription, by a monotonic deadline; twice is harmless."""
        now = inside.dispatcher_of(self.engine).monotonic
        given = now() + END_TIMEOUT if deadline is None else deadline
        self.close()
        try:
            if self.handle is not None:
                self.engine.unsubscribe(self.handle, max(0.0, given - now()))
        finally:
            if self.handle is not None:
                self._callbacks.leave(self.handle)
            if self.bm is not None:
                socket_manager.give_back(self.bm, self, max(0.0, given - now()))
