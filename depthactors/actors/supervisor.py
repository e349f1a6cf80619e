"""The supervisor of the books that this process keeps: it starts their connections and snapshot actors.

`actors.supervision` has the rules by which children are replaced and given up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from depthactors import reporting
from depthactors.actors.backlog import BACKLOG_LIMIT, too_large
from depthactors.actors.book import BookActor
from depthactors.actors.book_messages import Deepen, Dropped, Greet, RefreshEvery
from depthactors.actors.gathering import Children
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.snapshot_messages import SnapshotsAt
from depthactors.actors.snapshots import start_snapshots
from depthactors.actors.socket import start_socket
from depthactors.actors.socket_messages import FrameRejected, Resubscribe, Subscribe, Unsubscribe
from depthactors.actors.sockets import Sockets
from depthactors.actors.supervision import BaseSupervisor, Child, FollowedBook, Supervised
from depthactors.actors.supervisor_messages import (
    BookGivenUp,
    ReconnectExhausted,
    StreamSilent,
    StreamsRefused,
)
from depthactors.actors.ticker_streams import TickerStreams
from depthactors.book import BookState
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.errors import (
    BacklogError,
    EscalatedError,
    ReconnectsExhaustedError,
    SlowCallbackError,
    StreamError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pykka

    from depthactors.actors.book_spec import BookSpec
    from depthactors.actors.notifier import Notifier
    from depthactors.actors.publisher import Publisher
    from depthactors.actors.recorder import Recorder
    from depthactors.actors.sockets import SupervisedSocket
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.dispatcher.ending import Ending
    from depthactors.markets import Market
    from depthactors.net.network import Network
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)


@dataclass(slots=True)
class _Book(FollowedBook[LocalCell]):
    """A book, and where its stream comes from.

    Attributes:
        stream: name of the stream.
        socket: name of the socket actor that carries the stream.
        silences: number of times that the stream was silent.
        is_late: whether frames waited too long for the actor at the latest check.
    """

    stream: str
    socket: str
    silences: int = 0
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class LookAtBacklog:
    """A timer of the supervisor: check how many bytes wait for the books of this process."""


@dataclass(slots=True)
class _WeightPool:
    """The snapshot actor of a weight pool; `market` is any market of the pool."""

    market: Market
    child: Supervised


class Supervisor(BaseSupervisor[LocalCell, _Book]):
    """Keeps a connection for each group of streams, and a snapshot actor for each weight pool.

    Start order: snapshot actor, book, socket. Stop order is the reverse.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        settings: NetworkSettings,
        notifier: Notifier,
        network: Network,
        shared: Publisher | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """Begin without children.

        Args:
            dispatcher: the dispatcher of this actor and its children.
            settings: the way to the exchange.
            notifier: notifies users of errors that belong to no book, and of the end of a book whose actor is dead.
            network: the way to the exchange.
            shared: shares the books with other processes; `None` for books of this process alone.
            recorder: records the books; `None` if they are not recorded.
        """
        super().__init__(dispatcher, settings, notifier)
        self._network = network
        self._shared = shared
        self._recorder = recorder
        start = partial(start_socket, settings=settings, supervisor=self.actor_ref, network=network, epochs=count(1))
        places = count()
        self._sockets = Sockets(start, places=places)
        self._tickers: TickerStreams | None = None
        if recorder is not None and recorder.target.book_ticker:
            self._tickers = TickerStreams(Sockets(start, "tickers", places), self.actor_ref)
        self._pools: dict[str, _WeightPool] = {}
        self._overloaded = False

    def begin(self) -> None:
        """Set the timers."""
        super().begin()
        self.mailbox.after(self._timing.backlog_interval, LookAtBacklog())
        if self._shared is not None:
            self._go_on_beating()

    def handle(self, message: Any) -> Any:  # noqa: PLR0911 - the list of messages, a line each
        """Handle what the children report, and the requests of the engine."""
        match message:
            case ReconnectExhausted(name, error):
                return self._give_up_carrier(name, error)
            case BookGivenUp(cell):
                book = self._books.get(cell.spec.key)
                # If the book is followed anew already, the stream is the new book's.
                return self._detach(book) if book is not None and book.cell is cell else None
            case StreamsRefused(name, streams, is_full):
                return self._streams_refused(name, streams, is_full=is_full)
            case StreamSilent(cell, error, diffs):
                return self._stream_silent(cell, error, diffs)
            case FrameRejected(_, error):
                return self._notifier.report_error(error)
            case LookAtBacklog():
                return self._look_for_backlog()
        return super().handle(message)

    def _status_parts(self) -> Children:
        return Children(
            tuple(book.cell for book in self._books.values()),
            (*(each.child.ref for each in self._sockets), *(self._tickers.refs if self._tickers is not None else ())),
            tuple(pool.child.ref for pool in self._pools.values()),
            self.dispatcher,
        )

    # Books.

    def _open_books(self, specs: tuple[BookSpec, ...]) -> tuple[LocalCell, ...]:
        """Follow all these books, or none if one cannot be started."""
        cells: list[LocalCell] = []
        try:
            if self._shared is not None:
                self._shared.check_room(spec.depth for spec in specs if self._needs_room(spec))
            for spec in specs:
                cells.append(self._open_book(spec))  # noqa: PERF401 - those before the failure count
            if self._shared is not None:
                self._shared.publish()
        except BaseException:
            for cell in cells:
                self._close_book(cell)
            raise
        return tuple(cells)

    def _open_book(self, spec: BookSpec) -> LocalCell:
        book = self._followed(spec)
        if book is not None:
            self._extend(book, book.cell.spec.serving(spec))
            book.cell.followers += 1
            return book.cell
        stream = spec.market.diff_stream(spec.symbol, spec.speed_ms)
        cell = LocalCell(spec, self._timing, self.dispatcher)
        cell.report = self._notifier.report_error
        cell.followers = 1
        if self._shared is not None:
            self._shared.add(cell)
        if self._recorder is not None:
            cell.recorder = self._recorder.add(cell)
        ref: pykka.ActorRef[Any] | None = None
        try:
            ref = self._start_book(cell)
            socket = self._sockets.with_room(spec.market)
            if self._tickers is not None:
                self._tickers.open(cell)
        except BaseException:
            if ref is not None:
                ref.stop(block=False)
            if self._shared is not None:
                self._shared.remove(cell)
            if cell.recorder is not None:
                cell.recorder.end("it could not be followed")
            raise
        book = self._books[spec.key] = _Book(cell, Supervised(ref), stream, socket.name)
        self._attach(book)
        return cell

    def _extend(self, book: _Book, spec: BookSpec) -> None:
        """Have a book serve a further subscription."""
        before = book.cell.spec
        is_deeper = spec.depth > before.depth
        # First what may fail: nothing has changed then.
        listener = None
        if self._shared is not None and (is_deeper or self._shared.has_moved(book.cell)):
            listener = self._shared.deepen(book.cell, spec.depth)
        # For a successor of the actor too.
        book.cell.spec = spec
        if spec.refresh_interval and spec.refresh_interval != before.refresh_interval:
            tell(book.child.ref, RefreshEvery(spec.refresh_interval))
        if is_deeper:
            # Readers wait until the actor has looked whether the book is deep enough.
            book.cell.settled.clear()
            tell(book.child.ref, Deepen(spec.depth))
        if listener is not None:
            tell(book.child.ref, Greet(listener))

    def _needs_room(self, spec: BookSpec) -> bool:
        """Return whether the book takes shared memory: it is new, or followed deeper than before."""
        book = self._books.get(spec.key)
        return book is None or book.cell.spec.depth < spec.depth

    def _stop_book(self, book: _Book) -> None:
        # Before its stream ends: a state that is read in between is true.
        book.cell.is_ending = True
        super()._stop_book(book)

    def _forget(self, book: _Book) -> tuple[Ending, ...]:
        ending = super()._forget(book)
        if self._shared is not None:
            self._shared.remove(book.cell)
        recorder = book.cell.recorder
        return ending if recorder is None else (*ending, recorder.life)

    def _end_without_actor(self, cell: LocalCell, state: BookState, error: EscalatedError | None) -> None:
        super()._end_without_actor(cell, state, error)
        if cell.recorder is not None:
            cell.recorder.end("its actor is dead" if error is None else str(error))

    def _attach(self, book: _Book) -> None:
        """Have the book's socket send the stream to the present actor."""
        socket = self._sockets[book.socket]
        socket.streams[book.stream] = book.key
        tell(socket.child.ref, Subscribe(book.stream, book.child.ref))

    def _detach(self, book: _Book, error: EscalatedError | None = None) -> None:
        """Unsubscribe from the book's streams; its actor is not notified."""
        del error
        if self._tickers is not None:
            self._tickers.close(book.cell)
        self._unsubscribe(book, None)

    def _unsubscribe(self, book: _Book, error: StreamError | None) -> None:
        """Unsubscribe from the book's stream; its actor is notified if there is an error and the stream was up."""
        socket = self._sockets.get(book.socket)
        if socket is not None and socket.streams.pop(book.stream, None) is not None:
            tell(socket.child.ref, Unsubscribe(book.stream, error))

    # Starting the other actors.

    def _start_book(self, cell: LocalCell) -> pykka.ActorRef[Any]:
        pool = self._pool_for(cell.spec.market)
        return BookActor.start(f"book-{cell.spec.symbol}", cell, pool.child.ref, self.actor_ref)

    def _pool_for(self, market: Market) -> _WeightPool:
        pool = self._pools.get(market.weight_pool)
        if pool is None:
            pool = _WeightPool(market, Supervised(self._start_pool(market)))
            self._pools[market.weight_pool] = pool
        return pool

    def _start_pool(self, market: Market, restarts: int = 0) -> pykka.ActorRef[Any]:
        return start_snapshots(market, self._settings, self.actor_ref, network=self._network, restarts=restarts)

    # Replacing the dead.

    def _others(self) -> Iterator[Child]:
        for socket in self._sockets:
            yield Child(socket.name, socket.child, partial(self._replace_socket, socket))
        if self._tickers is not None:
            yield from self._tickers.children()
        for name, pool in list(self._pools.items()):
            yield Child(name, pool.child, partial(self._replace_pool, pool))

    def _replace_socket(self, socket: SupervisedSocket, error: BaseException) -> None:
        if not socket.child.may_restart(self.mailbox.now()):
            self._give_up_socket(socket.name, error)
            return
        if self._sockets.start_successor(socket):
            for key in list(socket.streams.values()):
                self._attach(self._books[key])

    def _replace_pool(self, pool: _WeightPool, error: BaseException) -> None:
        name = pool.market.weight_pool
        books = [book for key, book in self._books.items() if key[0].weight_pool == name]
        if not pool.child.may_restart(self.mailbox.now()):
            del self._pools[name]
            escalated = EscalatedError(f"snapshots of {name} keep failing: {reporting.cause_of(error)}")
            for book in books:
                self._fail_book(book, escalated)
            return
        start = partial(self._start_pool, pool.market, pool.child.restarts)
        if pool.child.start_successor(name, start):
            for book in books:
                tell(book.child.ref, SnapshotsAt(pool.child.ref))

    # Checks.

    def _beat(self) -> None:
        if self._shared is not None:
            self._shared.beat()

    def _look(self) -> None:
        """Replace the children that died without notice, and report the books that lag."""
        books = [book for book in self._books.values() if book.cell.state is not BookState.FAILED]
        super()._look()
        for book in books:
            self._look_for_lag(book)

    def _look_for_lag(self, book: _Book) -> None:
        lag = book.cell.lag()
        is_late, was_late = lag > self._timing.lag_limit, book.is_late
        book.is_late = is_late
        if is_late and not was_late:
            cause = "the machine is too slow, or code in C keeps the interpreter's lock"
            words = f"its frames have waited for {lag:.1f} s: {cause}"
            error = SlowCallbackError(f"{book.cell.spec.symbol}: {words}")
            logger.notice(("lag", book.cell.spec.key), "%s: not live: %s", book.cell.spec.title, words)
            self._notifier.report_error(error)
        elif was_late and not is_late:
            logger.over(("lag", book.cell.spec.key), "%s: its frames are handled again", book.cell.spec.title)

    def _look_for_backlog(self) -> None:
        """Drop the largest backlogs if all backlogs together are too large."""
        self.mailbox.after(self._timing.backlog_interval, LookAtBacklog())
        going = too_large(((book.cell.backlog(), book) for book in self._books.values()), BACKLOG_LIMIT)
        for book in going:
            symbol, size = book.cell.spec.symbol, book.cell.backlog()
            words = f"more than {BACKLOG_LIMIT} bytes wait for the books of this process, {size} of them for this one"
            error = BacklogError(f"{symbol}: {words}: they are dropped, and it is made anew")
            tell(book.child.ref, Dropped(mailbox_of(book.child.ref).drop_frames(), error))
        if going and not self._overloaded:
            error = BacklogError(
                f"more than {BACKLOG_LIMIT} bytes wait for the books of this process: {len(going)} of them lose theirs "
                "and are made anew; the machine is too slow for its books, or snapshots take too long"
            )
            logger.notice("backlog", "%s", error)
            self._notifier.report_error(error)
        self._overloaded = bool(going)

    def _stream_silent(self, cell: LocalCell, error: StreamError, diffs: int) -> None:
        """Subscribe to a silent stream anew; if that did not help, on a connection without other streams."""
        key = cell.spec.key
        book = self._books.get(key)
        if book is None or book.cell is not cell or book.failure is not None:
            return
        if cell.counters.diffs > diffs:
            # It was only late, and has come since. Between UNSUBSCRIBE and SUBSCRIBE a diff would be lost.
            return
        book.silences += 1
        logger.notice(("silent", key), "no data: %s; subscribed to anew", reporting.about(cell.spec.symbol, error))
        if book.silences % 2:
            tell(self._sockets[book.socket].child.ref, Resubscribe(book.stream))
            return
        self._carry_elsewhere(book, error, alone=True)

    def _streams_refused(self, name: str, streams: tuple[str, ...], *, is_full: bool) -> None:
        """Have other connections carry streams that the exchange refuses on this one."""
        if self._is_stopping:
            return
        if self._tickers is not None and self._tickers.has(name):
            left = self._tickers.refused(name, streams, is_full=is_full)
        else:
            left = self._relieve(name, streams, is_full=is_full)
        if left and is_full:
            # A full connection does not ask for them again, so no other report of them comes.
            self.mailbox.after(self._timing.watch_interval, StreamsRefused(name, left, is_full))

    def _relieve(self, name: str, streams: tuple[str, ...], *, is_full: bool) -> tuple[str, ...]:
        """Move streams of books away from a socket; returns those for which no other connection could be started."""
        socket = self._sockets.get(name)
        if socket is None:
            return ()
        books = [self._books[socket.streams[stream]] for stream in streams if stream in socket.streams]
        if is_full and books:
            self._sockets.limit_streams(socket.market, max(1, len(socket.streams) - len(books)))
        left: list[str] = []
        for book in books:
            # The stream may be up on the present connection, and refused on its successor. The other socket may have an
            # older connection, so the book has to know that this one is over.
            error = StreamError(f"{book.cell.spec.symbol}: {name} does not carry its stream any more")
            if not self._carry_elsewhere(book, error, alone=not is_full):
                left.append(book.stream)
        return tuple(left)

    def _carry_elsewhere(self, book: _Book, error: StreamError, *, alone: bool) -> bool:
        """Have another connection carry a book's stream; returns whether it could be started."""
        socket = self._sockets.to_move(book.stream, book.cell.spec.market, alone=alone)
        if socket is None:
            return False
        self._unsubscribe(book, error)
        book.socket = socket.name
        self._attach(book)
        return True

    # Giving up.

    def _give_up_carrier(self, name: str, error: BaseException) -> None:
        """Give up a connection that cannot be made, of books or of bookTicker streams."""
        if self._tickers is not None:
            self._tickers.give_up(name, error)
        self._give_up_socket(name, error)

    def _give_up_socket(self, name: str, error: BaseException) -> None:
        """Fail every book of a socket, and forget the socket."""
        socket = self._sockets.pop(name)
        if socket is None:
            return
        socket.child.ref.stop(block=False)
        cause = reporting.cause_of(error)
        escalated = (
            ReconnectsExhaustedError(f"the tries to connect are used up: {cause}")
            if isinstance(error, StreamError)
            else EscalatedError(f"{name} was given up: {cause}")
        )
        escalated.__cause__ = error
        for key in socket.streams.values():
            self._fail_book(self._books[key], escalated)
