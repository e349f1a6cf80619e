"""What the client programs have in common: their arguments and their JSON lines. Only the standard library.

A client is started as `PROGRAM PORT SAMPLES SECONDS SYMBOL...` by an interpreter that has its peer, and prints
a line `{"symbol", "update_id", "bids", "asks"}` for each of SAMPLES books of a symbol, spread over SECONDS;
a line `{"note"}` tells of anything else that its peer reported.
"""

import json
import sys
import threading
import time
from decimal import Decimal
from typing import NamedTuple

LEVELS = 10
MOST_NOTES = 20


class Arguments(NamedTuple):
    port: int
    samples: int
    seconds: float
    symbols: list[str]


def arguments():
    port, samples, seconds, *symbols = sys.argv[1:]
    return Arguments(int(port), int(samples), float(seconds), symbols)


class Reporter:
    """Prints books until there are enough of each symbol. One thread may report at a time."""

    def __init__(self, given):
        self._pause = given.seconds / given.samples
        self._due = dict.fromkeys(given.symbols, 0.0)
        self._left = dict.fromkeys(given.symbols, given.samples)
        self._notes_left = MOST_NOTES
        self.finished = threading.Event()

    def wants(self, symbol):
        return self._left[symbol] > 0 and time.monotonic() >= self._due[symbol]

    def needs(self, symbol):
        return self._left[symbol] > 0 and not self.finished.is_set()

    def book(self, symbol, update_id, bids, asks):
        self._due[symbol] = time.monotonic() + self._pause
        self._left[symbol] -= 1
        _write({"symbol": symbol, "update_id": update_id, "bids": _texts(bids), "asks": _texts(asks)})
        if not any(self._left.values()):
            self.finished.set()

    def note(self, text):
        """Pass on what went wrong; a peer to which too much does gives up."""
        self._notes_left -= 1
        _write({"note": text})
        if self._notes_left <= 0:
            self.finished.set()


def _texts(levels):
    # A float's shortest text is the number that the exchange had spelt.
    return [[str(Decimal(str(price))), str(Decimal(str(quantity)))] for price, quantity in levels[:LEVELS]]


def _write(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
