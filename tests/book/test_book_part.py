"""The part of a shared book: exactly what its subscription would have alone."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from depthactors import binance
from depthactors.book import BookState, OrderBook
from depthactors.book.part import OwnPart
from depthactors.book.view import capture
from tests.support import table

DEPTH, LIMIT, DEEP = 4, 8, 30
TIMES = 3


def flat(levels):
    return [float(number) for level in levels for number in level]


class Truth:
    """Both sides of an exchange's book, and the snapshots that it would send."""

    def __init__(self, bids, asks):
        self.sides = dict(bids), dict(asks)
        self.update_id = 1

    def snapshot(self, limit):
        bids = sorted(self.sides[0].items(), reverse=True)[:limit]
        asks = sorted(self.sides[1].items())[:limit]
        return binance.Snapshot(self.update_id, 0, limit, (2, 2), flat(bids), flat(asks))

    def change(self, changes):
        levels = [], []
        for side, price, quantity in changes:
            levels[side].append((price, quantity))
            self.sides[side][price] = quantity
            if not quantity:
                del self.sides[side][price]
        first, self.update_id = self.update_id + 1, self.update_id + 1
        return binance.Diff(first, self.update_id, None, 5, flat(levels[0]), flat(levels[1]))


def book_of(snapshot, **options):
    """A book of a venue that grants what it is asked for: a side with fewer levels is all there is."""
    book = OrderBook("X", snapshot, **options)
    for side in (book.bids, book.asks):
        if side.short:
            side.take_for_whole(None)
    book.promise(book.depth)
    return book


class Alone:
    """The book that one subscription would have, with a snapshot whenever half of the spare levels are gone."""

    def __init__(self, truth):
        self.truth = truth
        self.ask()

    def ask(self):
        snapshot = self.truth.snapshot(LIMIT)
        self.book = book_of(snapshot, depth=DEPTH, max_levels=TIMES * LIMIT)
        self.refill_below = self.book.spare / 2 if 0 < self.book.spare < inf else 0.0

    def apply(self, diff):
        self.book.apply(diff)
        if self.book.spare < self.refill_below:
            self.ask()

    @property
    def levels(self):
        view = capture(self.book, None, BookState.LIVE, float, 0.0)
        return [list(map(list, side[:LIMIT])) for side in (view.bids, view.asks)]


def shown(part, book):
    copy = part.copy(book)
    return [copy.bids.floats(None), copy.asks.floats(None)]


def new_part():
    return OwnPart(DEPTH, LIMIT, DEPTH)


BIDS = st.tuples(st.just(0), st.integers(70, 100), st.integers(0, 3))
ASKS = st.tuples(st.just(1), st.integers(101, 131), st.integers(0, 3))
SIDE = st.integers(1, 31)


@given(SIDE, SIDE, st.lists(st.lists(BIDS | ASKS, min_size=1, max_size=6), max_size=60))
def test_it_is_what_the_subscription_would_have_alone(bids, asks, diffs):
    truth = Truth({101.0 - n: 1.0 for n in range(1, bids + 1)}, {100.0 + n: 1.0 for n in range(1, asks + 1)})
    deep, alone, part = book_of(truth.snapshot(1000), depth=DEEP), Alone(truth), new_part()
    assert shown(part, deep) == alone.levels
    for changes in diffs:
        known = {(side, price): quantity for side, price, quantity in changes}
        sound = [(s, float(p), float(q)) for (s, p), q in known.items() if q or float(p) in truth.sides[s]]
        diff = truth.change(sound)
        deep.apply(diff)
        alone.apply(diff)
        assert shown(part, deep) == alone.levels


def test_levels_that_come_within_the_edge_move_it_as_they_would_alone():
    truth = Truth({99.0 - n: 1.0 for n in range(30)}, {100.0 + n: 1.0 for n in range(30)})
    deep, alone, part = book_of(truth.snapshot(1000), depth=DEEP), Alone(truth), new_part()
    assert shown(part, deep) == alone.levels
    coming = [[(0, 99.0 - n / 100, 1.0), (1, 100.0 + n / 100, 1.0)] for n in range(1, 41)]
    going = [[(0, 99.0 - n / 100, 0.0), (1, 100.0 + n / 100, 0.0)] for n in range(41)]
    for changes in coming + going:
        diff = truth.change(changes)
        deep.apply(diff)
        alone.apply(diff)
        assert shown(part, deep) == alone.levels


def test_of_a_book_that_is_no_deeper_it_has_what_is_left_of_a_snapshot_and_never_more():
    truth = Truth({99.0 - n: 1.0 for n in range(20)}, {100.0 + n: 1.0 for n in range(20)})
    book = OrderBook("X", truth.snapshot(LIMIT), depth=DEPTH)
    assert [len(side) for side in shown(new_part(), book)] == [LIMIT, LIMIT]
    book.apply(truth.change([(0, 99.0, 0.0), (1, 100.5, 1.0)]))
    bids, asks = shown(new_part(), book)
    assert (len(bids), len(asks)) == (LIMIT - 1, LIMIT)
    assert [price for price, _ in asks] == [100.0, 100.5, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0]


def test_a_new_base_of_the_book_has_an_edge_of_its_own():
    truth = Truth({99.0 - n: 1.0 for n in range(30)}, {100.0 + n: 1.0 for n in range(30)})
    part = new_part()
    assert shown(part, OrderBook("X", truth.snapshot(1000), depth=DEEP))[1][-1] == [107.0, 1.0]
    truth.change([(1, 100.5, 1.0)])
    assert shown(part, OrderBook("X", truth.snapshot(1000), depth=DEEP))[1][-1] == [106.0, 1.0]


@table("known", [3, 20])
def test_of_a_view_it_has_the_promised_levels(known):
    truth = Truth({99.0 - n: 1.0 for n in range(known)}, {100.0 + n: 1.0 for n in range(known)})
    view = capture(OrderBook("X", truth.snapshot(1000), depth=DEEP), None, BookState.LIVE, float, 0.0)
    assert [len(side) for side in shown(new_part(), view)] == [min(known, DEPTH)] * 2
