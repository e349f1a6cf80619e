"""The bookTicker streams of the books that are recorded, on connections of their own: no book waits for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from depthactors import reporting
from depthactors.actors.socket_messages import Subscribe, Unsubscribe
from depthactors.actors.supervision import Child, Supervised
from depthactors.actors.ticker import TickerActor
from depthactors.dispatcher.mailbox import mailbox_of, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pykka

    from depthactors.actors.book_spec import BookKey
    from depthactors.actors.local_cell import LocalCell
    from depthactors.actors.sockets import Sockets, SupervisedSocket

logger = reporting.logger(__name__)


@dataclass(slots=True)
class _Ticker:
    """A bookTicker stream: its book, its actor, and the socket that carries it."""

    cell: LocalCell
    stream: str
    child: Supervised
    socket: str


class TickerStreams:
    """Opens and closes the streams, and replaces what carries them. Thread: the supervisor's."""

    def __init__(self, sockets: Sockets, supervisor: pykka.ActorRef[Any]) -> None:
        """Carry nothing yet.

        Args:
            sockets: the connections, for these streams alone.
            supervisor: the parent of the actors.
        """
        self._sockets = sockets
        self._supervisor = supervisor
        self._now = mailbox_of(supervisor).now
        self._tickers: dict[BookKey, _Ticker] = {}

    @property
    def refs(self) -> tuple[pykka.ActorRef[Any], ...]:
        """The socket actors, for the status."""
        return tuple(each.child.ref for each in self._sockets)

    def open(self, cell: LocalCell) -> None:
        """Subscribe to the stream of a book that is recorded."""
        spec = cell.spec
        former = self._tickers.get(spec.key)
        if former is not None:
            self.close(former.cell)
        # The socket first: without one the actor would be nobody's child.
        socket = self._sockets.with_room(spec.market)
        child = Supervised(self._start(cell))
        stream = spec.market.book_ticker_stream(spec.symbol)
        ticker = self._tickers[spec.key] = _Ticker(cell, stream, child, socket.name)
        self._attach(ticker)

    def close(self, cell: LocalCell) -> None:
        """Give the stream of a book back. May be called twice."""
        ticker = self._tickers.get(cell.spec.key)
        if ticker is not None and ticker.cell is cell:
            del self._tickers[cell.spec.key]
            self._detach(ticker)
            ticker.child.ref.stop(block=False)

    def children(self) -> Iterator[Child]:
        """Iterate over the sockets and the actors, for the supervisor to check and to replace."""
        for socket in self._sockets:
            yield Child(socket.name, socket.child, partial(self._replace_socket, socket))
        for ticker in tuple(self._tickers.values()):
            yield Child(f"ticker-{ticker.cell.spec.symbol}", ticker.child, partial(self._replace, ticker))

    def has(self, name: str) -> bool:
        """Return whether a socket is one of these."""
        return self._sockets.get(name) is not None

    def refused(self, name: str, streams: tuple[str, ...], *, is_full: bool) -> tuple[str, ...]:
        """Have other connections carry streams that the exchange refuses on this one.

        Returns those for which no other connection could be started; they stay.
        """
        socket = self._sockets[name]
        moving = [self._tickers[socket.streams[stream]] for stream in streams if stream in socket.streams]
        if is_full and moving:
            self._sockets.limit_streams(socket.market, max(1, len(socket.streams) - len(moving)))
        left: list[str] = []
        for ticker in moving:
            other = self._sockets.to_move(ticker.stream, socket.market, alone=not is_full)
            if other is None:
                left.append(ticker.stream)
                continue
            self._detach(ticker)
            ticker.socket = other.name
            self._attach(ticker)
        return tuple(left)

    def give_up(self, name: str, error: BaseException) -> None:
        """Record the streams of a socket no longer; the books go on."""
        socket = self._sockets.pop(name)
        if socket is None:
            return
        socket.child.ref.stop(block=False)
        words = "%s and its bookTicker streams are given up, the books go on: %s"
        logger.notice(("tickers", name), words, name, reporting.cause_of(error))
        for key in tuple(socket.streams.values()):
            self._give_up(self._tickers[key], error)

    def _give_up(self, ticker: _Ticker, error: BaseException) -> None:
        if ticker.cell.recorder is not None:
            ticker.cell.recorder.interrupted(f"bookTicker: given up: {reporting.cause_of(error)}")
        self.close(ticker.cell)

    def _start(self, cell: LocalCell) -> pykka.ActorRef[Any]:
        assert cell.recorder is not None, "only recorded books have one"
        return TickerActor.start(f"ticker-{cell.spec.symbol}", cell.recorder, self._supervisor)

    def _attach(self, ticker: _Ticker) -> None:
        socket = self._sockets[ticker.socket]
        socket.streams[ticker.stream] = ticker.cell.spec.key
        tell(socket.child.ref, Subscribe(ticker.stream, ticker.child.ref))

    def _detach(self, ticker: _Ticker) -> None:
        socket = self._sockets.get(ticker.socket)
        if socket is not None and socket.streams.pop(ticker.stream, None) is not None:
            tell(socket.child.ref, Unsubscribe(ticker.stream))

    def _replace(self, ticker: _Ticker, error: BaseException) -> None:
        if not ticker.child.may_restart(self._now()):
            words = "%s: its bookTicker is not recorded any more, its book goes on: %s"
            title = ticker.cell.spec.title
            logger.notice(("ticker", title), words, title, reporting.cause_of(error))
            self._give_up(ticker, error)
        elif ticker.child.start_successor(f"ticker-{ticker.cell.spec.symbol}", partial(self._start, ticker.cell)):
            self._attach(ticker)

    def _replace_socket(self, socket: SupervisedSocket, error: BaseException) -> None:
        if not socket.child.may_restart(self._now()):
            self.give_up(socket.name, error)
        elif self._sockets.start_successor(socket):
            for key in tuple(socket.streams.values()):
                self._attach(self._tickers[key])
