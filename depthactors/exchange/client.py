"""One websocket connection: what it has subscribed to, and the thread that sends to it."""

from __future__ import annotations

import logging
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, Protocol

from depthactors.exchange import control
from depthactors.exchange.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depthactors.exchange.feed import Feed
    from depthactors.exchange.hub import Hub

logger = logging.getLogger(__name__)

HURRIED_PAUSE: Final = 0.25
"""Seconds; a client that took nothing from its full queue for so long does not hold up timed feeds."""


class Wire(Protocol):
    """The connection as a client's writer needs it."""

    def send(self, frame: bytes) -> bool:
        """Send a text frame; waits while the peer does not read. `False` when the connection is over."""

    def close(self, code: int, reason: str) -> None:
        """Carry out the closing handshake, for a short while at most."""

    def cut(self) -> None:
        """End the TCP connection at once; never waits, and frees whoever waits in `send`."""


class Client:
    """One connection's subscriptions and its writer.

    `handle` runs in the connection's reader thread, `deliver` and `wait_for_room` in the player's.
    An acknowledgement is queued before the first event of what it acknowledges, and no event of a
    stream is queued after its UNSUBSCRIBE was acknowledged.
    """

    def __init__(
        self,
        wire: Wire,
        hub: Hub,
        *,
        find: Callable[[str], Feed | None],
        play: Callable[[Iterable[Feed]], None],
        combined: bool,
        name: str,
        outbox: Outbox | None = None,
    ) -> None:
        """Prepare; `start` starts the writer.

        Args:
            wire: the connection.
            hub: where subscriptions are kept.
            find: the feed that a stream's name means on this connection's path.
            play: starts feeds that have not started yet.
            combined: whether frames have an envelope, until the client sets the property.
            name: of the writer's thread.
            outbox: the queue; a new one by default.
        """
        self._wire = wire
        self._hub = hub
        self._find = find
        self._play = play
        self._combined = combined
        self._outbox = outbox if outbox is not None else Outbox()
        self._lock = Lock()
        self._streams: dict[str, None] = {}
        self._closing = (1000, "")
        self._writer = Thread(target=self._write, name=name, daemon=True)

    def start(self, streams: tuple[str, ...] = ()) -> None:
        """Start the writer, subscribed to the streams that the path named."""
        self._writer.start()
        self._subscribe(streams, None)

    def handle(self, message: bytes | str) -> None:
        """Carry out one control message and queue the reply."""
        try:
            request = control.parse(message)
        except control.RefusedError as refusal:
            self._queue(refusal.reply)
            return
        reply = control.result(None, request.request_id)
        match request.method:
            case "SUBSCRIBE":
                self._subscribe(request.params, reply)
            case "UNSUBSCRIBE":
                self._unsubscribe(request.params, reply)
            case "SET_PROPERTY":
                with self._lock:
                    self._combined = request.params[1]
                    self._queue(reply)
            case "GET_PROPERTY":
                self._queue(control.result(self._combined, request.request_id))
            case _:
                self._queue(control.result(list(self._streams), request.request_id))

    def deliver(self, name: str, payload: bytes, enveloped: bytes) -> None:
        """Queue an event if the stream is still subscribed; a client that is too far behind is cut off."""
        with self._lock:
            if name in self._streams:
                self._queue(enveloped if self._combined else payload)

    def wait_for_room(self, *, hurried: bool) -> None:
        """Wait until an event more fits, as long as the client takes some.

        Args:
            hurried: wait only shortly for a client that takes nothing, since others want their events
                in time; else wait with patience, and then cut it off.
        """
        if not self._outbox.wait_for_room(HURRIED_PAUSE if hurried else None) and not hurried:
            self._give_up()

    def wait_sent(self, timeout: float) -> bool:
        """Wait until everything queued has been sent, or the connection is over."""
        return self._outbox.wait_sent(timeout)

    def close(self, code: int, reason: str) -> None:
        """Drop what is queued and let the writer close the connection; does not wait."""
        self._closing = (code, reason)
        self._outbox.close()

    def leave(self, timeout: float) -> bool:
        """Clean up after the connection's end: in the reader thread, waits for the writer."""
        self._hub.remove(self, self._feeds_of(tuple(self._streams)))
        self._outbox.close()
        self._writer.join(timeout)
        return not self._writer.is_alive()

    def _subscribe(self, streams: tuple[str, ...], reply: bytes | None) -> None:
        with self._lock:
            self._streams.update(dict.fromkeys(streams))
            if reply is not None:
                self._queue(reply)
        served = self._feeds_of(streams)
        self._hub.add(self, served)
        # Only now: a recording that starts before its first listener would be lost on it.
        self._play([feed for _, feed in served])

    def _unsubscribe(self, streams: tuple[str, ...], reply: bytes) -> None:
        self._hub.remove(self, self._feeds_of(streams))
        with self._lock:
            for name in streams:
                self._streams.pop(name, None)
            self._queue(reply)

    def _feeds_of(self, streams: tuple[str, ...]) -> list[tuple[str, Feed]]:
        found = ((name, self._find(name)) for name in streams)
        return [(name, feed) for name, feed in found if feed is not None]

    def _queue(self, frame: bytes) -> None:
        if not self._outbox.append(frame):
            self._give_up()

    def _give_up(self) -> None:
        logger.warning("%s: cut off, it was too far behind or took nothing for too long", self._writer.name)
        self._outbox.close()
        self._wire.cut()

    def _write(self) -> None:
        while (frame := self._outbox.take()) is not None:
            if not self._wire.send(frame):
                self._outbox.close()
                return
        self._wire.close(*self._closing)
