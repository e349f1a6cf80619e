"""Whether a book has the best prices and quantities that the exchange sends for the same update id, as bookTicker."""

from __future__ import annotations

import operator
from collections import OrderedDict
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

from depthactors.book.numerals import exact
from depthactors.errors import RecordingError

if TYPE_CHECKING:
    from depthactors.book import OrderBook
    from depthactors.book.side import BookSide
    from depthactors.recording.lines import Line

_Best: TypeAlias = tuple[Decimal, Decimal] | None
_Touch: TypeAlias = tuple[_Best, _Best]

_TICKERS: Final = 50_000
"""Most tickers that wait for their event, a minute of a busy book; ordinarily it comes within tenths of a second."""
_BOOKS: Final = 1_000
"""Most updates that wait for their ticker, which the other connection may bring: 100 s at the fastest stream."""


class TickerChecks:
    """Compares a book with the bookTickers of its update ids, whichever of the two comes first; in bounded memory.

    Attributes:
        checks: the number of updates of the book for whose id there was a bookTicker.
        matches: the number of those for which both best prices and quantities were equal.
    """

    def __init__(self) -> None:
        """Begin without a book."""
        self.checks = self.matches = 0
        self._tickers: OrderedDict[int, _Touch] = OrderedDict()
        self._books: OrderedDict[int, _Touch] = OrderedDict()

    def book(self, book: OrderBook) -> None:
        """Take the book after an update."""
        update_id, touch = book.last_update_id, (_best(book.bids), _best(book.asks))
        tickers = self._tickers
        while tickers and next(iter(tickers)) < update_id:
            tickers.popitem(last=False)
        if update_id in tickers:
            self._compare(tickers[update_id], touch)
        else:
            _keep(self._books, _BOOKS, update_id, touch)

    def ticker(self, line: Line) -> None:
        """Take a bookTicker.

        Raises:
            RecordingError: it is malformed; names file and line.
        """
        event = line.event
        try:
            update_id = operator.index(event["u"])
            bid, ask = ((Decimal(event[price]), Decimal(event[size])) for price, size in (("b", "B"), ("a", "A")))
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise RecordingError(line.path, line.number, f"expected a bookTicker event ({error!r})") from None
        touch = self._books.pop(update_id, None)
        if touch is not None:
            self._compare((bid, ask), touch)
        else:
            _keep(self._tickers, _TICKERS, update_id, (bid, ask))

    def _compare(self, ticker: _Touch, book: _Touch) -> None:
        self.checks += 1
        self.matches += ticker == book


def _keep(waiting: OrderedDict[int, _Touch], most: int, update_id: int, touch: _Touch) -> None:
    waiting[update_id] = touch
    if len(waiting) > most:
        waiting.popitem(last=False)


def _best(side: BookSide) -> _Best:
    key = side.best()
    return None if key is None else (exact(abs(key)), exact(side.quantities[key]))
