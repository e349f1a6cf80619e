"""Who listens to which stream; from there each event goes to every client once."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from depthactors.exchange import shapes
from depthactors.exchange.fault import Fault, Place
from depthactors.exchange.streams import events
from depthactors.exchange.streams.kinds import Diff, StreamKind, Ticker
from depthactors.exchange.streams.message import Message
from depthactors.exchange.streams.tampering import Tampering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from depthactors.exchange.fault_plan import FaultPlan
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.tick import Step
    from depthactors.exchange.routes import Subscription

BURST_PACE: Final = 10.0
CONNECTION_FAULTS: Final = frozenset({"cut", "reset", "half-open", "shutdown", "expire"})


class Subscriber(Protocol):
    """Who listens: a client, as the hub needs it."""

    def deliver(self, message: Message) -> None:
        """Queue an event of a stream; never waits."""

    def suffer(self, fault: Fault) -> None:
        """Let a fault strike the connection; never waits."""

    def wait_for_room(self) -> None:
        """Wait until one more event fits; a client that takes nothing for long is given up."""


class _Stream(NamedTuple):
    kind: StreamKind
    listeners: tuple[Subscriber, ...]


class Hub:
    """The audience of every feed; any thread. Its lock is never held while something is sent."""

    def __init__(self, faults: FaultPlan, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without a listener.

        Args:
            faults: what befalls the events of diff streams.
            clock: seconds, monotonic.
        """
        self._faults = faults
        self._clock = clock
        self._lock = Lock()
        self._streams: dict[Feed, dict[str, _Stream]] = {}
        self._tampering: dict[tuple[Feed, str], Tampering] = {}
        self._bursts: dict[Feed, float] = {}

    def add(self, client: Subscriber, subscriptions: Iterable[Subscription]) -> None:
        """Let the client have every further event of these streams."""
        with self._lock:
            for name, feed, kind in subscriptions:
                names = self._streams.setdefault(feed, {})
                present = names.get(name, _Stream(kind, ()))
                if client not in present.listeners:
                    names[name] = _Stream(kind, (*present.listeners, client))

    def remove(self, client: Subscriber, subscriptions: Iterable[Subscription]) -> None:
        """Undo `add`; streams that the client does not have are skipped."""
        with self._lock:
            for name, feed, kind in subscriptions:
                names = self._streams.get(feed, {})
                present = names.get(name, _Stream(kind, ()))
                left = tuple(each for each in present.listeners if each is not client)
                if left:
                    names[name] = _Stream(kind, left)
                else:
                    names.pop(name, None)
                    # What was held back was for those who are gone.
                    self._tampering.pop((feed, name), None)

    def wants_tickers(self, feed: Feed) -> bool:
        """Return whether anybody listens to the feed's bookTicker events."""
        return any(isinstance(stream.kind, Ticker) for _, stream in self._audience_of(feed))

    def wait_for_room(self, feed: Feed) -> None:
        """Wait for the feed's slowest client."""
        for _, stream in self._audience_of(feed):
            for client in stream.listeners:
                client.wait_for_room()

    def publish(self, feed: Feed, step: Step) -> None:
        """Queue the events of a step for every client, with the stream's name that each subscribed to."""
        for name, (kind, listeners) in self._audience_of(feed):
            for payload, time_us in events.events(feed, kind, step):
                # Only spot's clients may ask for microseconds.
                message = Message(name, payload, time_us if feed.market.depth_path == shapes.SPOT_PATH else None)
                sent = self._tampered(feed, message, listeners) if isinstance(kind, Diff) else (message,)
                for each in sent:
                    for client in listeners:
                        client.deliver(each)

    def cut(self, feed: Feed) -> None:
        """End the connections of the feed's clients: what they follow comes to no good end."""
        for client in {client for _, stream in self._audience_of(feed) for client in stream.listeners}:
            client.suffer(Fault("cut"))

    def pace(self, feed: Feed) -> float:
        """Return how many times as fast as usual the feed is to run."""
        if not self._bursts:
            return 1.0
        if self._clock() < self._bursts.get(feed, 0.0):
            return BURST_PACE
        self._bursts.pop(feed, None)
        return 1.0

    def tend(self) -> float | None:
        """Queue what was held back till now; return the seconds until there is more, `None` if nothing is."""
        if not self._tampering:
            return None
        now = self._clock()
        waits: list[float] = []
        for (feed, name), tampering in list(self._tampering.items()):
            stream = dict(self._audience_of(feed)).get(name)
            for message in tampering.release(now):
                for client in stream.listeners if stream is not None else ():
                    client.deliver(message)
            due = tampering.due()
            if due is not None:
                waits.append(due - now)
        return min(waits, default=None)

    def _tampered(self, feed: Feed, message: Message, listeners: Iterable[Subscriber]) -> Sequence[Message]:
        faults = self._faults.strike(Place.EVENT, feed.symbol)
        tampering = self._tampering.get((feed, message.stream))
        if not faults and tampering is None:
            return (message,)
        if tampering is None:
            tampering = self._tampering[feed, message.stream] = Tampering()
        sent = tampering.tamper(message, faults, self._clock())
        for fault in faults:
            if fault.kind == "burst":
                self._bursts[feed] = self._clock() + fault.seconds
            if fault.kind == "new-ids":
                feed.renumber()
            if fault.kind == "closed":
                feed.close_session(fault.seconds)
            if fault.kind in CONNECTION_FAULTS:
                for client in listeners:
                    client.suffer(fault)
        return sent

    def _audience_of(self, feed: Feed) -> list[tuple[str, _Stream]]:
        with self._lock:
            return list(self._streams.get(feed, {}).items())
