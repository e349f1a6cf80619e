"""One client of `/stream`: takes its orders, and sends it the messages of its streams."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from depthactors.serve.orders import Code, OrderError, parse_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.serve.feed import Feed
    from depthactors.serve.orders import Order
    from depthactors.serve.stream import Stream
    from depthactors.serve.stream_name import StreamName

MOST_SUBSCRIPTIONS: Final = 200
"""Streams of one client."""


class Wire(Protocol):
    """A websocket connection; see `Connection`."""

    @property
    def is_behind(self) -> bool:
        """Whether a part of what was offered is still to be sent."""

    def take(self) -> str | bytes | None:
        """Return the next message of the client, `None` if none has come; does not wait."""

    def offer(self, messages: Iterable[bytes], /) -> bool:
        """Send texts if that needs no waiting; return whether they are on their way."""

    def complete(self) -> None:
        """Send what is left of what was offered; waits."""

    def send_text(self, message: bytes, /) -> None:
        """Send a text; waits until the system has taken it."""


class Session:
    """A client.

    Its own thread takes orders, and sends where sending has to wait; the sender's thread sends where it has not. One of
    the two at a time: the lock says which.
    """

    def __init__(self, wire: Wire, find: Callable[[Order], Feed], request: Callable[[Session], None]) -> None:
        """Begin without streams.

        Args:
            wire: the connection.
            find: returns the feed of the book that is meant, or raises `OrderError`.
            request: lets `send_at_once` be called soon, in the sender's thread.
        """
        self._wire = wire
        self._find = find
        self._request = request
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._is_over = False
        self._owes_alive = False
        # Feed, stream, and the number of the last message that was sent.
        self._streams: dict[StreamName, tuple[Feed, Stream, int]] = {}

    def wake(self) -> None:
        """Let its own thread look for orders, and for what is to be sent. Thread: any."""
        self._wanted.set()

    def news(self) -> None:
        """Note that a stream has a new message. Thread: any."""
        self._request(self)

    def end(self) -> None:
        """Let `run` return. Thread: any."""
        self._is_over = True
        self._wanted.set()

    def run(self) -> None:
        """Serve the client until `end`, or until its connection ends, which `Wire` raises. Thread: its own."""
        try:
            while not self._is_over:
                self._wanted.wait()
                self._wanted.clear()
                with self._lock:
                    self._wire.complete()
                    while (text := self._wire.take()) is not None:
                        self._obey(text)
                    self._send_new(self._send_and_wait)
                    if self._owes_alive:
                        self._owes_alive = False
                        self._wire.send_text(_alive())
        finally:
            for feed, stream, _ in self._streams.values():
                feed.leave(stream, self.news)

    def send_at_once(self, *, is_alive: bool) -> None:
        """Send what can be sent without waiting, and leave the rest to its own thread. Thread: the sender's.

        Args:
            is_alive: whether the client is to be told that the server is there.
        """
        if not self._lock.acquire(blocking=False):
            # Its own thread is at work, and may have looked for news already.
            self.wake()
            return
        try:
            is_done = self._send_new(self._wire.offer)
            if is_alive and not (is_done and self._wire.offer([_alive()])):
                self._owes_alive = True
                is_done = False
            is_done = is_done and not self._wire.is_behind
        finally:
            self._lock.release()
        if not is_done:
            self.wake()

    def _send_new(self, send: Callable[[list[bytes]], bool]) -> bool:
        """Send the news of all streams; return whether all were sent."""
        for name, (feed, stream, number) in list(self._streams.items()):
            if stream.number == number:
                continue
            messages, last = feed.messages(stream, number)
            if not send(messages):
                return False
            self._streams[name] = feed, stream, last
        return True

    def _send_and_wait(self, messages: list[bytes]) -> bool:
        for message in messages:
            self._wire.send_text(message)
        return True

    def _obey(self, text: str | bytes) -> None:
        try:
            order = parse_order(text)
            feed = self._find(order)
            done = self._subscribe if order.op == "subscribe" else self._unsubscribe
            name = done(feed, order)
        except OrderError as error:
            self._say(type="error", id=error.id, code=error.code, error=str(error))
            return
        self._say(type=f"{order.op}d", id=order.id, stream=str(name), **name._asdict())

    def _subscribe(self, feed: Feed, order: Order) -> StreamName:
        if len(self._streams) >= MOST_SUBSCRIPTIONS:
            words = f"expected at most {MOST_SUBSCRIPTIONS} streams of one connection"
            raise OrderError(Code.TOO_MANY_SUBSCRIPTIONS, words, order.id)
        try:
            stream = feed.join(order.levels or feed.book.depth, order.numbers, self.news)
        except OrderError as error:
            raise OrderError(error.code, str(error), order.id) from None
        # Subscribed again: a client that missed something wants a snapshot.
        self._streams[stream.name] = feed, stream, 0
        return stream.name

    def _unsubscribe(self, feed: Feed, order: Order) -> StreamName:
        levels = order.levels or feed.book.depth
        for name, (each, stream, _) in self._streams.items():
            if each is feed and (name.levels, name.numbers) == (levels, order.numbers):
                feed.leave(stream, self.news)
                del self._streams[name]
                return name
        words = f"expected a stream that was subscribed to, was {order.symbol} of {levels} levels"
        raise OrderError(Code.NOT_SUBSCRIBED, words, order.id)

    def _say(self, **message: Any) -> None:
        self._wire.send_text(orjson.dumps(message))


def _alive() -> bytes:
    return orjson.dumps({"type": "alive", "time": int(time.time() * 1000)})
