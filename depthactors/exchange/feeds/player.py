"""The one thread that carries out the steps of all feeds, each at its time."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from threading import Condition, Thread
from typing import TYPE_CHECKING, Protocol

from depthactors import reporting
from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.errors import DepthActorsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.dispatcher import Clock
    from depthactors.exchange.feeds.depth_event import Step
    from depthactors.exchange.feeds.feed import Feed

logger = reporting.logger(__name__)


class Audience(Protocol):
    """The receiver of the events."""

    def wait_for_room(self, feed: Feed) -> None:
        """Wait, within a bound, until each client of the feed can take one more event."""

    def wants_tickers(self, feed: Feed) -> bool:
        """Return whether a client listens to the feed's bookTicker events."""

    def publish(self, feed: Feed, step: Step) -> None:
        """Queue a step's events for every client of the feed; never waits."""

    def cut(self, feed: Feed) -> None:
        """End the connections of every client of a feed that has failed; never waits."""

    def pace(self, feed: Feed) -> float:
        """Return the factor by which the feed is to run faster than usual."""

    def release(self) -> float | None:
        """Queue the events whose delay is over; return the seconds until the next ones, `None` if there are none."""


@dataclass(order=True, slots=True)
class _Playback:
    """A feed that runs.

    Attributes:
        due: the time of the next step, on the clock of its queue.
        number: the order in which feeds were started, which decides between equal times.
        feed: the feed.
        origin: the time of the feed's start, on the same clock.
    """

    due: float
    number: int
    feed: Feed = field(compare=False)
    origin: float = field(compare=False)


class Player:
    """Plays feeds: those with a speed by the clock, the others as fast as the clients take the events.

    On a machine that is too slow, events come late; none is left out. Feeds with a speed
    do not wait for clients; the queue of a client that is too far behind disconnects it.
    Feeds without a speed are interleaved by their own recorded time. The events of one feed are published
    in order, one at a time.

    Thread: `depthactors-exchange-player`; any thread may call the methods.
    """

    def __init__(self, audience: Audience, clock: Clock = SYSTEM_CLOCK) -> None:
        """Prepare; `start` starts the thread.

        Args:
            audience: the receiver of the events.
            clock: the time by which steps are due.
        """
        self._audience = audience
        self._clock = clock
        self._changed = Condition()
        self._timed: list[_Playback] = []
        self._untimed: list[_Playback] = []
        self._untimed_now = 0.0
        self._started: set[Feed] = set()
        self._running: set[Feed] = set()
        self._failure: DepthActorsError | None = None
        self._stopping = False
        self._holding = False
        self._thread = Thread(target=self._run, name="depthactors-exchange-player", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end after the present step. Does not wait."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end, at most `timeout` seconds; return whether it ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def play(self, feeds: Iterable[Feed]) -> None:
        """Start those of the feeds that have not started yet, all at the same instant."""
        with self._changed:
            now = self._clock.monotonic()
            for feed in feeds:
                if feed not in self._started:
                    self._started.add(feed)
                    self._running.add(feed)
                    origin = self._untimed_now if feed.speed is None else now
                    self._schedule(_Playback(origin, len(self._started), feed, origin))
            self._changed.notify_all()

    def wait_recordings(self, timeout: float) -> bool:
        """Wait until at least one recording has started and every started one has ended.

        Raises:
            DepthActorsError: a recording turned out to be broken, or a feed failed.
        """
        with self._changed:
            ended = self._changed.wait_for(self._recordings_ended, timeout)
            if self._failure is not None:
                raise self._failure
            return ended

    def _recordings_ended(self) -> bool:
        if self._failure is not None:
            return True
        started = [feed for feed in self._started if feed.is_recording]
        return bool(started) and not self._holding and not any(feed in self._running for feed in started)

    def _run(self) -> None:
        while not self._stopping:
            playback = self._next(self._audience.release())
            if playback is None:
                continue
            feed = playback.feed
            try:
                if feed.speed is None:
                    self._audience.wait_for_room(feed)
                self._audience.publish(feed, feed.step(tickers=self._audience.wants_tickers(feed)))
                with self._changed:
                    self._schedule(playback)
            except Exception as error:  # noqa: BLE001 - one broken feed must not end the others; kept for the caller
                self._fail(feed, error)

    def _next(self, longest: float | None) -> _Playback | None:
        """Return the playback whose step is due; if none is, wait for at most `longest` seconds and return `None`."""
        with self._changed:
            if self._holding is not (longest is not None):
                self._holding = longest is not None
                self._changed.notify_all()
            now = self._clock.monotonic()
            if self._timed and self._timed[0].due <= now:
                return heappop(self._timed)
            if self._untimed:
                self._untimed_now = self._untimed[0].due
                return heappop(self._untimed)
            waits = [wait for wait in (longest, self._timed[0].due - now if self._timed else None) if wait is not None]
            if not self._stopping:
                self._changed.wait(min(waits, default=None))
            return None

    def _schedule(self, playback: _Playback) -> None:
        """Queue the next step. The caller holds the condition."""
        feed = playback.feed
        offset = feed.due()
        if offset is None:
            self._running.discard(feed)
            self._changed.notify_all()
            return
        queue = self._untimed if feed.speed is None else self._timed
        pace = self._audience.pace(feed)
        if pace != 1.0 and feed.speed is not None:
            # The time that is saved now does not make later steps wait longer.
            gap = playback.origin + offset / feed.speed - playback.due
            playback.origin -= max(0.0, gap) * (1.0 - 1.0 / pace)
        # Recorded times of receipt may step back; a playback never does.
        playback.due = max(playback.due, playback.origin + offset / (feed.speed or 1.0))
        heappush(queue, playback)

    def _fail(self, feed: Feed, error: Exception) -> None:
        known = isinstance(error, DepthActorsError)
        logger.error("the feed of %s ended with an error: %s", feed.symbol, error, exc_info=None if known else error)
        self._audience.cut(feed)
        with self._changed:
            self._running.discard(feed)
            if self._failure is None:
                if isinstance(error, DepthActorsError):
                    self._failure = error
                else:
                    self._failure = DepthActorsError(f"the feed of {feed.symbol} failed: {error!r}")
            self._changed.notify_all()
