"""A synchronizer driven by bytes, and everything that must hold of it after each of them."""

from __future__ import annotations

from depthactors.binance import Diff, Snapshot
from depthactors.book import BookState, OrderBook
from depthactors.errors import MalformedFrameError, StreamError
from depthactors.markets import Sequencing
from depthactors.sync import RequestSnapshot, StateChanged, Synchronizer
from tests.support import flat

LIMIT = 4
DEEPEST = 3
_CUT, _GARBLED = StreamError("cut"), MalformedFrameError("garbled")


class Driver:
    """Turns two bytes into one input, and remembers the state that the effects reported.

    Ids are near a cursor that moves with the diffs, so that some follow each other.
    """

    def __init__(self, setting: int) -> None:
        """Choose the sequencing, the buffer's bound, and whether a predecessor left a book."""
        self.sequencing = Sequencing.CHAINED if setting & 1 else Sequencing.CONTIGUOUS
        self.buffer_limit = 1 + (setting >> 1 & 7)
        self.depth = 1
        book = self._new_book(Snapshot(8, 0, LIMIT, (0, 0), [9.0, 1.0], [11.0, 1.0]), 0.0) if setting & 16 else None
        self.sync = Synchronizer(self.sequencing, self._new_book, buffer_limit=self.buffer_limit, book=book)
        self.reported = self.sync.state
        self.cursor = 8
        self.epochs = 0
        self._inputs = (
            self._diff,
            self._next_diff,
            self._snapshot,
            self._up,
            self._up_beside,
            self._down,
            self._jump,
            self._fault,
            self._ask,
            self._deepen,
            self._stale_diffs,
            self._close,
        )

    def step(self, kind: int, value: int) -> None:
        """Give one input and look at the effects."""
        for effect in self._inputs[kind % len(self._inputs)](value) or ():
            if isinstance(effect, StateChanged):
                assert effect.previous is self.reported is not effect.state, f"expected a change of {self.reported}"
                self.reported = effect.state
            elif isinstance(effect, RequestSnapshot):
                assert effect.epoch == self.sync.epoch, f"expected a request of {self.sync.epoch}, was {effect}"

    def check(self) -> None:
        """Verify the machine, its bounds, and that it says LIVE of no book that is not."""
        sync = self.sync
        sync.check()
        assert sync.buffered <= self.buffer_limit
        assert sync._standby is None or len(sync._standby.run) <= self.buffer_limit
        assert sync.state is self.reported, f"expected the state that was reported ({self.reported}), was {sync.state}"
        if sync.state is BookState.LIVE:
            assert sync.book is not None
            assert sync.book.sound
            assert sync.book.depth >= self.depth, f"expected a promise of {self.depth}, was {sync.book.depth}"

    def _new_book(self, snapshot: Snapshot, now: float) -> OrderBook:
        return OrderBook("TEST", snapshot, depth=self.depth, max_levels=3 * LIMIT, recv_time=now)

    def _epoch(self, value: int) -> int:
        """Return one of the latest three connections."""
        return self.epochs - value % 3

    def _diff(self, value: int):
        first = self.cursor + (value & 7) - 2
        return self._give(first, first + (value >> 3 & 1), first - 1 - (value >> 4 & 1), self._epoch(value >> 6), value)

    def _next_diff(self, value: int):
        return self._give(self.cursor + 1, self.cursor + 1 + (value & 1), self.cursor, self.sync.epoch or 0, value)

    def _give(self, first: int, last: int, previous: int, epoch: int, value: int):
        first = max(first, 0)
        last = max(first, last)
        previous = previous if self.sequencing is Sequencing.CHAINED else first - 1
        self.cursor = last
        return self.sync.diff(epoch, Diff(first, last, previous, last, *_levels(value, gone=True)), 1.0)

    def _snapshot(self, value: int):
        update_id = max(0, self.cursor + (value >> 2 & 7) - 4)
        snapshot = Snapshot(update_id, 0, LIMIT, (0, 0), *_levels(value, gone=False))
        return self.sync.snapshot(self._epoch(value if value >= 248 else 0), snapshot, 2.0)

    def _up(self, value: int):
        self.epochs += 1
        return self.sync.stream_up(self.epochs - value % 2)

    def _up_beside(self, value: int):
        predecessor = self.sync.epoch if value % 2 else self.epochs
        self.epochs += 1
        return self.sync.stream_up(self.epochs, predecessor)

    def _down(self, value: int):
        epoch = self.sync.epoch if value % 2 else self._epoch(value)
        return self.sync.stream_down(epoch or 0, _CUT)

    def _jump(self, value: int) -> None:
        self.cursor = value

    def _fault(self, value: int):
        return self.sync.fault(self._epoch(value), _GARBLED)

    def _ask(self, value: int):
        if value % 3 == 0:
            return self.sync.refresh()
        if value % 3 == 1:
            return self.sync.overdue()
        wanted = self.sync.request_again()
        return () if wanted is None else (wanted,)

    def _deepen(self, value: int):
        if 1 + value % DEEPEST <= self.depth:
            return ()
        self.depth = 1 + value % DEEPEST
        return self.sync.deepen(self.depth)

    def _stale_diffs(self, value: int):
        """Give old diffs until it is the book that is doubted."""
        for _ in range(value % 64):
            yield from self.sync.diff(self.sync.epoch or 0, Diff(1, 1, 0, 1, [], []), 1.0)

    def _close(self, value: int):
        # Rarely: nothing is of interest after it.
        return self.sync.close(BookState.FAILED if value & 1 else BookState.STOPPED) if value > 250 else ()


def _levels(value: int, *, gone: bool):
    """Make bids around 10 and asks around 12 of the bits; some cross, some are gone, some are beyond an edge."""
    quantity = 0 if gone and value & 32 else 1 + value % 3
    bids = flat((10 + (value >> 5) - count, quantity if count == 0 else 1) for count in range(value % 5))
    asks = flat((12 - (value >> 6) + count, quantity if count == 1 else 2) for count in range(value // 5 % 5))
    return bids, asks
