"""`LocalExchange`: the feeds, the player and the server, put together and taken apart."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from depthactors import markets
from depthactors.errors import LifecycleError, UsageError
from depthactors.exchange.fault_plan import FaultPlan
from depthactors.exchange.feeds.flow_feed import DEFAULT_DEPTH, DEFAULT_LEVELS
from depthactors.exchange.feeds.ledger import DEFAULT_HISTORY
from depthactors.exchange.feeds.player import Player
from depthactors.exchange.feeds.recording_feed import RecordingFeed
from depthactors.exchange.limits import Limits
from depthactors.exchange.listing import Flows, Tapes, offer
from depthactors.exchange.rest.answers import RestApi
from depthactors.exchange.routes import Catalogue
from depthactors.exchange.server.server import HOST, ExchangeServer
from depthactors.exchange.streams.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from depthactors.exchange.fault import Fault
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.exchange.listing import OnDemand
    from depthactors.markets import Market


LAST_PORT: Final = 65_535
USUAL_MARKETS: Final = ("spot", "coinm", "usdm", "options")
"""What is served where no market is named: one of each kind."""


class LocalExchange:
    """A small Binance on 127.0.0.1: REST and streams on one port, for the markets of its feeds.

    Recordings start at their symbol's first subscription, order flows when the exchange starts. An
    exchange starts once. Its threads are daemons, and `stop` ends them all.

    `limits` of each constructor changes figures of the markets' own limits (`Limits`), to see them reached
    in seconds: `{"ping_interval": 1.0, "connection_life": 30.0}`.
    """

    def __init__(
        self,
        feeds: Iterable[Feed],
        *,
        port: int = 0,
        faults: Iterable[Fault] = (),
        limits: Mapping[str, float] | None = None,
        on_demand: OnDemand | None = None,
    ) -> None:
        """Prepare; nothing listens before `start`.

        Args:
            feeds: what to serve, one for each market and symbol.
            port: 0 for any free one.
            faults: how to misbehave, from the start.
            limits: changes of the markets' own limits.
            on_demand: symbols to serve besides, from when each is first asked for.

        Raises:
            UsageError: no feed, two of one market and symbol, an unknown limit, or no port.
        """
        if not 0 <= port <= LAST_PORT:
            msg = f"expected a port to listen on (0 to {LAST_PORT}), was {port!r}"
            raise UsageError(msg)
        self._catalogue = Catalogue(feeds, on_demand)
        self._wanted_port = port
        self._limits = limits
        Limits.of(self._catalogue.market_of(""), limits)
        self._faults = FaultPlan(faults)
        self._hub = Hub(self._faults)
        self._player = Player(self._hub)
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
        """Serve recordings, a symbol each.

        Args:
            files: one path or many.
            speed: 1.0 as recorded, 10.0 ten times faster, `None` as fast as the clients take it.
            market: of all of them; `None` tells each one's from its events.
            loop: begin again at the end, for ever; ids and times go on, and the book is led back by an event.
                Needs a speed.
            port: 0 for any free one.
            faults: how to misbehave, from the start.
            limits: changes of the markets' own limits.

        Raises:
            RecordingError: a file is unreadable, or has no events or no snapshot that bridges to them.
            UsageError: no file, two of one symbol, an unknown market, a speed not above zero, or a loop without one.
        """
        if loop and speed is None:
            msg = "expected a speed for a loop, was None: it would run on as fast as it can when nobody listens"
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
        """Serve made-up but consistent traffic.

        Without `symbols` any pair of well-known assets is listed when it is first asked for, by a depth request or a
        subscription, on every market; another name is no symbol. The price of an asset is the same on all markets,
        but for a small basis, and takes the same course from a symbol's first event on.

        Args:
            symbols: one or many symbols, in any case, to serve alone. They trade from the start; of one that several
                markets could list that is on the first of spot, us, coinm, usdm, options, and on the others when it
                is first asked for there.
            market: name of the market whose paths, shapes and ids they have, or several names; `None` for spot,
                usdm, coinm and options, each with the symbols that are spelt as its own are.
            also: symbols to list beside those of well-known assets.
            seed: the same seed makes the same books and events of a symbol, but for their time stamps, whichever
                others there are.
            rate: diff events a second and symbol on the market's fastest stream; slower ones in proportion.
            levels: level changes in such an event, on average.
            depth: levels a side, about; fewer where a price is too few ticks for them.
            history: events of a symbol (at least) that `book_at` reaches back.
            repeat: events to make beforehand; let every symbol play them in a circle from a place of
                its own: for loads that no market could be traded at. `None` trades live.
            port: 0 for any free one.
            faults: how to misbehave, from the start.
            limits: changes of the markets' own limits.

        Raises:
            UsageError: no symbol, one given twice, an unknown market, or a figure that makes no sense.
        """
        rows = _rows(market)
        maker = (
            Flows(seed=seed, rate=rate, levels=levels, depth=depth, history=history)
            if repeat is None
            else Tapes(rows[0], repeat, seed=seed, rate=rate, levels=levels, depth=depth)
        )
        feeds, on_demand = offer(rows, maker, symbols=_names(symbols), also=_names(also) or [])
        return cls(feeds, port=port, faults=faults, limits=limits, on_demand=on_demand)

    @property
    def port(self) -> int:
        """The port that the exchange listens on.

        Raises:
            LifecycleError: not started yet.
        """
        if self._server is None:
            msg = "expected a started exchange, was one without a port yet: call start()"
            raise LifecycleError(msg)
        return self._server.port

    @property
    def url(self) -> str:
        """Address of REST and websockets both, `http://127.0.0.1:<port>`; raises as `port` does."""
        return f"http://{HOST}:{self.port}"

    @property
    def market(self) -> Market:
        """The market whose limits hold on unrouted paths: the first one of spot, us, coinm, usdm, options."""
        return self._catalogue.market_of("")

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is served, upper case; pairs in unusual quotes and other options are, too, once they are asked for."""
        return self._catalogue.symbols(int(time.time() * 1_000))

    def symbols_of(self, market: str) -> tuple[str, ...]:
        """Return what is served on one market; none on one that is not."""
        return self._catalogue.symbols(int(time.time() * 1_000), market)

    @property
    def markets(self) -> tuple[Market, ...]:
        """The markets that are served."""
        return self._catalogue.markets

    @property
    def has_table(self) -> bool:
        """Whether any pair of well-known assets is listed when it is first asked for."""
        return self._catalogue.has_table

    def start(self) -> Self:
        """Listen, and start the order flows; a second call changes nothing.

        Raises:
            LifecycleError: stopped already.
            OSError: the port is taken.
        """
        with self._lifecycle:
            if self._stopped:
                msg = "expected an exchange that was not stopped yet; make a new one"
                raise LifecycleError(msg)
            if self._server is None:
                server = ExchangeServer(
                    self._catalogue,
                    RestApi(self._catalogue, self._faults, self._limits),
                    self._hub,
                    self._faults,
                    play=self._player.play,
                    limits=self._limits,
                    port=self._wanted_port,
                )
                self._server = server
                self._player.start()
                server.start()
                self._player.play(feed for feed in self._catalogue.feeds if not feed.is_recording)
        return self

    def stop(self, timeout: float = 5.0) -> None:
        """Close every connection and end every thread; `book_at` still answers. Idempotent.

        Args:
            timeout: seconds that it may take.

        Raises:
            LifecycleError: threads were still alive at the deadline; the message names them.
        """
        deadline = time.monotonic() + timeout
        with self._lifecycle:
            if self._stopped:
                return
            self._stopped = True
            self._player.stop()
            alive = [] if self._server is None else self._server.stop(deadline)
            if not self._player.join(max(0.0, deadline - time.monotonic())):
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

        A recording also knows the book at its snapshot's id. Any thread, also after `stop`. Cheap for one id after
        the other.

        Args:
            symbol: upper case.
            update_id: `u` of an event that was sent.
            market: name; where several markets list the symbol and none is named, the first that had such an event.
            levels: how many of the best levels a side are wanted; `None` for all.

        Raises:
            UsageError: symbol not served, or no such event in the kept history.
        """
        *others, last = self._catalogue.named(symbol, market)
        for feed in others:
            with suppress(UsageError):
                return feed.book_at(update_id, levels)
        return last.book_at(update_id, levels)

    def inject(self, fault: Fault) -> None:
        """Misbehave from now on: the fault's occasions are counted from here. Any thread."""
        self._faults.add(fault)

    def strikes(self) -> dict[str, int]:
        """Return how often each kind of fault has struck so far. Any thread."""
        return self._faults.strikes()

    def wait_finished(self, timeout: float) -> bool:
        """Wait until a recording has started and every started one has been sent to its last line.

        Sent means written to the sockets of all clients. Order flows never finish and are not waited for;
        recordings in a loop never finish either.

        Args:
            timeout: seconds.

        Returns:
            `False` when time ran out.

        Raises:
            UsageError: there is no recording to wait for.
            RecordingError: a recording turned out to be broken.
        """
        if not any(feed.is_recording for feed in self._catalogue.feeds):
            msg = "expected a recording to wait for, was order flow only"
            raise UsageError(msg)
        deadline = time.monotonic() + timeout
        if self._server is None or not self._player.wait_recordings(timeout):
            return False
        return all(client.wait_sent(max(0.0, deadline - time.monotonic())) for client in self._server.clients())

    def __enter__(self) -> Self:
        """Start, unless started."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()


def _rows(market: str | Iterable[str] | None) -> list[Market]:
    names = USUAL_MARKETS if market is None else [market] if isinstance(market, str) else list(market)
    if not names:
        msg = "expected a market, was none"
        raise UsageError(msg)
    return [markets.lookup(name) for name in dict.fromkeys(names)]


def _names(symbols: str | Iterable[str] | None) -> list[str] | None:
    if symbols is None:
        return None
    return [markets.normalize_symbol(name) for name in ([symbols] if isinstance(symbols, str) else symbols)]
