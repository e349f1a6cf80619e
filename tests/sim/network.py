"""The simulated exchange, as the network of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from depthactors.binance.depth_reply import DepthReply
from depthactors.dispatcher.life import Life
from depthactors.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.errors import StreamError
    from depthactors.markets import Market
    from depthactors.net.allowance import Allowance
    from tests.sim.exchange import Request, SimulatedExchange
    from tests.sim.stream import SimulatedStream


class _Stream:
    """A connection; it is made by `start`."""

    def __init__(
        self,
        exchange: SimulatedExchange,
        url: str,
        on_open: Callable[[], None],
        on_frames: Callable[[int, list[bytes], float], None],
        on_close: Callable[[StreamError], None],
        name: str,
    ) -> None:
        self.thread = Life(name)
        self._exchange, self._url = exchange, url
        self._on_open, self._on_frames, self._on_close = on_open, on_frames, on_close
        self._stream: SimulatedStream | None = None

    def start(self) -> None:
        self._stream = self._exchange.connect(self._url, self._on_open, self._on_frames, self._closed)

    def _closed(self, error: StreamError) -> None:
        self._on_close(error)
        self.thread.end()

    @property
    def read_at(self) -> float:
        return 0.0 if self._stream is None else self._stream.read_at

    def send(self, text: bytes) -> None:
        assert self._stream is not None
        self._stream.send(text)

    def close(self, reason: StreamError) -> None:
        assert self._stream is not None
        self._stream.close(reason)

    def abort(self, reason: StreamError | None = None) -> None:
        if self._stream is not None:
            self._stream.abort(reason)


class _Fetcher:
    """Sends depth requests, one at a time."""

    def __init__(self, exchange: SimulatedExchange, name: str, on_reply: Callable[[int, DepthReply], None]) -> None:
        self.thread = Life(name)
        self._exchange, self._on_reply = exchange, on_reply
        self._under_way: tuple[int, Request] | None = None
        self._is_ending = False

    def start(self) -> None:
        pass

    def fetch(self, request_id: int, market: Market, symbol: str, limit: int) -> None:
        def reply(answer: DepthReply) -> None:
            self._under_way = None
            self._on_reply(request_id, answer)
            if self._is_ending:
                self.thread.end()

        assert self._under_way is None, "a fetcher has one request at a time"
        if self._is_ending:
            reply(DepthReply(SnapshotError(f"{symbol}: not asked any more")))
        else:
            self._under_way = request_id, self._exchange.depth(market, symbol, limit, reply)

    def cut(self, request_id: int) -> None:
        if self._under_way is not None and self._under_way[0] == request_id:
            self._under_way[1].cut()

    def abort(self) -> None:
        self._is_ending = True
        if self._under_way is not None:
            self._under_way[1].cut()
        else:
            self.thread.end()


_OpenT = TypeVar("_OpenT", _Stream, _Fetcher)


class SimulatedNetwork:
    """Connections and depth requests to a simulated exchange; all networks of it spend from one allowance."""

    def __init__(self, exchange: SimulatedExchange, allowance: Allowance) -> None:
        self._exchange, self._allowance = exchange, allowance
        self._open: list[_Stream | _Fetcher] = []

    def stream(self, url, *, on_open, on_frames, on_close, name) -> _Stream:
        return self._note(_Stream(self._exchange, url, on_open, on_frames, on_close, name))

    def fetcher(self, name, on_reply) -> _Fetcher:
        return self._note(_Fetcher(self._exchange, name, on_reply))

    def allowance(self, market: Market) -> Allowance:
        assert market.weight_pool == self._exchange.market.weight_pool
        return self._allowance

    def abandon(self) -> None:
        """End all that is open, as the system does when a process was killed."""
        for each in self._open:
            each.abort()

    def _note(self, new: _OpenT) -> _OpenT:
        self._open = [*(each for each in self._open if each.thread.is_alive()), new]
        return new
