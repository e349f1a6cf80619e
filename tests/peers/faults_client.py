"""What the two client programs have in common: a JSON line a callback, and orders on stdin. Only the standard library.

A client is started as `PROGRAM PORT` and follows BTCUSDT. Its lines are `{"t", "update_id", "bids", "asks"}` for a
book, `{"t", "error", "m"}` for an error, `{"t", "none"}` for the end and `{"t", "raised"}` where the callback fails on
purpose. The orders, a line each: `slow SECONDS`, `raise COUNT` and `stop`, after which it tells how that went.
"""

import json
import sys
import time

from peer_client import LEVELS

SYMBOL = "BTCUSDT"
STOP_PATIENCE = 5.0
NAP = 1.0
"""Seconds that a slow callback takes."""


class Teller:
    """Prints what the callback is given, and lets it be slow or fail as ordered. One thread may report at a time."""

    def __init__(self):
        self._slow_until = 0.0
        self._raises_left = 0

    def book(self, update_id, bids, asks):
        self._report(update_id=update_id, bids=_texts(bids), asks=_texts(asks))

    def other(self, given):
        """Tell of what is no book: an error dict or `None`."""
        if given is None:
            self._report(none=True)
        else:
            self._report(error=given.get("type"), m=given.get("m"))

    def obey(self, manager):
        """Carry out orders till the last, which ends the manager."""
        for line in sys.stdin:
            order, _, figure = line.strip().partition(" ")
            match order:
                case "slow":
                    self._slow_until = time.monotonic() + float(figure)
                case "raise":
                    self._raises_left = int(figure)
                case "stop":
                    break
        begun = time.monotonic()
        manager.stop()
        manager.join(max(0.0, begun + STOP_PATIENCE - time.monotonic()))
        _write({"stopped": not manager.is_alive(), "seconds": time.monotonic() - begun})

    def _report(self, **told):
        if self._raises_left > 0:
            self._raises_left -= 1
            _write({"t": time.time(), "raised": True})
            msg = "the callback fails, as it was told to"
            raise ValueError(msg)
        _write({"t": time.time(), **told})
        if time.monotonic() < self._slow_until:
            time.sleep(NAP)


def port():
    return int(sys.argv[1])


def _texts(levels):
    return [[str(price), str(quantity)] for price, quantity in levels[:LEVELS]]


def _write(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
