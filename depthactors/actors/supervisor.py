"""The supervisor: starts the other actors, replaces those that die, gives up those that keep dying.

Strategy: one for one. A child that dies is replaced alone, within a restart intensity of its own
(5 in 60 s); beyond it the child is given up and everybody concerned is told. What a child leaves
behind for its successor: a book its cell, a socket its streams, a snapshot actor nothing (the books
ask again).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from depthactors.actors.base import EngineActor, call, mailbox_of, tell
from depthactors.actors.book import BookActor
from depthactors.actors.cell import BookCell
from depthactors.actors.messages import (
    BookEvent,
    BookGivenUp,
    BookKey,
    BookSpec,
    ChildFailed,
    CloseBook,
    Deepen,
    FrameRejected,
    GiveUp,
    OpenBooks,
    ReconnectExhausted,
    Shutdown,
    SnapshotsAt,
    Status,
    Subscribe,
    Unsubscribe,
)
from depthactors.actors.snapshots import SnapshotActor
from depthactors.actors.socket import SocketActor
from depthactors.book import BookState
from depthactors.errors import EscalatedError, UsageError
from depthactors.net.proxy import websocket_options
from depthactors.net.rest import RestClient
from depthactors.pacing import Backoff, RestartIntensity, WeightBudget

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    import pykka

    from depthactors.actors.mailbox import Mailbox
    from depthactors.errors import DepthActorsError
    from depthactors.markets import Market

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How to reach the exchange.

    Attributes:
        backoff: waits between reconnects, and how many tries.
        proxy: `http://host:port` for everything; `None` for the environment's.
        connect_timeout: seconds for each connection, REST or websocket.
        read_timeout: seconds for a REST answer.
        silence_limit: seconds without a byte after which a websocket peer is pinged.
    """

    backoff: Backoff = field(default_factory=Backoff)
    proxy: str | None = field(default=None, repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 10.0
    silence_limit: float = 30.0


@dataclass(slots=True)
class _Book:
    cell: BookCell
    stream: str
    socket: str
    intensity: RestartIntensity = field(default_factory=RestartIntensity)


@dataclass(slots=True)
class _Socket:
    ref: pykka.ActorRef[Any]
    market: Market
    streams: dict[str, BookKey] = field(default_factory=dict)
    intensity: RestartIntensity = field(default_factory=RestartIntensity)


@dataclass(slots=True)
class _Pool:
    ref: pykka.ActorRef[Any]
    market: Market
    budget: WeightBudget
    intensity: RestartIntensity = field(default_factory=RestartIntensity)


@dataclass(frozen=True, slots=True)
class Children:
    """Whom to ask for the state of the engine."""

    cells: tuple[BookCell, ...]
    sockets: tuple[pykka.ActorRef[Any], ...]
    pools: tuple[pykka.ActorRef[Any], ...]


class Supervisor(EngineActor):
    """Root of the actors, and the only one who knows them all. Runs in its own thread.

    Start order: snapshot actor, book, socket. Stop order is the reverse.
    """

    def __init__(self, settings: NetworkSettings, on_error: Callable[[DepthActorsError], None] | None) -> None:
        """Begin without children.

        Args:
            settings: how to reach the exchange.
            on_error: told, in this actor's thread, of errors that belong to no book.
        """
        super().__init__("supervisor", None)
        self._settings = settings
        self._on_error = on_error
        self._epochs = count(1)
        self._names = count(1)
        self._books: dict[BookKey, _Book] = {}
        self._sockets: dict[str, _Socket] = {}
        self._pools: dict[str, _Pool] = {}
        self._stopping = False

    def handle(self, message: Any) -> Any:  # noqa: PLR0911 - the list of messages, a line each
        """Handle what the faces ask and what children report."""
        match message:
            case OpenBooks(specs):
                return tuple(self._open_book(spec) for spec in specs)
            case CloseBook(cell):
                return self._close_book(cell)
            case ChildFailed(name, ref, error):
                return self._replace(name, ref, error)
            case ReconnectExhausted(name, error):
                return self._give_up_socket(name, error)
            case BookGivenUp(cell):
                book = self._books.get(cell.spec.key)
                # Followed anew already, perhaps: then the stream is that book's.
                return self._detach(cell.spec.key) if book is not None and book.cell is cell else None
            case FrameRejected(_, error):
                return self._tell_error(error)
            case Status():
                return Children(
                    tuple(book.cell for book in self._books.values()),
                    tuple(each.ref for each in self._sockets.values()),
                    tuple(pool.ref for pool in self._pools.values()),
                )
            case Shutdown():
                return self._shut_down()
        msg = f"expected a message for the supervisor, was {message!r}"
        raise UsageError(msg)

    def release(self, error: BaseException | None) -> None:
        """Take the children along, in reverse order of their start."""
        self._shut_down()
        if error is not None:
            self._tell_error(EscalatedError(f"the supervisor died: {type(error).__name__}: {error}"))

    # Books.

    def _open_book(self, spec: BookSpec) -> BookCell:
        book = self._books.get(spec.key)
        if book is not None and book.cell.state in {BookState.FAILED, BookState.STOPPED}:
            # Asked for again after it was over: begin anew.
            self._forget(spec.key)
            book = None
        if book is not None:
            book.cell.followers += 1
            if spec.depth > book.cell.spec.depth and book.cell.ref is not None:
                # Kept for a successor, and not settled until the actor has seen whether it is deep enough.
                book.cell.spec = replace(book.cell.spec, depth=spec.depth)
                book.cell.settled.clear()
                tell(book.cell.ref, Deepen(spec.depth))
            return book.cell
        stream = spec.market.diff_stream(spec.symbol, spec.speed_ms)
        pool = self._pool_for(spec.market)
        cell = BookCell(spec)
        cell.followers = 1
        ref = BookActor.start(f"book-{spec.symbol}", cell, pool.ref, self.actor_ref)
        socket_name = self._socket_for(spec.market)
        socket = self._sockets[socket_name]
        socket.streams[stream] = spec.key
        self._books[spec.key] = _Book(cell, stream, socket_name)
        tell(socket.ref, Subscribe(stream, ref))
        return cell

    def _close_book(self, cell: BookCell) -> tuple[threading.Thread, ...]:
        book = self._books.get(cell.spec.key)
        if book is None or book.cell is not cell:
            # Failed long ago, and followed anew by somebody else.
            return ()
        cell.followers -= 1
        return () if cell.followers else self._forget(cell.spec.key)

    def _forget(self, key: BookKey) -> tuple[threading.Thread, ...]:
        """Stop a book's actor and its stream; returns the thread that is ending."""
        self._detach(key)
        book = self._books.pop(key)
        ref = book.cell.ref
        assert ref is not None
        ref.stop(block=False)
        return mailbox_of(ref).threads

    def _detach(self, key: BookKey) -> None:
        book = self._books.get(key)
        socket = self._sockets.get(book.socket) if book is not None else None
        if book is not None and socket is not None and socket.streams.pop(book.stream, None) is not None:
            tell(socket.ref, Unsubscribe(book.stream))

    # Starting the others.

    def _pool_for(self, market: Market) -> _Pool:
        pool = self._pools.get(market.weight_pool)
        if pool is None:
            budget = WeightBudget(market.weight_per_minute)
            pool = _Pool(self._start_pool(market, budget), market, budget)
            self._pools[market.weight_pool] = pool
        return pool

    def _start_pool(self, market: Market, budget: WeightBudget) -> pykka.ActorRef[Any]:
        settings = self._settings

        def new_client() -> RestClient:
            return RestClient(
                proxy=settings.proxy,
                connect_timeout=settings.connect_timeout,
                read_timeout=settings.read_timeout,
            )

        return SnapshotActor.start(
            f"snapshots-{market.weight_pool}",
            self.actor_ref,
            budget=budget,
            new_client=new_client,
        )

    def _socket_for(self, market: Market) -> str:
        """Return a socket with room for one more stream."""
        for name, socket in self._sockets.items():
            if socket.market == market and len(socket.streams) < market.max_streams:
                return name
        name = f"socket-{market.name}-{next(self._names)}"
        self._sockets[name] = _Socket(self._start_socket(name, market), market)
        return name

    def _start_socket(self, name: str, market: Market) -> pykka.ActorRef[Any]:
        settings = self._settings
        return SocketActor.start(
            name,
            market,
            self.actor_ref,
            epochs=self._epochs,
            backoff=settings.backoff,
            options={
                "connect_timeout": settings.connect_timeout,
                "silence_limit": settings.silence_limit,
                "options": websocket_options(settings.proxy),
            },
        )

    # Replacing the dead.

    def _replace(self, name: str, ref: pykka.ActorRef[Any], error: BaseException) -> None:
        if self._stopping:
            return
        logger.error("! %s died: %s: %s", name, type(error).__name__, error)
        now = time.monotonic()
        for key, book in list(self._books.items()):
            if book.cell.ref is ref:
                self._replace_book(key, book, error, now)
                return
        for socket_name, socket in list(self._sockets.items()):
            if socket.ref is ref:
                self._replace_socket(socket_name, socket, error, now)
                return
        for pool in list(self._pools.values()):
            if pool.ref is ref:
                self._replace_pool(pool, error, now)
                return

    def _replace_book(self, key: BookKey, book: _Book, error: BaseException, now: float) -> None:
        if book.cell.state is BookState.FAILED:
            return
        if not book.intensity.allows(now):
            self._fail_book(key, EscalatedError(f"{key[1]}: the book's actor keeps dying: {error}"))
            return
        book.cell.restarts += 1
        market = book.cell.spec.market
        ref = BookActor.start(f"book-{key[1]}", book.cell, self._pool_for(market).ref, self.actor_ref)
        tell(self._sockets[book.socket].ref, Subscribe(book.stream, ref))

    def _replace_socket(self, name: str, socket: _Socket, error: BaseException, now: float) -> None:
        if not socket.intensity.allows(now):
            self._give_up_socket(name, error)
            return
        socket.ref = self._start_socket(name, socket.market)
        for stream, key in socket.streams.items():
            ref = self._books[key].cell.ref
            assert ref is not None
            tell(socket.ref, Subscribe(stream, ref))

    def _replace_pool(self, pool: _Pool, error: BaseException, now: float) -> None:
        if not pool.intensity.allows(now):
            del self._pools[pool.market.weight_pool]
            escalated = EscalatedError(f"snapshots of {pool.market.weight_pool} keep failing: {error}")
            for key, book in list(self._books.items()):
                if book.cell.spec.market.weight_pool == pool.market.weight_pool:
                    self._fail_book(key, escalated)
            return
        # The budget is the exchange's, not the actor's: a ban outlives the actor that drew it.
        pool.ref = self._start_pool(pool.market, pool.budget)
        for book in self._books.values():
            if book.cell.spec.market.weight_pool == pool.market.weight_pool and book.cell.ref is not None:
                tell(book.cell.ref, SnapshotsAt(pool.ref))

    # Giving up.

    def _give_up_socket(self, name: str, error: BaseException) -> None:
        """Fail every book of a socket that cannot be brought back, and forget it."""
        socket = self._sockets.pop(name, None)
        if socket is None:
            return
        socket.ref.stop(block=False)
        escalated = EscalatedError(f"{name} was given up: {error}")
        escalated.__cause__ = error
        for key in socket.streams.values():
            self._fail_book(key, escalated)

    def _fail_book(self, key: BookKey, error: EscalatedError) -> None:
        """Let a book end as failed; where its actor is dead too, say so in its place."""
        self._detach(key)
        cell = self._books[key].cell
        if cell.ref is not None and tell(cell.ref, GiveUp(error)):
            return
        previous, cell.error = cell.state, error
        cell.publish(cell.last_good(), BookState.FAILED)
        event = BookEvent(key[1], previous, BookState.FAILED, error)
        for listener in cell.listeners:
            if listener.event is not None:
                call(listener.event, event)

    def _tell_error(self, error: DepthActorsError) -> None:
        if self._on_error is not None:
            call(self._on_error, error)

    # The end.

    def _shut_down(self) -> tuple[Mailbox, ...]:
        """Stop books, sockets and snapshot actors; returns their mailboxes, whose threads the caller joins."""
        self._stopping = True
        # Books first: to them the end of a stream would be news.
        refs = [book.cell.ref for book in self._books.values() if book.cell.ref is not None]
        refs += [socket.ref for socket in self._sockets.values()]
        refs += [pool.ref for pool in self._pools.values()]
        for ref in refs:
            ref.stop(block=False)
        return tuple(mailbox_of(ref) for ref in refs)
