from decimal import Decimal
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import binance
from depthactors.book import OrderBook
from depthactors.errors import BookIntegrityError
from depthactors.markets import Sequencing
from tests.support import table

TEXT_QUANTITIES = st.sampled_from(["0", "0.00000000", "1", "1.50000000", "0.001"])


def sides(low, high):
    """Levels between two prices in cents, in several spellings."""
    spelt = st.sampled_from(["{:.2f}", "{:.8f}", "{:g}"])
    price = st.builds(lambda cents, form: form.format(cents / 100), st.integers(low, high), spelt)
    return st.lists(st.tuples(price, TEXT_QUANTITIES).map(list), max_size=12)


def snapshot_of(bids, asks, limit=1000, last_update_id=1):
    return binance.parse_snapshot({"lastUpdateId": last_update_id, "E": 5, "bids": bids, "asks": asks}, limit)


def diff_of(number, bids, asks):
    event = {"e": "depthUpdate", "E": 1000 + number, "s": "BTCUSDT", "U": number, "u": number, "b": bids, "a": asks}
    return binance.parse_diff(event, Sequencing.CONTIGUOUS, "BTCUSDT")


class Oracle:
    """Both sides as dicts from exact price to exact quantity."""

    def __init__(self, bids, asks, *, whole, keep_unvouched):
        self.keep = keep_unvouched
        nothing = Decimal("inf"), Decimal("-inf")
        self.edges = [
            None if whole else worst([Decimal(price) for price, quantity in levels if Decimal(quantity)], default=none)
            for levels, worst, none in zip((bids, asks), (min, max), nothing, strict=True)
        ]
        self.bids, self.asks = {}, {}
        self.take(bids, asks)

    def vouches(self, side, price):
        bid_edge, ask_edge = self.edges
        if side is self.bids:
            return bid_edge is None or price >= bid_edge
        return ask_edge is None or price <= ask_edge

    def take(self, bids, asks):
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for price, quantity in ((Decimal(price), Decimal(quantity)) for price, quantity in levels):
                if not quantity:
                    side.pop(price, None)
                elif self.keep or self.vouches(side, price):
                    side[price] = quantity

    def trusted(self, side):
        return sum(self.vouches(side, price) for price in side)

    def spare(self, depth):
        spares = [
            self.trusted(side) - depth
            for side, edge in zip((self.bids, self.asks), self.edges, strict=True)
            if edge is not None
        ]
        return min(spares, default=inf) if depth else inf


def exact(side):
    return {Decimal(repr(abs(key))): Decimal(repr(quantity)) for key, quantity in side.quantities.items()}


def compare(book, oracle, depth):
    book.check()
    assert (exact(book.bids), exact(book.asks)) == (oracle.bids, oracle.asks)
    assert book.best_bid == max(oracle.bids, default=None)
    assert book.best_ask == min(oracle.asks, default=None)
    assert (book.trusted_bids, book.trusted_asks) == (oracle.trusted(oracle.bids), oracle.trusted(oracle.asks))
    assert book.spare == oracle.spare(depth)
    assert book.sound == (book.spare >= 0)
    assert [abs(key) for key in book.bids.best_keys(5)] == [float(key) for key in sorted(oracle.bids, reverse=True)[:5]]
    assert book.asks.best_keys(5) == [float(key) for key in sorted(oracle.asks)[:5]]


@pytest.mark.parametrize("keep", [False, True], ids=["vouched", "all"])
@given(
    snapshot=st.tuples(sides(900, 1000), sides(1001, 1100)).filter(any),
    events=st.lists(st.tuples(sides(880, 1000), sides(1001, 1120)), max_size=15),
    limit=st.sampled_from([1, 5, 100]),
    whole=st.booleans(),
    depth=st.integers(0, 6),
)
def test_book_against_two_dicts(keep, snapshot, events, limit, whole, depth):
    depth = 0 if keep else depth  # such a book is for looking on, and promises nothing
    # An exchange lists a price once, whatever its spelling.
    bids, asks = (
        [list(level) for level in {Decimal(price): (price, size) for price, size in side}.values()] for side in snapshot
    )
    bids = sorted(bids, key=lambda level: Decimal(level[0]), reverse=True)[:limit]
    asks = sorted(asks, key=lambda level: Decimal(level[0]))[:limit]
    book = OrderBook("BTCUSDT", snapshot_of(bids, asks, limit), depth=depth, keep_unvouched=keep, whole=whole)
    oracle = Oracle(bids, asks, whole=whole, keep_unvouched=keep)
    compare(book, oracle, depth)
    for number, (bids, asks) in enumerate(events, start=2):
        version = book.version
        book.apply(diff_of(number, bids, asks), recv_time=number / 10)
        oracle.take(bids, asks)
        compare(book, oracle, depth)
        assert (book.last_update_id, book.event_time, book.recv_time) == (number, 1000 + number, number / 10)
        assert book.version % 2 == 0
        assert book.version > version


def book_of(bids=(("10", "1"), ("9", "1")), asks=(("11", "1"), ("12", "1")), limit=1000, **more):
    snapshot = snapshot_of([list(level) for level in bids], [list(level) for level in asks], limit)
    return OrderBook("BTCUSDT", snapshot, **{"whole": limit == 1000} | more)


def test_a_book_begins_as_its_snapshot():
    book = OrderBook("BTCUSDT", snapshot_of([["10.50", "1"]], [], last_update_id=7), recv_time=3.0)
    assert (book.symbol, book.last_update_id, book.event_time, book.recv_time) == ("BTCUSDT", 7, 5, 3.0)
    assert (book.best_bid, book.best_ask, book.decimals, book.version % 2) == (Decimal("10.5"), None, (2, 0), 0)


def test_two_spellings_of_one_price_are_one_level():
    book = book_of(bids=[("61730.1", "1")], asks=[])
    book.apply(diff_of(2, [["61730.10", "2"]], []))
    assert (len(book.bids), book.bids.quantities) == (1, {-61730.1: 2.0})
    book.apply(diff_of(3, [["61730.10000000", "0.0"]], []))
    assert len(book.bids) == 0


@table(("bid", "ask", "crossed"), [("10", "10.01", False), ("10", "10", False), ("10.01", "10", True)])
def test_a_locked_book_is_legal_and_a_crossed_one_is_not(bid, ask, crossed):
    book = book_of(bids=[(bid, "1")], asks=[(ask, "1")])
    assert (book.crossed, book.sound) == (crossed, not crossed)
    if crossed:
        with pytest.raises(BookIntegrityError, match="crossed"):
            book.check()


@table("crossed", [False, True])
def test_a_book_that_is_wrong_about_being_crossed_is_seen(crossed):
    book = book_of(bids=[("12" if crossed else "10", "1")])
    assert book.crossed is crossed
    book.crossed = not crossed
    with pytest.raises(BookIntegrityError, match="crossed at update"):
        book.check()


def test_a_crossing_that_a_later_event_ends():
    book = book_of()
    book.apply(diff_of(2, [["11.5", "1"]], []))
    assert book.crossed
    book.apply(diff_of(3, [["11.5", "0"]], []))
    assert not book.crossed
    book.check()


def test_the_promise_is_broken_when_the_edge_comes_near():
    book = book_of(limit=2, depth=2)
    assert (book.spare, book.sound) == (0, True)
    book.apply(diff_of(2, [["10", "0"]], []))
    assert (book.spare, book.sound) == (-1, False)


def test_a_whole_side_keeps_any_promise():
    book = book_of(depth=2)
    book.apply(diff_of(2, [["10", "0"], ["9", "0"]], []))
    assert (book.spare, book.sound, book.trusted_bids) == (inf, True, 0)


def test_levels_that_are_not_vouched_for_keep_no_promise():
    book = book_of(limit=2, depth=3, keep_unvouched=True)
    book.apply(diff_of(2, [["8", "1"]], [["13", "1"]]))
    assert (len(book.bids), book.trusted_bids, len(book.asks), book.trusted_asks) == (3, 2, 3, 2)
    assert (book.spare, book.sound) == (-1, False)


def test_a_deeper_promise():
    book = book_of(limit=2, depth=1)
    book.promise(2)
    assert (book.depth, book.spare) == (2, 0)
    book.promise(3)
    assert (book.spare, book.sound) == (-1, False)


def test_max_levels_bounds_the_book_and_its_promise():
    book = book_of(max_levels=40, depth=20)
    for number in range(2, 200):
        book.apply(diff_of(number, [[f"{8 + number / 1000:.3f}", "1"]], [[f"{20 + number / 1000:.3f}", "1"]]))
        book.check()
        assert book.trusted_bids == len(book.bids) <= 40
        assert book.trusted_asks == len(book.asks) <= 40
    assert (book.best_bid, book.best_ask) == (10, 11)
    assert book.sound


def test_an_event_half_applied_is_seen():
    book = book_of()
    with pytest.raises(TypeError):
        book.apply(diff_of(2, [], [])._replace(asks=None))
    assert book.version % 2 == 1
    with pytest.raises(BookIntegrityError, match="half applied"):
        book.check()


@table(
    ("bids", "asks", "count"),
    [
        ([("10.00", "1.0"), ("9", "1")], [("11", "1"), ("12", "1")], 0),
        ([("10", "2"), ("9", "1")], [("11", "1"), ("12", "1")], 1),
        ([("10", "1")], [("11", "1"), ("12", "1")], 1),
        ([("10", "1"), ("8", "1")], [("11", "1"), ("12", "1")], 2),
        ([("10", "1"), ("8", "1")], [("11", "1"), ("12", "3")], 3),
    ],
)
def test_differences_are_counted_by_level(bids, asks, count):
    assert book_of().differences(book_of(bids, asks)) == count
    assert book_of(bids, asks).differences(book_of()) == count


def test_levels_that_only_one_of_two_books_vouches_for_are_no_difference():
    two = book_of(limit=2)
    three = book_of(bids=[("10", "1"), ("9", "1"), ("8", "1")], limit=3)
    assert two.differences(three) == three.differences(two) == 0
    whole = book_of(bids=[("10", "1"), ("9", "1"), ("8", "1")], asks=[("11", "1"), ("12", "1"), ("13", "9")])
    assert whole.differences(two) == 0
    assert whole.differences(three) == 0, "its asks may have been cut at 12"
    assert whole.differences(book_of()) == 2


@table(
    ("bids", "asks", "equal"),
    [
        ([("11", "1")], [("10", "1")], True),
        ([("12", "1")], [("10", "1")], False),
        ([("11", "1")], [("9", "1")], False),
        ([("11", "1")], [("10", "2")], False),
    ],
)
def test_books_of_which_one_is_crossed_match_in_all_levels_or_not_at_all(bids, asks, equal):
    crossed = book_of(bids=[("11", "1")], asks=[("10", "1")])
    assert crossed.matches(book_of(bids=bids, asks=asks)) is equal
    assert book_of(bids=bids, asks=asks).matches(crossed) is equal


def test_a_side_that_is_proven_to_be_whole_is_not_believed_to_be():
    book = book_of(whole=True)
    assert (book.bids.whole, book.believed) == (True, False)
    book.asks.take_for_whole(2)
    assert book.believed


def test_the_repr_shows_the_touch():
    assert repr(book_of(bids=[("10.50", "1")], asks=[])) == "<OrderBook BTCUSDT u=1 10.5/- levels=1/0>"
