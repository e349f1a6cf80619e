"""Whatever happens on the way, a book that says LIVE is the exchange's, and it always gets back there."""

from collections import deque

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sync_support import NaiveExchange, new_book, top_of

from depthactors.book import BookState
from depthactors.errors import MalformedFrameError, StreamError
from depthactors.markets import Sequencing
from depthactors.sync import Publish, RequestSnapshot, StateChanged, Synchronizer

BUFFER_LIMIT = 6


class Interleavings(RuleBasedStateMachine):
    """The network loses, repeats, delays and reorders; snapshots come late; connections come and go."""

    sequencing = Sequencing.CONTIGUOUS

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed):
        self.exchange = NaiveExchange(self.sequencing, seed)
        self.sync = Synchronizer(self.sequencing, new_book, depth=3, buffer_limit=BUFFER_LIMIT)
        self.epoch = 0
        self.connected = False
        self.wire = deque()
        self.last = None
        self.requests = deque()
        self.answers = deque()
        self.told = BookState.SYNCING
        self.published = 0

    def take(self, effects):
        for effect in effects:
            if isinstance(effect, RequestSnapshot):
                assert effect.epoch == self.epoch
                self.requests.append(effect)
            elif isinstance(effect, StateChanged):
                assert effect.previous is self.told is not effect.state
                self.told = effect.state
            elif isinstance(effect, Publish) and self.told is BookState.LIVE:
                # What readers are shown never runs backwards.
                assert self.sync.book.last_update_id >= self.published
                self.published = self.sync.book.last_update_id

    @rule()
    def connect(self):
        self.epoch += 1
        self.connected = True
        self.wire.clear()
        self.take(self.sync.stream_up(self.epoch))

    @precondition(lambda self: self.connected)
    @rule()
    def disconnect(self):
        self.connected = False
        self.take(self.sync.stream_down(self.epoch, StreamError("cut")))

    @rule(count=st.integers(1, 4))
    def trade(self, count):
        for _ in range(count):
            diff = self.exchange.event()
            self.last = diff
            if self.connected:
                self.wire.append((self.epoch, diff))

    @precondition(lambda self: self.wire)
    @rule(count=st.integers(1, 4))
    def deliver(self, count):
        for _ in range(min(count, len(self.wire))):
            self.take(self.sync.diff(*self.wire.popleft(), 1.0))

    @precondition(lambda self: self.wire)
    @rule()
    def drop(self):
        self.wire.popleft()

    @precondition(lambda self: self.wire)
    @rule()
    def duplicate(self):
        self.wire.insert(1, self.wire[0])

    @precondition(lambda self: len(self.wire) > 1)
    @rule(distance=st.integers(1, 3))
    def delay(self, distance):
        moved = self.wire.popleft()
        self.wire.insert(min(distance, len(self.wire)), moved)

    @precondition(lambda self: self.last is not None and self.epoch > 1)
    @rule()
    def late_frame(self):
        self.take(self.sync.diff(self.epoch - 1, self.last, 1.0))

    @precondition(lambda self: self.wire)
    @rule()
    def garble(self):
        self.wire.popleft()
        self.take(self.sync.fault(self.epoch, MalformedFrameError("garbled")))

    @precondition(lambda self: self.requests)
    @rule(lag=st.integers(0, 5))
    def cut_snapshot(self, lag):
        """The exchange answers; the answer is on its way."""
        self.answers.append((self.requests.popleft().epoch, self.exchange.snapshot(lag)))

    @precondition(lambda self: self.answers)
    @rule()
    def snapshot_arrives(self):
        self.take(self.sync.snapshot(*self.answers.popleft(), 2.0))

    @precondition(lambda self: self.requests)
    @rule()
    def snapshot_fails(self):
        self.requests.popleft()
        wanted = self.sync.wanted()
        self.take([] if wanted is None else [wanted])

    @rule()
    def refresh(self):
        self.take(self.sync.refresh())

    @precondition(lambda self: self.epoch)
    @rule()
    def calm(self):
        """Once nothing goes wrong any more, the book is live and equal, however it got here."""
        self.wire.clear()
        self.requests.clear()
        self.answers.clear()
        self.connect()
        for _ in range(12):
            while self.requests:
                # The usual order: some events, then the snapshot that was cut before the last of them.
                request, snapshot = self.requests.popleft(), self.exchange.snapshot()
                self.trade(1)
                self.deliver(9)
                self.take(self.sync.snapshot(request.epoch, snapshot, 3.0))
            self.trade(1)
            self.deliver(9)
        assert self.sync.state is BookState.LIVE
        assert self.sync.book.last_update_id == self.exchange.id

    @invariant()
    def holds(self):
        self.sync.check()
        assert self.sync.buffered <= BUFFER_LIMIT
        assert self.sync.state is self.told
        book = self.sync.book
        if self.sync.state is BookState.LIVE:
            assert book.sound
            assert top_of(book) == self.exchange.top(book.last_update_id)
        elif book is not None and book.sound:
            # Stale is old, not wrong.
            assert top_of(book) == self.exchange.top(book.last_update_id)


class ChainedInterleavings(Interleavings):
    """The same where ids have holes and `pu` chains them."""

    sequencing = Sequencing.CHAINED


_effort = settings(max_examples=200, stateful_step_count=60, deadline=None)

TestContiguous = Interleavings.TestCase
TestContiguous.settings = _effort
TestChained = ChainedInterleavings.TestCase
TestChained.settings = _effort
