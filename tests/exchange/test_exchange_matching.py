from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.exchange.feeds.matching import NO_KEY, Level, MatchingBook, Order
from tests.support import table

BID, ASK = -1, 1


class NaiveBook:
    """The oracle: a list of `[order, sign, tick, lots]` in the order of arrival, searched and sorted each time."""

    def __init__(self):
        self.orders = []

    def crosses(self, sign, tick):
        return any(other != sign and (tick - price) * sign <= 0 for _, other, price, _ in self.orders)

    def limit(self, order, sign, tick, lots):
        self.orders.append([order, sign, tick, lots])

    def cancel(self, order):
        self.orders = [entry for entry in self.orders if entry[0] is not order]

    def market(self, sign, lots, keep):
        filled, changed = [], set()
        while lots:
            queue = sorted((e for e in self.orders if e[1] == sign), key=lambda e: e[2] * sign)
            if len({e[2] for e in queue}) <= keep:
                break
            first = queue[0]
            traded = min(lots, first[3])
            first[3] -= traded
            lots -= traded
            changed.add(first[2])
            if not first[3]:
                filled.append(first[0])
                self.cancel(first[0])
        return filled, len(changed)

    def levels(self, sign):
        """Return `(key, [(order, lots), ...])`, best first."""
        queue = sorted((e for e in self.orders if e[1] == sign), key=lambda e: e[2] * sign)
        return [(key, [(e[0], e[3]) for e in level]) for key, level in groupby(queue, lambda e: e[2] * sign)]


def side_of(book, sign):
    return book.bids if sign == BID else book.asks


def assert_same(book, naive, known):
    """Compare the book, and `known`, which was made of the changes alone, with the oracle."""
    for sign in (BID, ASK):
        side = side_of(book, sign)
        levels = naive.levels(sign)
        assert [(key, list(level.items())) for key, level in side.levels.items()] == levels
        totals = {key: sum(lots for _, lots in level) for key, level in levels}
        assert {key: level.total for key, level in side.levels.items()} == totals
        assert side.best == min(totals, default=NO_KEY)
        for key, total in side.changes.items():
            known[sign][key] = total
        side.changes.clear()
        assert {key: total for key, total in known[sign].items() if total} == totals
    assert book.bids.best + book.asks.best > 0


# Few prices and small lots, so that queues form and trades often end exactly with an order or a level.
LIMITS = st.one_of(
    st.tuples(st.just("limit"), st.just(BID), st.integers(97, 101), st.integers(1, 3)),
    st.tuples(st.just("limit"), st.just(ASK), st.integers(101, 105), st.integers(1, 3)),
)
MARKETS = st.tuples(st.just("market"), st.sampled_from([BID, ASK]), st.integers(1, 8), st.integers(0, 2))
CANCELS = st.tuples(st.just("cancel"), st.integers(0, 1_000))


@given(st.lists(st.one_of(LIMITS, LIMITS, MARKETS, CANCELS), min_size=20, max_size=60))
def test_agrees_with_a_plain_list_of_orders(operations):
    book, naive = MatchingBook(), NaiveBook()
    known = {BID: {}, ASK: {}}
    for operation, *arguments in operations:
        if operation == "limit":
            sign, tick, lots = arguments
            order = Order(side_of(book, sign), tick * sign)
            if naive.crosses(sign, tick):
                with pytest.raises(ValueError, match="does not trade at once"):
                    book.limit(order, lots)
            else:
                book.limit(order, lots)
                naive.limit(order, sign, tick, lots)
        elif operation == "market":
            sign, lots, keep = arguments
            assert book.market(side_of(book, sign), lots, keep) == naive.market(sign, lots, keep)
        elif naive.orders:
            order = naive.orders[arguments[0] % len(naive.orders)][0]
            book.cancel(order)
            naive.cancel(order)
        assert_same(book, naive, known)


def placed(book, sign, tick, lots):
    order = Order(side_of(book, sign), tick * sign)
    book.limit(order, lots)
    return order


def test_a_market_order_takes_the_best_price_then_the_first_come():
    book = MatchingBook()
    placed(book, ASK, 102, 5)
    first, second, third = (placed(book, ASK, 101, lots) for lots in (1, 2, 3))
    book.asks.changes.clear()
    assert book.market(book.asks, 4) == ([first, second], 1)
    assert list(book.asks.levels[101].items()) == [(third, 2)]
    assert book.asks.changes == {101: 2}
    assert book.asks.best == 101


def test_a_market_order_leaves_the_levels_that_are_to_be_kept():
    book = MatchingBook()
    orders = [placed(book, BID, tick, 1) for tick in (100, 99, 98)]
    assert book.market(book.bids, 100, keep=1) == (orders[:2], 2)
    assert book.bids.best == -98
    assert book.market(book.bids, 1, keep=1) == ([], 0)


@table("bid", [101, 102])
def test_an_order_that_would_trade_is_refused(bid):
    book = MatchingBook()
    placed(book, ASK, 101, 1)
    book.asks.changes.clear()
    with pytest.raises(ValueError, match="does not trade at once"):
        placed(book, BID, bid, 1)
    assert not book.bids.levels
    assert not book.bids.changes
    assert not book.asks.changes


def test_a_side_is_laid_out_in_place_of_what_it_had_without_a_change():
    book = MatchingBook()
    placed(book, ASK, 101, 1)
    placed(book, BID, 100, 1)
    orders = [Order(book.bids, -tick) for tick in (97, 99)]
    book.lay_out(book.bids, {order.key: Level(order, 2) for order in orders})
    assert [*book.bids.levels.items()] == [(-99, {orders[1]: 2}), (-97, {orders[0]: 2})]
    assert (book.bids.best, book.bids.changes) == (-99, {})
    with pytest.raises(ValueError, match="do not trade at once"):
        book.lay_out(book.asks, {99: Level(Order(book.asks, 99), 1)})
    assert (book.asks.best, book.asks.changes) == (101, {101: 1})
    book.lay_out(book.bids, {})
    assert (book.bids.best, len(book.bids.levels)) == (NO_KEY, 0)


def test_what_does_not_rest_cannot_be_cancelled():
    book = MatchingBook()
    order = placed(book, BID, 100, 1)
    placed(book, BID, 99, 1)
    book.cancel(order)
    with pytest.raises(KeyError):
        book.cancel(order)
    placed(book, BID, 100, 1)
    with pytest.raises(KeyError):
        book.cancel(order)
