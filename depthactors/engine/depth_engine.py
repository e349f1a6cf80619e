"""The engine: live order books for threaded programs.

    with DepthEngine(market="spot") as engine:
        btc = engine.subscribe("BTCUSDT", depth=100)
        btc.wait_live(timeout=10)
        print(btc.view().best_bid)

`DepthEngine` is the composition root: it starts the supervisor, which starts everything else, and stops
it. It holds no book and no socket; calls become messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, overload

from depthactors import markets, reporting
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.callbacks import view_of
from depthactors.actors.cell import Lease
from depthactors.actors.deltas import Deltas
from depthactors.actors.questions import Status
from depthactors.actors.queued_listener import QueuedListener
from depthactors.book import BookState
from depthactors.book.numerals import NumberT_co, check_number_type
from depthactors.engine.callbacks import check_callback
from depthactors.engine.environment import resolve
from depthactors.engine.handle import BookHandle
from depthactors.engine.lifecycle import Running, join
from depthactors.engine.machine import THIS_MACHINE
from depthactors.engine.pickling import refuse_pickle
from depthactors.engine.runtime import STOP_TIMEOUT, Runtime
from depthactors.engine.settings import check_interval, check_processes, network_settings
from depthactors.engine.uninitialised import absent
from depthactors.errors import LifecycleError, NotLiveError, UsageError
from depthactors.net.settings import ROTATE_AFTER
from depthactors.pacing import USUAL, Timing
from depthactors.pacing.seconds import checked_timeout

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from decimal import Decimal
    from types import TracebackType
    from typing import Self, Unpack

    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.cell import BookCell
    from depthactors.book import BookView
    from depthactors.book.delta import BookDelta
    from depthactors.book.numerals import Number
    from depthactors.dispatcher.ending import Ending
    from depthactors.engine.machine import Machine
    from depthactors.engine.settings import Settings
    from depthactors.errors import DepthActorsError
    from depthactors.markets import Market
    from depthactors.recording import RecordTo
    from depthactors.status import EngineStatus

logger = reporting.logger(__name__)


class DepthEngine(Generic[NumberT_co]):
    """Follows order books in threads of its own.

    Generic in `number`, the type of its views' numbers: `DepthEngine` is `DepthEngine[float]`.

    It is started by `start`, by `with`, or by the first subscription. Its threads are daemons, and an
    engine that still runs when the interpreter ends is stopped then.

    Thread: any; every call is a message.
    """

    _timing: ClassVar[Timing] = USUAL
    """The durations of the actors; tests set shorter ones."""
    _machine: ClassVar[Machine] = THIS_MACHINE
    """The machine that the actors run on; a simulation sets its own."""

    # With the type variable's default alone, mypy would take `DepthEngine()` for an engine of Decimals where one is
    # expected.
    @overload
    def __init__(
        self: DepthEngine[float], market: str | Market = ..., *, number: type[float] = ..., **others: Unpack[Settings]
    ) -> None: ...
    @overload
    def __init__(
        self: DepthEngine[Decimal], market: str | Market = ..., *, number: type[Decimal], **others: Unpack[Settings]
    ) -> None: ...
    def __init__(
        self,
        market: str | Market = "spot",
        *,
        number: type[Number] = float,
        speed_ms: int = 100,
        refresh_interval: float | None = 1800.0,
        max_reconnects: int | None = None,
        proxy: str | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 10.0,
        silence_limit: float = 10.0,
        rotate_after: float | None = ROTATE_AFTER,
        on_error: Callable[[DepthActorsError], None] | None = None,
        name: str | None = None,
        processes: int | None = None,
        record: str | os.PathLike[str] | RecordTo | None = None,
    ) -> None:
        """Check and keep the settings; nothing is started.

        Args:
            market: name (`spot`, `usdm`, `coinm`, `options`, `us`, a testnet...) or row of `markets`.
            number: type of prices and quantities: `float`, or `Decimal` for the exchange's exact text.
            speed_ms: update interval of the diff stream.
            refresh_interval: seconds between fresh snapshots of a book; `None` or 0 for no refreshes.
            max_reconnects: failed tries in a row after which the books of a connection are given up; `None` for never.
            proxy: `http://user:password@host:port`, `socks5://...` or `socks5h://...` for all connections; `None` for
                the environment's proxy, which is not used for this machine itself.
            connect_timeout: seconds for each connection: name, addresses, proxy, TLS and handshake.
            read_timeout: longest pause in seconds within a REST answer.
            silence_limit: seconds of silence after which a connection is pinged; after the same time again it is given
                up. A half-open connection is noticed within twice that time.
            rotate_after: seconds after which a connection is replaced by a successor, without a gap. The exchange ends
                each connection after 24 hours; with `None` a resync follows.
            on_error: called, in one of the engine's threads, with each error that belongs to no single book, and with
                the first exception of each callback. A call that does not return delays the next ones, and nothing
                else.
            name: name by which `DepthReader` finds the books in any process of this machine; one engine at a time has
                it. `None` if the books are read in this process alone.
            processes: number of worker processes over which the books are spread; `None` for this process. They are
                run by `sys.executable`, or the interpreter that `multiprocessing.set_executable` named.
            record: folder, or a `recording.RecordTo`, to which each book is recorded while it is followed: what
                arrives, as it arrives, with a snapshot at the beginning of each file. The books never wait for the
                disk. `status()` has the counters of each recording.

        Raises:
            UsageError: an argument that is not allowed; or `processes` where there can be no workers: in a frozen
                program, in a server with Python inside, in a worker, with threads that gevent or eventlet replaced.
            RecordingError: no files can be made in the folder of `record`.
        """
        check_number_type(number)
        settings = network_settings(
            max_reconnects=max_reconnects,
            proxy=proxy,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            silence_limit=silence_limit,
            rotate_after=rotate_after,
            timing=self._timing,
        )
        check_interval(refresh_interval)
        check_processes(processes)
        check_callback("on_error", on_error)
        self.market = resolve(market)
        self.market.diff_stream("", speed_ms)
        target = None if record is None else _target(record)
        self._number: type[Any] = number
        self._speed_ms = speed_ms
        self._refresh_interval = refresh_interval
        self._has_workers = processes is not None
        self._records = target is not None
        self._runtime = Runtime(
            settings,
            on_error,
            Running(self.stop, self._detach),
            name=name,
            processes=processes,
            record=target,
            machine=self._machine,
        )
        self._handles: dict[int, BookHandle[NumberT_co]] = {}

    def start(self) -> Self:
        """Start the supervisor, unless it runs; connections follow with the first subscription.

        Raises:
            LifecycleError: the engine was stopped, this is a fork of the process that started it, or the system has
                no thread left.
            SharingError: another engine of that name runs, or memory cannot be shared.
        """
        self._runtime.start()
        return self

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    if not TYPE_CHECKING:
        # Out of sight of type checkers, which find a missing name by themselves.

        def __getattr__(self, name: str) -> NoReturn:
            """Raise an error that says what a subclass has forgotten."""
            raise absent(self, name, ("market", "_runtime", "_handles", "_has_workers"))

    def __repr__(self) -> str:
        count = len(self._handles)
        doing = "running" if self.running else "not running"
        return f"<DepthEngine {self.market.name} {doing}, {count} book{'' if count == 1 else 's'}>"

    def _repr_html_(self) -> str | None:
        """Return the status as a table, for a notebook; an engine that does not run has none, and is not started."""
        try:
            return self.status(timeout=1.0)._repr_html_() if self.running else None
        except LifecycleError:
            return None

    def __reduce__(self) -> NoReturn:
        """Raise an error that says what another process can have."""
        refuse_pickle(type(self).__name__, "give it a name, and read its books elsewhere with DepthReader(name)")

    def subscribe(
        self,
        symbol: str,
        *,
        depth: int = 100,
        on_update: Callable[[BookView[NumberT_co]], object] | None = None,
        on_event: Callable[[BookEvent], object] | None = None,
        on_delta: Callable[[BookDelta[NumberT_co]], object] | None = None,
        market: str | Market | None = None,
        speed_ms: int | None = None,
    ) -> BookHandle[NumberT_co]:
        """Follow a book. Returns at once; `wait_live` waits.

        The same symbol twice is one book with two handles. The book has the larger depth and the shorter refresh
        interval of the two.

        Args:
            symbol: upper or lower case.
            depth: number of the best levels a side that are promised to be right.
            on_update: called with a `BookView` after each update while the book is live, in one of the engine's
                threads. All callbacks of a book are called one at a time and in order. They may block; a slow one
                delays the callbacks of this book only, and is called with the latest update once it is late. What the
                handle shows in a callback may be newer than the view.
            on_event: called with a `BookEvent` for each change of state and each error, in order with the updates. An
                exception in `on_update` ends nothing: the first is a `CallbackError` here and in `on_error`, with its
                traceback in the log, or on stderr if there is none; the others are counted.
            on_delta: called instead of `on_update`, with a `BookDelta`: a snapshot of `depth` levels first, then what
                changed since the call before. After an exception of its own it gets a snapshot again. If it is late,
                one delta is the sum of several updates.
            market: another market than the engine's.
            speed_ms: another update interval than the engine's.

        Raises:
            UsageError: a symbol, depth or callback that is not allowed (`DepthTooLargeError` and `UnknownMarketError`
                are such errors).
            LifecycleError: the engine was stopped, belongs to another process, or the system has no
                thread left.
            SharingError: the engine has a name, and there is no shared memory for this book; the message says
                how much is needed and how much is free.
        """
        return self.subscribe_many(
            [symbol],
            depth=depth,
            on_update=on_update,
            on_event=on_event,
            on_delta=on_delta,
            market=market,
            speed_ms=speed_ms,
        )[0]

    def subscribe_many(
        self,
        symbols: Iterable[str],
        *,
        depth: int = 100,
        on_update: Callable[[BookView[NumberT_co]], object] | None = None,
        on_event: Callable[[BookEvent], object] | None = None,
        on_delta: Callable[[BookDelta[NumberT_co]], object] | None = None,
        market: str | Market | None = None,
        speed_ms: int | None = None,
    ) -> list[BookHandle[NumberT_co]]:
        """Follow several books with one message; arguments and errors as for `subscribe`.

        If one of them cannot be followed, none is.
        """
        check_callback("on_update", on_update)
        check_callback("on_event", on_event)
        check_callback("on_delta", on_delta)
        if on_update is not None and on_delta is not None:
            msg = "expected on_update or on_delta, was both; subscribe twice for both, it is one book"
            raise UsageError(msg)
        if isinstance(symbols, str):
            msg = f"expected several symbols, was the text {symbols!r}"
            raise UsageError(msg)

        handles = self._follow(
            symbols,
            depth=depth,
            market=self.market if market is None else resolve(market),
            speed_ms=self._speed_ms if speed_ms is None else speed_ms,
            refresh_interval=self._refresh_interval,
        )
        if on_update is None and on_event is None and on_delta is None:
            return handles
        try:
            for handle in handles:
                handle._listen(self._listener(handle, on_update, on_event, on_delta))
        except BaseException:
            self._withdraw(handles)
            raise
        return handles

    def _listener(
        self,
        handle: BookHandle[NumberT_co],
        on_update: Callable[[BookView[NumberT_co]], object] | None,
        on_event: Callable[[BookEvent], object] | None,
        on_delta: Callable[[BookDelta[NumberT_co]], object] | None,
    ) -> QueuedListener:
        capture: Callable[[Any], Any] = view_of(handle.depth, self._number, handle._cell.dispatcher)
        update: Callable[[Any], object] | None = on_update
        if on_delta is not None:
            deltas = Deltas(on_delta, capture)
            capture, update = deltas.capture, deltas.as_function()
        return QueuedListener(
            handle._cell.lane,
            handle._cell.dispatcher,
            handle.symbol,
            capture=capture,
            update=update,
            event=on_event,
            depth=handle.depth,
            reports_late=True,
        )

    def _follow(
        self, symbols: Iterable[str], *, depth: int, market: Market, speed_ms: int, refresh_interval: float | None
    ) -> list[BookHandle[NumberT_co]]:
        """Follow books that nothing listens to yet, all of them or none.

        Raises:
            UsageError: an argument that is not allowed.
            LifecycleError: as for `subscribe`.
            SharingError: as for `subscribe`.
        """
        specs = self._specs(symbols, depth, market, speed_ms, refresh_interval)
        self._check_one_speed(specs)
        handles: list[BookHandle[NumberT_co]] = []
        opened: tuple[BookCell, ...] = ()
        try:
            opened = self._runtime.open(specs)
            handles = [BookHandle(cell, depth, self.unsubscribe) for cell in opened]
            self._handles |= {id(handle): handle for handle in handles}
        except BaseException:
            self._withdraw(handles)
            for cell in opened[len(handles) :]:
                self._runtime.close(cell, Lease(), 0.0)
            raise
        return handles

    def _withdraw(self, handles: list[BookHandle[NumberT_co]]) -> None:
        """End subscriptions whose handles the program does not get, because of Ctrl-C for example."""
        for handle in handles:
            self._handles[id(handle)] = handle
            self.unsubscribe(handle, 0.0)

    def _specs(
        self, symbols: Iterable[str], depth: int, market: Market, speed_ms: int, refresh_interval: float | None
    ) -> tuple[BookSpec, ...]:
        if type(depth) is not int or depth < 1:
            msg = f"expected a depth of at least 1, was {depth!r}"
            raise UsageError(msg)
        market.snapshot_limit(depth)
        market.diff_stream("", speed_ms)
        check_interval(refresh_interval)
        return tuple(
            BookSpec(market, markets.normalize_symbol(symbol), depth, speed_ms, refresh_interval, self._number)
            for symbol in symbols
        )

    def _check_one_speed(self, specs: tuple[BookSpec, ...]) -> None:
        """Check that no symbol that is recorded at another speed is among these: its file has one stream."""
        if not self._records:
            return
        speeds = {
            (each._cell.spec.market, each.symbol): each.speed_ms for each in self.books() if not each._cell.is_over
        }
        for spec in specs:
            speed = speeds.get((spec.market, spec.symbol), spec.speed_ms)
            if speed != spec.speed_ms:
                msg = f"expected one speed of {spec.title}, which is recorded, was {speed} and {spec.speed_ms} ms"
                raise UsageError(msg)

    def unsubscribe(self, handle: BookHandle[Any], timeout: float = 5.0) -> None:
        """End a subscription: after the return no further call of its callbacks begins.

        With a book's last subscription, its stream and its actor end, and this waits for them for `timeout` seconds. It
        does not wait for a callback that is running. A second call with a handle does nothing; after Ctrl-C in the
        first call repeat it.

        Raises:
            LifecycleError: the engine cannot be asked, as in a fork; then nothing has changed.
            UsageError: not a handle, or a timeout that is no number of seconds.
        """
        if not isinstance(handle, BookHandle):
            msg = f"expected the handle that subscribe() returned, was {handle!r}"
            raise UsageError(msg)
        timeout = checked_timeout(timeout)
        self._runtime.check_process()
        self._runtime.check_turn()
        if id(handle) not in self._handles:
            return
        ending: tuple[Ending, ...] = ()
        clock = self._runtime.dispatcher
        deadline = clock.monotonic() + timeout
        if self.running:
            handle._silence()
            ending = self._runtime.close(handle._cell, handle._lease, deadline - clock.monotonic())
        # Not sooner: a program that is interrupted before this may try again.
        self._handles.pop(id(handle), None)
        if left := join(ending, deadline, patience=0.0, clock=clock):
            logger.debug("= %s: %s ends by itself", handle.symbol, ", ".join(each.name for each in left))

    def books(self) -> tuple[BookHandle[NumberT_co], ...]:
        """Return the handles of all subscriptions, in the order in which they were made."""
        return tuple(self._handles.values())

    def __getitem__(self, symbol: str) -> BookHandle[NumberT_co]:
        """Return the handle of a book, that of its first subscription if there are several.

        Raises:
            UsageError: the symbol is not followed, or in several markets or at several speeds; the message lists them.
            LifecycleError: the engine was stopped.
        """
        name = markets.normalize_symbol(symbol)
        handles = self.books()
        same = {handle._cell: handle for handle in reversed(handles) if handle.symbol == name}
        # A book that failed may have been followed anew.
        found = {cell: handle for cell, handle in same.items() if not cell.is_over} or dict(tuple(same.items())[:1])
        if len(found) == 1:
            return next(iter(found.values()))
        self._runtime.check_not_stopped()
        listed = sorted({f"{each.spec.title} {each.spec.speed_ms} ms" for each in found or [h._cell for h in handles]})
        named = ", ".join(listed[:10]) + (", ..." if len(listed) > 10 else "") or "no book"
        if found:
            msg = f"expected one book {name}, was {len(found)}: {named}; books() has the handle of each"
        else:
            msg = f"{name} is not followed; this engine follows {named}"
        raise UsageError(msg)

    # With `__getitem__` alone, Python would iterate over the symbols 0, 1, 2...
    __iter__: ClassVar[None] = None

    def wait_live(self, timeout: float = 60.0) -> None:
        """Wait until every followed book is live.

        Raises:
            NotLiveError: some were not live within `timeout` seconds; the message counts and names them.
            DepthActorsError: the error of a book that was given up.
            LifecycleError: the engine was stopped.
            UsageError: a timeout that is no number of seconds.
        """
        timeout, now = checked_timeout(timeout), self._runtime.dispatcher.monotonic
        deadline = now() + timeout
        waiting = list(self._handles.values())
        # Not sooner: `stop` forgets the handles after this is known.
        self._runtime.check_not_stopped()
        for handle in waiting:
            try:
                handle.wait_live(max(0.0, deadline - now()))
            except NotLiveError:
                late = [each.symbol for each in waiting if each.state is not BookState.LIVE]
                named = ", ".join(late[:10]) + (", ..." if len(late) > 10 else "")
                why = f" ({handle._cell.error})" if handle._cell.error is not None else ""
                msg = (
                    f"{len(late)} of {len(waiting)} books were not live within {timeout:g} s: {named}; "
                    f"{handle.symbol} was {handle.state}{why}"
                )
                raise NotLiveError(msg) from None

    def status(self, timeout: float = 5.0) -> EngineStatus:
        """Return the state of every book, connection and weight pool; O(books), and a message a connection and pool.

        Raises:
            LifecycleError: the engine was stopped, or does not answer.
            UsageError: a timeout that is no number of seconds.
        """
        timeout = checked_timeout(timeout)
        status: EngineStatus = self._runtime.ask(Status()).gather(timeout)
        return status

    def rebalance(self, processes: int | None = None) -> int:
        """Spread the books evenly over the workers, or over another number of workers; returns how many books move.

        A book that moves is `STALE` until its new worker has it live, its last view readable meanwhile.

        Args:
            processes: new number of workers; `None` for the present one.

        Raises:
            UsageError: the engine was made without workers, or a number below one.
            LifecycleError: the engine was stopped, or the system has no process left.
            SharingError: there is no shared memory for all that would move; the others stay with their workers.
        """
        check_processes(processes)
        if not self._has_workers:
            msg = "expected an engine with worker processes, DepthEngine(processes=N), was one without"
            raise UsageError(msg)
        from depthactors.shards.orders import Rebalance  # noqa: PLC0415 - an engine with workers has it

        moved: int = self._runtime.ask(Rebalance(processes))
        return moved

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped; never in a fork, where its threads do not exist."""
        return self._runtime.running

    def wait_stopped(self, timeout: float | None = None) -> bool:
        """Wait until `stop` has returned, in any thread; returns whether it has, in a fork `True` at once.

        Raises:
            LifecycleError: this is called in a callback, for which the end of the engine would wait.
            UsageError: a timeout that is no number of seconds.
        """
        if timeout is not None:
            timeout = checked_timeout(timeout)
        return self._runtime.wait_stopped(timeout)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Close every connection and stop every thread of the engine, within `timeout` seconds.

        It may be called twice, in a callback (whose thread then ends after it) and in a signal
        handler. It waits half a second for callbacks, since they may be waiting for it. A thread that does not end
        in time, such as that of a callback that takes longer, is named in the log; it is a daemon and does not keep
        the program alive.

        Raises:
            UsageError: a timeout that is no number of seconds; then nothing has changed.
        """
        timeout = checked_timeout(timeout)
        self._runtime.stop(timeout)
        if not self._runtime.is_fork:
            for handle in tuple(self._handles.values()):
                # The listeners of a manager have a lane of its own, which it closes after the call with the end.
                handle._cell.lane.close()
            self._handles.clear()

    def _detach(self) -> None:
        """Label every book as over, in a fork, where the threads that keep the books do not exist."""
        self._runtime.detach()
        error = LifecycleError(self._runtime.fork_words)
        for handle in self._handles.values():
            handle._cell.detach(error)


def _target(record: str | os.PathLike[str] | RecordTo) -> RecordTo:
    from depthactors.recording import RecordTo  # noqa: PLC0415 - only needed by an engine that records

    target = RecordTo.of(record)
    target.check()
    return target
