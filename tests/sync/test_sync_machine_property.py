"""Whatever happens on the way, a book that says LIVE is the exchange's, and it always gets back there."""

from collections import deque
from math import inf
from unittest.mock import patch

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from depthactors.book import BookState, trust
from depthactors.errors import MalformedFrameError, StreamError
from depthactors.markets import Sequencing
from depthactors.sync import Audited, Publish, RequestSnapshot, StateChanged, Synchronizer
from tests.sync.sync_support import LIMIT, NaiveExchange, new_book, top_of

BUFFER_LIMIT = 6
CAPS = st.tuples(st.integers(1, LIMIT), st.integers(1, LIMIT))


class Interleavings(RuleBasedStateMachine):
    """The network loses, repeats, delays and reorders; snapshots come late; connections come and go."""

    sequencing = Sequencing.CONTIGUOUS
    thin = False
    is_capped = False

    @initialize(seed=st.integers(0, 2**16), caps=CAPS)
    def begin(self, seed, caps):
        self.caps = caps
        self.exchange = NaiveExchange(self.sequencing, seed, thin=self.thin or (self.is_capped and seed % 2 == 0))
        self.sync = Synchronizer(self.sequencing, new_book, buffer_limit=BUFFER_LIMIT)
        self.epochs = 0
        self.wires = {}
        self.last = None
        self.requests = deque()
        self.answers = deque()
        self.reported = BookState.SYNCING
        self.published = -1

    def take(self, effects):
        for effect in effects:
            if isinstance(effect, RequestSnapshot):
                assert effect.epoch == next(iter(self.wires))
                self.requests.append(effect)
            elif isinstance(effect, StateChanged):
                assert effect.previous is self.reported is not effect.state
                self.reported = effect.state
            elif isinstance(effect, Audited):
                assert effect.differences == 0
            elif isinstance(effect, Publish) and self.reported is BookState.LIVE:
                # What readers are shown never runs backwards.
                shown = self.exchange.place_of(self.sync.book.last_update_id)
                assert shown >= self.published
                self.published = shown

    @precondition(lambda self: len(self.wires) < 2)
    @rule()
    def connect(self):
        """A connection, or the successor of the one there is."""
        self.epochs += 1
        predecessor = next(iter(self.wires), None)
        self.wires[self.epochs] = deque()
        self.take(self.sync.stream_up(self.epochs, predecessor))

    @precondition(lambda self: self.wires)
    @rule()
    def connect_without_a_word(self):
        """A new connection, and the end of those before is not reported."""
        self.epochs += 1
        self.wires = {self.epochs: deque()}
        self.requests.clear()
        self.take(self.sync.stream_up(self.epochs))

    @precondition(lambda self: self.wires)
    @rule(data=st.data())
    def disconnect(self, data):
        """Either of them may end first."""
        epoch = data.draw(st.sampled_from(list(self.wires)))
        del self.wires[epoch]
        self.take(self.sync.stream_down(epoch, StreamError("cut")))

    @rule(count=st.integers(1, 4))
    def trade(self, count):
        for _ in range(count):
            diff = self.exchange.event()
            self.last = diff
            for wire in self.wires.values():
                wire.append(diff)

    @precondition(lambda self: self.wires)
    @rule(data=st.data(), count=st.integers(1, 4))
    def deliver(self, data, count):
        epoch, wire = self.pick(data)
        for _ in range(min(count, len(wire))):
            self.take(self.sync.diff(epoch, wire.popleft(), 1.0))

    @precondition(lambda self: self.exchange.id > 10_000)
    @rule()
    def begin_anew(self):
        """The exchange begins its update ids anew, far below, without notice."""
        self.exchange.begin_anew()
        self.answers.clear()

    @precondition(lambda self: any(self.wires.values()))
    @rule(data=st.data())
    def drop(self, data):
        _, wire = self.pick(data)
        if wire:
            wire.popleft()

    @precondition(lambda self: any(self.wires.values()))
    @rule(data=st.data())
    def duplicate(self, data):
        _, wire = self.pick(data)
        if wire:
            wire.insert(1, wire[0])

    @precondition(lambda self: any(self.wires.values()))
    @rule(data=st.data(), distance=st.integers(1, 3))
    def delay(self, data, distance):
        _, wire = self.pick(data)
        if wire:
            moved = wire.popleft()
            wire.insert(min(distance, len(wire)), moved)

    @precondition(lambda self: self.last is not None and self.epochs > 2)
    @rule()
    def late_frame(self):
        self.take(self.sync.diff(self.epochs - 2, self.last, 1.0))

    @precondition(lambda self: any(self.wires.values()))
    @rule(data=st.data())
    def garble(self, data):
        epoch, wire = self.pick(data)
        if wire:
            wire.popleft()
            self.take(self.sync.fault(epoch, MalformedFrameError("garbled")))

    @rule()
    def overdue(self):
        """What is held has been waited for long enough; nothing of it is under way any more."""
        for epoch, wire in list(self.wires.items()):
            while wire:
                self.take(self.sync.diff(epoch, wire.popleft(), 1.0))
        self.take(self.sync.overdue())

    def pick(self, data):
        return data.draw(st.sampled_from(list(self.wires.items())))

    def granted(self, data):  # noqa: ARG002 - for others
        """The most levels that the exchange grants in its next answer."""
        return LIMIT, LIMIT

    @precondition(lambda self: self.requests)
    @rule(lag=st.integers(0, 5), data=st.data())
    def cut_snapshot(self, lag, data):
        """The exchange answers; the answer is on its way."""
        self.answers.append((self.requests.popleft().epoch, self.exchange.snapshot(lag, self.granted(data))))

    @precondition(lambda self: self.answers)
    @rule()
    def snapshot_arrives(self):
        self.take(self.sync.snapshot(*self.answers.popleft(), 2.0))

    @precondition(lambda self: self.requests and self.sync.buffered)
    @rule()
    def another_books_snapshot(self):
        """The exchange answers with another symbol's book, whose ids are others."""
        foreign = NaiveExchange(self.sequencing, seed=7).snapshot()
        epoch = self.requests.popleft().epoch
        self.take(self.sync.snapshot(epoch, foreign._replace(last_update_id=10**9), 2.0))

    @precondition(lambda self: self.requests)
    @rule()
    def snapshot_fails(self):
        self.requests.popleft()
        wanted = self.sync.request_again()
        self.take([] if wanted is None else [wanted])

    @rule()
    def refresh(self):
        self.take(self.sync.refresh())

    @precondition(lambda self: not self.is_capped)
    @rule()
    def calm(self):
        """Once nothing goes wrong any more, the book is live and equal, however it got here."""
        for epoch in list(self.wires):
            del self.wires[epoch]
            self.take(self.sync.stream_down(epoch, StreamError("cut")))
        self.requests.clear()
        self.answers.clear()
        self.connect()
        for _ in range(12):
            self.trade_and_deliver()
            while self.requests:
                # The usual order: some events, then the snapshot that was cut before the last of them.
                request, snapshot = self.requests.popleft(), self.exchange.snapshot()
                self.trade_and_deliver()
                self.take(self.sync.snapshot(request.epoch, snapshot, 3.0))
        assert self.sync.state is BookState.LIVE
        assert self.sync.book.last_update_id == self.exchange.id

    def trade_and_deliver(self):
        self.trade(1)
        ((epoch, wire),) = self.wires.items()
        while wire:
            self.take(self.sync.diff(epoch, wire.popleft(), 1.0))

    @invariant()
    def holds(self):
        self.sync.check()
        assert self.sync.buffered <= BUFFER_LIMIT
        assert self.sync.state is self.reported
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


class SmallBooks(Interleavings):
    """Books that have fewer levels than are promised, or none, and are all there is."""

    thin = True


class ChainedSmallBooks(SmallBooks):
    sequencing = Sequencing.CHAINED


class Capped(Interleavings):
    """A venue that grants fewer levels than it is asked for. What is left of doubt is left out."""

    is_capped = True
    least_cap = 0

    @staticmethod
    def needed(_side, **_):
        """Agreements until a short side is believed to be whole."""
        return inf

    def __init__(self):
        super().__init__()
        self.patches = [
            patch.object(trust, "LEAST_CAP", self.least_cap),
            patch.object(trust, "_needed", self.needed),
        ]
        for each in self.patches:
            each.start()

    def teardown(self):
        for each in self.patches:
            each.stop()


class AnyCap(Capped):
    """Another one at each answer and on each side, down to none at all."""

    def granted(self, data):
        return data.draw(st.just((0, 0)) | CAPS)


class ConstantCap(Capped):
    """The same one at each answer: here replies that agree though their numbers differ are proof."""

    least_cap = 1

    def granted(self, _data):
        return self.caps

    @staticmethod
    def needed(side, **_):
        return trust.AGREEMENTS if side.varied else inf


class ChainedConstantCap(ConstantCap):
    sequencing = Sequencing.CHAINED


_effort = settings(stateful_step_count=60)
_less_effort = settings(_effort, max_examples=settings().max_examples // 2)

TestContiguous = Interleavings.TestCase
TestContiguous.settings = _effort
TestChained = ChainedInterleavings.TestCase
TestChained.settings = _effort
TestSmallBooks = SmallBooks.TestCase
TestSmallBooks.settings = _less_effort
TestChainedSmallBooks = ChainedSmallBooks.TestCase
TestChainedSmallBooks.settings = _less_effort
TestAnyCap = AnyCap.TestCase
TestAnyCap.settings = _less_effort
TestConstantCap = ConstantCap.TestCase
TestConstantCap.settings = _less_effort
TestChainedConstantCap = ChainedConstantCap.TestCase
TestChainedConstantCap.settings = _less_effort
