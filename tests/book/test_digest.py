from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from depthactors.binance import Snapshot, parse_levels
from depthactors.book import OrderBook
from depthactors.book.digest import top_digest
from tests.support import table


def book_of(bids, asks):
    return OrderBook("BTCUSDT", Snapshot(1, 0, 1000, (0, 0), parse_levels(bids), parse_levels(asks)))


def test_the_digest_is_the_documented_one():
    book = book_of([["9.00", "1.50"], ["9.5", "2"]], [["10.50", "0.10"], ["100", "20"]])
    text = "b 9.5 2\nb 9 1.5\na 10.5 0.1\na 100 20\n"
    assert top_digest(book) == sha256(text.encode()).hexdigest()
    assert top_digest(book, 1) == sha256(b"b 9.5 2\na 10.5 0.1\n").hexdigest()


def test_an_empty_side_has_no_lines():
    assert top_digest(book_of([], [["1", "2"]])) == sha256(b"a 1 2\n").hexdigest()


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), max_size=30, unique_by=lambda level: level[0]))
def test_two_spellings_of_one_book_have_one_digest(levels):
    short = [[f"{price / 100:g}" if price < 10**5 else f"{price / 100:.2f}", f"{size}"] for price, size in levels]
    long = [[f"{price / 100:.8f}", f"{size}.000"] for price, size in reversed(levels)]
    assert top_digest(book_of(short, [])) == top_digest(book_of(long, []))


@table(("price", "size", "same"), [("9.0", "1.0", True), ("9", "1.1", False), ("9.1", "1", False)])
def test_a_level_that_differs_changes_it(price, size, same):
    assert (top_digest(book_of([["9", "1"]], [])) == top_digest(book_of([[price, size]], []))) == same


def test_a_level_below_the_top_does_not_count():
    deep = [[str(price), "1"] for price in range(100, 0, -1)]
    assert top_digest(book_of(deep, [])) == top_digest(book_of(deep[:20], []))
    assert top_digest(book_of(deep, []), 21) != top_digest(book_of(deep[:20], []), 21)


def test_a_bid_is_not_an_ask():
    assert top_digest(book_of([["1", "1"]], [])) != top_digest(book_of([], [["1", "1"]]))
