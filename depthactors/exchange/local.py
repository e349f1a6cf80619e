"""`LocalExchange`: the feeds, the player and the server, put together and taken apart."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from depthactors import markets
from depthactors.errors import LifecycleError, UsageError
from depthactors.exchange.flow_feed import FlowFeed
from depthactors.exchange.hub import Hub
from depthactors.exchange.ledger import DEFAULT_HISTORY
from depthactors.exchange.player import Player
from depthactors.exchange.recording_feed import RecordingFeed
from depthactors.exchange.rest import RestApi
from depthactors.exchange.routes import Catalogue
from depthactors.exchange.server import HOST, ExchangeServer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from depthactors.exchange.feed import Feed
    from depthactors.exchange.truth import BookTruth


class LocalExchange:
    """A small Binance on 127.0.0.1: REST depth and diff streams on one port.

    Recordings start at their symbol's first subscription, order flows when the exchange starts. An
    exchange starts once. Its threads are daemons, and `stop` ends them all.
    """

    def __init__(self, feeds: Iterable[Feed], *, port: int = 0) -> None:
        """Prepare; nothing listens before `start`.

        Args:
            feeds: what to serve, one for each market and symbol.
            port: 0 for any free one.

        Raises:
            UsageError: no feed, or two of one market and symbol.
        """
        self._catalogue = Catalogue(feeds)
        self._wanted_port = port
        self._hub = Hub()
        self._player = Player(self._hub)
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
    ) -> Self:
        """Serve recordings, a symbol each.

        Args:
            files: one path or many.
            speed: 1.0 as recorded, 10.0 ten times faster, `None` as fast as the clients take it.
            market: of all of them; `None` tells each one's from its events.

        Raises:
            RecordingError: a file is unreadable, or has no events or no snapshot that bridges to them.
            UsageError: no file, two of one symbol, an unknown market, or a speed not above zero.
        """
        paths = [files] if isinstance(files, str | Path) else list(files)
        return cls([RecordingFeed(path, speed=speed, market=market) for path in paths])

    @classmethod
    def with_order_flow(
        cls,
        symbols: str | Iterable[str],
        *,
        market: str = "spot",
        seed: int = 0,
        rate: float = 10.0,
        history: int = DEFAULT_HISTORY,
    ) -> Self:
        """Serve made-up but consistent traffic.

        Args:
            symbols: one or many, in any case.
            market: name of the market whose paths, shapes and ids they have.
            seed: the same seed makes the same books and events, but for their time stamps.
            rate: diff events a second and symbol.
            history: events of a symbol (at least) that `book_at` reaches back.

        Raises:
            UsageError: no symbol, one given twice, an unknown market, or a rate not above zero.
        """
        row = markets.lookup(market)
        names = [symbols] if isinstance(symbols, str) else list(symbols)
        wanted = [markets.normalize_symbol(name) for name in names]
        return cls([FlowFeed(name, row, seed=seed, rate=rate, history=history) for name in wanted])

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
    def symbols(self) -> tuple[str, ...]:
        """What is served, upper case."""
        return tuple(feed.symbol for feed in self._catalogue.feeds)

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
                    self._catalogue, RestApi(self._catalogue), self._hub, self._player.play, self._wanted_port
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

    def book_at(self, symbol: str, update_id: int, *, market: str | None = None) -> BookTruth:
        """Return the exact book of a symbol right after the event that ended with `update_id`.

        A recording also knows the book at its snapshot's id. Any thread, also after `stop`.

        Args:
            symbol: upper case.
            update_id: `u` of an event that was sent.
            market: name, needed when several markets list the symbol; the first one otherwise.

        Raises:
            UsageError: symbol not served, or no such event in the kept history.
        """
        return self._catalogue.symbol(symbol, market).book_at(update_id)

    def wait_finished(self, timeout: float) -> bool:
        """Wait until a recording has started and every started one has been sent to its last line.

        Sent means written to the sockets of all clients. Order flows never finish and are not waited for.

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
