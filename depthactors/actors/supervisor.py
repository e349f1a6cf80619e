"""The supervisor: starts the other actors, replaces those that die, gives up those that keep dying.

`actors.supervision` says by which rules.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from depthactors import reporting
from depthactors.actors.backlog import BACKLOG_LIMIT, too_large
from depthactors.actors.base import ChildFailed, EngineActor
from depthactors.actors.book import BookActor
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_messages import Deepen, Dropped, GiveUp, Greet, RefreshEvery
from depthactors.actors.cell import BookCell, Lease
from depthactors.actors.ends import report_end
from depthactors.actors.gathering import Children
from depthactors.actors.mailbox import Tick, mailbox_of, tell
from depthactors.actors.questions import Status
from depthactors.actors.snapshot_messages import SnapshotsAt
from depthactors.actors.socket_messages import FrameRejected, Resubscribe, Subscribe, Unsubscribe
from depthactors.actors.starting import start_snapshots, start_socket
from depthactors.actors.supervision import Supervised, opened_in_vain
from depthactors.actors.supervisor_messages import (
    BookGivenUp,
    CloseBook,
    OpenBooks,
    ReconnectExhausted,
    Shutdown,
    StreamSilent,
    StreamsRefused,
    Withdraw,
)
from depthactors.book import BookState
from depthactors.errors import (
    ActorDiedError,
    BacklogError,
    EscalatedError,
    LifecycleError,
    ReconnectsExhaustedError,
    SlowCallbackError,
    StreamError,
    SupervisorDiedError,
    UsageError,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    import pykka

    from depthactors.actors.book_spec import BookKey, BookSpec
    from depthactors.actors.mailbox import Mailbox
    from depthactors.actors.notifier import Teller
    from depthactors.actors.publisher import Sharing
    from depthactors.markets import Market
    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)


@dataclass(slots=True)
class _Book:
    cell: BookCell
    stream: str
    socket: str
    child: Supervised
    silences: int = 0
    failure: EscalatedError | None = None
    lag_told: bool = False


@dataclass(slots=True)
class _Socket:
    market: Market
    place: int
    child: Supervised
    streams: dict[str, BookKey] = field(default_factory=dict)


@dataclass(slots=True)
class _Pool:
    market: Market
    child: Supervised


class Supervisor(EngineActor):
    """Root of the actors, and the only one who knows them all. Runs in its own thread, where no user is called.

    Start order: snapshot actor, book, socket. Stop order is the reverse.
    """

    def __init__(self, settings: NetworkSettings, teller: Teller, shared: Sharing | None = None) -> None:
        """Begin without children.

        Args:
            settings: how to reach the exchange.
            teller: tells users of what belongs to no book, and of the end of a book whose actor is gone.
            shared: where other processes read the books, if they are to.
        """
        super().__init__("supervisor", None)
        self.mailbox.root = self
        self._given_up = False
        self._settings = settings
        self._teller = teller
        self._shared = shared
        self._epochs = count(1)
        self._places = count()
        self._books: dict[BookKey, _Book] = {}
        self._sockets: dict[str, _Socket] = {}
        self._pools: dict[str, _Pool] = {}
        self._room: dict[Market, int] = {}
        self._stopping = False
        self._overloaded = False

    def begin(self) -> None:
        """Set the timer for looks at the children."""
        self.mailbox.after(self._settings.timing.watch_interval, Tick("watch"))
        self.mailbox.after(self._settings.timing.backlog_interval, Tick("backlog"))
        self._beat()

    def handle(self, message: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - the list of messages, a line each
        """Handle what the faces ask and what children report."""
        match message:
            case OpenBooks(specs):
                return self._open_books(specs)
            case CloseBook(cell, lease):
                return self._close_book(cell, lease)
            case Withdraw(opened):
                return self._withdraw(opened)
            case ChildFailed(name, ref, error):
                return self._replace(name, ref, error)
            case ReconnectExhausted(name, error):
                return self._give_up_socket(name, error)
            case BookGivenUp(cell):
                book = self._books.get(cell.spec.key)
                # Followed anew already, perhaps: then the stream is that book's.
                return self._detach(cell.spec.key) if book is not None and book.cell is cell else None
            case StreamsRefused(name, streams, is_full):
                return self._streams_refused(name, streams, is_full=is_full)
            case StreamSilent(cell, error):
                return self._stream_silent(cell, error)
            case FrameRejected(_, error):
                return self._teller.error(error)
            case Tick("watch"):
                return self._watch()
            case Tick("beat"):
                return self._beat()
            case Tick("backlog"):
                return self._look_for_backlog()
            case Status():
                return Children(
                    tuple(book.cell for book in self._books.values()),
                    tuple(each.child.ref for each in self._sockets.values()),
                    tuple(pool.child.ref for pool in self._pools.values()),
                )
            case Shutdown():
                return self._shut_down()
        msg = f"expected a message for the supervisor, was {type(message).__name__}"
        raise UsageError(msg)

    def release(self, error: BaseException | None) -> None:
        """Take the children along, in reverse order of their start."""
        if error is not None and not self._stopping:
            self.give_up(SupervisorDiedError(f"the supervisor died: {type(error).__name__}: {error}"))
        self._shut_down()

    def give_up(self, error: EscalatedError) -> None:
        """Fail every book; as the last act here, and then for those left in the thread of `actors.watch`."""
        if not self._given_up:
            self._given_up = True
            self._teller.error(error)
        for key, book in list(self._books.items()):
            if not book.cell.is_over and (book.failure is None or not book.child.ref.is_alive()):
                self._fail_book(key, error)

    # Books.

    def _open_books(self, specs: tuple[BookSpec, ...]) -> tuple[BookCell, ...]:
        """Follow them all, or none of them if one cannot be started."""
        cells: list[BookCell] = []
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

    def _open_book(self, spec: BookSpec) -> BookCell:
        book = self._books.get(spec.key)
        if book is not None and book.cell.is_over:
            # Asked for again after it was over: begin anew.
            self._forget(spec.key)
            book = None
        if book is not None:
            self._extend(book, book.cell.spec.serving(spec))
            book.cell.followers += 1
            return book.cell
        stream = spec.market.diff_stream(spec.symbol, spec.speed_ms)
        cell = BookCell(spec, self._settings.timing)
        cell.report = self._teller.error
        cell.followers = 1
        if self._shared is not None:
            self._shared.add(cell)
        ref: pykka.ActorRef[Any] | None = None
        try:
            ref = self._start_book(cell)
            socket_name = self._socket_for(spec.market)
        except BaseException:
            if ref is not None:
                ref.stop(block=False)
            if self._shared is not None:
                self._shared.remove(cell)
            raise
        self._books[spec.key] = _Book(cell, stream, socket_name, Supervised(ref))
        self._attach(spec.key)
        return cell

    def _extend(self, book: _Book, spec: BookSpec) -> None:
        """Have a book serve one more subscription."""
        before = book.cell.spec
        is_deeper = spec.depth > before.depth
        # First what may be refused: then nothing has changed.
        listener = None
        if self._shared is not None and (is_deeper or self._shared.has_moved(book.cell)):
            listener = self._shared.deepen(book.cell, spec.depth)
        # Kept for a successor.
        book.cell.spec = spec
        if spec.refresh_interval and spec.refresh_interval != before.refresh_interval:
            tell(book.child.ref, RefreshEvery(spec.refresh_interval))
        if is_deeper:
            # Not settled until the actor has seen whether it is deep enough.
            book.cell.settled.clear()
            tell(book.child.ref, Deepen(spec.depth))
        if listener is not None:
            tell(book.child.ref, Greet(listener))

    def _needs_room(self, spec: BookSpec) -> bool:
        """Whether following this takes shared memory: a book that is new, or followed deeper than before."""
        book = self._books.get(spec.key)
        return book is None or book.cell.spec.depth < spec.depth

    def _withdraw(self, opened: pykka.Future[Any]) -> None:
        for cell in opened_in_vain(opened):
            self._close_book(cell)

    def _close_book(self, cell: BookCell, lease: Lease | None = None) -> tuple[threading.Thread, ...]:
        if lease is not None and not lease.end():
            return ()
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
        self._stop_book(book)
        if self._shared is not None:
            self._shared.remove(book.cell)
        return mailbox_of(book.child.ref).threads

    def _attach(self, key: BookKey) -> None:
        """Have the book's socket bring its stream to the present actor."""
        book = self._books[key]
        socket = self._sockets[book.socket]
        socket.streams[book.stream] = key
        tell(socket.child.ref, Subscribe(book.stream, book.child.ref))

    def _detach(self, key: BookKey, error: StreamError | None = None) -> None:
        book = self._books.get(key)
        socket = self._sockets.get(book.socket) if book is not None else None
        if book is not None and socket is not None and socket.streams.pop(book.stream, None) is not None:
            tell(socket.child.ref, Unsubscribe(book.stream, error))

    # Starting the others.

    def _start_book(self, cell: BookCell) -> pykka.ActorRef[Any]:
        pool = self._pool_for(cell.spec.market)
        return BookActor.start(f"book-{cell.spec.symbol}", cell, pool.child.ref, self.actor_ref)

    def _pool_for(self, market: Market) -> _Pool:
        pool = self._pools.get(market.weight_pool)
        if pool is None:
            pool = _Pool(market, Supervised(start_snapshots(market, self._settings, self.actor_ref)))
            self._pools[market.weight_pool] = pool
        return pool

    def _socket_for(self, market: Market, *, alone: bool = False) -> str:
        """Return a socket with room for one more stream, or one without any."""
        room = 1 if alone else self._room.get(market, market.max_streams)
        for name, socket in self._sockets.items():
            if socket.market == market and len(socket.streams) < room:
                return name
        place = next(self._places)
        name = f"socket-{market.name}-{place + 1}"
        ref = start_socket(name, market, self._settings, self.actor_ref, epochs=self._epochs, place=place)
        self._sockets[name] = _Socket(market, place, Supervised(ref))
        return name

    # Replacing the dead.

    def _replace(self, name: str, ref: pykka.ActorRef[Any], error: BaseException) -> None:
        if self._stopping:
            return
        logger.error("! %s died: %s: %s", name, type(error).__name__, reporting.without(name, error))
        now = time.monotonic()
        for key, book in list(self._books.items()):
            if book.child.ref is ref:
                self._replace_book(key, book, error, now)
                return
        for socket_name, socket in list(self._sockets.items()):
            if socket.child.ref is ref:
                self._replace_socket(socket_name, socket, error, now)
                return
        for pool in list(self._pools.values()):
            if pool.child.ref is ref:
                self._replace_pool(pool, error, now)
                return

    def _replace_book(self, key: BookKey, book: _Book, error: BaseException, now: float) -> None:
        if book.cell.state is BookState.FAILED:
            return
        if book.failure is not None:
            # Given up meanwhile; its actor died before it could say so.
            self._fail_book(key, book.failure)
        elif not book.child.may_restart(now):
            self._fail_book(key, EscalatedError(f"{key[1]}: the book's actor keeps dying: {reporting.cause_of(error)}"))
        else:
            book.cell.restarts = book.child.restarts
            if self._succeeded(key[1], book.child, partial(self._start_book, book.cell)):
                self._attach(key)

    def _replace_socket(self, name: str, socket: _Socket, error: BaseException, now: float) -> None:
        if not socket.child.may_restart(now):
            self._give_up_socket(name, error)
            return
        start = partial(
            start_socket,
            name,
            socket.market,
            self._settings,
            self.actor_ref,
            epochs=self._epochs,
            place=socket.place,
            restarts=socket.child.restarts,
        )
        if self._succeeded(name, socket.child, start):
            for key in list(socket.streams.values()):
                self._attach(key)

    def _replace_pool(self, pool: _Pool, error: BaseException, now: float) -> None:
        books = [(key, book) for key, book in self._books.items() if key[0].weight_pool == pool.market.weight_pool]
        if not pool.child.may_restart(now):
            del self._pools[pool.market.weight_pool]
            escalated = EscalatedError(
                f"snapshots of {pool.market.weight_pool} keep failing: {reporting.cause_of(error)}"
            )
            for key, _ in books:
                self._fail_book(key, escalated)
            return
        start = partial(start_snapshots, pool.market, self._settings, self.actor_ref, restarts=pool.child.restarts)
        if self._succeeded(pool.market.weight_pool, pool.child, start):
            for _, book in books:
                tell(book.child.ref, SnapshotsAt(pool.child.ref))

    @staticmethod
    def _succeeded(name: str, child: Supervised, start: Callable[[], pykka.ActorRef[Any]]) -> bool:
        """Replace a dead child; if that fails, the next look finds it dead still and tries again."""
        if child.succeed(start):
            return True
        logger.notice(("replace", name), "%s: could not be replaced, to be tried again: %s", name, child.failure)
        return False

    # Looking after.

    def _beat(self) -> None:
        """Let readers in other processes know that somebody looks after the books."""
        if self._shared is not None:
            self._shared.beat()
            self.mailbox.after(self._settings.timing.beat, Tick("beat"))

    def _watch(self) -> None:
        """Notice who died without a word, and who does not get on."""
        self.mailbox.after(self._settings.timing.watch_interval, Tick("watch"))
        self._teller.wake()
        books = [book for book in self._books.values() if book.cell.state is not BookState.FAILED]
        children = [(book.cell.spec.symbol, book.child) for book in books]
        children += [(name, socket.child) for name, socket in self._sockets.items()]
        children += [(name, pool.child) for name, pool in self._pools.items()]
        for name, child in children:
            thread = mailbox_of(child.ref).thread
            if not child.ref.is_alive() or (thread is not None and not thread.is_alive()):
                error = child.failure or ActorDiedError(f"{name}: its thread ended without a word")
                self._replace(name, child.ref, error)
        for book in books:
            self._look_for_lag(book)

    def _look_for_lag(self, book: _Book) -> None:
        lag = book.cell.lag()
        late, told = lag > self._settings.timing.lag_limit, book.lag_told
        book.lag_told = late
        if late and not told:
            words = f"its frames have waited for {lag:.1f} s: a callback does not return, or the machine is too slow"
            error = SlowCallbackError(f"{book.cell.spec.symbol}: {words}")
            logger.notice(("lag", book.cell.spec.key), "%s: not live: %s", book.cell.spec.title, words)
            self._teller.error(error)
        elif told and not late:
            logger.over(("lag", book.cell.spec.key), "%s: its frames are handled again", book.cell.spec.title)

    def _look_for_backlog(self) -> None:
        """Drop the largest backlogs if all together are too much."""
        self.mailbox.after(self._settings.timing.backlog_interval, Tick("backlog"))
        going = too_large(((book.cell.backlog(), book) for book in self._books.values()), BACKLOG_LIMIT)
        for book in going:
            symbol, size = book.cell.spec.symbol, book.cell.backlog()
            words = f"more than {BACKLOG_LIMIT} bytes wait for the books of this process, {size} of them for this one"
            error = BacklogError(f"{symbol}: {words}: they are dropped, and it is made anew")
            tell(book.child.ref, Dropped(mailbox_of(book.child.ref).drop_frames(), error))
        if going and not self._overloaded:
            error = BacklogError(
                f"more than {BACKLOG_LIMIT} bytes wait for the books of this process: {len(going)} of them lose theirs "
                "and are made anew; the machine is too slow for so many, or snapshots take too long"
            )
            logger.notice("backlog", "%s", error)
            self._teller.error(error)
        self._overloaded = bool(going)

    def _stream_silent(self, cell: BookCell, error: StreamError) -> None:
        """Subscribe anew; and if that did not help, on a connection of its own."""
        key = cell.spec.key
        book = self._books.get(key)
        if book is None or book.cell is not cell or book.failure is not None:
            return
        book.silences += 1
        logger.notice(("silent", key), "no data: %s; subscribed to anew", reporting.about(cell.spec.symbol, error))
        if book.silences % 2:
            tell(self._sockets[book.socket].child.ref, Resubscribe(book.stream))
            return
        self._carry_elsewhere(key, error, alone=True)

    def _streams_refused(self, name: str, streams: tuple[str, ...], *, is_full: bool) -> None:
        """Have other connections carry streams that the exchange refuses on this one."""
        socket = self._sockets.get(name)
        keys = [socket.streams[stream] for stream in streams if stream in socket.streams] if socket is not None else []
        if socket is None or not keys or self._stopping:
            return
        if is_full:
            room = max(1, len(socket.streams) - len(keys))
            self._room[socket.market] = min(room, self._room.get(socket.market, room))
            logger.warning("! %s: no more than %d streams a connection from now on", socket.market.name, room)
        for key in keys:
            self._carry_elsewhere(key, alone=not is_full)

    def _carry_elsewhere(self, key: BookKey, error: StreamError | None = None, *, alone: bool) -> None:
        """Have another connection carry a book's stream; the same one, if the system has no thread for another."""
        book = self._books[key]
        self._detach(key, error)
        try:
            book.socket = self._socket_for(book.cell.spec.market, alone=alone)
        except LifecycleError as failure:
            logger.warning("! %s stays on %s: %s", book.cell.spec.symbol, book.socket, failure)
        self._attach(key)

    # Giving up.

    def _give_up_socket(self, name: str, error: BaseException) -> None:
        """Fail every book of a socket that cannot be brought back, and forget it."""
        socket = self._sockets.pop(name, None)
        if socket is None:
            return
        socket.child.ref.stop(block=False)
        kind = ReconnectsExhaustedError if isinstance(error, StreamError) else EscalatedError
        escalated = kind(f"{name} was given up: {reporting.cause_of(error)}")
        escalated.__cause__ = error
        for key in socket.streams.values():
            self._fail_book(key, escalated)

    def _fail_book(self, key: BookKey, error: EscalatedError) -> None:
        """Let a book end as failed; where its actor is dead too, have it said in its place."""
        self._detach(key)
        book = self._books[key]
        book.failure = error
        if not tell(book.child.ref, GiveUp(error)):
            self._end_in_its_place(book.cell, BookState.FAILED, error)

    def _stop_book(self, book: _Book) -> None:
        """Let a book end as stopped, also if its actor is dead and waits for a successor."""
        alive = book.child.ref.is_alive()
        book.child.ref.stop(block=False)
        if not alive and not book.cell.is_over:
            self._end_in_its_place(book.cell, BookState.STOPPED, None)

    def _end_in_its_place(self, cell: BookCell, state: BookState, error: EscalatedError | None) -> None:
        """Label a book without an actor as over, and have its listeners told."""
        previous, cell.error = cell.state, error
        cell.publish(cell.last_good(), state)
        if state is BookState.FAILED:
            report_end(cell.spec, error)
        self._teller.event(cell, BookEvent(cell.spec.symbol, previous, state, error))

    # The end.

    def _shut_down(self) -> tuple[Mailbox, ...]:
        """Stop books, sockets and snapshot actors; returns their mailboxes, whose threads the caller joins."""
        self._stopping = True
        # Books first: to them the end of a stream would be news.
        for book in self._books.values():
            self._stop_book(book)
        refs = [socket.child.ref for socket in self._sockets.values()]
        refs += [pool.child.ref for pool in self._pools.values()]
        for ref in refs:
            ref.stop(block=False)
        return tuple(mailbox_of(ref) for ref in (*(book.child.ref for book in self._books.values()), *refs))
