"""The program of a run with python-binance's names: its callbacks read depth caches, and start streams anew."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from depthactors import ThreadedDepthCacheManager
from depthactors.book import BookState
from depthactors.errors import LifecycleError
from tests.sim.program import DEPTHS, Program, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from depthactors import DepthCache
    from depthactors.engine.depth_engine import DepthEngine
    from tests.sim.truth import Truth

_WHOLE = 16
"""Of so many caches one is compared in all its levels, the others in those of `limit`."""


class _NoThread(threading.Thread):
    """Stands for the thread that keeps a program alive, which a simulation does not need."""

    def start(self) -> None:
        pass


class SimulatedManager(ThreadedDepthCacheManager, _NoThread):
    """A manager whose engine is simulated."""

    def __init__(self, engine: Callable[..., DepthEngine[Any]], **options: Any) -> None:
        self._new_engine = engine  # type: ignore[misc]
        super().__init__(**options)


class _Shown(NamedTuple):
    """A depth cache as a view."""

    symbol: str
    last_update_id: int
    bids: list[tuple[float, ...]]
    asks: list[tuple[float, ...]]


class CacheReader(Reader):
    """One stream, and what its callback may see.

    Attributes:
        name: the stream's name, once `start_depth_cache` has returned.
    """

    name = ""
    _program: CacheProgram

    def take(self, message: DepthCache | dict[str, Any] | None) -> None:
        """Take a cache, an error, or the end."""
        program = self._program
        program.calls += 1
        if self.is_over:
            program.fail(f"{self.symbol}: a callback was called after stop_socket() had returned, or after None")
        with program.calling(self):
            if message is None:
                self.is_over = True
                program.restart(self)
            elif isinstance(message, dict):
                if message["e"] != "error":
                    program.fail(f"{self.symbol}: expected an error, was {message}")
            else:
                self._compare(message)
                program.behave(self)

    def _compare(self, cache: DepthCache) -> None:
        assert cache._copy is not None
        update_id = cache._copy.last_update_id
        # An exchange that numbers anew does so far below; that is no error to the callback.
        if 2 * self.last_id // 3 < update_id < self.last_id:
            self._program.fail(f"{self.symbol}: after update {self.last_id} came {update_id}")
        self.last_id = self.seen_id = update_id
        bids, asks = ([tuple(level) for level in side()] for side in (cache.get_bids, cache.get_asks))
        is_whole = self._program.calls % _WHOLE == 0
        levels = max(self.depth, min(len(bids), len(asks))) if is_whole else self.depth
        self._program.truth.compare(_Shown(self.symbol, update_id, bids, asks), levels)


def _same_book(one: CacheReader, other: CacheReader) -> bool:
    """Return whether two streams share a book; the successor of one that was given up is another book."""
    if one.handle is None or other.handle is None:
        return one is other
    return one.handle._cell is other.handle._cell


class CacheProgram(Program):
    """Keeps some streams of each symbol; one that was given up is started anew in its own callback.

    Attributes:
        restarts: number of streams that were.
    """

    readers: list[CacheReader]  # type: ignore[assignment]

    def __init__(
        self,
        manager: SimulatedManager,
        market: str,
        symbols: list[str],
        draws: Random,
        truth: Truth,
        fail: Callable[[str], None],
    ) -> None:
        super().__init__(manager._engine, symbols, draws, truth, fail)
        self.manager = manager
        self._begin = manager.start_depth_cache if market == "spot" else manager.start_futures_depth_socket
        self._one_for_all = manager._callbacks._lane is not None
        self.restarts = 0
        self._calling: list[CacheReader] = []
        self._failed_since: dict[int, float] = {}

    def start(self) -> None:
        self.manager.start()

    def stop(self) -> None:
        self.manager.stop()
        for reader in self.readers:
            reader.is_over = True

    def subscribe(self, symbol: str) -> None:
        self.subscriptions += 1
        reader = CacheReader(self, self.subscriptions, symbol, self._choose(DEPTHS))
        self.readers.append(reader)
        try:
            reader.name = self._begin(reader.take, symbol, limit=reader.depth, ws_interval=100)
        except LifecycleError:
            self.readers.remove(reader)
            if not self.is_ending:
                raise
            return
        stream = self.manager._streams.get(reader.name)
        reader.handle = None if stream is None else stream.handle

    def unsubscribe(self, reader: CacheReader) -> None:  # type: ignore[override]
        if reader.name and reader in self.readers:
            self.readers.remove(reader)
            self.manager.stop_socket(reader.name)
            reader.is_over = True

    def restart(self, reader: CacheReader) -> None:
        """Start a stream anew, in the callback that heard of its end."""
        if reader in self.readers:
            self.readers.remove(reader)
            self.restarts += 1
            if not self.is_ending:
                self.timed(reader, lambda: self.subscribe(reader.symbol))

    @contextmanager
    def calling(self, reader: CacheReader) -> Iterator[None]:
        """Check that no other call is under way that must not be."""
        if any(self._one_for_all or _same_book(other, reader) for other in self._calling):
            self.fail(f"{reader.symbol}: a callback was called while {self._calling[0].symbol} was being called")
        self._calling.append(reader)
        try:
            yield
        finally:
            self._calling.remove(reader)

    def keep(self) -> None:
        """Check that who was given up was told so, and follow each symbol."""
        now = self._now()
        for reader in self.readers:
            if reader.handle is not None and reader.handle.state is BookState.FAILED:
                since = self._failed_since.setdefault(reader.number, now)
                if self.disturbed.had_time(since, self.asleep):
                    self.fail(f"{reader.symbol}: given up {now - since:.0f} s ago, and not told None")
        self.follow_all()
