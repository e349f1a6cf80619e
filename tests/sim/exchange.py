"""The local exchange without sockets and threads: one thread, simulated time, everything drawn from a seed.

The seam is text frames and REST replies. What lies below it is not simulated: TLS, proxies, the parts of the
handshake, fragments of messages, bytes that come singly, a peer that does not read, a pong that comes too late.
"""

from __future__ import annotations

from collections import Counter, deque
from email.utils import formatdate
from math import ceil
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from depthactors import binance
from depthactors.binance.depth_reply import DepthReply
from depthactors.binance.http_answer import HttpAnswer
from depthactors.errors import SnapshotError, StreamError, as_value
from depthactors.exchange.catalogue import Catalogue
from depthactors.exchange.fault import KINDS, Place
from depthactors.exchange.fault_plan import FaultPlan
from depthactors.exchange.limits import Limits
from depthactors.exchange.rest.api import RestApi
from depthactors.exchange.rest.reply import Reply
from depthactors.exchange.server.client import Client
from depthactors.exchange.server.server import CONNECTION_WINDOW
from depthactors.exchange.streams.broadcaster import Broadcaster
from depthactors.exchange.streams.path import stream_path
from depthactors.net.allowance import Allowance
from depthactors.net.settings import NetworkSettings
from depthactors.net.stream import refusal
from depthactors.pacing import RateWindow
from tests.sim.faults import LATE, SLOW_REST, STALL
from tests.sim.feed import SimulatedFeed
from tests.sim.session import SimulatedSession
from tests.sim.stream import SimulatedStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.exchange.streams.path import StreamPath
    from depthactors.markets import Market
    from tests.sim.faults import PlannedFault
    from tests.sim.scheduler import Scheduler

TOO_MANY = 429
_CONNECTING = 0.02, 0.2
"""Shortest and longest time of a handshake, in seconds."""
_REST = 0.01, 0.3
"""The same of a depth request: to the book, and from there."""
_LATE_BY = 3.0
_LOOK_EVERY = 0.25
"""Seconds from one look to the next for events whose delay is over."""
_LOOK_FOR = 30.0


class Request:
    """A depth request on its way; `cut` makes it fail at once."""

    def __init__(self, on_reply: Callable[[DepthReply], None], fail: Callable[[Request, str], None]) -> None:
        self._on_reply, self._fail = on_reply, fail
        self.is_over = False

    def answer(self, reply: DepthReply) -> None:
        """Call back, unless it was answered or has failed already."""
        if not self.is_over:
            self.is_over = True
            self._on_reply(reply)

    def cut(self) -> None:
        """Make it fail; the callback comes later, not within this call."""
        self._fail(self, "cut by this side")


class SimulatedExchange:
    """One market of some symbols. All calls come from the scheduler's thread, and so do all callbacks.

    The events of a symbol depend on the seed alone; a latency, on the seed and on the number of the connection or
    request. So a run is its seed, its faults and what the clients do.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        random: Random,
        symbols: Sequence[str],
        market: Market,
        *,
        faults: Iterable[PlannedFault] = (),
        rate: float | Mapping[str, float] = 10.0,
        levels: float = 4.0,
        moves: float = 0.3,
        limits: Mapping[str, float] | None = None,
        settings: NetworkSettings | None = None,
        number: type = float,
    ) -> None:
        """Start the feeds, and plan the faults.

        Args:
            scheduler: the time.
            random: what the exchange is drawn by; it is asked once, here.
            symbols: the symbols, upper case.
            market: their market.
            faults: the faults; see `tests.sim.faults.plan`.
            rate: events a second and symbol, or by symbol.
            levels: number of changed levels an event, about.
            moves: share of the events at which the price moves.
            limits: changes of the market's own limits.
            settings: the client's: its timeouts, and its patience with a silent connection.
            number: the type of the numbers that `top` returns.
        """
        self._seed = random.getrandbits(64)
        self._scheduler = scheduler
        self._settings = settings or NetworkSettings()
        self._limits = limits
        self.market = market
        rates = rate if not isinstance(rate, int | float) else dict.fromkeys(symbols, rate)
        self._feeds = {
            symbol: SimulatedFeed(
                symbol,
                market,
                seed=self._seed,
                rate=rates[symbol],
                levels=levels,
                moves=moves,
                clock=scheduler,
                number=number,
            )
            for symbol in symbols
        }
        self._catalogue = Catalogue(self._feeds.values())
        self._faults = FaultPlan()
        self._broadcaster = Broadcaster(self._faults, scheduler)
        self._rest = RestApi(self._catalogue, self._faults, limits, scheduler)
        self._openings = RateWindow(Limits.of(market, limits).connections, CONNECTION_WINDOW)
        self._waiting: dict[str, deque[PlannedFault]] = {}
        self._of_lines: Counter[str] = Counter()
        self._streams: list[SimulatedStream] = []
        self._connections = self._requests = self.events = 0
        self.broken: list[str] = []
        """The limits that a client has broken, one item each time."""
        self._look_until = 0.0
        phases = Random(f"{self._seed}/phases")
        for feed in self._feeds.values():
            scheduler.after(feed.pause * phases.random(), self._steps_of(feed))
        for fault in faults:
            scheduler.after(fault.at, lambda fault=fault: self.begin(fault))

    def allowance(self) -> Allowance:
        """Return what the clients may spend, by the simulated time; one for all of them, as they have one address."""
        draws = Random(f"{self._seed}/allowance")
        return Allowance(self.market.weight_per_minute, self.market.connections, self._scheduler, draws.random)

    def connect(
        self,
        url: str,
        on_open: Callable[[], None],
        on_frames: Callable[[int, list[bytes], float], None],
        on_close: Callable[[StreamError], None],
    ) -> SimulatedStream:
        """Connect; see `SimulatedStream` for the callbacks, of which none is called within this call."""
        self._connections += 1
        draws = Random(f"{self._seed}/connection/{self._connections}")
        stream = SimulatedStream(self._scheduler, draws, self._settings, url, on_open, on_frames, on_close)
        self._scheduler.after(draws.uniform(*_CONNECTING), lambda: self._accept(stream, draws))
        return stream

    def depth(self, market: Market, symbol: str, limit: int, on_reply: Callable[[DepthReply], None]) -> Request:
        """Ask for a snapshot; `on_reply` gets what `RestClient.fetch_depth` would return, and not within this call."""
        self._requests += 1
        draws = Random(f"{self._seed}/request/{self._requests}")
        request = Request(on_reply, lambda each, cause: self._no_answer(each, market, symbol, cause, 0.0))
        sent = self._scheduler.monotonic()

        def reach() -> None:
            query = urlencode({"symbol": symbol, "limit": limit})
            struck = sum(self._faults.strikes().values())
            reply = self._rest.reply(f"{market.depth_path}?{query}", {})
            if reply.status == TOO_MANY and sum(self._faults.strikes().values()) == struck:
                self.broken.append("weight a minute")
            slow = self._take(SLOW_REST)
            wait = draws.uniform(*_REST) + reply.pause + (slow.seconds if slow is not None else 0.0)
            if reply.pause > self._settings.read_timeout:
                self._no_answer(request, market, symbol, "ReadTimeout", self._settings.read_timeout)
            elif reply.cut is not None:
                self._no_answer(request, market, symbol, "the connection ended within the answer", wait)
            else:
                date = formatdate(self._scheduler.time(), usegmt=True)
                self._scheduler.after(wait, lambda: answer(_answer_of(reply, date)))

        def answer(http: HttpAnswer) -> None:
            now, day = self._scheduler.monotonic(), self._scheduler.time()
            request.answer(
                binance.read_depth_reply(http, market, symbol, limit, sent=sent, received=now, recv_time=day)
            )

        self._scheduler.after(draws.uniform(*_REST), reach)
        return request

    def last_id(self, symbol: str) -> int:
        """Return the id of the newest event."""
        return self._feeds[symbol].last_id

    def top(self, symbol: str, update_id: int, levels: int) -> tuple[list[tuple[float, float]], ...]:
        """Return the best levels, bids and asks, as they are at an id: cheap, where ids rise from call to call.

        Raises:
            UsageError: the exchange never showed that id, or more than 4,096 events ago.
        """
        return self._feeds[symbol].top(update_id, levels)

    def book_at(self, symbol: str, update_id: int, levels: int | None = None) -> BookTruth:
        """Return the exact book at an id, in `Decimal`; raises as `top` does."""
        return self._feeds[symbol].book_at(update_id, levels)

    def strikes(self) -> dict[str, int]:
        """Return how often each kind of fault has struck, by kind, sorted."""
        return dict(sorted((self._faults.strikes() | self._of_lines).items()))

    def _steps_of(self, feed: SimulatedFeed) -> Callable[[], None]:
        after, publish, pace = self._scheduler.after, self._broadcaster.publish, self._broadcaster.pace

        def step() -> None:
            self.events += 1
            after(feed.pause / pace(feed), step)
            publish(feed, feed.step(tickers=False))

        return step

    def begin(self, fault: PlannedFault) -> None:
        """Let a fault wait for its next occasion; one that stops a reader strikes at once."""
        if fault.kind in KINDS:
            self._faults.add(fault.fault())
            if fault.kind == "delay":
                self._look_until = max(self._look_until, self._scheduler.monotonic() + fault.seconds + _LOOK_FOR)
                self._look()
        elif fault.kind in {LATE, STALL}:
            self._streams = [stream for stream in self._streams if stream.session is not None]
            if self._streams:
                stream = self._streams[int(len(self._streams) * fault.pick)]
                assert stream.session is not None
                self._of_lines[fault.kind] += 1
                if fault.kind == STALL:
                    stream.session.down.hold(fault.seconds)
                else:
                    stream.session.down.delay(fault.seconds, _LATE_BY)
        else:
            self._waiting.setdefault(fault.kind, deque()).append(fault)

    def _take(self, kind: str) -> PlannedFault | None:
        waiting = self._waiting.get(kind)
        if not waiting:
            return None
        self._of_lines[kind] += 1
        return waiting.popleft()

    def _look(self) -> None:
        """Send the events whose delay is over, and look again for as long as there may be some."""
        self._broadcaster.release()
        if self._scheduler.monotonic() < self._look_until:
            self._scheduler.after(_LOOK_EVERY, self._look)

    def _accept(self, stream: SimulatedStream, draws: Random) -> None:
        faults = self._faults.strike(Place.CONNECT)
        if any(fault.kind == "refuse" for fault in faults):
            stream.fail(StreamError(f"{stream.url}: ConnectionResetError: connection reset by peer"))
            return
        pause = sum(fault.seconds for fault in faults)
        timeout = self._settings.connect_timeout
        if pause >= timeout:
            error = StreamError(f"{stream.url}: TimeoutError: not connected within {timeout:g} s")
            self._scheduler.after(timeout, lambda: stream.fail(error))
        else:
            self._scheduler.after(pause, lambda: self._shake_hands(stream, draws))

    def _shake_hands(self, stream: SimulatedStream, draws: Random) -> None:
        parts = urlsplit(stream.url)
        path = stream_path(f"{parts.path}?{parts.query}")
        refused = next(iter(self._faults.strike(Place.HANDSHAKE)), None)
        if path is None:
            reply = Reply(404, b"{}")
        elif refused is not None:
            seconds = ceil(refused.seconds)
            retry = (("Retry-After", str(seconds)),) if seconds else ()
            reply = Reply(int(refused.kind.removeprefix("handshake-")), b"{}", retry)
        elif self._openings.take(self._scheduler.monotonic()):
            reply = Reply(TOO_MANY, b"{}")
            self.broken.append("attempts to connect")
        else:
            self._open(stream, draws, path)
            return
        now = self._scheduler.time()
        stream.fail(refusal(stream.url, _answer_of(reply, formatdate(now, usegmt=True)), now))

    def _open(self, stream: SimulatedStream, draws: Random, path: StreamPath) -> None:
        limits = Limits.of(self.market, self._limits)
        session = SimulatedSession(
            self._scheduler, draws, stream.url, limits, path.unit, self._take, stream.read, self.broken.append
        )
        session.client = Client(
            session,
            session,
            path,
            broadcaster=self._broadcaster,
            find=lambda name: self._catalogue.stream(name, path.prefix),
            play=lambda feeds: None,  # noqa: ARG005 - they run from the beginning
            limits=limits,
            faults=self._faults,
            clock=self._scheduler,
        )
        self._streams.append(stream)
        stream.open(session)
        if stream.session is session:
            session.client.start()

    def _no_answer(self, request: Request, market: Market, symbol: str, cause: str, seconds: float) -> None:
        error = SnapshotError(f"{symbol}: no answer from {market.rest_url}{market.depth_path}: {cause}")
        self._scheduler.after(seconds, lambda: request.answer(DepthReply(as_value(error))))


def _answer_of(reply: Reply, date: str) -> HttpAnswer:
    headers = {name.lower(): value for name, value in reply.headers}
    return HttpAnswer(reply.status, {"date": date, **headers}, reply.body)
