"""Recordings that tests of the exports make, and the exchange's book after each of their events."""

from decimal import Decimal

import orjson

from tests.support import write_recording

BEGIN = 1_700_000_000_000
"""Milliseconds since the epoch, on both clocks."""
MS = 1_000_000


class Made:
    """An exchange's events, one a millisecond: `events` as it sends them, `truth` by update id.

    With `chained` ids have holes, and each event names the one before.
    """

    def __init__(self, changes, *, chained=False, symbol="BTCUSDT"):
        self.events, self.truth, self.chained = [], {}, chained
        book, last = {}, 10
        self.truth[last] = {}
        for number, changed in enumerate(changes, start=1):
            step = 7 if chained else 1
            first, previous, last = last + (3 if chained else 1), last, last + step
            book = {key: size for key, size in (book | changed).items() if size}
            event = {"e": "depthUpdate", "E": BEGIN + number, "T": BEGIN + number - 1, "s": symbol}
            event |= {"U": first, "u": last} | ({"pu": previous} if chained else {})
            if not chained:
                del event["T"]
            self.events.append(event | {mark: _texts(changed, mark) for mark in "ba"})
            # What is between two events may be the id of a snapshot, too.
            for update_id in range(previous + 1, last):
                self.truth[update_id] = self.truth[previous]
            self.truth[last] = book

    def snapshot(self, update_id):
        """Return the REST reply that shows the book at an update id."""
        book = self.truth[update_id]
        reply = {"lastUpdateId": update_id, "bids": _texts(book, "b"), "asks": _texts(book, "a")}
        if self.chained:
            reply |= {"E": BEGIN + self._number(update_id), "T": BEGIN + self._number(update_id)}
        return reply

    def _number(self, update_id):
        return sum(event["u"] <= update_id for event in self.events)


def _texts(levels, mark):
    """Return the levels of a side as texts: keys are prices, bids below 100."""
    side = sorted((price, size) for price, size in levels.items() if (price < 100) == (mark == "b"))
    return [[f"{price}.10", f"{size}.000"] for price, size in (reversed(side) if mark == "b" else side)]


def write(path, messages, begin=BEGIN):
    """Write a recording: message number n is received n milliseconds after the beginning."""
    texts = map(orjson.dumps, messages)
    return write_recording(path, (((begin + number) * MS, text) for number, text in enumerate(texts, start=1)))


def levels(book):
    """Return a book of `Made` as prices and quantities, exact."""
    return {Decimal(f"{price}.1"): Decimal(size) for price, size in book.items()}
