"""A book beside the bookTickers of its update ids, in whatever order the two come."""

import pytest

from depthactors import binance
from depthactors.book import OrderBook
from depthactors.recording import ticker_checks
from depthactors.recording.lines import Line
from depthactors.recording.ticker_checks import TickerChecks


def book(update_id, quantity="1.0"):
    reply = {"lastUpdateId": update_id, "bids": [["99", quantity]], "asks": [["101", "2"]]}
    return OrderBook("BTCUSDT", binance.parse_snapshot(reply, 100))


def ticker(update_id, quantity="1.00"):
    data = {"u": update_id, "s": "BTCUSDT", "b": "99.0", "B": quantity, "a": "101", "A": "2"}
    return Line(1, 1, b"", {"stream": "btcusdt@bookTicker", "data": data}, "btcusdt.gz")


def checked(*steps):
    checks = TickerChecks()
    for each in steps:
        if isinstance(each, Line):
            checks.ticker(each)
        else:
            checks.book(each)
    return checks.checks, checks.matches


@pytest.mark.parametrize(
    "steps",
    [
        (ticker(1), book(1), ticker(2), book(2)),
        (ticker(1), ticker(2), book(1), book(2)),
        (ticker(2), ticker(1), book(1), book(2)),
        (book(1), ticker(1), book(2), ticker(2)),
        (book(1), book(2), ticker(2), ticker(1)),
        (book(1), ticker(2), book(2), ticker(1)),
        (ticker(8), book(8), book(1), ticker(1)),
    ],
    ids=lambda steps: " ".join("ticker" if isinstance(each, Line) else "book" for each in steps),
)
def test_an_update_is_compared_with_its_ticker_whichever_comes_first(steps):
    assert checked(*steps) == (2, 2)


def test_what_differs_is_no_match():
    assert checked(ticker(1, "3"), book(1), book(2), ticker(2, "3")) == (2, 0)
    assert checked(book(1, "0.5"), ticker(1)) == (1, 0)


def test_what_has_no_counterpart_is_not_compared():
    assert checked(ticker(1), book(2), ticker(3), book(4)) == (0, 0)


def test_the_oldest_of_too_many_are_dropped(monkeypatch):
    monkeypatch.setattr(ticker_checks, "_TICKERS", 2)
    monkeypatch.setattr(ticker_checks, "_BOOKS", 2)
    assert checked(*map(ticker, range(1, 4)), *map(book, range(1, 4))) == (2, 2)
    assert checked(*map(book, range(1, 4)), *map(ticker, range(1, 4))) == (2, 2)
