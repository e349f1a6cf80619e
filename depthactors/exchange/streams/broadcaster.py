"""Which client listens to which stream; each event goes from here to every client once."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.exchange.fault import Fault, Place
from depthactors.exchange.shapes.table import shape_of
from depthactors.exchange.streams import events
from depthactors.exchange.streams.event_faults import EventFaults
from depthactors.exchange.streams.kinds import DiffStream, StreamKind, TickerStream
from depthactors.exchange.streams.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from depthactors.dispatcher import Clock
    from depthactors.exchange.fault_plan import FaultPlan
    from depthactors.exchange.feeds.depth_event import Step
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.streams.subscription import Subscription

BURST_PACE: Final = 10.0
CONNECTION_FAULTS: Final = frozenset({"cut", "reset", "half-open", "shutdown", "expire"})


class Subscriber(Protocol):
    """A client, as the broadcaster needs it."""

    def deliver(self, message: Message) -> None:
        """Queue an event of a stream; never waits."""

    def suffer(self, fault: Fault) -> None:
        """Let a fault strike the connection; never waits."""

    def wait_for_room(self) -> None:
        """Wait until one more event fits; a client that takes nothing for a long time is disconnected."""


class _Stream(NamedTuple):
    kind: StreamKind
    listeners: tuple[Subscriber, ...]


class Broadcaster:
    """The clients of every feed, by stream. Its lock is never held while something is sent. Thread: any."""

    def __init__(self, faults: FaultPlan, clock: Clock = SYSTEM_CLOCK) -> None:
        """Begin without a listener.

        Args:
            faults: the faults of events.
            clock: the time by which events are held back.
        """
        self._faults = faults
        self._clock = clock
        self._lock = Lock()
        self._streams: dict[Feed, dict[str, _Stream]] = {}
        self._event_faults: dict[tuple[Feed, str], EventFaults] = {}
        self._bursts: dict[Feed, float] = {}

    def add(self, client: Subscriber, subscriptions: Iterable[Subscription]) -> None:
        """Subscribe a client to streams: it gets every further event."""
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
                    # The events that were held back were for the clients that are gone.
                    self._event_faults.pop((feed, name), None)

    def wants_tickers(self, feed: Feed) -> bool:
        """Return whether a client listens to the feed's bookTicker events."""
        return any(isinstance(stream.kind, TickerStream) for _, stream in self._streams_of(feed))

    def wait_for_room(self, feed: Feed) -> None:
        """Wait until each client of the feed can take one more event."""
        for _, stream in self._streams_of(feed):
            for client in stream.listeners:
                client.wait_for_room()

    def publish(self, feed: Feed, step: Step) -> None:
        """Queue the events of a step for every client, under the name of the stream to which it subscribed."""
        for name, (kind, listeners) in self._streams_of(feed):
            for payload, time_us in events.events(feed, kind, step):
                message = Message(name, payload, time_us if shape_of(feed.market).microseconds else None)
                sent = self._with_faults(feed, message, listeners) if isinstance(kind, DiffStream) else (message,)
                for each in sent:
                    for client in listeners:
                        client.deliver(each)

    def cut(self, feed: Feed) -> None:
        """End the connections of the feed's clients: the feed has failed."""
        for client in {client for _, stream in self._streams_of(feed) for client in stream.listeners}:
            client.suffer(Fault("cut"))

    def pace(self, feed: Feed) -> float:
        """Return the factor by which the feed is to run faster than usual."""
        if not self._bursts:
            return 1.0
        if self._clock.monotonic() < self._bursts.get(feed, 0.0):
            return BURST_PACE
        self._bursts.pop(feed, None)
        return 1.0

    def release(self) -> float | None:
        """Queue the events whose delay is over; return the seconds until the next ones, `None` if there are none."""
        if not self._event_faults:
            return None
        now = self._clock.monotonic()
        waits: list[float] = []
        for (feed, name), held in list(self._event_faults.items()):
            stream = dict(self._streams_of(feed)).get(name)
            for message in held.release(now):
                for client in stream.listeners if stream is not None else ():
                    client.deliver(message)
            due = held.due()
            if due is not None:
                waits.append(due - now)
        return min(waits, default=None)

    def _with_faults(self, feed: Feed, message: Message, listeners: Iterable[Subscriber]) -> Sequence[Message]:
        faults = self._faults.strike(Place.EVENT, feed.symbol)
        held = self._event_faults.get((feed, message.stream))
        if not faults and held is None:
            return (message,)
        if held is None:
            held = self._event_faults[feed, message.stream] = EventFaults()
        sent = held.apply(message, faults, self._clock.monotonic())
        for fault in faults:
            if fault.kind == "burst":
                self._bursts[feed] = self._clock.monotonic() + fault.seconds
            if fault.kind == "new-ids":
                feed.renumber()
            if fault.kind == "closed":
                feed.close_session(fault.seconds)
            if fault.kind in CONNECTION_FAULTS:
                for client in listeners:
                    client.suffer(fault)
        return sent

    def _streams_of(self, feed: Feed) -> list[tuple[str, _Stream]]:
        with self._lock:
            return list(self._streams.get(feed, {}).items())
