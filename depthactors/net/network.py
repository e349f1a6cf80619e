"""The way to the exchange, as actors use it: connections, depth requests, and what may be spent.

It is the seam of a simulation: actors know no socket, so another network can stand in for this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from depthactors.net.allowance import allowance_of
from depthactors.net.fetcher import FetchingThread
from depthactors.net.rest import RestClient
from depthactors.net.stream import StreamConnection

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.binance import DepthReply
    from depthactors.dispatcher.ending import Ending
    from depthactors.errors import StreamError
    from depthactors.markets import Market
    from depthactors.net.allowance import Allowing
    from depthactors.net.settings import NetworkSettings


class Stream(Protocol):
    """One connection, from `start` to `on_close`; see `net.stream.StreamConnection`. Thread: any."""

    read_at: float

    @property
    def thread(self) -> Ending:
        """The reading thread, or its like in a simulation; it ends with the connection."""

    def start(self) -> None:
        """Connect.

        Raises:
            LifecycleError: the system cannot start another thread.
        """

    def send(self, text: bytes) -> None:
        """Send one text frame, or raise `StreamError`."""

    def close(self, reason: StreamError) -> None:
        """Ask the peer to end the connection."""

    def abort(self, reason: StreamError | None = None) -> None:
        """End the connection by force; returns at once."""


class Fetcher(Protocol):
    """Fetches depth snapshots, one at a time; see `net.fetcher.FetchingThread`. Thread: any."""

    @property
    def thread(self) -> Ending:
        """The fetching thread, or its like in a simulation; it ends after `abort`."""

    def start(self) -> None:
        """Make it ready."""

    def fetch(self, request_id: int, market: Market, symbol: str, limit: int) -> None:
        """Fetch a snapshot; its reply has this id."""

    def cut(self, request_id: int) -> None:
        """Fail the request of that id."""

    def abort(self) -> None:
        """Fail the request under way, and end; returns at once."""


class Network(Protocol):
    """Makes connections and depth requests. Thread: any."""

    def stream(
        self,
        url: str,
        *,
        on_open: Callable[[], None],
        on_frames: Callable[[int, list[bytes], float], None],
        on_close: Callable[[StreamError], None],
        name: str,
    ) -> Stream:
        """Return a new connection, which is not started; arguments as for `StreamConnection`."""

    def fetcher(self, name: str, on_reply: Callable[[int, DepthReply], None]) -> Fetcher:
        """Return a new fetcher, which is not started; arguments as for `FetchingThread`."""

    def allowance(self, market: Market) -> Allowing:
        """Return what may be spent in a market's weight pool."""


class SocketNetwork:
    """The network of this machine: a thread for each connection, and one for each fetcher."""

    def __init__(self, settings: NetworkSettings) -> None:
        """Reach the exchange by these settings."""
        self._settings = settings

    def stream(
        self,
        url: str,
        *,
        on_open: Callable[[], None],
        on_frames: Callable[[int, list[bytes], float], None],
        on_close: Callable[[StreamError], None],
        name: str,
    ) -> Stream:
        """Return a new connection, which is not started."""
        return StreamConnection(url, self._settings, on_open=on_open, on_frames=on_frames, on_close=on_close, name=name)

    def fetcher(self, name: str, on_reply: Callable[[int, DepthReply], None]) -> Fetcher:
        """Return a new thread with a client of its own, which is not started."""
        return FetchingThread(name, RestClient(self._settings), on_reply)

    def allowance(self, market: Market) -> Allowing:
        """Return what may be spent in a market's weight pool, by all engines of the process."""
        return allowance_of(market)
