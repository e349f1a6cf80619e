"""`LocalExchange`: makes the feeds, the player and the server, and starts and stops them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.errors import LifecycleError, UsageError
from depthactors.exchange.catalogue import Catalogue, rows_of
from depthactors.exchange.fault_plan import FaultPlan
from depthactors.exchange.feeds.book_history import DEFAULT_HISTORY
from depthactors.exchange.feeds.makers import OrderFlowFeeds, RepeatedFeeds
from depthactors.exchange.feeds.on_demand import normalized, offer
from depthactors.exchange.feeds.order_flow_feed import DEFAULT_DEPTH, DEFAULT_LEVELS
from depthactors.exchange.feeds.player import Player
from depthactors.exchange.feeds.recording_feed import RecordingFeed
from depthactors.exchange.limits import Limits
from depthactors.exchange.rest.api import RestApi
from depthactors.exchange.server.server import HOST, ExchangeServer
from depthactors.exchange.streams.broadcaster import Broadcaster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from depthactors.dispatcher import Clock
    from depthactors.exchange.fault import Fault
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.on_demand import OnDemand
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.markets import Market


LAST_PORT: Final = 65_535


class LocalExchange:
    """A small Binance on 127.0.0.1: REST and streams on one port, for the markets of its feeds.

    An order flow starts at its symbol's first depth request or subscription, a recording at its first subscription. An
    exchange starts once. Its threads are daemons, and `stop` ends them all.

    `limits` in each constructor replaces some of the markets' own limits (`Limits`), so that a client reaches them
    in seconds: `{"ping_interval": 1.0, "connection_life": 30.0}`.

    Thread: any.
    """

    def __init__(
        self,
        feeds: Iterable[Feed],
        *,
        port: int = 0,
        faults: Iterable[Fault] = (),
        limits: Mapping[str, float] | None = None,
        on_demand: OnDemand | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Prepare; nothing listens before `start`.

        Args:
            feeds: the feeds to serve, one for each market and symbol.
            port: the port; 0 for any free one.
            faults: the faults, from the start.
            limits: changes of the markets' own limits.
            on_demand: further symbols, each served from when it is first asked for.
            clock: the time by which the exchange goes; its threads wait by the system's.

        Raises:
            UsageError: no feed, two feeds of one market and symbol, an unknown limit, or an invalid port.
        """
        if not 0 <= port <= LAST_PORT:
            msg = f"expected a port to listen on (0 to {LAST_PORT}), was {port!r}"
            raise UsageError(msg)
        self._catalogue = Catalogue(feeds, on_demand)
        self._wanted_port = port
        self._limits = limits
        self._clock = clock
        Limits.of(self._catalogue.market_of(""), limits)
        self._faults = FaultPlan(faults)
        self._broadcaster = Broadcaster(self._faults, clock)
        self._player = Player(self._broadcaster, clock)
        self._catalogue.play = self._player.play
        self._server: ExchangeServer | None = None
        self._stopped = False
        self._lifecycle = Lock()

    @classmethod
    def from_recording(
        cls,
        files: str | Path | Iterable[str | Path],
        *,
        speed: float | None = None,
        market: str | None = None,
        loop: bool = False,
        port: int = 0,
        faults: Iterable[Fault] = (),
        limits: Mapping[str, float] | None = None,
    ) -> Self:
        """Serve recordings, one for each symbol.

        Args:
            files: one path or many.
            speed: 1.0 for as recorded, 10.0 for ten times faster, `None` for as fast as the clients take the events.
            market: the market of all files; `None` to recognise each file's by its events.
            loop: whether to begin again at the end, for ever; ids and times go on increasing, and one more event leads
                the book back to the beginning. A loop needs a speed.
            port: the port; 0 for any free one.
            faults: the faults, from the start.
            limits: changes of the markets' own limits.

        Raises:
            RecordingError: a file is unreadable, or has no events or no snapshot that bridges to them.
            UsageError: no file, two files of one symbol, an unknown market, a speed not above zero, or a loop without
                one.
        """
        if loop and speed is None:
            msg = "expected a speed for a loop, was None: without a client it would run as fast as it can"
            raise UsageError(msg)
        paths = [files] if isinstance(files, str | Path) else list(files)
        feeds = [RecordingFeed(path, speed=speed, market=market, loop=loop) for path in paths]
        return cls(feeds, port=port, faults=faults, limits=limits)

    @classmethod
    def with_order_flow(
        cls,
        symbols: str | Iterable[str] | None = None,
        *,
        market: str | Iterable[str] | None = None,
        also: str | Iterable[str] = (),
        seed: int = 0,
        rate: float = 10.0,
        levels: float = DEFAULT_LEVELS,
        depth: int = DEFAULT_DEPTH,
        history: int = DEFAULT_HISTORY,
        repeat: int | None = None,
        port: int = 0,
        faults: Iterable[Fault] = (),
        limits: Mapping[str, float] | None = None,
    ) -> Self:
        """Serve random but consistent traffic.

        Without `symbols`, any pair of well-known assets is listed when a depth request or a subscription first asks
        for it, on every market; other names are invalid symbols. The price of an asset is the same on all markets, but
        for a small difference, and follows the same path from a symbol's first event on.

        Args:
            symbols: one or more symbols to serve alone, upper or lower case. A symbol that several markets could list
                is listed on the first of spot, us, coinm, usdm, options from the start, and on the others when it is
                first asked for there.
            market: the name of the market, or several names; `None` for spot, usdm, coinm and options, each with the
                symbols that look like its own.
            also: symbols to list beside those of well-known assets.
            seed: the seed; the same seed makes the same books and events of a symbol, but for their times, with any
                other symbols beside it.
            rate: diff events a second and symbol on the market's fastest stream; slower streams have fewer.
            levels: number of level changes in such an event, on average.
            depth: number of levels a side, about; fewer if the price is too few ticks for them.
            history: number of events of a symbol (at least) that `book_at` reaches back.
            repeat: number of events to make beforehand; every symbol repeats them, from a place of its own: for loads
                that are too high to trade live. `None` to trade live.
            port: the port; 0 for any free one.
            faults: the faults, from the start.
            limits: changes of the markets' own limits.

        Raises:
            UsageError: no symbol, a symbol given twice, an unknown market, or an invalid figure.
        """
        rows = rows_of(market)
        maker = (
            OrderFlowFeeds(seed=seed, rate=rate, levels=levels, depth=depth, history=history)
            if repeat is None
            else RepeatedFeeds(rows[0], repeat, seed=seed, rate=rate, levels=levels, depth=depth)
        )
        feeds, on_demand = offer(rows, maker, symbols=normalized(symbols), also=normalized(also) or [])
        return cls(feeds, port=port, faults=faults, limits=limits, on_demand=on_demand)

    @property
    def port(self) -> int:
        """The port on which the exchange listens.

        Raises:
            LifecycleError: the exchange is not started.
        """
        if self._server is None:
            msg = "the exchange is not started and has no port yet: call start()"
            raise LifecycleError(msg)
        return self._server.port

    @property
    def url(self) -> str:
        """The address of REST and websockets, `http://127.0.0.1:<port>`; raises as `port` does."""
        return f"http://{HOST}:{self.port}"

    @property
    def market(self) -> Market:
        """The market whose limits apply to unrouted paths: the first one of spot, us, coinm, usdm, options."""
        return self._catalogue.market_of("")

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that are served, upper case.

        Pairs in unusual quote assets, and further options, are not among them before they are asked for.
        """
        return self._catalogue.symbols(int(self._clock.time() * 1_000))

    def symbols_of(self, market: str) -> tuple[str, ...]:
        """Return the symbols that are served on one market; none for a market that is not served."""
        return self._catalogue.symbols(int(self._clock.time() * 1_000), market)

    @property
    def markets(self) -> tuple[Market, ...]:
        """The markets that are served."""
        return self._catalogue.markets

    @property
    def has_table(self) -> bool:
        """Whether any pair of well-known assets is listed when it is first asked for."""
        return self._catalogue.has_table

    def start(self) -> Self:
        """Listen; a second call changes nothing.

        Raises:
            LifecycleError: the exchange was stopped.
            OSError: the port is taken.
        """
        with self._lifecycle:
            if self._stopped:
                msg = "the exchange was stopped and cannot start again: make a new one"
                raise LifecycleError(msg)
            if self._server is None:
                server = ExchangeServer(
                    self._catalogue,
                    RestApi(self._catalogue, self._faults, self._limits, self._clock),
                    self._broadcaster,
                    self._faults,
                    play=self._player.play,
                    limits=self._limits,
                    port=self._wanted_port,
                    clock=self._clock,
                )
                self._server = server
                self._player.start()
                server.start()
        return self

    def stop(self, timeout: float = 5.0) -> None:
        """Close every connection and end every thread; `book_at` still works. Idempotent.

        Args:
            timeout: most seconds to wait.

        Raises:
            LifecycleError: threads were still alive at the deadline; the message names them.
        """
        deadline = self._clock.monotonic() + timeout
        with self._lifecycle:
            if self._stopped:
                return
            self._stopped = True
            self._player.stop()
            alive = [] if self._server is None else self._server.stop(deadline)
            if not self._player.join(max(0.0, deadline - self._clock.monotonic())):
                alive.append("depthactors-exchange-player")
            else:
                for feed in self._catalogue.feeds:
                    feed.close()
            if alive:
                msg = f"expected every thread to end within {timeout} s, was still alive: {', '.join(alive)}"
                raise LifecycleError(msg)

    def book_at(
        self, symbol: str, update_id: int, *, market: str | None = None, levels: int | None = None
    ) -> BookTruth:
        """Return the exact book of a symbol right after the event that ended with `update_id`.

        A recording also knows the book at its snapshot's id. Also after `stop`. Cost: the events since the last call,
        if ids increase from call to call.

        Args:
            symbol: the symbol, upper case.
            update_id: `u` of an event that was sent.
            market: the market's name; `None` for the first market with the symbol that had such an event.
            levels: number of the best levels a side; `None` for all.

        Raises:
            UsageError: the symbol is not served, or no such event is in the kept history.
        """
        *others, last = self._catalogue.named(symbol, market)
        for feed in others:
            with suppress(UsageError):
                return feed.book_at(update_id, levels)
        return last.book_at(update_id, levels)

    def inject(self, fault: Fault) -> None:
        """Add a fault; its occasions are counted from now on."""
        self._faults.add(fault)

    def strikes(self) -> dict[str, int]:
        """Return how often each kind of fault has struck so far."""
        return self._faults.strikes()

    def wait_finished(self, timeout: float) -> bool:
        """Wait until a recording has started and every started recording has been sent to its last line.

        Sent means written to the sockets of all clients. Order flows do not count: they never finish. Recordings
        in a loop never finish either.

        Args:
            timeout: most seconds to wait.

        Returns:
            `False` after `timeout` seconds.

        Raises:
            UsageError: there is no recording.
            RecordingError: a recording turned out to be broken.
        """
        if not any(feed.is_recording for feed in self._catalogue.feeds):
            msg = "expected a recording to wait for, was none"
            raise UsageError(msg)
        deadline = self._clock.monotonic() + timeout
        if self._server is None or not self._player.wait_recordings(timeout):
            return False
        return all(client.wait_sent(max(0.0, deadline - self._clock.monotonic())) for client in self._server.clients())

    def __enter__(self) -> Self:
        """Start the exchange, if it is not started."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()
