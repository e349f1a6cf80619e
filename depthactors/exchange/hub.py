"""Who listens to which stream; from there each event goes to every client once."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.exchange.feed import Feed


class Subscriber(Protocol):
    """Who listens: a client, as the hub needs it."""

    def deliver(self, name: str, payload: bytes, enveloped: bytes) -> None:
        """Queue an event of the stream; never waits."""

    def wait_for_room(self, *, hurried: bool) -> None:
        """Wait until one more event fits; only shortly if `hurried`."""


class Hub:
    """The audience of every feed; any thread. Its lock is never held while something is sent."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listeners: dict[Feed, dict[str, tuple[Subscriber, ...]]] = {}

    def add(self, client: Subscriber, streams: Iterable[tuple[str, Feed]]) -> None:
        """Let the client have every further event of these streams."""
        with self._lock:
            for name, feed in streams:
                names = self._listeners.setdefault(feed, {})
                present = names.get(name, ())
                if client not in present:
                    names[name] = (*present, client)

    def remove(self, client: Subscriber, streams: Iterable[tuple[str, Feed]]) -> None:
        """Undo `add`; streams that the client does not have are skipped."""
        with self._lock:
            for name, feed in streams:
                names = self._listeners.get(feed, {})
                left = tuple(each for each in names.get(name, ()) if each is not client)
                if left:
                    names[name] = left
                else:
                    names.pop(name, None)

    def wait_for_room(self, feed: Feed) -> None:
        """Wait for the feed's slowest client; a feed that runs by the clock waits for none that is stuck."""
        hurried = feed.speed is not None
        for _, clients in self._audience_of(feed):
            for client in clients:
                client.wait_for_room(hurried=hurried)

    def publish(self, feed: Feed, payload: bytes) -> None:
        """Queue an event for every client of the feed, with the stream's name that each subscribed to."""
        for name, clients in self._audience_of(feed):
            enveloped = b'{"stream":"%s","data":%s}' % (name.encode(), payload)
            for client in clients:
                client.deliver(name, payload, enveloped)

    def _audience_of(self, feed: Feed) -> list[tuple[str, tuple[Subscriber, ...]]]:
        with self._lock:
            return list(self._listeners.get(feed, {}).items())
